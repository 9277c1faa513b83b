"""The rule by which conflicting manifests are reconciled (does I/O to keep the losers' deployments; who wins is decided in ``rivals``)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from couchpages.pages.manifest import Manifest, from_document, to_document
from couchpages.pages.rivals import judge, resting_places, same_content
from couchpages.ports import Conflict, Database, Json, Judgement, NotFound

#: Tries to find out what stands under a name while others write there.
TRIES = 4


@dataclass(frozen=True, slots=True)
class ManifestRule:
    """A :class:`~couchpages.ports.ConflictRule` for the database *manifests*; *known* tells which documents its sink was told of."""

    manifests: Database
    known: Callable[[str], bool]

    def knows(self, doc_id: str) -> bool:
        """See :meth:`couchpages.ports.ConflictRule.knows`."""
        return self.known(doc_id)

    def judge(self, doc_id: str, leaves: Sequence[Json]) -> Judgement | None:
        """See :meth:`couchpages.ports.ConflictRule.judge`."""
        del doc_id
        return judge(leaves)

    async def preserve(self, doc_id: str, loser: Json, winner: Json) -> bool:
        """See :meth:`couchpages.ports.ConflictRule.preserve`: the loser's deployment is listed under a document of its own."""
        for place in resting_places(from_document(loser)):
            if place.deployment.document_id == doc_id:
                if same_content(from_document(winner), place):
                    return True
            elif await self._stands(place):
                return True
        return False

    async def _stands(self, place: Manifest) -> bool:
        """Write a deployment's document, unless it is there; False when another deployment has its name."""
        name = place.deployment.document_id
        for _ in range(TRIES):
            try:
                return same_content(from_document(await self.manifests.get(name)), place)
            except ValueError:
                return False
            except NotFound:
                pass
            try:
                await self.manifests.put(name, to_document(place))
            except Conflict:
                continue
            return True
        return False
