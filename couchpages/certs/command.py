"""Runs a command of the operator's, without a shell (starts a process)."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol, connectionDone
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

#: Seconds after which a command is killed.
PATIENCE = 60.0
#: Seconds that its last words may take after it ended.
LAST_WORDS = 1.0
#: Seconds between two looks whether it ended.
LOOKING = 0.1
#: Bytes of its output that are kept, and lines that are shown.
KEPT, SHOWN = 4096, 5
OURS = "COUCHPAGES_"
#: Begins a session, and becomes the command in it: so the command, and whatever it starts, are a group of processes that can be killed.
#: Twisted starts programs in our own group, and has no way to ask for another. Without site-packages it takes some 10 ms.
IN_A_SESSION = """
import os, sys
os.setsid()
try:
    os.execvp(sys.argv[1], sys.argv[1:])
except OSError as error:
    sys.exit(f"{sys.argv[1]}: {error.strerror}")
"""


class CommandFailedError(Exception):
    """It did not end with 0; the message says how it ended, and its last words."""


async def run(reactor: Any, words: Sequence[str], more: Mapping[str, str]) -> None:
    """Run a program with its arguments, and *more* in the environment. Raises :class:`CommandFailedError`.

    Nothing else of ours is in the environment: CouchDB's password may be.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith(OURS)} | dict(more)
    command = _Command(reactor)
    try:
        # Found as a shell finds it, by PATH, but taken apart by nobody.
        python = [sys.executable, "-I", "-S", "-c", IN_A_SESSION, *words]
        reactor.spawnProcess(command, python[0], python, environ, "/")
    except OSError as error:
        raise CommandFailedError(f"{words[0]}: {error}") from error
    try:
        await command.done
    except CommandFailedError as error:
        raise CommandFailedError(f"{words[0]} {error}") from None


class _Command(ProcessProtocol):
    def __init__(self, reactor: Any) -> None:
        self.done: Deferred[None] = Deferred(lambda _: self._kill())
        self._reactor = reactor
        self._output = b""
        self._late = False
        self._timer: Any = None
        self._looking: Any = None

    def connectionMade(self) -> None:  # noqa: N802 -- Twisted's name
        """Give it its time."""
        self._timer = self._reactor.callLater(PATIENCE, self._is_late)
        process: Any = self.transport
        self._looking = LoopingCall(process.reapProcess)
        self._looking.clock = self._reactor
        # Under uvloop, which keeps SIGCHLD's wake-up from Twisted, nobody else may look whether it ended.
        self._looking.start(LOOKING, now=False)
        process.closeStdin()

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N802, N803, ARG002 -- Twisted's names
        """Keep its last words."""
        self._output = (self._output + data)[-KEPT:]

    def processExited(self, reason: Failure = connectionDone) -> None:  # noqa: N802 -- Twisted's name
        """Wait a moment for its last words, no longer: who inherited its output, a server that it started, may keep that open for ever."""
        self._cancel()
        self._timer = self._reactor.callLater(LAST_WORDS, self._end, reason)

    def processEnded(self, reason: Failure = connectionDone) -> None:  # noqa: N802 -- Twisted's name
        """Tell how it ended."""
        self._end(reason)

    def _end(self, reason: Failure) -> None:
        self._cancel()
        process: Any = self.transport
        process.loseConnection()
        if self.done.called:
            return
        if self._late or reason.check(ProcessDone) is None:
            self.done.errback(CommandFailedError(self._words(reason)))
        else:
            self.done.callback(None)

    def _cancel(self) -> None:
        if self._looking.running:
            self._looking.stop()
        if self._timer.active():
            self._timer.cancel()

    def _is_late(self) -> None:
        self._late = True
        self._kill()

    def _kill(self) -> None:
        """Kill it with all that it started: that must not go on beside the next run. What began a session of its own is left alone."""
        process: Any = self.transport
        if process.pid is not None:
            # There is no such group before it began its session, which takes a moment.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        with suppress(ProcessExitedAlready):
            process.signalProcess("KILL")

    def _words(self, reason: Failure) -> str:
        value: Any = reason.value
        if self._late:
            how = f"was killed after {PATIENCE:g} seconds"
        elif value.signal is not None:
            how = f"was ended by signal {value.signal}"
        else:
            how = f"ended with exit code {value.exitCode}"
        lines = [line.strip() for line in self._output.decode("utf-8", "replace").splitlines() if line.strip()]
        return f"{how}: {' | '.join(lines[-SHOWN:])}" if lines else how
