"""``twistd couchpages``: reads the options, makes the objects, hands them to each other (wires, decides nothing)."""

import atexit
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from twisted.application.service import IServiceCollection, MultiService
from twisted.internet.endpoints import serverFromString
from twisted.logger import ILogObserver, Logger
from twisted.python import usage
from twisted.python.components import Componentized
from twisted.python.failure import Failure
from twisted.python.logfile import LogFile
from twisted.python.threadpool import ThreadPool

from couchpages import logs
from couchpages.access.keyring import Keyring
from couchpages.access.reconciling import KeyRule
from couchpages.config import DEFAULT_FILE, ConfigurationError, Settings, load, password_in, tcp_address
from couchpages.conflicts import Reconciler
from couchpages.couch.connection import connection
from couchpages.couch.database import CouchDatabase
from couchpages.couch.follower import Follower
from couchpages.couch.guard import Guard
from couchpages.couch.password_watch import PasswordWatch
from couchpages.metrics import Metrics
from couchpages.pages.api import PublicAddress, SitesApi
from couchpages.pages.arrivals import Arrivals
from couchpages.pages.blobs import BlobReader
from couchpages.pages.deployments import Deployments
from couchpages.pages.disk_cache import DiskCache
from couchpages.pages.first_system import FirstSystemApi
from couchpages.pages.kept_manifests import ManifestFolder, ManifestKeeper
from couchpages.pages.reconciling import ManifestRule
from couchpages.pages.sites import Sites
from couchpages.pages.stored_blobs import StoredBlobs
from couchpages.pages.submission import Limits
from couchpages.pages.trace import Place
from couchpages.pages.visits import Visits
from couchpages.services import FolderLock, InOrder, Listener, Prepared
from couchpages.web.exchange import Application
from couchpages.web.health import Health
from couchpages.web.hosts import ByHost
from couchpages.web.routes import Routes
from couchpages.web.server import EdgeFactory
from couchpages.web.spool import Spool

#: Threads for files and hashes; the disk and two cores are busy with fewer.
THREADS = 4


class Options(usage.Options):
    """The daemon's command line."""

    longdesc = "Serves static sites from CouchDB. Without a configuration, from an embedded store, on 127.0.0.1:8080."
    optParameters = (
        ("config", "c", None, "The configuration file; without it, couchpages.toml of this folder if it is there."),
        ("log-format", None, None, "text or json; beats [log] format of the configuration."),
    )
    optFlags = (("check-config", None, "Say whether the configuration is right, and end."),)
    settings: Settings

    def postOptions(self) -> None:  # noqa: N802 -- Twisted's name
        """Read the configuration; what is wrong with it is one line, and exit code 1."""
        file = Path(self["config"]) if self["config"] else None
        try:
            self.settings = load(file, os.environ)
        except ConfigurationError as error:
            raise SystemExit(f"couchpages: {error}") from None
        if self["log-format"] not in (None, "text", "json"):
            raise SystemExit(f"couchpages: --log-format {self['log-format']}: write text or json")
        if self["check-config"]:
            source = file or (DEFAULT_FILE if Path(DEFAULT_FILE).exists() else f"no {DEFAULT_FILE} here, the defaults")
            print(f"{source}: the configuration is right")  # noqa: T201 -- what was asked for
            raise SystemExit(0)


class Daemon(MultiService):
    """All of a node. Brings its own log observer to the application that it is put into."""

    def __init__(self, log_observer: ILogObserver | None) -> None:
        super().__init__()
        self._log_observer = log_observer

    def setServiceParent(self, parent: Any) -> None:  # noqa: N802 -- Twisted's name
        """Join the application; twistd asks it for its log observer later."""
        if self._log_observer is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self._log_observer)
        super().setServiceParent(IServiceCollection(parent, parent))


def makeService(options: Options) -> MultiService:  # noqa: N802 -- Twisted's name
    """Make the daemon's service; called by twistd, which has installed a reactor by then."""
    from twisted.internet import reactor

    parent: Any = options.parent or {}
    format_ = options["log-format"] or options.settings.log.format
    # --logger and --syslog are twistd's, and beat ours.
    own_log = not parent.get("logger") and not parent.get("syslog")
    daemon = Daemon(logs.observer(format_, _log_stream(parent)) if own_log else None)
    try:
        for service in node(reactor, options.settings):
            service.setServiceParent(daemon)
    except (OSError, ValueError) as error:
        raise SystemExit(f"couchpages: cannot start: {error}") from None
    return daemon


