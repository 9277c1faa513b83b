"""What somebody asks to be deployed: read, and checked against every rule and limit (pure). Raises :class:`Problem`."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from couchpages.pages.hosts import InvalidHost, commit_label, site_name
from couchpages.pages.manifest import is_sha256
from couchpages.pages.paths import InvalidPath, check_manifest_path, normalisation_collisions
from couchpages.web.problem import Problem

DEFAULT_BRANCH = "main"
#: git itself takes longer names, but no service shows them.
LONGEST_BRANCH = 255


@dataclass(frozen=True, slots=True)
class Limits:
    """*file_size* in bytes, *files* in a deployment, *document_size* in bytes of JSON."""

    file_size: int
    files: int
    document_size: int


@dataclass(frozen=True, slots=True)
class Submission:
    """A deployment to come: *files* maps paths to SHA-256s; *size* is the sum of the files' bytes, None where it was not told."""

    commit: str | None
    branch: str | None
    files: Mapping[str, str]
    size: int | None


def read_site(text: str) -> str:
    """Give the canonical name of the site in a call's path."""
    try:
        return site_name(text)
    except InvalidHost as error:
        raise Problem(422, str(error), field="host") from None


def read_sha256(text: str, field: str) -> str:
    """Give a hash in lower case."""
    if not is_sha256(text.lower()):
        raise Problem(422, f"{text[:80]!r} is not a SHA-256; write 64 hexadecimal digits", field=field)
    return text.lower()


def read_json(body: bytes) -> Any:
    """Give the JSON of a body."""
    try:
        # Decoded here: json.loads takes UTF-16 as well, and encoded surrogates.
        return json.loads(body.decode("utf-8-sig"))
    except RecursionError:
        raise Problem(400, "the body is JSON nested too deeply") from None
    except UnicodeDecodeError:
        raise Problem(400, "the body is not UTF-8") from None
    except ValueError as error:
        raise Problem(400, f"the body is not JSON: {error}") from None


def read_object(body: bytes) -> dict[str, Any]:
    """Give the JSON object of a body."""
    value = read_json(body)
    if not isinstance(value, dict):
        raise Problem(400, "the body is JSON, but not an object")
    return value


def read_hashes(value: Any, limits: Limits) -> list[str]:
    """Give the distinct hashes of a list, sorted."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Problem(400, "hashes is not a list of texts", field="hashes")
    if len(value) > limits.files:
        raise Problem(
            413, f"{len(value):,} hashes are more than the {limits.files:,} files of a deployment", field="hashes"
        )
    return sorted({read_sha256(each, "hashes") for each in value})


def read_submission(value: Mapping[str, Any], limits: Limits) -> Submission:
    """Read and check the body of a deployment."""
    files = value.get("files")
    if not isinstance(files, dict):
        raise Problem(400, "files is missing, or not an object of paths", field="files")
    check_count(files, limits)
    sizes = [_size(path, entry, limits) for path, entry in files.items()]
    hashes = {path: _hash(path, entry) for path, entry in files.items()}
    check_paths(hashes)
    branch = _optional_text(value, "branch") or DEFAULT_BRANCH
    if len(branch) > LONGEST_BRANCH or not branch.isprintable():
        raise Problem(422, f"branch is longer than {LONGEST_BRANCH} characters, or cannot be printed", field="branch")
    commit = _optional_text(value, "commit")
    return Submission(None if commit is None else read_commit(commit, "commit"), branch, hashes, sum(sizes))


def read_commit(text: str, field: str) -> str:
    """Give a commit in lower case."""
    try:
        commit_label(text)
    except ValueError as error:
        raise Problem(422, str(error), field=field) from None
    return text.lower()


def check_count(files: Mapping[str, Any], limits: Limits) -> None:
    """Refuse a deployment of nothing, or of too much."""
    if not files:
        raise Problem(422, "files is empty; a deployment has at least one file", field="files")
    if len(files) > limits.files:
        raise Problem(
            413, f"{len(files):,} files are more than the {limits.files:,} that a deployment may have", field="files"
        )


def check_paths(paths: Iterable[str]) -> None:
    """Refuse paths that cannot be served, and pairs of them that people could not tell apart."""
    paths = list(paths)
    for path in paths:
        try:
            check_manifest_path(path)
        except InvalidPath as error:
            raise Problem(422, f"files: {error}", field="files") from None
    for one, other in normalisation_collisions(paths):
        raise Problem(
            422,
            f"files: {one!r} and {other!r} look the same and differ only in Unicode normalisation; keep one",
            field="files",
        )


def check_document(size: int, limits: Limits) -> None:
    """Refuse a manifest whose document of *size* bytes CouchDB would not take."""
    if size > limits.document_size:
        raise Problem(
            413,
            f"the manifest is a document of {size:,} bytes, and CouchDB takes {limits.document_size:,}; "
            "deploy fewer files or shorter paths, or raise max_document_size in CouchDB's and this node's configuration",
            field="files",
        )


def _size(path: str, entry: Any, limits: Limits) -> int:
    size = entry.get("size") if isinstance(entry, dict) else None
    if not isinstance(size, int) or isinstance(size, bool):
        raise Problem(400, f"files: {path[:200]!r} has no size in bytes", field="files")
    if size < 0:
        raise Problem(422, f"files: {path[:200]!r} has a size below zero", field="files")
    if size > limits.file_size:
        raise Problem(
            413, f"{path[:200]!r} has {size:,} bytes, and a file may have {limits.file_size:,}", field="files"
        )
    return size


def _hash(path: str, entry: Mapping[str, Any]) -> str:
    sha256 = entry.get("sha256")
    if not isinstance(sha256, str):
        raise Problem(400, f"files: {path[:200]!r} has no sha256", field="files")
    if not is_sha256(sha256.lower()):
        raise Problem(422, f"files: {path[:200]!r} has no sha256 of 64 hexadecimal digits", field="files")
    return sha256.lower()


def _optional_text(value: Mapping[str, Any], name: str) -> str | None:
    text = value.get(name)
    if text is not None and not isinstance(text, str):
        raise Problem(400, f"{name} is not a text", field=name)
    return text or None
