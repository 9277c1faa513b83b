"""The sites of this node: which manifest answers for a host name, in memory as long as there is room (does I/O for what is not)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from couchpages.metrics import Metrics
from couchpages.pages.catalog import Catalog
from couchpages.pages.kept_manifests import ManifestKeeper
from couchpages.pages.lru import SizedCache
from couchpages.pages.manifest import Activation, Manifest, from_document
from couchpages.pages.single_flight import SingleFlight
from couchpages.ports import Change, Database, Json, NotFound, Unavailable

#: What a path and its hash cost in a dict beside the path's own characters: measured with CPython 3.11.
BYTES_FOR_A_FILE = 260
#: Reads of a manifest that may each be overtaken by a change before it is given up.
READS = 5


class UnknownHost(Exception):
    """There is no site of this name, for certain."""


@dataclass(frozen=True, slots=True)
class Held:
    """A manifest's files, as they were in revision *rev* of its document."""

    rev: str
    files: Mapping[str, str]

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return sum(map(len, self.files)) + BYTES_FOR_A_FILE * len(self.files) + BYTES_FOR_A_FILE


class Sites:
    """A :class:`~couchpages.ports.ChangesSink` of ``manifests``, and what visits and the API ask."""

    log = Logger()

    def __init__(
        self, reactor: Any, database: Database, memory: int, metrics: Metrics, keeper: ManifestKeeper | None = None
    ) -> None:
        self.catalog = Catalog()
        self._keeper = keeper
        self._reactor = reactor
        self._database = database
        self._held: SizedCache[str, Held] = SizedCache(memory, lambda held: held.size)
        self._flights: SingleFlight[str, Held] = SingleFlight()
        self._revs: dict[str, str] = {}
        self._kept: dict[str, str] = {}
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []
        self._unreadable: set[str] = set()
        self._loaded = False
        metrics.cache_bytes.labels("manifests").set_function(lambda: self._held.held)
        metrics.sites.set_function(lambda: sum(site.live is not None for site in self.catalog.sites.values()))

    def apply(self, change: Change) -> None:
        """Take a manifest, or let go of it."""
        try:
            manifest = self.catalog.apply(change)
        except ValueError:
            self._unreadable.add(change.doc_id)
            raise
        self._unreadable.discard(change.doc_id)
        self._held.discard(change.doc_id)
        if change.doc is None:
            self._revs.pop(change.doc_id, None)
        else:
            self._revs[change.doc_id] = str(change.doc.get("_rev", ""))
        # Previews are rarely visited and many: they are read when somebody comes.
        live = manifest is not None and isinstance(manifest.entry, Activation)
        if live and manifest is not None:
            self._hold(change.doc_id, manifest, self._revs[change.doc_id])
        self._keep(change.doc_id, change.doc if live else None)
        self._wake()

    def restore(self) -> None:
        """Take the live manifests that were kept when the node last ran. Blocks; called once, before anything is followed."""
        kept = self._keeper.restore() if self._keeper is not None else {}
        for doc_id, doc in kept.items():
            self._kept[doc_id] = str(doc.get("_rev"))
            try:
                self.apply(Change(doc_id, doc))
            except ValueError as error:
                self.log.warn("the kept manifest {doc_id} is malformed: {error}", doc_id=doc_id, error=str(error))

    def known(self) -> Iterable[str]:
        """Give the documents that are known, also from an earlier run."""
        return tuple(self._revs)

    def loaded(self) -> None:
        """Every site is known now, so that an unknown name is unknown."""
        self._loaded = True

    async def files_for(self, host: str) -> Mapping[str, str]:
        """Give the manifest that answers for *host*.

        Raises :class:`UnknownHost`, or :class:`Unavailable` while that is not known (law 3).
        """
        doc_id = self.catalog.document_for(host)
        if doc_id is None:
            if not self._loaded:
                raise Unavailable("the manifests are not read from CouchDB yet")
            if host in self._unreadable:
                raise Unavailable(f"the manifest {host} is malformed")
            raise UnknownHost(host)
        held = self._held.get(doc_id)
        if held is None:
            held = await self._flights.get(doc_id, lambda: self._fetch(doc_id))
        return held.files

    def require_loaded(self) -> None:
        """Raise :class:`Unavailable` until everything is known: a list must not lack what could not be read (law 3)."""
        if not self._loaded:
            raise Unavailable("the manifests are not read from CouchDB yet")

    def when_seen(self, doc_id: str, rev: str | None, patience: float) -> "Deferred[None]":
        """Fire when the revision *rev* (None: the deletion) or a later one of a document was applied, or after *patience* seconds."""
        seen: Deferred[None] = Deferred()

        def is_there() -> bool:
            known = self._revs.get(doc_id)
            return known is None if rev is None else known is not None and _generation(known) >= _generation(rev)

        if is_there():
            seen.callback(None)
            return seen
        entry = (is_there, seen)
        self._waiting.append(entry)
        timer = self._reactor.callLater(patience, seen.callback, None)

        def over(result: None) -> None:
            if timer.active():
                timer.cancel()
            if entry in self._waiting:
                self._waiting.remove(entry)
            return result

        return seen.addBoth(over)

    async def _fetch(self, doc_id: str) -> Held:
        for _ in range(READS):
            rev, manifest = await self._read(doc_id)
            held = self._held.get(doc_id)
            if held is not None and _generation(held.rev) >= _generation(rev):
                return held
            # What was read may have been overtaken by a change while it was on its way: nobody is led back to an older version (law 2).
            if _generation(rev) >= _generation(self._revs.get(doc_id, "")):
                return self._hold(doc_id, manifest, rev)
        raise Unavailable(f"CouchDB gives older revisions of the manifest {doc_id} than it announced")

    def _keep(self, doc_id: str, doc: Json | None) -> None:
        """Have a live manifest kept on disk; *doc* is None for what is not live, or no longer."""
        rev = None if doc is None else str(doc.get("_rev"))
        if self._keeper is None or rev == self._kept.get(doc_id):
            return
        if rev is None:
            self._kept.pop(doc_id)
        else:
            self._kept[doc_id] = rev
        self._keeper.keep(doc_id, doc)

    async def _document(self, doc_id: str) -> Json:
        """Give a document from CouchDB or, while that is away, the copy of the revision that is known (law 1)."""
        try:
            return await self._database.get(doc_id)
        except Unavailable:
            doc = await self._keeper.recall(doc_id) if self._keeper is not None and doc_id in self._kept else None
            if doc is None or doc.get("_rev") != self._revs.get(doc_id):
                raise
            return doc

    async def _read(self, doc_id: str) -> tuple[str, Manifest]:
        try:
            doc = await self._document(doc_id)
            return str(doc.get("_rev", "")), from_document(doc)
        except NotFound as error:
            # It was there when the follower last heard: what is true now comes with the next change.
            raise Unavailable(f"the manifest {doc_id} cannot be read") from error
        except ValueError as error:
            raise Unavailable(f"the manifest {doc_id} is malformed: {error}") from error

    def _hold(self, doc_id: str, manifest: Manifest, rev: str) -> Held:
        held = Held(rev, manifest.files)
        self._held.put(doc_id, held)
        return held

    def _wake(self) -> None:
        for is_there, seen in list(self._waiting):
            if is_there() and not seen.called:
                seen.callback(None)


def _generation(rev: str) -> int:
    number = rev.partition("-")[0]
    return int(number) if number.isdigit() else 0
