"""What happens in the reactor's thread: waiting for changes, and bodies that arrive faster than the disk."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.embedded.bodies import JsonBody, UploadBody
from couchpages.couch.embedded.contents import CHUNK
from couchpages.couch.embedded.errors import ApiError, disk_full
from couchpages.couch.embedded.intake import PIECES_UNDER_WAY, Flow, Intake
from couchpages.couch.embedded.notifier import Notifier


class NotifierTests(SynchronousTestCase):
    """The bell between commits and feeds."""

    def setUp(self) -> None:
        """Subscribe to one of two databases."""
        self.clock = Clock()
        self.notifier = Notifier(self.clock)
        self.subscription = self.notifier.subscribe("a")

    def wait(self) -> "Deferred[None]":
        """Begin to wait for ten seconds."""
        return Deferred.fromCoroutine(self.subscription.wait(10.0))

    def test_change(self) -> None:
        """A change of the database ends the wait, and no timer stays."""
        waiting = self.wait()
        self.notifier.notify(frozenset({"b"}))
        self.assertNoResult(waiting)
        self.notifier.notify(frozenset({"a", "b"}))
        self.successResultOf(waiting)
        self.assertTrue(self.subscription.changed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_change_before_the_wait(self) -> None:
        """A change between reading and waiting is not missed."""
        self.notifier.notify(frozenset({"a"}))
        self.successResultOf(self.wait())

    def test_time(self) -> None:
        """Without a change, the time ends the wait."""
        waiting = self.wait()
        self.clock.advance(9.9)
        self.assertNoResult(waiting)
        self.clock.advance(0.2)
        self.successResultOf(waiting)
        self.assertFalse(self.subscription.changed)

    def test_cancelled(self) -> None:
        """A client that goes away leaves no timer, and a change after that harms nobody."""
        waiting = self.wait()
        waiting.cancel()
        self.failureResultOf(waiting)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.notifier.notify(frozenset({"a"}))

    def test_close(self) -> None:
        """Closing ends every wait, those that begin later too."""
        waiting = self.wait()
        self.notifier.close()
        self.successResultOf(waiting)
        self.assertTrue(self.subscription.closed)
        later = self.notifier.subscribe("a")
        self.successResultOf(Deferred.fromCoroutine(later.wait(10.0)))

    def test_unsubscribed(self) -> None:
        """Who stopped listening hears nothing."""
        self.notifier.unsubscribe("a", self.subscription)
        self.notifier.notify(frozenset({"a"}))
        self.assertFalse(self.subscription.changed)


class SlowWriter:
    """Takes jobs, and answers when it is told to."""

    def __init__(self) -> None:
        self.answers: list[Deferred[Any]] = []

    def submit(self, job: object, *, weight: int = 0) -> "Deferred[Any]":
        """Take a job."""
        del job, weight
        self.answers.append(Deferred())
        return self.answers[-1]


class Sender:
    """Notes whether it has to wait."""

    paused = False

    def pauseProducing(self) -> None:
        """Wait."""
        self.paused = True

    def resumeProducing(self) -> None:
        """Go on."""
        self.paused = False


class UploadTests(SynchronousTestCase):
    """Attachments that arrive."""

    def setUp(self) -> None:
        """Begin an upload to a slow disk."""
        self.writer, self.sender = SlowWriter(), Sender()
        self.body = UploadBody(Intake(self.writer, Flow(self.sender)))  # type: ignore[arg-type]  # as much of a writer as it needs

    def test_small(self) -> None:
        """What fits into one piece stays in memory, and needs no work but the document's own."""
        self.body.write(b"x" * CHUNK)
        received = self.body.received()
        self.assertEqual((received.whole, received.upload), (b"x" * CHUNK, None))
        self.body.abandon()
        self.assertEqual(self.writer.answers, [])

    def test_pieces(self) -> None:
        """What is larger goes in pieces, the last one with the end."""
        self.body.write(b"x" * (CHUNK + 1))
        self.assertEqual(len(self.writer.answers), 1)
        received = self.body.received()
        self.assertEqual((received.whole, received.length, len(self.writer.answers)), (None, CHUNK + 1, 2))

    def test_sender_waits(self) -> None:
        """The sender waits while too many pieces are under way, and goes on when the disk has caught up."""
        self.body.write(b"x" * (CHUNK * PIECES_UNDER_WAY))
        self.assertFalse(self.sender.paused)
        self.body.write(b"x")
        self.assertTrue(self.sender.paused)
        self.writer.answers[0].callback(None)
        self.assertFalse(self.sender.paused)

    def test_failure(self) -> None:
        """The first thing that went wrong is told, not what followed from it, and nothing more is stored."""
        self.body.write(b"x" * (2 * CHUNK + 1))
        self.writer.answers[0].errback(disk_full())
        self.writer.answers[1].errback(ValueError("the piece before it is not there"))
        self.body.write(b"x" * CHUNK)
        self.assertEqual(len(self.writer.answers), 2)
        with self.assertRaises(ApiError) as caught:
            self.body.check()
        self.assertEqual(caught.exception.status, 507)

    def test_abandoned(self) -> None:
        """What was stored of an upload that ends early is given up."""
        self.body.write(b"x" * (CHUNK + 1))
        self.body.abandon()
        self.assertEqual(len(self.writer.answers), 2)


class JsonBodyTests(SynchronousTestCase):
    """JSON that arrives."""

    def test_limit(self) -> None:
        """Up to its limit a body is kept, beyond it is dropped while it comes."""
        body = JsonBody(4)
        body.write(b"ab")
        body.write(b"cd")
        self.assertEqual(body.text(), b"abcd")
        body.write(b"e")
        self.assertEqual(body._pieces, [])
        with self.assertRaises(ApiError) as caught:
            body.text()
        self.assertEqual(caught.exception.status, 413)
