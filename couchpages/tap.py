"""``twistd couchpages``: reads the options, and makes the daemon's service (wires, decides nothing)."""

import os
import sys
from pathlib import Path
from typing import Any

from twisted.application.service import IServiceCollection, MultiService, Service
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, Logger
from twisted.python import usage
from twisted.python.components import Componentized
from twisted.python.logfile import LogFile

from couchpages import logs, reactors
from couchpages.config import DEFAULT_FILE, ConfigurationError, load
from couchpages.settings import Settings
from couchpages.stopping import stop_in_turn


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
            _check_files(self.settings)
            source = file or (DEFAULT_FILE if Path(DEFAULT_FILE).exists() else f"no {DEFAULT_FILE} here, the defaults")
            print(f"{source}: the configuration is right")  # noqa: T201 -- what was asked for
            raise SystemExit(0)


def _check_files(settings: Settings) -> None:
    """Read the files that a node reads at its start which issues certificates, also on one that is not among the issuers (yet)."""
    if settings.acme.directory is None:
        return
    # Imported here: it brings libraries that only issuers need, and may bring a reactor, before the right one is chosen.
    from couchpages.issuing import check_files

    try:
        check_files(settings.acme)
    except ConfigurationError as error:
        raise SystemExit(f"couchpages: {error}") from None


class Daemon(MultiService):
    """All of a node. Brings its own log observer to the application that it is put into.

    What was started last is stopped first, and the next when that has stopped: responses under way may need everything else.
    """

    log = Logger()

    def __init__(self, log_observer: ILogObserver | None) -> None:
        super().__init__()
        self._log_observer = log_observer

    def setServiceParent(self, parent: Any) -> None:  # noqa: N802 -- Twisted's name
        """Join the application; twistd asks it for its log observer later."""
        if self._log_observer is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self._log_observer)
        super().setServiceParent(IServiceCollection(parent, parent))

    def stopService(self) -> Any:  # noqa: N802 -- Twisted's name
        """Stop everything."""
        Service.stopService(self)
        return Deferred.fromCoroutine(stop_in_turn(reversed(list(self)), self.log))


def makeService(options: Options) -> MultiService:  # noqa: N802 -- Twisted's name
    """Make the daemon's service; called by twistd, before it imports a reactor, unless one was asked for."""
    reactors.install()
    from twisted.internet import reactor

    # What a node is made of may import a reactor, which must be the right one by then.
    from couchpages.node import node

    Logger("couchpages").info("running on {what}", what=reactors.description(reactor))
    parent: Any = options.parent or {}
    format_ = options["log-format"] or options.settings.log.format
    # --logger and --syslog are twistd's, and beat ours.
    own_log = not parent.get("logger") and not parent.get("syslog")
    stream = _log_stream(parent) if own_log else None
    daemon = Daemon(logs.observer(format_, stream) if stream is not None else None)
    reopen: list[Any] = [stream.reopen] if isinstance(stream, LogFile) else []
    try:
        for service in node(reactor, options.settings, reopen):
            service.setServiceParent(daemon)
    except (OSError, ValueError) as error:
        raise SystemExit(f"couchpages: cannot start: {error}") from None
    return daemon


def _log_stream(parent: Any) -> Any:
    name = parent.get("logfile")
    if name and name != "-":
        return LogFile.fromFullPath(name)
    if not name and not parent.get("nodaemon"):
        return LogFile.fromFullPath("twistd.log")
    return sys.stdout
