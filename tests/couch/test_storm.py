"""How often CouchDB is asked while it is away and when it is back, with many visitors at the door, with a Clock."""

import json
from collections import Counter
from typing import Any

from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.database import CouchDatabase
from couchpages.couch.evidence import Unasked, Unreachable
from couchpages.couch.follower import Follower
from couchpages.couch.guard import Guard
from couchpages.couch.timeouts import HEARTBEAT, QUIET, SILENCE, Timeouts
from couchpages.couch.transport import MOST_CONNECTIONS, Transport
from couchpages.metrics import Metrics
from couchpages.ports import Change, NotFound, Unavailable
from tests.couch.test_transport import Answering, Asked, FakeAgent

STEP = 0.5
LATENCY = 0.01
#: Seconds between two tries of a follower, at most.
LONGEST_PAUSE = 5
#: Visitors that come in each step, each for something that nobody asked for before.
VISITORS = 20
DATABASES = ("manifests", "secrets", "third")


class Sink:
    """Takes everything."""

    def apply(self, change: Change) -> None:
        """Take a change."""

    def loaded(self) -> None:
        """Take note."""


class CouchDB(FakeAgent):
    """A CouchDB with empty databases, which is well, *refuses* connections, is *frozen*, or says 500 to everything (*fails*)."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.state = "well"
        self.feeds: list[Answering] = []

    def request(self, method: bytes, uri: bytes, headers: Any = None, bodyProducer: Any = None) -> Deferred[Any]:  # noqa: N803 -- Twisted's name
        """See IAgent."""
        answer = super().request(method, uri, headers, bodyProducer)
        self.clock.callLater(LATENCY, self._meet, self.asked[-1])
        return answer

    def _meet(self, asked: Asked) -> None:
        if asked.answer.called:
            return
        if self.state == "refuses":
            asked.fail(Refused())
        elif self.state == "fails":
            asked.give(500, b'{"error":"unknown","reason":"badmatch"}')
        elif self.state == "well":
            self._answer(asked)

    def _answer(self, asked: Asked) -> None:
        path = asked.uri.decode().removeprefix("http://couch/")
        if "heartbeat" in path:
            self.feeds.append(asked.begin(200))
        elif "_changes" in path:
            asked.give(200, b'{"last_seq":"0-x","pending":0}\n')
        elif path in DATABASES:
            asked.give(200, json.dumps({"instance_start_time": "1", "update_seq": "0-x"}).encode())
        else:
            asked.give(404, b'{"error":"not_found","reason":"missing"}')

    def beat(self) -> None:
        """Send heartbeats."""
        for feed in self.feeds:
            if not feed.cut:
                feed.send(b"\n")

    def stop(self) -> None:
        """Hang up on everybody, and refuse connections from then on."""
        self.state = "refuses"
        feeds, self.feeds = self.feeds, []
        for feed in feeds:
            feed.end(ConnectionLost())


class Storms(SynchronousTestCase):
    """A node's transport, with three followers and many visitors."""

    def setUp(self) -> None:
        """Start, with a CouchDB that is well."""
        self.clock = Clock()
        self.couchdb = CouchDB(self.clock)
        self.metrics = Metrics()
        self.guard = Guard(self.clock, self.metrics)
        self.transport = Transport(self.clock, "http://couch", None, Timeouts(), chance=lambda: 0.5, guard=self.guard)
        self.transport.client = HTTPClient(self.couchdb)
        databases = [CouchDatabase(self.transport, name) for name in DATABASES]
        self.followers = [Follower(self.clock, each, Sink(), self.metrics, chance=lambda: 0.5) for each in databases]
        self.visited = 0
        self.waiting: list[Deferred[Any]] = []
        self.outcomes: Counter[str] = Counter()
        for follower in self.followers:
            follower.startService()
        self.addCleanup(self.stop)
        self.clock.pump([LATENCY] * 4)
        self.assertEqual(len(self.couchdb.feeds), len(DATABASES))

    def stop(self) -> None:
        """Stop the followers; no request and no timer is left."""
        for follower in self.followers:
            stopping = follower.stopService()
            assert stopping is not None
            self.successResultOf(stopping)
        self.clock.advance(60)
        self.assertEqual((self.clock.getDelayedCalls(), self.waiting), ([], []))

    def visit(self) -> None:
        """Let a visitor ask for something new."""
        self.visited += 1
        done = Deferred.fromCoroutine(CouchDatabase(self.transport, "files").get(f"blob{self.visited}"))
        self.waiting.append(done)

        def over(failure: Any) -> None:
            self.waiting.remove(done)
            self.outcomes[failure.type.__name__] += 1

        done.addErrback(over)

    def pass_time(self, seconds: float, *, beating: bool = False) -> int:
        """Let time pass, with visitors; give how often CouchDB was asked, feeds included."""
        before = len(self.couchdb.asked)
        for step in range(int(seconds / STEP)):
            for _ in range(VISITORS):
                self.visit()
            if beating and step % int(HEARTBEAT / STEP) == 0:
                self.couchdb.beat()
            self.clock.pump([LATENCY, STEP - LATENCY])
        return len(self.couchdb.asked) - before

    def assert_well(self, soon: float = LONGEST_PAUSE) -> None:
        """Assert that *soon* seconds after CouchDB's return every visitor is answered, that each made one request, each follower a few."""
        self.couchdb.state = "well"
        self.pass_time(soon + STEP, beating=True)
        self.assertFalse(self.guard.is_open)
        self.outcomes.clear()
        before = self.visited
        asked = self.pass_time(10, beating=True)
        visits = self.visited - before
        self.assertEqual(self.outcomes, {"NotFound": visits})
        self.assertLessEqual(asked, visits + 3 * len(DATABASES))
        self.assertEqual([follower.troubles() for follower in self.followers], [[]] * len(DATABASES))

    def test_well(self) -> None:
        """Each visitor makes one request."""
        self.assertEqual(self.pass_time(20, beating=True), self.visited)
        self.assertEqual(self.outcomes, {NotFound.__name__: self.visited})

    def test_refused(self) -> None:
        """In five minutes without CouchDB, only followers knock, a few seconds apart; nobody waits; its return is no storm."""
        self.couchdb.stop()
        self.clock.advance(1)
        asked = self.pass_time(300)
        # Each follower pauses for 3.75 seconds with this chance, once its pauses have grown, for which it knocks four times.
        self.assertLessEqual(asked, len(DATABASES) * (300 / 3.75 + 4))
        self.assertEqual(self.waiting, [])
        self.assertEqual(set(self.outcomes), {Unasked.__name__})
        self.assert_well()

    def test_frozen(self) -> None:
        """Frozen, CouchDB is found away when its feeds are silent; whoever waits is told at once, and probes alone hang."""
        self.pass_time(10, beating=True)
        self.couchdb.state = "frozen"
        self.outcomes.clear()
        self.pass_time(SILENCE + HEARTBEAT)
        self.assertTrue(self.guard.is_open)
        self.assertEqual(self.waiting, [])
        self.assertLess(SILENCE, Timeouts().answer)
        asked = self.pass_time(300)
        self.assertLessEqual(asked, len(DATABASES) * 300 / Timeouts().answer)
        self.assertEqual((set(self.outcomes), self.waiting), ({Unasked.__name__}, []))
        # A probe that hangs when CouchDB is back has to end first: this one does not answer what it was asked while frozen.
        self.assert_well(Timeouts().answer + LONGEST_PAUSE)

    def test_failing(self) -> None:
        """While everything is 500 and heartbeats come, each visitor is told after one try, and CouchDB is not said to be away."""
        self.couchdb.state = "fails"
        self.pass_time(5, beating=True)
        before = self.visited
        asked = self.pass_time(60, beating=True)
        self.assertEqual(asked, self.visited - before)
        self.assertEqual((set(self.outcomes), self.guard.is_open), ({Unavailable.__name__}, False))
        self.assert_well()

    def test_slow(self) -> None:
        """Requests that get no answer while heartbeats come are their own matter: nobody else is given up for them."""
        self.couchdb.state = "frozen"
        for _ in range(MOST_CONNECTIONS):
            self.visit()
        for _ in range(int(Timeouts().answer / HEARTBEAT) + 1):
            self.couchdb.beat()
            self.clock.advance(HEARTBEAT)
        self.assertEqual((self.outcomes, self.guard.is_open), ({"Unanswered": MOST_CONNECTIONS}, False))
        self.assertGreaterEqual(QUIET, HEARTBEAT)
        self.couchdb.state = "well"

    def test_waiting_for_a_turn(self) -> None:
        """Who waits for a turn when CouchDB is found away is told at once as well, and turns are given back."""
        self.couchdb.state = "frozen"
        for _ in range(2 * MOST_CONNECTIONS):
            self.visit()
        self.couchdb.stop()
        self.clock.advance(1)
        found_out = {Unreachable.__name__: 1, Unasked.__name__: 2 * MOST_CONNECTIONS - 1}
        self.assertEqual((self.waiting, self.outcomes), ([], found_out))
        self.assert_well()
