"""A CouchDB that can be stopped, killed, frozen and started again: by commands from the environment, or by a relay before it (does I/O)."""

import os
import subprocess
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Protocol
from urllib.parse import urlsplit

from tests.integration.faulty_relay import FaultyRelay
from tests.integration.node import wait_until
from tests.integration.requirements import COUCHDB

#: What the environment gives: shell commands, and KILL may be left out. START returns when CouchDB runs in the background.
VARIABLES = {name: f"COUCHPAGES_BENCH_COUCHDB_{name}" for name in ("STOP", "KILL", "START", "FREEZE", "THAW")}


class Interruptible(Protocol):
    """Does to CouchDB what its name says; each returns when it is done."""

    port: int
    described: str

    def stop(self) -> None:
        """End it in good order."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...

    def start(self) -> None:
        """Start it after :meth:`stop` or :meth:`kill`."""
        ...

    def freeze(self) -> None:
        """Have it answer nobody."""
        ...

    def thaw(self) -> None:
        """Have it answer after :meth:`freeze`."""
        ...


class ByCommands:
    """The server itself, by the commands that stand in :data:`VARIABLES`."""

    described = "the server itself, by signals"

    def __init__(self) -> None:
        self.port = _port()
        self._commands = {name: os.environ.get(variable, "") for name, variable in VARIABLES.items()}

    def stop(self) -> None:
        """See :class:`Interruptible`."""
        self._run("STOP")

    def kill(self) -> None:
        """See :class:`Interruptible`."""
        self._run("KILL" if self._commands["KILL"] else "STOP")

    def start(self) -> None:
        """See :class:`Interruptible`."""
        self._run("START")
        wait_until(lambda: _is_up(self.port), "CouchDB's start")

    def freeze(self) -> None:
        """See :class:`Interruptible`."""
        self._run("FREEZE")

    def thaw(self) -> None:
        """See :class:`Interruptible`."""
        self._run("THAW")
        wait_until(lambda: _is_up(self.port), "CouchDB's thaw")

    def _run(self, name: str) -> None:
        # What it starts in the background must not hold a pipe that this waits for.
        quiet = subprocess.DEVNULL
        subprocess.run(["sh", "-c", self._commands[name]], check=True, stdin=quiet, stdout=quiet, stderr=quiet)


class ByRelay:
    """The connections between the daemon and the server, which itself goes on."""

    described = "the connections to it, by a relay"

    def __init__(self) -> None:
        relay = FaultyRelay(_port())
        self.port = relay.port
        self.stop = self.kill = relay.refuse
        self.start = self.thaw = relay.heal
        self.freeze = relay.freeze


def interruptible() -> Interruptible:
    """Give what the environment allows."""
    given = [variable for name, variable in VARIABLES.items() if name != "KILL" and os.environ.get(variable)]
    return ByCommands() if len(given) == len(VARIABLES) - 1 else ByRelay()


def _port() -> int:
    return urlsplit(COUCHDB or "").port or 5984


def _is_up(port: int) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/_up", timeout=2) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        # Where every call needs a user, it says so, and is up.
        return error.code == HTTPStatus.UNAUTHORIZED
    except OSError:
        return False
