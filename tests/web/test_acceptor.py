"""Accepting on a loop: many at once, errors, too many open files, the end."""

import asyncio
import errno
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from couchpages.web.acceptor import AT_ONCE, PAUSE, Acceptor


class Handed:
    """A connection that was accepted."""

    def __init__(self) -> None:
        self.blocking = True
        self.closed = False

    def setblocking(self, flag: bool) -> None:
        """Note it."""
        self.blocking = flag

    def close(self) -> None:
        """Note it."""
        self.closed = True


class Listening(Handed):
    """A listening socket that gives what it is told to, then nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.coming: list[Any] = []

    def accept(self) -> Any:
        """Give the next, or raise it."""
        if not self.coming:
            raise BlockingIOError
        found = self.coming.pop(0)
        if isinstance(found, OSError):
            raise found
        return found


class Loop:
    """An event loop with one socket and one timer."""

    def __init__(self) -> None:
        self.ready: Any = None
        self.timer: Any = None

    def add_reader(self, _: Any, call: Any) -> None:
        """Note it."""
        self.ready = call

    def remove_reader(self, _: Any) -> None:
        """Note it."""
        self.ready = None

    def call_later(self, seconds: float, call: Any) -> "Loop":
        """Note it."""
        assert seconds == PAUSE
        self.timer = call
        return self

    def cancel(self) -> None:
        """Forget the timer."""
        self.timer = None


class Accepting(SynchronousTestCase):
    """``Acceptor``."""

    def setUp(self) -> None:
        """Begin to accept."""
        self.loop, self.listening = Loop(), Listening()
        self.begun: list[tuple[Any, str]] = []
        self.acceptor = Acceptor(self.loop, self.listening, self.begin)  # type: ignore[arg-type]  # as far as it is used

    def begin(self, connection: Any, address: str) -> None:
        """Note who came; one of them meets a defect."""
        if address == "defect":
            raise asyncio.InvalidStateError("made up by a test")
        self.begun.append((connection, address))

    def test_many(self) -> None:
        """As many as one turn takes are begun with, not blocking, with their addresses; the rest in the next turn."""
        self.listening.coming = [(Handed(), (f"192.0.2.{number}", 1)) for number in range(AT_ONCE)]
        self.listening.coming += [(Handed(), ("::1", 1, 0, 0)), (Handed(), "")]
        self.loop.ready()
        self.assertEqual(len(self.begun), AT_ONCE)
        self.loop.ready()
        self.assertEqual([address for _, address in self.begun[-2:]], ["::1", ""])
        self.assertFalse(any(connection.blocking for connection, _ in self.begun))

    def test_too_many_files(self) -> None:
        """When there are too many open files, nothing is accepted for a moment, and then again."""
        self.listening.coming = [OSError(errno.EMFILE, "too many"), (Handed(), ("192.0.2.1", 1))]
        self.loop.ready()
        self.assertIsNone(self.loop.ready)
        self.loop.timer()
        self.loop.ready()
        self.assertEqual(len(self.begun), 1)

    def test_gone(self) -> None:
        """Whoever is gone before he is accepted, or meets a defect, changes nothing for the next."""
        defective = Handed()
        self.listening.coming = [
            ConnectionAbortedError(),
            OSError(errno.EPROTO, "gone"),
            (defective, ("defect", 1)),
            (Handed(), ("192.0.2.1", 1)),
        ]
        for _ in range(3):
            self.loop.ready()
        self.assertEqual((len(self.begun), defective.closed), (1, True))
        self.assertEqual(len(self.flushLoggedErrors(asyncio.InvalidStateError)), 1)

    def test_closed(self) -> None:
        """Closed, also while it pauses or accepts, it accepts nothing more; closing twice is no harm."""
        self.listening.coming = [OSError(errno.EMFILE, "too many")]
        self.loop.ready()
        self.acceptor.close()
        self.acceptor.close()
        self.assertEqual((self.loop.timer, self.listening.closed), (None, True))
