"""Makes, activates and removes deployments in CouchDB (does I/O; what is live is decided in :mod:`couchpages.pages.activation`)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from twisted.logger import Logger

from couchpages.metrics import Metrics
from couchpages.pages.activation import deployment_id, is_superseded, moment_after, previous, repeatable_entropy
from couchpages.pages.generations import generation
from couchpages.pages.manifest import Activation, Deployment, Manifest, document_size, from_document, to_document
from couchpages.pages.rivals import judge
from couchpages.pages.sites import Sites
from couchpages.pages.stored_blobs import StoredBlobs
from couchpages.pages.submission import Limits, Submission, check_document
from couchpages.ports import Conflict, Database, Json, NotFound, StoreError, Unavailable
from couchpages.quoting import quoted
from couchpages.web.problem import Problem

#: Tries to change a live manifest that others change at the same time.
TRIES = 8
#: Seconds for which an answer waits until this node serves what it announces.
PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment, whether it is live now, and whether this call made it."""

    deployment: Deployment
    live: bool
    made: bool = True


@dataclass(frozen=True, slots=True)
class Live:
    """A site's own document as it is in CouchDB: None where there is none; *rev* also of one that cannot be read."""

    activation: Activation | None
    rev: str | None


@dataclass(frozen=True, slots=True)
class Deployments:
    """Changes sites. *clock* gives milliseconds since 1970, *entropy* as many random bytes as it is asked for.

    Methods raise :class:`Problem` and :class:`StoreError`, and then nothing is live that was not before, unless CouchDB did what it was
    asked to and its answer was lost: repeating the call then finishes it.
    """

    sites: Sites
    blobs: StoredBlobs
    manifests: Database
    limits: Limits
    production_branches: Sequence[str]
    clock: Callable[[], int]
    entropy: Callable[[int], bytes]
    metrics: Metrics
    log: Logger = field(default_factory=Logger)

    def check(self, site: str, submission: Submission) -> None:
        """Refuse what CouchDB would not take, before anything is uploaded."""
        self._manifest_for(site, submission, "x" * 12, 0)

    async def deploy(
        self, site: str, submission: Submission, idempotency_key: str | None, *, preview: bool | None = None
    ) -> Deployed:
        """Make a deployment of blobs that are stored, and make it live if its branch is a production branch."""
        self.check(site, submission)
        await self.blobs.require(submission.files.values())
        current = (await self._live(site)).activation
        manifest, made = await self._write(
            site, submission, idempotency_key, moment_after(self.clock(), current), preview
        )
        deployment = manifest.deployment
        if deployment.preview:
            live = current is not None and current.deployment.id == deployment.id
        else:
            live = await self._activate(manifest, deployment.created)
        self.metrics.deployments.labels("preview" if deployment.preview else "production").inc()
        self.log.info("deployed {id} of {site}", id=deployment.id, site=site, live=live, files=deployment.files)
        return Deployed(deployment, live, made)

    async def rollback(self, site: str, wanted: str | None) -> Deployed:
        """Make an earlier deployment live again: *wanted* by id or commit, or the previous one."""
        self.sites.require_loaded()
        target = self._target(site, wanted)
        if not await self._is_live(target):
            await self._activate(await self._stored(target))
        self.log.info("rolled {site} back to {id}", id=target.id, site=site)
        return Deployed(target, live=True)

    async def delete_deployment(self, site: str, wanted: str) -> None:
        """Remove a deployment that is not live."""
        self.sites.require_loaded()
        target = self._target(site, wanted)
        live = (await self._live(site)).activation
        known = self.sites.catalog.sites.get(site)
        if live is None and known is not None:
            # What is live cannot be read: visitors see what this node knew last.
            live = known.live
        served = self.sites.served(site)
        if target.id in {each.deployment.id for each in (live, served) if each is not None}:
            raise Problem(
                409, f"{target.id} is live; roll back to another deployment first, or delete the site", field="id"
            )
        await self._delete([target.document_id])

    async def delete_site(self, site: str) -> None:
        """Remove a site and all its deployments."""
        self.sites.require_loaded()
        known = self.sites.catalog.sites.get(site)
        if known is None:
            raise _no_site(site)
        await self._delete([site, *(each.document_id for each in known.newest_first())])

    def _target(self, site: str, wanted: str | None) -> Deployment:
        known = self.sites.catalog.sites.get(site)
        if known is None:
            raise _no_site(site)
        if wanted is None:
            target = previous(known)
            if target is None:
                raise Problem(409, f"{site} has no production deployment before the live one", field="id")
            return target
        found = self.sites.catalog.find(site, wanted)
        if found is None:
            raise _no_deployment(site, wanted)
        return found

    def _manifest_for(
        self, site: str, submission: Submission, id_: str, created: int, preview: bool | None = None
    ) -> Manifest:
        if preview is None:
            preview = submission.branch not in self.production_branches
        deployment = Deployment(
            site, id_, submission.commit, submission.branch, created, len(submission.files), submission.size, preview
        )
        # The live document is the larger one of the two.
        check_document(document_size(Manifest(Activation(deployment, created), submission.files)), self.limits)
        return Manifest(deployment, submission.files)

    async def _write(
        self, site: str, submission: Submission, idempotency_key: str | None, created: int, preview: bool | None
    ) -> tuple[Manifest, bool]:
        """Write the deployment's own document; give it and whether it was made now."""
        repeated = repeatable_entropy(site, idempotency_key) if idempotency_key is not None else None
        for _ in range(TRIES):
            manifest = self._manifest_for(
                site, submission, deployment_id(repeated or self.entropy(8)), created, preview
            )
            doc_id = manifest.deployment.document_id
            try:
                rev = await self.manifests.put(doc_id, to_document(manifest))
            except Conflict:
                if repeated is not None:
                    return await self._made_before(manifest), False
                continue
            await self.sites.when_seen(doc_id, rev, PATIENCE)
            return manifest, True
        raise Unavailable(f"no free id was found for a deployment of {site}")

    async def _made_before(self, manifest: Manifest) -> Manifest:
        """Give the deployment that an earlier call with the same key made, once this node has seen it."""
        doc_id = manifest.deployment.document_id
        doc = await self.manifests.get(doc_id)
        found = _same(manifest, _read(doc))
        await self.sites.when_seen(doc_id, str(doc.get("_rev")), PATIENCE)
        return found

    async def _stored(self, target: Deployment) -> Manifest:
        try:
            return Manifest(target, _read(await self.manifests.get(target.document_id)).files)
        except NotFound:
            raise _no_deployment(target.site, target.id) from None

    async def _is_live(self, deployment: Deployment) -> bool:
        """Tell whether a deployment is live; if so, once this node has seen it."""
        live = await self._live(deployment.site)
        if live.activation is None or live.activation.deployment.id != deployment.id:
            return False
        await self.sites.when_seen(deployment.site, live.rev, PATIENCE)
        return True

    async def _activate(self, manifest: Manifest, moment: int | None = None) -> bool:
        """Make a deployment live, as of *moment* or else of now; tell whether it is live, or was overtaken by one of a later moment."""
        deployment = manifest.deployment
        site = deployment.site
        for _ in range(TRIES):
            live = await self._live(site)
            if live.activation is not None and live.activation.deployment.id == deployment.id:
                # Somebody else did it, or a call whose answer was lost.
                await self.sites.when_seen(site, live.rev, PATIENCE)
                return True
            if moment is not None and is_superseded(deployment, live.activation):
                return False
            activation = Activation(
                deployment, moment_after(self.clock(), live.activation) if moment is None else moment
            )
            try:
                rev = await self.manifests.put(site, to_document(Manifest(activation, manifest.files)), live.rev)
            except Conflict:
                continue
            await self.sites.when_seen(site, rev, PATIENCE)
            return True
        raise Unavailable(f"{site} is being changed by others all the time")

    async def _live(self, site: str) -> Live:
        leaves = await self.manifests.leaves(site)
        if not leaves:
            return Live(None, None)
        judgement = judge(leaves)
        if judgement is None:
            self.log.warn("{database}/{site} is malformed and will be replaced", database="manifests", site=site)
            return Live(None, max((str(leaf.get("_rev")) for leaf in leaves), key=lambda rev: (generation(rev), rev)))
        rev = str(judgement.winner.get("_rev"))
        entry = from_document(judgement.winner).entry
        if isinstance(entry, Deployment):
            raise Problem(
                409,
                f"{site} is the preview of a deployment of {entry.site}; it cannot be a site of its own",
                field="host",
            )
        return Live(entry, rev)

    async def _delete(self, doc_ids: Iterable[str]) -> None:
        """Delete documents, whatever others do to them meanwhile."""
        left = list(doc_ids)
        for _ in range(TRIES):
            rows = [row for row in await self.manifests.rows(left) if row.rev is not None]
            if not rows:
                break
            outcomes = await self.manifests.bulk(
                [{"_id": row.doc_id, "_rev": row.rev, "_deleted": True} for row in rows]
            )
            for outcome in outcomes:
                if isinstance(outcome, StoreError) and not isinstance(outcome, Conflict):
                    raise outcome
        else:
            raise Unavailable(f"{left[0]} is being changed by others all the time")
        # Waited for together, so that many cost no more patience than one.
        for seen in [self.sites.when_seen(doc_id, None, PATIENCE) for doc_id in left]:
            await seen


def _read(doc: Json) -> Manifest:
    try:
        return from_document(doc)
    except ValueError as error:
        raise Unavailable(f"the manifest {doc.get('_id')} is malformed: {error}") from error


def _same(wanted: Manifest, found: Manifest) -> Manifest:
    if _asked(wanted) != _asked(found):
        raise Problem(422, "this Idempotency-Key was used for another deployment of this site", field="Idempotency-Key")
    return found


def _asked(manifest: Manifest) -> tuple[object, ...]:
    deployment = manifest.deployment
    is_own = isinstance(manifest.entry, Deployment)
    return is_own, deployment.document_id, deployment.commit, deployment.branch, dict(manifest.files)


def _no_deployment(site: str, wanted: str) -> Problem:
    return Problem(404, f"{site} has no deployment {quoted(wanted)}", field="id")


def _no_site(site: str) -> Problem:
    return Problem(404, f"there is no site {site}", field="host")
