"""SIGHUP means that log files were moved, or key files changed, and ends nobody (does I/O)."""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from twisted.application.service import Service
from twisted.logger import Logger


class HangUp(Service):
    """Calls each of *calls* in *reactor*'s thread when the process gets SIGHUP, from when it is started to when it is stopped.

    Started and stopped in the main thread, as Python asks. Works with every reactor that handles SIGTERM: the signal wakes the reactor,
    the handler runs, and what it hands over runs in the reactor.
    """

    log = Logger()
    name = "SIGHUP"

    def __init__(self, reactor: Any, calls: tuple[Callable[[], object], ...]) -> None:
        self._reactor = reactor
        self._calls = calls

    def startService(self) -> None:  # noqa: N802 -- Twisted's name
        """Take the signal."""
        super().startService()
        signal.signal(signal.SIGHUP, self._came)

    def stopService(self) -> None:  # noqa: N802 -- Twisted's name
        """Ignore it from now on: responses under way still have their time, and the process ends soon."""
        super().stopService()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _came(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._reactor.callFromThread(self._call)

    def _call(self) -> None:
        self.log.info("SIGHUP: log files are opened, and key files read, anew")
        for call in self._calls:
            try:
                call()
            except Exception:  # noqa: BLE001 -- the others are called all the same
                self.log.failure("SIGHUP: a file could not be opened anew")
