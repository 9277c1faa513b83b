"""The API of sites, deployments and blobs (thin: what is allowed and what happens is decided elsewhere)."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from couchpages.pages.deployments import Deployed, Deployments
from couchpages.pages.presentation import shown_deployment, shown_site
from couchpages.pages.submission import (
    Limits,
    Submission,
    read_hashes,
    read_object,
    read_sha256,
    read_site,
    read_submission,
)
from couchpages.ports import Authority, Grant
from couchpages.web.credentials import api_key
from couchpages.web.exchange import Discarded, Exchange, InMemory, announced_length
from couchpages.web.message import RequestHead, Response
from couchpages.web.problem import Problem, json_response, problem_for_disk
from couchpages.web.routes import Endpoint, Route
from couchpages.web.spool import Spool, Spooled

T = TypeVar("T")
Values: TypeAlias = Mapping[str, str]
#: A submission has about 200 bytes for a file; the paths may be up to 1,024 bytes long, and then CouchDB's limit is met first.
BYTES_FOR_A_FILE = 1400
LONGEST_IDEMPOTENCY_KEY = 200
log = Logger()


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """How visitors reach sites on this node: *port* is None where it is the scheme's own."""

    scheme: str
    port: int | None


@dataclass(frozen=True, slots=True)
class SitesApi:
    """The calls under ``/api/v2``. *keep* takes a stored blob's file and hash for the disk cache; it blocks and runs in *threads*."""

    reactor: Any
    threads: ThreadPool
    authority: Authority
    deployments: Deployments
    spool: Spool
    public: PublicAddress
    keep: Callable[[Path, str, int], None]

    def routes(self) -> tuple[Route, ...]:
        """Give the calls."""
        site = "/api/v2/sites/{host}"
        return (
            Route("PUT", "/api/v2/blobs/{sha256}", self._put_blob),
            Route("GET", "/api/v2/sites", self._list_sites),
            Route("DELETE", site, self._on_site(self._delete_site)),
            Route("POST", f"{site}/missing", self._with_json(self._missing)),
            Route("GET", f"{site}/deployments", self._on_site(self._list_deployments)),
            Route("POST", f"{site}/deployments", self._with_json(self._deploy)),
            Route("POST", f"{site}/rollback", self._with_json(self._rollback)),
            Route("DELETE", f"{site}/deployments/{{id}}", self._on_site(self._delete_deployment)),
        )

    # Each call: who asks, on which site, with what body.

    def _on_site(self, call: Callable[[str, Values], Coroutine[Any, Any, Response]]) -> Endpoint:
        def admit(head: RequestHead, values: Values) -> Exchange:
            site = permitted_site(self.authority, head, values["host"])
            return Exchange(lambda: call(site, values), Discarded())

        return admit

    def _with_json(self, call: Callable[[RequestHead, str, bytes], Coroutine[Any, Any, Response]]) -> Endpoint:
        def admit(head: RequestHead, values: Values) -> Exchange:
            site = permitted_site(self.authority, head, values["host"])
            body = json_body(head, self.limits)
            return Exchange(lambda: call(head, site, body.content()), body)

        return admit

    @property
    def limits(self) -> Limits:
        """What a deployment may be."""
        return self.deployments.limits

    async def _missing(self, head: RequestHead, site: str, content: bytes) -> Response:
        del head
        hashes = await self._in_thread(lambda: self._wanted_hashes(site, content))
        return json_response(200, {"missing": await self.deployments.blobs.missing(hashes)})

    def _wanted_hashes(self, site: str, content: bytes) -> list[str]:
        value = read_object(content)
        if "files" not in value:
            return read_hashes(value.get("hashes"), self.limits)
        submission = read_submission(value, self.limits)
        self.deployments.check(site, submission)
        return sorted(set(submission.files.values()))

    async def _deploy(self, head: RequestHead, site: str, content: bytes) -> Response:
        idempotency_key = _idempotency_key(head)
        submission: Submission = await self._in_thread(lambda: read_submission(read_object(content), self.limits))
        deployed = await self.deployments.deploy(site, submission, idempotency_key)
        return self._shown(deployed, 201 if deployed.made else 200)

    async def _rollback(self, head: RequestHead, site: str, content: bytes) -> Response:
        del head
        wanted = (read_object(content) if content.strip() else {}).get("id")
        if wanted is not None and not isinstance(wanted, str):
            raise Problem(400, "id is not a text", field="id")
        return self._shown(await self.deployments.rollback(site, wanted), 200)

    async def _delete_deployment(self, site: str, values: Values) -> Response:
        await self.deployments.delete_deployment(site, values["id"])
        return Response(204)

    async def _delete_site(self, site: str, values: Values) -> Response:
        del values
        await self.deployments.delete_site(site)
        return Response(204)

    def _list_sites(self, head: RequestHead, values: Values) -> Exchange:
        del values
        grant = self.authority.identify(api_key(head))

        async def respond() -> Response:
            sites = self.deployments.sites
            sites.require_loaded()
            shown = [
                shown_site(sites.catalog.sites[name], sites.served(name), sites.wait_of(name))
                for name in sites.catalog.names()
                if grant.reaches(name)
            ]
            return json_response(200, {"sites": shown})

        return Exchange(respond, Discarded())

    async def _list_deployments(self, site: str, values: Values) -> Response:
        del values
        sites = self.deployments.sites
        sites.require_loaded()
        known = sites.catalog.sites.get(site)
        if known is None:
            raise Problem(404, f"there is no site {site}", field="host")
        about = shown_site(known, sites.served(site), sites.wait_of(site))
        shown = [
            shown_deployment(
                each,
                self.public.scheme,
                self.public.port,
                live=each.id == about["live"],
                wait=sites.wait_of(site if each.id == about["waiting"] else each.document_id),
            )
            for each in known.newest_first()
        ]
        return json_response(
            200, {"site": site, "live": about["live"], "waiting": about["waiting"], "deployments": shown}
        )

    def _put_blob(self, head: RequestHead, values: Values) -> Exchange:
        self.authority.identify(api_key(head))
        sha256 = read_sha256(values["sha256"], "sha256")
        limit = self.limits.file_size
        if announced_length(head, limit) is None:
            raise Problem(411, "a blob is sent with its Content-Length", field="Content-Length")
        body = spooled(self.spool, limit)

        async def respond() -> Response:
            new = await store(self, sha256, body)
            return json_response(201 if new else 200, {"sha256": sha256, "size": body.size})

        return Exchange(respond, body)

    def _shown(self, deployed: Deployed, status: int) -> Response:
        deployment = deployed.deployment
        # What is live for everybody may have to wait here, for blobs that are on another node.
        wait = self.deployments.sites.wait_of(deployment.site) if deployed.live else None
        live = deployed.live and wait is None
        return json_response(
            status, shown_deployment(deployment, self.public.scheme, self.public.port, live=live, wait=wait)
        )

    def _in_thread(self, work: Callable[[], T]) -> "Deferred[T]":
        return deferToThreadPool(self.reactor, self.threads, work)


