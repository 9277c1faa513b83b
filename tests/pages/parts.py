"""Parts of a node that tests of pages put together themselves."""

from collections.abc import Iterable

from couchpages.pages.blobs import ATTACHMENT
from couchpages.pages.manifest import Activation, Deployment, Manifest, to_document
from couchpages.ports import Json
from couchpages.testing.memory_database import MemoryDatabase

HOST = "a.example"


def files_with(*hashes: str) -> MemoryDatabase:
    """Give a database of blobs that says that it has these; what they contain nobody asks."""
    database = MemoryDatabase("files")
    for sha256 in hashes:
        database.seed_attachment(sha256, ATTACHMENT, b"")
    return database


def deployed(
    id_: str, blobs: Iterable[str], *, created: int = 5, commit: str | None = None, site: str = HOST
) -> Manifest:
    """Give the manifest of a deployment, whose paths are the places of its blobs."""
    files = {f"{place}": sha256 for place, sha256 in enumerate(blobs)}
    return Manifest(Deployment(site, id_, commit, "main", created, len(files), 1, preview=False), files)


def live(manifest: Manifest, activated: int | None = None) -> Manifest:
    """Give what stands in the site's own document while a deployment is live."""
    deployment = manifest.deployment
    moment = deployment.created if activated is None else activated
    return Manifest(Activation(deployment, moment), manifest.files)


def document(manifest: Manifest, rev: str = "1-a") -> Json:
    """Give a manifest's document as a feed has it."""
    name = manifest.deployment.site if isinstance(manifest.entry, Activation) else manifest.deployment.document_id
    return {"_id": name, "_rev": rev, **to_document(manifest)}