def node(reactor: Any, settings: Settings) -> list[Any]:
    """Make a node's services for *reactor*: what starts in order, and what listens."""
    metrics = Metrics()
    data = settings.data.resolve()
    threads = ThreadPool(minthreads=0, maxthreads=THREADS, name="files")
    guard = Guard(reactor, metrics)
    transport, store = connection(reactor, settings, data, guard)
    disk = DiskCache(data / "blobs", settings.cache.disk)
    spool = Spool(data / "spool")

    files = CouchDatabase(transport, settings.couchdb.files)
    manifests = CouchDatabase(transport, settings.couchdb.manifests)
    secrets = CouchDatabase(transport, settings.couchdb.secrets)
    keyring = Keyring()
    keeper = ManifestKeeper(reactor, threads, ManifestFolder(data / "manifests"), metrics)
    stored = StoredBlobs(files, metrics)
    arrivals = Arrivals(reactor, stored, metrics)
    sites = Sites(reactor, manifests, settings.cache.manifests, metrics, arrivals, _milliseconds, keeper)
    blobs = BlobReader(reactor, threads, files, disk, settings.cache.memory, metrics, stored.distrust)
    manifest_conflicts = Reconciler(reactor, manifests, sites, ManifestRule(manifests, sites.knows), metrics)
    key_conflicts = Reconciler(reactor, secrets, keyring, KeyRule(secrets, keyring.knows), metrics)
    followers = [
        Follower(reactor, manifests, manifest_conflicts, metrics, known=sites.known),
        Follower(reactor, files, arrivals, metrics, from_now=True, vital=False),
        Follower(reactor, secrets, key_conflicts, metrics, vital=False),
    ]
    sites.believe(lambda: not followers[0].troubles())
    deployments = Deployments(
        sites, stored, manifests,
        Limits(settings.limits.file_size, settings.limits.files, settings.couchdb.max_document_size),
        settings.deployments.production_branches, _milliseconds, os.urandom, metrics,
    )  # fmt: skip

    api = SitesApi(reactor, threads, keyring, deployments, spool, _public(settings), disk.adopt)
    calls = (*api.routes(), *FirstSystemApi(api).routes())
    visits = Visits(sites, blobs, _place(settings), settings.http.trusted_proxies, time.time)
    public = ByHost(settings.api.hosts, Routes(calls), visits)
    private = Routes((*calls, *Health([sites, *followers, guard], metrics).routes()))

    ordered = InOrder(lambda failure: _give_up(reactor, failure))
    for service in (
        FolderLock(data),
        Prepared("disk cache", disk.open),
        Prepared("spool", spool.open),
        Prepared("threads", threads.start, threads.stop),
        Prepared("kept manifests", sites.restore, keeper.finish),
        *([store] if store else []),
        Prepared("connections to CouchDB", lambda: None, transport.close),
        PasswordWatch(reactor, threads, guard, transport, manifests, _password_reader(settings)),
        Prepared("questions for blobs", lambda: None, arrivals.stop),
        Prepared("conflicting manifests", lambda: None, manifest_conflicts.stop),
        Prepared("conflicting keys", lambda: None, key_conflicts.stop),
        *followers,
    ):
        service.setServiceParent(ordered)
    listeners = [
        *_listeners(reactor, settings.http.listen, public, metrics, "public"),
        *_listeners(reactor, settings.api.listen, private, metrics, "api"),
    ]
    return [ordered, *listeners]


def _listeners(
    reactor: Any, endpoints: tuple[str, ...], application: Application, metrics: Metrics, port: str
) -> list[Listener]:
    factory = EdgeFactory(reactor, application, metrics, port)
    return [Listener(reactor, _endpoint(reactor, each), f"{each} ({port})", factory) for each in endpoints]


def _endpoint(reactor: Any, description: str) -> Any:
    """Make an endpoint. Raises ValueError, also for a socket that systemd did not hand over."""
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


def _log_stream(parent: Any) -> TextIO:
    name = parent.get("logfile")
    if name and name != "-":
        return LogFile.fromFullPath(name)  # type: ignore[no-any-return]  # it has write and flush, which is all that is used
    if not name and not parent.get("nodaemon"):
        return LogFile.fromFullPath("twistd.log")  # type: ignore[no-any-return]  # as above
    return sys.stdout


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
