"""The rule by which conflicting manifests are reconciled (does I/O to keep the losers' deployments; who wins is decided in ``rivals``)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from couchpages.pages.manifest import Manifest, from_document, to_document
from couchpages.pages.rivals import judge, resting_places, same_content
from couchpages.ports import Conflict, Database, Deleted, Json, Judgement, NotFound

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
        """See :meth:`couchpages.ports.ConflictRule.preserve`: the loser's deployment is listed under a document of its own.

        A deployment whose document somebody deleted is not brought back.
        """
        for place in resting_places(from_document(loser)):
            if place.deployment.document_id == doc_id:
                if same_content(from_document(winner), place):
                    return True
            elif await _stands(self.manifests, place, also_deleted=False):
                return True
        return False


async def keep_listed(manifests: Database, manifest: Manifest) -> bool:
    """See to it that a deployment has a document of its own; False when it cannot have one. Raises a :class:`StoreError`."""
    for place in resting_places(manifest):
        if await _stands(manifests, place, also_deleted=True):
            return True
    return False


async def _stands(manifests: Database, place: Manifest, *, also_deleted: bool) -> bool:
    """Write a deployment's document, unless it is there; False when another deployment has its name.

    One that was deleted is written only *also_deleted*; else it counts as one that stands.
    """
    name = place.deployment.document_id
    for _ in range(TRIES):
        try:
            return same_content(from_document(await manifests.get(name)), place)
        except ValueError:
            return False
        except Deleted:
            if not also_deleted:
                return True
        except NotFound:
            pass
        try:
            await manifests.put(name, to_document(place))
        except Conflict:
            continue
        return True
    return False
