"""A node: makes the objects and hands them to each other (wires, decides nothing)."""

import asyncio
import atexit
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from couchpages.access.keyring import Keyring
from couchpages.certs.tls_policy import HTTP_2
from couchpages.config import password_in, tcp_address
from couchpages.conflicts import Reconciler
from couchpages.couch.connection import connection
from couchpages.couch.database import CouchDatabase
from couchpages.couch.follower import Follower
from couchpages.couch.guard import Guard
from couchpages.couch.password_watch import PasswordWatch
from couchpages.edges import Edges, Fields
from couchpages.garbage import Lasting
from couchpages.hangup import HangUp
from couchpages.https import Https
from couchpages.metrics import Metrics
from couchpages.name_server import NameServer
from couchpages.pages.api import PublicAddress, SitesApi
from couchpages.pages.arrivals import Arrivals
from couchpages.pages.blobs import BlobReader
from couchpages.pages.challenges import ChallengesFirst
from couchpages.pages.deployments import Deployments
from couchpages.pages.disk_cache import DiskCache
from couchpages.pages.first_system import FirstSystemApi
from couchpages.pages.front import Front
from couchpages.pages.kept_manifests import ManifestFolder, ManifestKeeper
from couchpages.pages.protocol import VisitConnection
from couchpages.pages.ready import Ready
from couchpages.pages.reconciling import ManifestRule
from couchpages.pages.secure import Secure
from couchpages.pages.sites import Sites
from couchpages.pages.stored_blobs import StoredBlobs
from couchpages.pages.submission import Limits
from couchpages.pages.trace import Place
from couchpages.pages.visits import Visits
from couchpages.reactors import raise_descriptor_limit
from couchpages.secret_store import SecretStore
from couchpages.services import FolderLock, InOrder, Listener, Prepared
from couchpages.settings import Settings
from couchpages.web.access_line import FORMATS
from couchpages.web.access_log import AccessLog
from couchpages.web.edge import Edge
from couchpages.web.exchange import Application
from couchpages.web.handed_over import HandedOver
from couchpages.web.health import Health
from couchpages.web.hosts import ByHost
from couchpages.web.http2 import OverHttp2
from couchpages.web.log_file import LogFile
from couchpages.web.routes import Routes
from couchpages.web.second import Second
from couchpages.web.spool import Spool

#: Threads for files and hashes; the disk and two cores are busy with fewer.
THREADS = 4
#: Connections that wait for being accepted: nginx has 511, systemd's sockets 4,096; Twisted's 50 is few in a rush.
BACKLOG = 2048
#: The part of the memory for blobs that answers which are ready take: heads, and small contents with them.
READY_PART = 4


