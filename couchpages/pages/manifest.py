"""Deployments and their documents (pure).

The database ``manifests`` holds, under the first system's names and beside its fields:

- ``{id}.{site}``: a deployment, never changed after it was written;
- ``{site}``: a copy of the one that is live, and since when.

What is ours stands in the field ``couchpages``. Documents without it are the first system's: ``{GitHash}.{hostname}`` and ``{hostname}``.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from couchpages.pages.hosts import LONGEST_LABEL, commit_label, requested_host, site_name
from couchpages.pages.moments import from_text, to_text
from couchpages.pages.paths import NOWHERE
from couchpages.ports import Json
from couchpages.quoting import quoted

FIELD = "couchpages"
VERSION = 1
#: Characters of a commit or a branch; no API of ours or of the first system takes longer ones.
LONGEST_TEXT = 255
#: Bytes of a deployment that a person can have deployed.
LARGEST = 2**63
_SHA256 = re.compile(r"[0-9a-f]{64}")
#: An id is a DNS label, so that only one deployment can have a document of a name.
_ID = re.compile(rf"[a-z0-9-]{{1,{LONGEST_LABEL}}}")
_LONGEST_HOST = 253


@dataclass(frozen=True, slots=True)
class Deployment:
    """One version of a site.

    *created* is in milliseconds since 1970, 0 for the first system's, which did not note it; *size* in bytes, None where unknown. *preview*
    tells that its branch is not a production branch.
    """

    site: str
    id: str
    commit: str | None
    branch: str | None
    created: int
    files: int
    size: int | None
    preview: bool

    @property
    def document_id(self) -> str:
        """The name of its document, and of its preview's host."""
        return f"{self.id}.{self.site}"

    @property
    def commit_host(self) -> str | None:
        """The host of its commit's preview; None where its id is the commit, and where what stands for a commit is none."""
        if self.commit is None or self.commit == self.id:
            return None
        try:
            return f"{commit_label(self.commit)}.{self.site}"
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Activation:
    """What is live: which deployment, since when (milliseconds since 1970, 0 where the first system did not note it)."""

    deployment: Deployment
    activated: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A document of ``manifests``: *files* maps paths to the SHA-256 of their blobs; *entry* says what it is."""

    entry: Deployment | Activation
    files: Mapping[str, str]

    @property
    def deployment(self) -> Deployment:
        """The deployment that it describes."""
        return self.entry.deployment if isinstance(self.entry, Activation) else self.entry


def is_sha256(text: str) -> bool:
    """Whether *text* is a SHA-256 as blobs are named: 64 hexadecimal digits in lower case."""
    return _SHA256.fullmatch(text) is not None


def to_document(manifest: Manifest) -> Json:
    """Write a manifest as a document, without ``_id`` and ``_rev``."""
    deployment = manifest.deployment
    ours: Json = {
        "version": VERSION,
        "id": deployment.id,
        "site": deployment.site,
        "commit": deployment.commit,
        "branch": deployment.branch,
        "created": to_text(deployment.created),
        "bytes": deployment.size,
    }
    if isinstance(manifest.entry, Activation):
        ours["activated"] = to_text(manifest.entry.activated)
    return {
        "GitHash": deployment.commit or deployment.id,
        "Hostname": deployment.site,
        "URLHashDictionary": dict(manifest.files),
        "Preview": deployment.preview,
        FIELD: ours,
    }


def document_size(manifest: Manifest) -> int:
    """Give the bytes of a manifest's document as JSON, ``_id`` and ``_rev`` included, as CouchDB measures it against its limit."""
    doc = {**to_document(manifest), "_id": "x" * 253, "_rev": "x" * 45}
    return len(json.dumps(doc, ensure_ascii=False, separators=(",", ":")).encode())


def from_document(doc: Json) -> Manifest:
    """Read a document of ``manifests``, ours or the first system's. Raises ValueError for what is neither, and nothing else (law 4).

    Its name must be a host that somebody can ask for. Paths are taken as they are: what no request can name is served to nobody.
    """
    if not isinstance(doc, dict):
        raise ValueError("it is not an object")
    doc_id, ours = doc.get("_id"), doc.get(FIELD)
    if not isinstance(doc_id, str):
        raise ValueError("_id is not a text")
    if not _is_host(doc_id):
        raise ValueError("its name is no host that a visitor can ask for")
    files = _files(doc.get("URLHashDictionary"))
    preview = doc.get("Preview", False)
    if not isinstance(preview, bool):
        raise ValueError("Preview is neither true nor false")
    entry = (
        _first_system_entry(doc_id, doc, len(files), preview)
        if ours is None
        else _entry(doc_id, ours, len(files), preview)
    )
    return Manifest(entry, files)


def _is_host(name: str) -> bool:
    """Whether *name* is a host in the form that requests are compared in."""
    return len(name) <= _LONGEST_HOST and name.isascii() and requested_host(name.encode()) == name


def _entry(doc_id: str, ours: Any, files: int, preview: bool) -> Deployment | Activation:
    if not isinstance(ours, dict):
        raise ValueError(f"{FIELD} is not an object")
    version = ours.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise ValueError(f"{FIELD}: version is not a number")
    if version != VERSION:
        raise ValueError(f"{FIELD}: version {quoted(str(version))} is not known to this node")
    deployment = Deployment(
        _site(_needed(ours, "site")), _id(_needed(ours, "id")), _text(ours, "commit"), _text(ours, "branch"),
        from_text(_needed(ours, "created")), files, _size(ours.get("bytes")), preview,
    )  # fmt: skip
    if doc_id == deployment.document_id:
        return deployment
    if doc_id != deployment.site:
        raise ValueError(
            f"the document is called neither {quoted(deployment.document_id)} nor {quoted(deployment.site)}"
        )
    return Activation(deployment, from_text(_needed(ours, "activated")))


def _first_system_entry(doc_id: str, doc: Json, files: int, preview: bool) -> Deployment | Activation:
    commit = doc.get("GitHash")
    if not isinstance(commit, str) or not 0 < len(commit) <= LONGEST_TEXT:
        raise ValueError(f"GitHash is not a text of 1 to {LONGEST_TEXT} characters")
    site = doc_id.removeprefix(commit.lower() + ".")
    deployment = Deployment(site, commit.lower(), commit.lower(), None, 0, files, None, preview)
    return Activation(deployment, 0) if site == doc_id else deployment


def _files(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError("URLHashDictionary is not an object")
    files: dict[str, str] = {}
    for path, sha256 in value.items():
        if not isinstance(sha256, str) or not is_sha256(sha256.lower()):
            raise ValueError(f"URLHashDictionary: {quoted(path)} has no SHA-256")
        if NOWHERE in path:
            raise ValueError(f"URLHashDictionary: {quoted(path)} has a NUL in it")
        # Some uploads of the first system wrote paths from the root.
        name = path.lstrip("/")
        if files.setdefault(name, sha256.lower()) != sha256.lower():
            raise ValueError(f"URLHashDictionary: {quoted(name)} is there twice, with different contents")
    return files


def _site(text: str) -> str:
    if site_name(text) != text:
        raise ValueError(f"{FIELD}: site {quoted(text)} is not in its canonical form")
    return text


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError(f"{FIELD}: id {quoted(text)} is not a label of a host name")
    return text


def _needed(ours: Json, name: str) -> str:
    value = ours.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{FIELD}: {name} is not a text")
    return value


def _text(ours: Json, name: str) -> str | None:
    value = ours.get(name)
    return value if isinstance(value, str) and len(value) <= LONGEST_TEXT else None


def _size(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST else None
