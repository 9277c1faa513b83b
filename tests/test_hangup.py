"""SIGHUP."""

import os
import signal
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from couchpages.hangup import HangUp


class Queue:
    """Stands for a reactor: keeps what was handed over from a signal's handler."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def callFromThread(self, call: Any) -> None:
        """Keep *call*."""
        self.calls.append(call)


class HangingUp(SynchronousTestCase):
    """``HangUp``."""

    def setUp(self) -> None:
        """Remember who had the signal."""
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))

    def test_calls(self) -> None:
        """Each SIGHUP makes the reactor call everything; one that fails does not keep the others from it."""
        reactor = Queue()
        called: list[int] = []
        service = HangUp(reactor, (lambda: called.append(1), lambda: 1 / 0, lambda: called.append(2)))
        service.startService()
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGHUP)
        self.assertEqual((len(reactor.calls), called), (2, []))
        reactor.calls[0]()
        self.assertEqual(called, [1, 2])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        service.stopService()

    def test_ignored_at_the_end(self) -> None:
        """Defect: SIGHUP while responses under way were waited for ended the daemon."""
        service = HangUp(Queue(), ())
        service.startService()
        service.stopService()
        self.assertIs(signal.getsignal(signal.SIGHUP), signal.SIG_IGN)