def node(reactor: Any, settings: Settings, reopen: Sequence[Callable[[], object]] = ()) -> list[Any]:
    """Make a node's services for *reactor*, each of which needs those before it until it has stopped. *reopen* are called on SIGHUP."""
    metrics = Metrics()
    data = settings.data.resolve()
    threads = ThreadPool(minthreads=0, maxthreads=THREADS, name="files")
    access_log = _access_log(reactor, threads, settings, metrics)
    guard = Guard(reactor, metrics)
    transport, store = connection(reactor, settings, data, guard)
    disk = DiskCache(data / "blobs", settings.cache.disk)
    spool = Spool(data / "spool")

    files = CouchDatabase(transport, settings.couchdb.files)
    manifests = CouchDatabase(transport, settings.couchdb.manifests)
    keyring = Keyring()
    name_server = NameServer(reactor, threads, transport, settings, metrics, keyring)
    keeper = ManifestKeeper(reactor, threads, ManifestFolder(data / "manifests"), metrics)
    stored = StoredBlobs(files, metrics)
    arrivals = Arrivals(reactor, stored, metrics)
    sites = Sites(reactor, manifests, settings.cache.manifests, metrics, arrivals, _milliseconds, keeper)
    for_ready = settings.cache.memory // READY_PART
    blobs = BlobReader(reactor, threads, files, disk, settings.cache.memory - for_ready, metrics, stored.distrust)
    manifest_conflicts = Reconciler(reactor, manifests, sites, ManifestRule(manifests, sites.knows), metrics)
    secret_store = SecretStore(
        reactor, threads, CouchDatabase(transport, settings.couchdb.secrets), settings, metrics, keyring,
        sites, name_server.own_zones, name_server.challenges,
    )  # fmt: skip
    followers = [
        Follower(reactor, manifests, Lasting(manifest_conflicts), metrics, known=sites.known),
        Follower(reactor, files, arrivals, metrics, from_now=True, vital=False),
        secret_store.follower,
    ]
    sites.believe(lambda: not followers[0].troubles())
    deployments = Deployments(
        sites, stored, manifests,
        Limits(settings.limits.file_size, settings.limits.files, settings.couchdb.max_document_size),
        settings.deployments.production_branches, _milliseconds, os.urandom, metrics,
    )  # fmt: skip

    api = SitesApi(reactor, threads, keyring, deployments, spool, _public(settings), disk.adopt)
    calls = (*api.routes(), *FirstSystemApi(api).routes(), *name_server.routes)
    descriptors = raise_descriptor_limit()
    https = Https(reactor, settings, metrics, secret_store.certificates.bundles, descriptors)
    private: Application = Routes(
        (
            *calls,
            *Health([sites, *followers, *name_server.ready_parts, *secret_store.ready_parts, guard], metrics).routes(),
        )
    )

    ordered = InOrder(lambda failure: _give_up(reactor, failure))
    for service in (
        FolderLock(data),
        Prepared("disk cache", disk.open),
        Prepared("spool", spool.open),
        Prepared("threads", threads.start, threads.stop),
        *([Prepared("access log", access_log.start, _stopping(access_log))] if access_log else []),
        Prepared("kept manifests", sites.restore, keeper.finish),
        *([store] if store else []),
        Prepared("connections to CouchDB", lambda: None, transport.close),
        PasswordWatch(reactor, threads, guard, transport, manifests, _password_reader(settings)),
        *secret_store.services,
        https.service,
        Prepared("questions for blobs", lambda: None, arrivals.stop),
        Prepared("conflicting manifests", lambda: None, manifest_conflicts.stop),
        *followers,
        *name_server.services,
        *secret_store.issuing,
    ):
        service.setServiceParent(ordered)
    metrics.tallies.is_known = sites.is_known
    second = Second(reactor, time.time)
    edges = Edges(reactor, settings, metrics, second, access_log, descriptors)

    def front(port: str, secure: Secure | None, fields: Fields | None) -> Front:
        """Make what visitors meet at a port, those of plain HTTP being sent to *secure*."""
        visits = Visits(sites, blobs, _place(settings), settings.http.trusted_proxies, time.time, secure)
        public = ChallengesFirst(secret_store.answer, ByHost(settings.api.hosts, Routes(calls), visits))
        ready = Ready(for_ready // (1 if https.contexts is None else 2), metrics.tallies)
        sites.tell(ready.forget)
        if secure is not None:
            https.tell(ready.forget_names)
        metrics.cache_bytes.labels(f"ready_{port}").set_function(lambda: ready.held)
        return Front(edges.edge(public, port, fields), sites, blobs, visits, ready, public.is_call)

    api_edge = edges.edge(private, "api", () if settings.api.tls else None)
    plain, secured = front("public", https.secure, None), front("https", None, https.fields)
    endpoint = partial(_endpoint, reactor)
    listening = MultiService()
    for listener in (
        *_listeners(reactor, settings.http.listen, plain.edge, partial(VisitConnection, plain), "public"),
        *https.listeners(
            endpoint,
            secured.edge,
            lambda agreed: OverHttp2(secured.edge) if agreed == HTTP_2 else VisitConnection(secured),
        ),
        *https.api_listeners(settings.api.listen, endpoint, api_edge, partial(HandedOver, api_edge)),
    ):
        listener.setServiceParent(listening)
    for each in name_server.listeners(second, descriptors=descriptors, backlog=BACKLOG):
        each.setServiceParent(listening)
    anew = *reopen, *_reopening(access_log), *secret_store.reopened
    return [HangUp(reactor, anew), Prepared("clock", second.start, second.stop), ordered, listening]


def _reopening(log: AccessLog | None) -> list[Callable[[], object]]:
    return [log.reopen] if log is not None else []


def _access_log(reactor: Any, threads: ThreadPool, settings: Settings, metrics: Metrics) -> AccessLog | None:
    log = settings.access_log
    if log.file is None:
        return None
    file = LogFile(log.file, log.rotate_size, log.rotate_keep)
    return AccessLog(reactor, threads, file, FORMATS[log.format], metrics)


def _stopping(log: AccessLog) -> Callable[[], "Deferred[None]"]:
    return lambda: Deferred.fromCoroutine(log.stop())


def _listeners(
    reactor: Any, endpoints: tuple[str, ...], edge: Edge, make: Callable[[], asyncio.Protocol], port: str
) -> list[Listener]:
    return [Listener(reactor, _endpoint(reactor, each), f"{each} ({port})", edge, make) for each in endpoints]


def _endpoint(reactor: Any, description: str) -> Any:
    """Make an endpoint. Raises ValueError, also for a socket that systemd did not hand over."""
    if description.startswith(("tcp", "unix")) and "backlog=" not in description:
        description += f":backlog={BACKLOG}"
    try:
        return serverFromString(reactor, description)
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError(f"cannot listen on {description}: {error}") from None


def _password_reader(settings: Settings) -> Callable[[], str] | None:
    file = settings.couchdb.password_file
    return None if file is None else lambda: password_in(file)


def _milliseconds() -> int:
    return int(time.time() * 1000)


def _public(settings: Settings) -> PublicAddress:
    scheme = settings.http.public_scheme
    address = tcp_address(settings.http.listen[0])
    port = settings.http.public_port or (address.port if address else None)
    return PublicAddress(scheme, None if port == {"http": 80, "https": 443}[scheme] else port)


def _place(settings: Settings) -> Place:
    return Place(settings.node.name or socket.gethostname(), settings.node.location, settings.node.country)


def _give_up(reactor: Any, failure: Failure) -> None:
    """End with exit code 1: something without which there is no node could not be started."""
    Logger("couchpages").critical("the daemon cannot start: {reason}", reason=failure.getErrorMessage())
    # twistd ends with 0 whatever happened while the reactor ran, and systemd would take that for an orderly end.
    atexit.register(_exit_as_failed)
    reactor.callWhenRunning(reactor.stop)


def _exit_as_failed() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
