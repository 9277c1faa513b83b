"""Runs one asynchronous task on the reactor, and ends it cleanly on Ctrl-C (I/O). The command's only place with a reactor."""

import signal
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any, TypeVar

from couchpages.cli.errors import StoppedError

_T = TypeVar("_T")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(task: Callable[[Any], Coroutine[Any, Any, _T]]) -> _T:
    """Give what *task*, called with the reactor, returns, or raise what it raises.

    SIGINT and SIGTERM cancel the task; a second one ends the process at once. Runs once in a process, in the main thread.
    """
    # Imported here and nowhere else: the first import installs the reactor.
    from twisted.internet import reactor

    _quiet_twisted()
    running = _Running(reactor, task)
    reactor.callWhenRunning(running.begin)
    reactor.run()
    result: _T = running.result()
    return result


def _quiet_twisted() -> None:
    """Keep Twisted from writing its own account of failures to stderr: each reaches people in one line of ours."""
    from twisted.logger import globalLogBeginner

    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)


class _Running:
    def __init__(self, reactor: Any, task: Callable[[Any], Coroutine[Any, Any, Any]]) -> None:
        self._reactor = reactor
        self._task = task
        # Twisted's own handler of SIGINT stops the reactor without an outcome, in the moment before ``begin``.
        self._outcome: Any = StoppedError("interrupted before anything was sent")
        self._signal: int | None = None

    def begin(self) -> None:
        from twisted.internet.defer import Deferred

        # Awaited within, so that a task which fails before it gives a coroutine ends the run as well.
        self._deferred: Deferred[Any] = Deferred.fromCoroutine(self._begun())
        for number in _SIGNALS:
            signal.signal(number, self._stop)
        self._deferred.addBoth(self._end)

    async def _begun(self) -> Any:
        return await self._task(self._reactor)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self._signal = number
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        self._reactor.callFromThread(self._deferred.cancel)

    def _end(self, outcome: Any) -> None:
        self._outcome = outcome
        self._reactor.stop()

    def result(self) -> Any:
        """Give the outcome, or raise it."""
        from twisted.internet.defer import CancelledError
        from twisted.python.failure import Failure

        if isinstance(self._outcome, StoppedError):
            raise self._outcome
        if not isinstance(self._outcome, Failure):
            return self._outcome
        error: BaseException = self._outcome.value or CancelledError()
        if isinstance(error, CancelledError):
            error = StoppedError("interrupted; if something was to be changed, it may have been or not")
        if isinstance(error, StoppedError) and self._signal is not None:
            error.exit_code = 128 + self._signal
        raise error
