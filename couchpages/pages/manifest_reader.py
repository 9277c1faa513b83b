"""The files that manifests list: from memory, else from disk, else from CouchDB (does I/O)."""

from collections.abc import Mapping
from dataclasses import dataclass

from couchpages.metrics import Metrics
from couchpages.pages.kept_manifests import ManifestKeeper
from couchpages.pages.lru import SizedCache
from couchpages.pages.manifest import Deployment, Manifest, from_document
from couchpages.pages.single_flight import SingleFlight
from couchpages.ports import Database, Json, NotFound, Unavailable

#: What a path and its hash cost in a dict beside the path's own characters: measured with CPython 3.11.
BYTES_FOR_A_FILE = 260


@dataclass(frozen=True, slots=True)
class Held:
    """A manifest's files, as they were in revision *rev* of its document."""

    rev: str
    files: Mapping[str, str]

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return sum(map(len, self.files)) + BYTES_FOR_A_FILE * len(self.files) + BYTES_FOR_A_FILE


class ManifestReader:
    """Reads manifests; *memory* bytes of them are held. Used in the reactor's thread.

    Methods that read raise :class:`Unavailable` for what cannot be had now, also when CouchDB does not know it (law 3).
    """

    def __init__(self, database: Database, memory: int, metrics: Metrics, keeper: ManifestKeeper | None) -> None:
        self._database = database
        self._keeper = keeper
        self._held: SizedCache[str, Held] = SizedCache(memory, lambda held: held.size)
        self._flights: SingleFlight[tuple[str, str], Mapping[str, str]] = SingleFlight()
        metrics.cache_bytes.labels("manifests").set_function(lambda: self._held.held)

    def hold(self, doc_id: str, rev: str, files: Mapping[str, str]) -> None:
        """Hold a manifest's files, if there is room, instead of those of another revision."""
        self._held.put(doc_id, Held(rev, files))

    def discard(self, doc_id: str) -> None:
        """Hold a manifest's files no longer."""
        self._held.discard(doc_id)

    def held(self, doc_id: str, rev: str) -> Mapping[str, str] | None:
        """Give the files of this revision if they are in memory."""
        held = self._held.get(doc_id)
        return held.files if held is not None and held.rev == rev else None

    async def newest(self, doc_id: str) -> tuple[str, Manifest]:
        """Read a document as CouchDB has it now; give its revision and what it says."""
        doc = await self._from_couchdb(doc_id)
        return str(doc.get("_rev", "")), _understood(doc)

    async def live(self, site: str, rev: str, deployment: Deployment) -> Mapping[str, str]:
        """Give the files of a site's live document as it was in revision *rev*, when *deployment* became live.

        CouchDB may have a newer revision already, which this node does not serve yet: then the deployment's own document has them.
        """
        held = self.held(site, rev)
        if held is not None:
            return held
        return await self._flights.get((site, rev), lambda: self._read_live(site, rev, deployment))

    async def _read_live(self, site: str, rev: str, deployment: Deployment) -> Mapping[str, str]:
        kept = await self._keeper.recall(site) if self._keeper is not None else None
        if kept is None or kept.get("_rev") != rev:
            kept = await self._from_couchdb(site)
        if kept.get("_rev") != rev:
            kept = await self._from_couchdb(deployment.document_id)
        files = _understood(kept).files
        # A newer one may have come into memory meanwhile; it stays.
        if self._held.get(site) is None:
            self.hold(site, rev, files)
        return files

    async def _from_couchdb(self, doc_id: str) -> Json:
        try:
            return await self._database.get(doc_id)
        except NotFound as error:
            # It was there when the follower last heard: what is true now comes with the next change.
            raise Unavailable(f"the manifest {doc_id} cannot be read") from error


def _understood(doc: Json) -> Manifest:
    try:
        return from_document(doc)
    except ValueError as error:
        raise Unavailable(f"the manifest {doc.get('_id')} is malformed: {error}") from error
