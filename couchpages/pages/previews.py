"""Previews: deployments under their own host names, read when somebody comes (does I/O).

They are many and rarely visited, so their blobs are looked for when they are visited first.
"""

from collections.abc import Callable, Mapping

from couchpages.pages.arrivals import Arrivals
from couchpages.pages.generations import generation
from couchpages.pages.manifest import Manifest
from couchpages.pages.manifest_reader import ManifestReader
from couchpages.pages.single_flight import SingleFlight
from couchpages.pages.waiting import Incomplete, Wait
from couchpages.ports import Unavailable

#: Reads of a manifest that may each be overtaken by a change before it is given up.
READS = 5


class Previews:
    """Gives the files of deployments whose blobs are all here.

    *announced* gives the revision of a document that the follower told of last, *clock* milliseconds since 1970.
    """

    def __init__(
        self, reader: ManifestReader, arrivals: Arrivals, announced: Callable[[str], str], clock: Callable[[], int]
    ) -> None:
        self._reader = reader
        self._arrivals = arrivals
        self._announced = announced
        self._clock = clock
        self._flights: SingleFlight[str, Mapping[str, str]] = SingleFlight()
        self._whole: dict[str, str] = {}

    async def files(self, doc_id: str) -> Mapping[str, str]:
        """Give the files that a deployment's document lists.

        Raises :class:`Incomplete` while blobs are missing, :class:`Unavailable` for what cannot be had now.
        """
        if self._arrivals.waiting.of(doc_id):
            raise Incomplete(f"{doc_id} waits for blobs")
        held = self._reader.held(doc_id, self._announced(doc_id))
        return held if held is not None else await self._flights.get(doc_id, lambda: self._fetch(doc_id))

    def forget(self, doc_id: str) -> None:
        """Note that a document changed, or is gone."""
        self._whole.pop(doc_id, None)

    async def _fetch(self, doc_id: str) -> Mapping[str, str]:
        for _ in range(READS):
            announced = self._announced(doc_id)
            rev, manifest = await self._reader.newest(doc_id)
            # What was read may have been overtaken by a change while it was on its way: nobody is led back to an older version (law 2).
            if generation(rev) < generation(self._announced(doc_id)):
                continue
            missing = await self._missing(doc_id, rev, manifest)
            if self._announced(doc_id) != announced:
                continue
            self._require_none(missing, doc_id, rev, manifest)
            self._reader.hold(doc_id, rev, manifest.files)
            return manifest.files
        raise Unavailable(f"CouchDB gives older revisions of the manifest {doc_id} than it announced")

    async def _missing(self, doc_id: str, rev: str, manifest: Manifest) -> set[str]:
        if self._whole.get(doc_id) == rev:
            return set()
        return await self._arrivals.missing(manifest.files.values())

    def _require_none(self, missing: set[str], doc_id: str, rev: str, manifest: Manifest) -> None:
        """Raise :class:`Incomplete`, and wait for what is missing."""
        if not missing:
            self._whole[doc_id] = rev
            return

        def whole(wait: Wait) -> None:
            self._whole[doc_id] = wait.rev

        blobs = frozenset(manifest.files.values())
        self._arrivals.expect(Wait(doc_id, rev, manifest.deployment, blobs, missing, self._clock(), whole))
        raise Incomplete(f"{doc_id} waits for {len(missing)} blobs")
