"""The sites of this node: what CouchDB announces, what is served of it, and which files answer for a host (does I/O for what is not held).

A deployment that is announced as live is served when all its blobs are in this node's CouchDB; until then the one before it is (law 2).
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from couchpages.metrics import Metrics
from couchpages.pages.arrivals import Arrivals
from couchpages.pages.catalog import Catalog
from couchpages.pages.generations import generation
from couchpages.pages.kept_manifests import ManifestKeeper
from couchpages.pages.manifest import Activation, Manifest
from couchpages.pages.manifest_reader import ManifestReader
from couchpages.pages.previews import Previews
from couchpages.pages.waiting import Incomplete, Wait
from couchpages.ports import Change, Database, Json, Unavailable
from couchpages.sightings import Sightings


class UnknownHost(Exception):
    """There is no site of this name, for certain."""


@dataclass(frozen=True, slots=True)
class Served:
    """What visitors of a site get: the site's live document in revision *rev*."""

    rev: str
    activation: Activation


class Sites:
    """A :class:`~couchpages.ports.ChangesSink` of ``manifests``, and what visits, the API and other rooms ask.

    *clock* gives milliseconds since 1970.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        database: Database,
        memory: int,
        metrics: Metrics,
        arrivals: Arrivals,
        clock: Callable[[], int],
        keeper: ManifestKeeper | None = None,
    ) -> None:
        self.catalog = Catalog()
        self._arrivals = arrivals
        self._clock = clock
        self._keeper = keeper
        self._reader = ManifestReader(database, memory, metrics, keeper)
        self._sightings = Sightings(reactor)
        self._revs: dict[str, str] = {}
        self._previews = Previews(self._reader, arrivals, lambda doc_id: self._revs.get(doc_id, ""), clock)
        self._served: dict[str, Served] = {}
        self._kept: dict[str, str] = {}
        self._unreadable: set[str] = set()
        self._loaded = False
        self._at_first: set[str] = set()
        self._is_told: Callable[[], bool] = lambda: True
        self._switched: Callable[[str], object] = lambda _: None
        metrics.sites.set_function(lambda: len(self._served))

    # What the follower tells.

    def apply(self, change: Change) -> None:
        """Take a manifest, or let go of it."""
        doc_id = change.doc_id
        try:
            manifest = self.catalog.apply(change)
        except ValueError:
            self._unreadable.add(doc_id)
            raise
        self._unreadable.discard(doc_id)
        if change.doc is None or manifest is None:
            self._revs.pop(doc_id, None)
            self._stop_serving(doc_id)
        else:
            self._revs[doc_id] = str(change.doc.get("_rev", ""))
            if isinstance(manifest.entry, Activation):
                self._announce(doc_id, change.doc, manifest, manifest.entry)
            else:
                self._stop_serving(doc_id)
        self._sightings.wake()

    def loaded(self) -> None:
        """Every site is known now, so that an unknown name is unknown."""
        if not self._loaded:
            # A node that serves anything from its disk is not kept out of service for what it does not serve yet.
            self._at_first = set() if self._served else {wait.doc_id for wait in self._arrivals.waiting}
        self._loaded = True

    def believe(self, is_told: Callable[[], bool]) -> None:
        """Call a host unknown only while *is_told* says that changes are told: a new site could be there otherwise (law 3)."""
        self._is_told = is_told

    def tell(self, switched: Callable[[str], object]) -> None:
        """Call *switched* with the name of each site that begins to serve something else, or ends to."""
        self._switched = switched

    def knows(self, doc_id: str) -> bool:
        """Whether a document was told of."""
        return doc_id in self._revs

    # What was known when the node last ran.

    def restore(self) -> None:
        """Take the live manifests that were kept when the node last ran. Blocks; called once, before anything is followed."""
        kept = self._keeper.restore() if self._keeper is not None else {}
        for doc_id, doc in kept.items():
            rev = self._kept[doc_id] = str(doc.get("_rev"))
            try:
                manifest = self.catalog.apply(Change(doc_id, doc))
            except ValueError as error:
                self.log.warn("the kept manifest {doc_id} is malformed: {error}", doc_id=doc_id, error=str(error))
                continue
            if manifest is not None and isinstance(manifest.entry, Activation):
                # It was served, so its blobs were here.
                self._revs[doc_id] = rev
                self._serve(doc_id, doc, manifest, manifest.entry)

    def known(self) -> Iterable[str] | None:
        """Give the documents that are known, also from an earlier run; None where there are none."""
        return tuple(self._revs) or None

    # What visits ask.

    async def files_for(self, host: str) -> Mapping[str, str]:
        """Give the manifest that answers for *host*.

        Raises :class:`UnknownHost`, or :class:`Unavailable` while that is not known (law 3).
        """
        while (served := self._served.get(host)) is not None:
            files = await self._reader.live(host, served.rev, served.activation.deployment)
            # Who is overtaken by a switch while the manifest is read gets the newer one, as everybody who comes after the switch.
            if self._is_served(host, served):
                return files
        if host in self.catalog.sites and self.catalog.sites[host].live is not None:
            raise Incomplete(f"{host} waits for blobs of its first deployment here")
        incomplete: Incomplete | None = None
        for doc_id in self.catalog.documents_for(host):
            try:
                return await self._previews.files(doc_id)
            except Incomplete as error:
                # An older deployment of the same commit goes on answering for it (law 2).
                incomplete = incomplete or error
        served = self._served.get(host.partition(".")[2])
        if served is not None and served.activation.deployment.document_id == host:
            # Its own document is gone: somebody deleted it on a node that did not know yet that it is live.
            return await self._reader.live(served.activation.deployment.site, served.rev, served.activation.deployment)
        raise incomplete or self._unknown(host)

    def serving(self, host: str) -> Served | None:
        """Give what visitors of a site get now; another object after every switch, and None for what is not a site's own name."""
        return self._served.get(host)

    def site_of(self, host: str) -> str:
        """Give the site that *host*, which somebody was served under, belongs to: itself, or the one that it is a preview of."""
        return host if host in self._served else host.partition(".")[2]

    def is_known(self, site: str) -> bool:
        """Whether there is a site of this name."""
        return site in self.catalog.sites

    def held_files(self, served: Served) -> Mapping[str, str] | None:
        """Give the files of what is served, if they are in memory."""
        return self._reader.held(served.activation.deployment.site, served.rev)

    # What the API asks.

    def require_loaded(self) -> None:
        """Raise :class:`Unavailable` until everything is known: a list must not lack what could not be read (law 3)."""
        if not self._loaded:
            raise Unavailable("the manifests are not read from CouchDB yet")

    def live(self) -> Collection[str]:
        """See :class:`couchpages.ports.LiveSites`: the sites that are announced as live, also those whose blobs are not all here yet."""
        self.require_loaded()
        return {name for name, site in self.catalog.sites.items() if site.live is not None}

    def served(self, site: str) -> Activation | None:
        """Give what visitors of a site get on this node."""
        served = self._served.get(site)
        return served.activation if served is not None else None

    def wait_of(self, site: str) -> Wait | None:
        """Give what a site waits for before this node serves what is announced, None when it does."""
        waits = self._arrivals.waiting.of(site)
        return waits[-1] if waits else None

    def when_seen(self, doc_id: str, rev: str | None, patience: float) -> "Deferred[None]":
        """Fire when the revision *rev* (None: the deletion) or a later one of a document is served, or after *patience* seconds."""

        def is_there() -> bool:
            known = self._revs.get(doc_id)
            if rev is None or known is None:
                return rev is None and known is None
            return generation(known) >= generation(rev) and not self._arrivals.waiting.of(doc_id)

        return self._sightings.when(is_there, patience)

    def obstacles(self) -> list[str]:
        """See :class:`couchpages.ports.Readiness`: at start, a site whose blobs have not been looked for yet may be whole."""
        unchecked = {wait.doc_id for wait in self._arrivals.waiting if not wait.checked}
        waiting = len(unchecked & self._at_first)
        return [f"{waiting} sites are being looked through for missing blobs"] if waiting else []

    def troubles(self) -> list[str]:
        """See :class:`couchpages.ports.Readiness`."""
        problem = self._arrivals.problem
        return [f"which blobs are here cannot be asked: {problem}"] * (problem is not None) + [
            f"{wait.doc_id} waits for {len(wait.missing)} blobs of deployment {wait.deployment.id}"
            for wait in self._arrivals.waiting
            if wait.checked
        ]

    # How.

    def _announce(self, site: str, doc: Json, manifest: Manifest, activation: Activation) -> None:
        rev = self._revs[site]
        served = self._served.get(site)
        if served is not None and served.rev == rev:
            self._arrivals.waiting.withdraw(site)
            return
        waits = self._arrivals.waiting.of(site)
        if waits and waits[-1].rev == rev:
            return
        blobs = frozenset(manifest.files.values())

        def switch(wait: Wait) -> None:
            self._serve(site, doc, manifest, activation)
            self._tell(wait, served)

        self._arrivals.expect(Wait(site, rev, activation.deployment, blobs, set(blobs), self._clock(), switch))

    def _is_served(self, site: str, served: Served) -> bool:
        return self._served.get(site) is served

    def _serve(self, site: str, doc: Json, manifest: Manifest, activation: Activation) -> None:
        rev = str(doc.get("_rev", ""))
        self._served[site] = Served(rev, activation)
        self._switched(site)
        self._reader.hold(site, rev, manifest.files)
        self._keep(site, doc)
        self._sightings.wake()

    def _tell(self, wait: Wait, before: Served | None) -> None:
        self.log.info(
            "{site} is deployment {id} now, {seconds:.1f} s after it was announced",
            site=wait.doc_id,
            id=wait.deployment.id,
            before=before.activation.deployment.id if before is not None else None,
            seconds=(self._clock() - wait.since) / 1000,
        )

    def _stop_serving(self, doc_id: str) -> None:
        self._arrivals.waiting.withdraw(doc_id)
        if self._served.pop(doc_id, None) is not None:
            self._switched(doc_id)
        self._previews.forget(doc_id)
        self._reader.discard(doc_id)
        self._keep(doc_id, None)

    def _keep(self, doc_id: str, doc: Json | None) -> None:
        """Have what is served kept on disk; *doc* is None for what is not, or no longer."""
        rev = None if doc is None else str(doc.get("_rev"))
        if self._keeper is None or rev == self._kept.get(doc_id):
            return
        if rev is None:
            self._kept.pop(doc_id)
        else:
            self._kept[doc_id] = rev
        self._keeper.keep(doc_id, doc)

    def _unknown(self, host: str) -> Exception:
        if not self._loaded:
            return Unavailable("the manifests are not read from CouchDB yet")
        if not self._is_told():
            return Unavailable("CouchDB does not tell of new manifests")
        if host in self._unreadable:
            return Unavailable(f"the manifest {host} is malformed")
        return UnknownHost(host)