async def store(api: SitesApi, sha256: str, body: Spooled) -> bool:
    """Check a spooled blob, store it, and let the disk cache have its file; tell whether it was new."""
    found = body.finish()
    if found != sha256:
        api.deployments.metrics.uploads.labels("refused").inc()
        raise Problem(
            422, f"the content's SHA-256 is {found}, not the one in the address; nothing was stored", field="sha256"
        )
    new = await api.deployments.blobs.store(sha256, body.open, body.size)
    try:
        await deferToThreadPool(api.reactor, api.threads, lambda: api.keep(body.path, sha256, body.size))
    except OSError as error:
        # It is stored; the cache only spares a way to CouchDB.
        log.warn("blob {sha256} could not be kept on disk: {error}", sha256=sha256, error=error)
    return new


def spooled(spool: Spool, limit: int) -> Spooled:
    """Give a body that goes to disk, or raise the problem of a disk that does not take it."""
    try:
        return spool.body(limit)
    except OSError as error:
        raise problem_for_disk(error) from error


def permitted_site(authority: Authority, head: RequestHead, host: str) -> str:
    """Give the canonical site that a call is about, if its key reaches it."""
    grant: Grant = authority.identify(api_key(head))
    site = read_site(host)
    if not grant.reaches(site):
        raise Problem(
            403, f"this API key does not reach {site}; 'couchpages keys create --site {site}' makes one that does"
        )
    return site


def json_body(head: RequestHead, limits: Limits) -> InMemory:
    """Give the body for a call whose JSON may list all files of a deployment."""
    limit = min(limits.files * BYTES_FOR_A_FILE, limits.document_size * 3) + 65536
    announced_length(head, limit)
    return InMemory(limit)


def _idempotency_key(head: RequestHead) -> str | None:
    value = head.headers.first(b"idempotency-key")
    if value is None:
        return None
    if not 0 < len(value) <= LONGEST_IDEMPOTENCY_KEY:
        raise Problem(422, f"Idempotency-Key has 1 to {LONGEST_IDEMPOTENCY_KEY} characters", field="Idempotency-Key")
    return value.decode("latin-1")
