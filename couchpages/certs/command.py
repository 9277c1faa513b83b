"""Runs a command of the operator's, without a shell (starts a process)."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol, connectionDone
from twisted.python.failure import Failure

#: Seconds after which a command is killed.
PATIENCE = 60.0
#: Seconds that its last words may take after it ended.
LAST_WORDS = 1.0
#: Bytes of its output that are kept, and lines that are shown.
KEPT, SHOWN = 4096, 5
OURS = "COUCHPAGES_"


class CommandFailedError(Exception):
    """It did not end with 0; the message says how it ended, and its last words."""


async def run(reactor: Any, words: Sequence[str], more: Mapping[str, str]) -> None:
    """Run a program with its arguments, and *more* in the environment. Raises :class:`CommandFailedError`.

    Nothing else of ours is in the environment: CouchDB's password may be.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith(OURS)} | dict(more)
    process = _Command()
    try:
        # Found as a shell finds it, by PATH, but taken apart by nobody.
        process.begun(reactor, reactor.spawnProcess(process, words[0], list(words), environ, "/"))
    except OSError as error:
        raise CommandFailedError(f"{words[0]}: {error}") from error
    try:
        await process.done
    except CommandFailedError as error:
        raise CommandFailedError(f"{words[0]} {error}") from None


class _Command(ProcessProtocol):
    def __init__(self) -> None:
        self.done: Deferred[None] = Deferred(lambda _: self._kill())
        self._reactor: Any = None
        self._output = b""
        self._late = False
        self._timer: Any = None
        self._process: Any = None

    def begun(self, reactor: Any, process: Any) -> None:
        """Give it its time."""
        self._reactor, self._process = reactor, process
        self._timer = reactor.callLater(PATIENCE, self._is_late)
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
        self._process.loseConnection()
        if self.done.called:
            return
        if self._late or reason.check(ProcessDone) is None:
            self.done.errback(CommandFailedError(self._words(reason)))
        else:
            self.done.callback(None)

    def _cancel(self) -> None:
        if self._timer.active():
            self._timer.cancel()

    def _is_late(self) -> None:
        self._late = True
        self._kill()

    def _kill(self) -> None:
        with suppress(ProcessExitedAlready):
            self._process.signalProcess("KILL")

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
