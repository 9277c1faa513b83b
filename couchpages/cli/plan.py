"""What is sent for a deployment: its body, and which blobs (pure)."""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from couchpages.cli.errors import WrongCallError
from couchpages.cli.files import FoundFile, HashedFile
from couchpages.pages.paths import InvalidPath, case_collisions, check_manifest_path, normalisation_collisions


@dataclass(frozen=True, slots=True)
class Checked:
    """Files whose paths a site can have, in normal form C, and pairs of them that differ only in case."""

    files: tuple[FoundFile, ...]
    differ_in_case: tuple[tuple[str, str], ...]


def check_paths(files: Iterable[FoundFile]) -> Checked:
    """Check all paths and bring them into Unicode's normal form C, as links are written; raise WrongCallError."""
    found = tuple(files)
    for file in found:
        _check_path(file.path)
    paths = [file.path for file in found]
    if pairs := normalisation_collisions(paths):
        one, other = pairs[0]
        raise WrongCallError(f"{one!a} and {other!a} look alike and differ only in Unicode normalisation; rename one")
    return Checked(tuple(_normal(file) for file in found), tuple(case_collisions(paths)))


def _check_path(path: str) -> None:
    try:
        check_manifest_path(path)
    except InvalidPath as error:
        raise WrongCallError(str(error)) from None


def _normal(file: FoundFile) -> FoundFile:
    if file.path.isascii():
        return file
    return FoundFile(unicodedata.normalize("NFC", file.path), file.source)


def deployment_body(files: Iterable[HashedFile], branch: str, commit: str | None) -> bytes:
    """Give the JSON that is sent to be checked before the upload, and again after it to deploy."""
    body: dict[str, object] = {"branch": branch}
    if commit is not None:
        body["commit"] = commit
    body["files"] = {file.path: {"sha256": file.sha256, "size": file.size} for file in files}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def to_upload(files: Sequence[HashedFile], missing: AbstractSet[str]) -> list[HashedFile]:
    """Give one file for each missing blob, the largest first, so that no large one is left for the end alone."""
    by_hash = {file.sha256: file for file in files if file.sha256 in missing}
    return sorted(by_hash.values(), key=lambda file: file.size, reverse=True)
