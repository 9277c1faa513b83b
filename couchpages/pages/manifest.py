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

from couchpages.pages.hosts import commit_label
from couchpages.pages.moments import from_text, to_text
from couchpages.ports import Json

FIELD = "couchpages"
VERSION = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")


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
    """Read a document of ``manifests``, ours or the first system's. Raises ValueError for what is neither."""
    doc_id, ours = doc.get("_id"), doc.get(FIELD)
    if not isinstance(doc_id, str):
        raise ValueError("_id is not a text")
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


def _entry(doc_id: str, ours: Any, files: int, preview: bool) -> Deployment | Activation:
    match ours:
        case {"version": 1, "id": str(id_), "site": str(site), "created": str(created)}:
            size = ours.get("bytes")
            deployment = Deployment(
                site,
                id_,
                _text(ours, "commit"),
                _text(ours, "branch"),
                from_text(created),
                files,
                size if isinstance(size, int) else None,
                preview,
            )
        case {"version": int(version)} if version != VERSION:
            raise ValueError(f"version {version} is not known to this node")
        case _:
            raise ValueError(f"{FIELD} lacks id, site or created")
    if doc_id == deployment.document_id:
        return deployment
    if doc_id == site and isinstance(ours.get("activated"), str):
        return Activation(deployment, from_text(ours["activated"]))
    raise ValueError(f"the document is called neither {deployment.document_id} nor {site}")


def _first_system_entry(doc_id: str, doc: Json, files: int, preview: bool) -> Deployment | Activation:
    commit = doc.get("GitHash")
    if not isinstance(commit, str) or not commit:
        raise ValueError("GitHash is not a text")
    site = doc_id.removeprefix(commit.lower() + ".")
    deployment = Deployment(site, commit.lower(), commit.lower(), None, 0, files, None, preview)
    return Activation(deployment, 0) if site == doc_id else deployment


def _files(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError("URLHashDictionary is not an object")
    files = {}
    for path, sha256 in value.items():
        if not isinstance(sha256, str) or not is_sha256(sha256.lower()):
            raise ValueError(f"URLHashDictionary: {path!r} has no SHA-256")
        # Some uploads of the first system wrote paths from the root.
        files[path.lstrip("/")] = sha256.lower()
    return files


def _text(ours: Json, name: str) -> str | None:
    value = ours.get(name)
    return value if isinstance(value, str) else None
