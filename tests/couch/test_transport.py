"""Requests to CouchDB, on an agent that is none, with a Clock."""

import io
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost, DNSLookupError
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import HTTPConnectionPool, ResponseDone, ResponseFailed, ResponseNeverReceived
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent, IResponse
from zope.interface import implementer

from couchpages.couch.backoff import Backoff
from couchpages.couch.database import CouchDatabase
from couchpages.couch.evidence import Unanswered, Unasked, Unreachable
from couchpages.couch.guard import Guard
from couchpages.couch.timeouts import Timeouts
from couchpages.couch.transport import MOST_CONNECTIONS, Transport
from couchpages.metrics import Metrics
from couchpages.ports import Conflict, NotFound, Row, StoreError, Unavailable

TIMEOUTS = Timeouts(connect=5, answer=10, idle=3)


@implementer(IResponse)
class Answering:
    """An answer whose body comes when the test says so."""

    version = (b"HTTP", 1, 1)
    phrase = b""
    length = UNKNOWN_LENGTH
    request: Any = None
    previousResponse: Any = None  # noqa: N815 -- Twisted's name

    def __init__(self, code: int) -> None:
        self.code = code
        self.headers = Headers()
        self.protocol: Any = None
        self.cut = False

    def setPreviousResponse(self, previous: object) -> None:
        """Nobody redirects."""

    def deliverBody(self, protocol: Any) -> None:
        """Remember who wants the body."""
        self.protocol = protocol
        protocol.makeConnection(self)

    def abortConnection(self) -> None:
        """Be cut."""
        self.cut = True

    def loseConnection(self) -> None:
        """Be closed, which is the same to whoever waits."""
        self.cut = True

    def send(self, data: bytes) -> None:
        """Let a piece of the body come."""
        self.protocol.dataReceived(data)

    def end(self, reason: Exception | None = None) -> None:
        """Let the body end."""
        self.protocol.connectionLost(Failure(reason or ResponseDone()))


@dataclass
class Asked:
    """A request that was made."""

    method: bytes
    uri: bytes
    headers: Headers
    producer: Any
    answer: Deferred[Any]

    def give(self, code: int, body: bytes = b"{}", reason: Exception | None = None) -> None:
        """Answer the request."""
        answering = self.begin(code)
        answering.send(body)
        answering.end(reason)

    def begin(self, code: int) -> Answering:
        """Begin to answer."""
        answering = Answering(code)
        self.answer.callback(answering)
        return answering

    def fail(self, error: Exception) -> None:
        """Let the request fail."""
        self.answer.errback(error)


@implementer(IAgent)
@dataclass
class FakeAgent:
    """Remembers requests. *cancelled_with* is what a request that is given up fails with."""

    asked: list[Asked] = field(default_factory=list)
    cancelled: int = 0
    cancelled_with: Callable[[], Exception] = CancelledError

    def request(self, method: bytes, uri: bytes, headers: Any = None, bodyProducer: Any = None) -> Deferred[Any]:  # noqa: N803 -- Twisted's name
        """See IAgent."""
        answer: Deferred[Any] = Deferred(self._cancel)
        self.asked.append(Asked(method, uri, headers, bodyProducer, answer))
        return answer

    def _cancel(self, answer: Deferred[Any]) -> None:
        self.cancelled += 1
        answer.errback(self.cancelled_with())


class TransportCase(SynchronousTestCase):
    """A test with a transport, and no timer left behind."""

    def setUp(self) -> None:
        """Make a transport on a fake agent."""
        self.clock = Clock()
        self.agent = FakeAgent()
        credentials = ("user", "secret")
        backoff = Backoff(first=1, most=8, tries=3)
        self.transport = Transport(self.clock, "http://couch", credentials, TIMEOUTS, backoff, lambda: 0.0)
        self.transport.client = HTTPClient(self.agent)

    def tearDown(self) -> None:
        """Check that no timer is left, whatever happened."""
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def start(self, work: Coroutine[Any, Any, Any]) -> Deferred[Any]:
        """Begin *work*."""
        return Deferred.fromCoroutine(work)


class Requests(TransportCase):
    """``Transport``."""

    def fetch(self, *, repeat: bool = False, method: str = "GET") -> Deferred[bytes]:
        """Begin a request."""
        return self.start(self.transport.fetch(method, "db/x", repeat=repeat))

    def test_request(self) -> None:
        """A request has its address, the password, and its body; the answer's body is given whole."""
        done = self.start(self.transport.fetch("PUT", "db/a%2Fb", query={"rev": "1-é", "k": '"x"'}, body=b'{"a":1}'))
        (asked,) = self.agent.asked
        self.assertEqual((asked.method, asked.uri), (b"PUT", b"http://couch/db/a%2Fb?rev=1-%C3%A9&k=%22x%22"))
        self.assertEqual(asked.headers.getRawHeaders(b"authorization"), [b"Basic dXNlcjpzZWNyZXQ="])
        self.assertEqual(asked.headers.getRawHeaders(b"content-type"), [b"application/json"])
        answering = asked.begin(201)
        answering.send(b'{"ok"')
        answering.send(b":true}")
        self.assertNoResult(done)
        answering.end()
        self.assertEqual(self.successResultOf(done), b'{"ok":true}')

    def test_no_connection(self) -> None:
        """Whatever keeps a request from being answered is Unavailable."""
        for error in (
            Refused(),
            DNSLookupError(),
            ConnectionLost(),
            OSError("no route"),
            ResponseNeverReceived([Failure(ConnectionLost())]),
            ResponseFailed([Failure(ValueError("not HTTP"))]),
        ):
            with self.subTest(error=error):
                done = self.fetch()
                self.agent.asked[-1].fail(error)
                self.failureResultOf(done, Unavailable)

    def test_answer_in_time(self) -> None:
        """An answer that does not begin in time is Unavailable, however Twisted says that a request was given up."""
        for kind in (CancelledError, lambda: ResponseNeverReceived([Failure(CancelledError())])):
            self.agent.cancelled_with = kind
            done = self.fetch()
            self.clock.advance(9.9)
            self.assertNoResult(done)
            self.clock.advance(0.1)
            self.assertIn("no answer in 10 seconds", str(self.failureResultOf(done, Unavailable).value))
        self.assertEqual(self.agent.cancelled, 2)

    def test_silence_within_an_answer(self) -> None:
        """A body that stalls is Unavailable and its connection cut; one that comes in time is not."""
        done = self.fetch()
        answering = self.agent.asked[0].begin(200)
        for _ in range(5):
            self.clock.advance(2)
            answering.send(b"x")
        self.assertNoResult(done)
        self.clock.advance(3)
        self.failureResultOf(done, Unavailable)
        self.assertTrue(answering.cut)
        answering.send(b"late")
        answering.end(ConnectionLost())

    def test_cut_short(self) -> None:
        """A body that ends too early, or may have, is Unavailable."""
        for reason in (ResponseFailed([Failure(ConnectionLost())]), PotentialDataLoss(), ConnectionLost()):
            done = self.fetch()
            self.agent.asked[-1].give(200, b"par", reason)
            self.failureResultOf(done, Unavailable)

    def test_errors(self) -> None:
        """CouchDB's errors are told; a proxy's 404 is not one of them; none of them is a reason to ask again."""
        for code, body, kind in [
            (404, b'{"error":"not_found","reason":"missing"}', NotFound),
            (409, b'{"error":"conflict","reason":"x"}', Conflict),
            (400, b'{"error":"bad_request","reason":"x"}', StoreError),
        ]:
            done = self.fetch(repeat=True)
            self.agent.asked[-1].give(code, body)
            self.assertIs(type(self.failureResultOf(done).value), kind)
        self.assertEqual(len(self.agent.asked), 3)
        done = self.fetch()
        self.agent.asked[-1].give(404, b"<html>not here</html>")
        self.failureResultOf(done, Unavailable)

    def test_redirect(self) -> None:
        """Nobody is followed elsewhere with our password, and a redirect is no success."""
        done = self.fetch(method="PUT")
        answering = Answering(302)
        answering.headers.setRawHeaders(b"location", [b"http://evil/"])
        self.agent.asked[0].answer.callback(answering)
        answering.end()
        self.failureResultOf(done, Unavailable)
        self.assertEqual(len(self.agent.asked), 1)

    def test_repeated(self) -> None:
        """What may be repeated is tried again after growing pauses, and the answer is that of the last try alone."""
        done = self.fetch(repeat=True)
        self.agent.asked[0].give(503, b"down")
        self.clock.advance(0.5)
        self.agent.asked[1].give(200, b"par", ConnectionLost())
        self.clock.advance(0.9)
        self.assertEqual(len(self.agent.asked), 2)
        self.clock.advance(0.1)
        self.agent.asked[2].give(200, b"whole")
        self.assertEqual(self.successResultOf(done), b"whole")

    def test_tries_are_bounded(self) -> None:
        """After the last try the error is told."""
        done = self.fetch(repeat=True)
        for turn in range(3):
            self.agent.asked[turn].fail(Refused())
            self.clock.advance(4)
        self.failureResultOf(done, Unavailable)
        self.assertEqual(len(self.agent.asked), 3)

    def test_time_is_bounded(self) -> None:
        """Defect: a CouchDB that hung was tried again after each time-out, and a visitor waited for two minutes."""
        done = self.fetch(repeat=True)
        self.clock.advance(10)
        self.failureResultOf(done, Unavailable)
        self.assertEqual(len(self.agent.asked), 1)

    def test_turn_in_time(self) -> None:
        """Defect: requests behind others that hung waited for their turn without a limit. Whoever had none takes none away."""
        feed = self.start(self.transport.follow("x", {}, 99, lambda _: None))
        slow = [self.fetch() for _ in range(MOST_CONNECTIONS)]
        answering = [asked.begin(200) for asked in self.agent.asked]
        late = self.fetch()
        for _ in range(5):
            self.clock.advance(2)
            for each in answering:
                each.send(b"x")
        self.assertIn("busy", str(self.failureResultOf(late, Unavailable).value))
        for each in answering:
            each.end()
        self.successResultOf(feed)
        for done in slow:
            self.successResultOf(done)
        last = [self.fetch() for _ in range(MOST_CONNECTIONS + 1)]
        self.assertEqual(len(self.agent.asked), 1 + 2 * MOST_CONNECTIONS)
        for done in last:
            done.cancel()
            self.failureResultOf(done, CancelledError)

    def test_not_repeated(self) -> None:
        """A write that may not be repeated is tried once."""
        done = self.fetch(method="PUT")
        self.agent.asked[0].fail(Refused())
        self.failureResultOf(done, Unavailable)

    def test_cancelled(self) -> None:
        """A request that nobody waits for is given up, and not tried again, wherever it is."""
        for kind in (CancelledError, lambda: ResponseNeverReceived([Failure(CancelledError())])):
            self.agent.cancelled_with = kind
            done = self.fetch(repeat=True)
            done.cancel()
            self.failureResultOf(done, CancelledError)
        done = self.fetch(repeat=True)
        answering = self.agent.asked[-1].begin(200)
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertTrue(answering.cut)
        done = self.fetch(repeat=True)
        self.agent.asked[-1].fail(Refused())
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertEqual(len(self.agent.asked), 4)

    def test_turns(self) -> None:
        """Only so many requests run at once; the others wait, may be cancelled while they do, and feeds take no turn."""
        running = [self.fetch() for _ in range(MOST_CONNECTIONS)]
        waiting = [self.fetch(), self.fetch()]
        self.assertEqual(len(self.agent.asked), MOST_CONNECTIONS)
        feed = self.start(self.transport.follow("db/_changes", {}, 5, lambda _: None))
        self.assertEqual(len(self.agent.asked), MOST_CONNECTIONS + 1)
        waiting[0].cancel()
        self.failureResultOf(waiting[0], CancelledError)
        self.agent.asked[0].give(200, b"first")
        self.assertEqual(self.successResultOf(running[0]), b"first")
        self.assertEqual(len(self.agent.asked), MOST_CONNECTIONS + 2)
        for asked in [*self.agent.asked[1:]]:
            asked.give(200, b"")
        self.assertEqual([self.successResultOf(each) for each in running[1:]], [b""] * (MOST_CONNECTIONS - 1))
        self.successResultOf(waiting[1])
        self.successResultOf(feed)

    def test_turn_after_failure(self) -> None:
        """Failed and cancelled requests give their turns back."""
        for turn in range(3 * MOST_CONNECTIONS):
            done = self.fetch()
            done.cancel() if turn % 2 else self.agent.asked[-1].fail(ConnectionLost())
            self.failureResultOf(done)
        self.assertEqual(len(self.agent.asked), 3 * MOST_CONNECTIONS)

    def test_silent_feed(self) -> None:
        """A feed without a heartbeat for too long is Unavailable."""
        done = self.start(self.transport.follow("db/_changes", {"since": "0"}, 5, lambda _: None))
        answering = self.agent.asked[0].begin(200)
        self.clock.advance(4)
        answering.send(b"\n")
        self.clock.advance(4)
        self.assertNoResult(done)
        self.clock.advance(1)
        self.failureResultOf(done, Unavailable)
        self.assertTrue(answering.cut)

    def test_receiver_that_fails(self) -> None:
        """What whoever receives a body raises is told, and the connection cut."""

        def receive(_: bytes) -> None:
            raise KeyError("x")

        done = self.start(self.transport.stream("db/x/data", receive))
        answering = self.agent.asked[0].begin(200)
        answering.send(b"x")
        self.failureResultOf(done, KeyError)
        self.assertTrue(answering.cut)


class _Consumer:
    """Takes one piece of a body, and no more until it is told to."""

    def __init__(self, producer: Any) -> None:
        self.size = 0
        self.producer = producer

    def write(self, data: bytes) -> None:
        """Take a piece."""
        self.size += len(data)
        self.producer.pauseProducing()


class Files(TransportCase):
    """Bodies that are streamed from files."""

    def put(self, open_content: Callable[[], Any]) -> Deferred[None]:
        """Begin to write an attachment."""
        return self.start(CouchDatabase(self.transport, "db").put_attachment("x", "data", open_content, 3, "a/b"))

    def test_new_file_for_each_try(self) -> None:
        """Each try has a file of its own, which is closed though nobody asked for its content."""
        files = [io.BytesIO(b"abc") for _ in range(3)]
        left = iter(files)
        done = self.put(lambda: next(left))
        for turn in range(3):
            self.assertEqual(self.agent.asked[turn].producer.length, 3)
            self.agent.asked[turn].fail(Refused())
            self.assertTrue(files[turn].closed)
            self.clock.advance(4)
        self.failureResultOf(done, Unavailable)

    def test_slow_upload(self) -> None:
        """While pieces of a file are taken, an answer is not late; it is when none was taken for long."""
        done = self.put(lambda: io.BytesIO(b"abc" * 2**16))
        (asked,) = self.agent.asked
        taken = _Consumer(asked.producer)
        asked.producer.startProducing(taken)
        for pieces in (1, 2, 3):
            self.clock.advance(9)
            self.assertEqual(taken.size, pieces * 2**16)
            if pieces < 3:
                asked.producer.resumeProducing()
        self.clock.advance(9)
        self.assertNoResult(done)
        self.clock.advance(1)
        self.failureResultOf(done, Unavailable)
        asked.producer.stopProducing()

    def test_cancelled_before_the_body(self) -> None:
        """A cancelled upload closes its file."""
        file = io.BytesIO(b"abc")
        done = self.put(lambda: file)
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertTrue(file.closed)

    def test_file_that_cannot_be_opened(self) -> None:
        """Our own disk's fault is not taken for CouchDB's."""

        def gone() -> Any:
            raise FileNotFoundError("gone")

        self.failureResultOf(self.put(gone), FileNotFoundError)
        self.assertEqual(self.agent.asked, [])

    def test_conflict(self) -> None:
        """A blob that is there already is a Conflict."""
        done = self.put(lambda: io.BytesIO(b"abc"))
        self.assertEqual(self.agent.asked[0].uri, b"http://couch/db/x/data")
        self.agent.asked[0].give(409, b'{"error":"conflict","reason":"x"}')
        self.failureResultOf(done, Conflict)


class Databases(TransportCase):
    """``CouchDatabase``, where answers are not what they should be."""

    def setUp(self) -> None:
        """Make a database."""
        super().setUp()
        self.database = CouchDatabase(self.transport, "db")

    def answered(self, work: Coroutine[Any, Any, Any], body: bytes, code: int = 200) -> Deferred[Any]:
        """Give what comes of *work* when CouchDB answers *body*."""
        done = self.start(work)
        self.agent.asked[-1].give(code, body)
        return done

    def test_info(self) -> None:
        """A database tells when it was made; whoever does not is none."""
        done = self.answered(self.database.info(), b'{"instance_start_time":"17","update_seq":"5-x"}')
        info = self.successResultOf(done)
        self.assertEqual((info.born, info.update_seq), ("17", "5-x"))
        for body in (b"{}", b'{"instance_start_time":null}', b"[]", b"<html>"):
            self.failureResultOf(self.answered(self.database.info(), body), Unavailable)

    def test_ensure(self) -> None:
        """A database is made, or is there."""
        self.assertFalse(self.successResultOf(self.answered(self.database.ensure(), b'{"instance_start_time":"1"}')))
        for code, body, made in [
            (201, b'{"ok":true}', True),
            (412, b'{"error":"file_exists","reason":"x"}', False),
        ]:
            done = self.answered(self.database.ensure(), b'{"error":"not_found","reason":"no_db_file"}', 404)
            self.assertEqual(self.agent.asked[-1].method, b"PUT")
            self.agent.asked[-1].give(code, body)
            self.assertEqual(self.successResultOf(done), made)

    def test_ensure_unreadable(self) -> None:
        """A database that cannot be asked for is not made."""
        self.failureResultOf(self.answered(self.database.ensure(), b"<html>", 404), Unavailable)
        self.assertEqual(len(self.agent.asked), 1)

    def test_put(self) -> None:
        """The new revision is given; an answer without one is not CouchDB's."""
        done = self.answered(self.database.put("a/b", {"x": 1}, "1-x"), b'{"rev":"2-y"}', 201)
        self.assertEqual(self.successResultOf(done), "2-y")
        self.assertEqual(self.agent.asked[-1].uri, b"http://couch/db/a%2Fb")
        self.failureResultOf(self.answered(self.database.put("a", {}), b"{}", 201), Unavailable)

    def test_bulk(self) -> None:
        """Each document has its outcome; an answer for another number of documents is not CouchDB's."""
        body = b'[{"id":"a","rev":"1-x"},{"id":"b","error":"conflict","reason":"r"},{"id":"c"}]'
        rev, conflict, strange = self.successResultOf(self.answered(self.database.bulk([{}, {}, {}]), body, 201))
        self.assertEqual(rev, "1-x")
        self.assertIsInstance(conflict, Conflict)
        self.assertIsInstance(strange, Unavailable)
        for wrong in (b"[]", b"{}"):
            self.failureResultOf(self.answered(self.database.bulk([{}]), wrong, 201), Unavailable)

    def test_rows(self) -> None:
        """Many documents are looked up in one call."""
        body = b'{"rows":[{"key":"a","error":"not_found"}]}'
        rows = self.successResultOf(self.answered(self.database.rows(["a"], include_docs=True), body))
        self.assertEqual(rows, [Row("a", None, None)])
        self.assertEqual(self.agent.asked[-1].uri, b"http://couch/db/_all_docs?include_docs=true")

    def test_documents(self) -> None:
        """Documents between two ids are given."""
        body = b'{"rows":[{"id":"a","key":"a","value":{"rev":"1-x"},"doc":{"_id":"a"}}]}'
        documents = self.successResultOf(self.answered(self.database.documents("a", "a\ufff0"), body))
        self.assertEqual(documents, [{"_id": "a"}])
        self.assertIn(b"startkey=%22a%22", self.agent.asked[-1].uri)


class Guarded(TransportCase):
    """What a guard is told of requests, and what it keeps from CouchDB."""

    def setUp(self) -> None:
        """Make a transport with a guard."""
        super().setUp()
        self.guard = Guard(self.clock, Metrics())
        backoff = Backoff(first=1, most=8, tries=4)
        self.transport = Transport(self.clock, "http://couch", None, TIMEOUTS, backoff, lambda: 0.0, self.guard)
        self.transport.client = HTTPClient(self.agent)

    def test_connection_in_time(self) -> None:
        """A connection that takes too long to be made is silence: it opens nothing while CouchDB is heard elsewhere."""
        for heard in (True, False):
            if heard:
                self.guard.heard()
            done = self.start(self.transport.fetch("GET", "db/x"))
            self.clock.advance(5)
            if heard:
                self.guard.heard()
            self.agent.asked[-1].fail(ConnectTimeout())
            self.failureResultOf(done, Unanswered)
            self.assertEqual(self.guard.is_open, not heard)

    def test_waiting_for_a_turn(self) -> None:
        """Defect: those that waited for their turn were each sent when one before them was given up, only to be given up too."""
        fetches = [self.start(self.transport.fetch("GET", f"db/{number}")) for number in range(3 * MOST_CONNECTIONS)]
        self.agent.asked[0].fail(Refused())
        # The turn of the one that found out is taken before it can tell.
        self.assertLessEqual(len(self.agent.asked), MOST_CONNECTIONS + 1)
        for done in fetches:
            self.failureResultOf(done, Unavailable)

    def fetch(self, *, repeat: bool = False, probe: bool = False) -> Deferred[bytes]:
        """Begin a request."""
        return self.start(self.transport.fetch("GET", "db/x", repeat=repeat, probe=probe))

    def test_no_repetition(self) -> None:
        """A request that finds out that CouchDB is away is not tried again."""
        done = self.fetch(repeat=True)
        self.agent.asked[0].fail(Refused())
        self.failureResultOf(done, Unreachable)
        self.failureResultOf(self.fetch(repeat=True), Unasked)
        self.assertEqual(len(self.agent.asked), 1)

    def test_in_the_middle_of_a_body(self) -> None:
        """A body that is under way when CouchDB is found away is given up, and its connection cut."""
        done = self.fetch(repeat=True)
        answering = self.agent.asked[0].begin(200)
        answering.send(b"par")
        other = self.fetch()
        self.agent.asked[1].fail(Refused())
        self.failureResultOf(other, Unreachable)
        self.failureResultOf(done, Unasked)
        self.assertTrue(answering.cut)

    def test_idle_connections(self) -> None:
        """Idle connections are closed when CouchDB is found away: a probe must not wait on a dead one."""
        closed: list[bool] = []
        self.patch(HTTPConnectionPool, "closeCachedConnections", lambda _: closed.append(True))
        Transport(self.clock, "http://couch", None, TIMEOUTS, guard=self.guard)
        done = self.fetch()
        self.agent.asked[0].fail(Refused())
        self.failureResultOf(done, Unreachable)
        self.assertEqual(closed, [True])

    def test_heartbeats(self) -> None:
        """While a feed brings heartbeats, a request that is not answered is alone with that; without them CouchDB is away."""
        feed = self.start(self.transport.follow("db/_changes", {}, 99, lambda _: None))
        answering = self.agent.asked[0].begin(200)
        done = self.fetch()
        for _ in range(4):
            answering.send(b"\n")
            self.clock.advance(2.5)
        self.failureResultOf(done, Unanswered)
        self.assertFalse(self.guard.is_open)
        done = self.fetch()
        self.clock.advance(10)
        self.failureResultOf(done, Unanswered)
        self.assertTrue(self.guard.is_open)
        self.failureResultOf(feed, Unasked)

    def test_probe_in_a_body(self) -> None:
        """The head of a probe's answer is enough."""
        done = self.fetch()
        self.agent.asked[0].fail(Refused())
        self.failureResultOf(done, Unreachable)
        probe = self.fetch(probe=True)
        answering = self.agent.asked[1].begin(200)
        self.assertFalse(self.guard.is_open)
        answering.end()
        self.successResultOf(probe)

    def test_refused_password(self) -> None:
        """A refused password is no answer to what was asked for."""
        for code, body in ((401, b'{"error":"unauthorized"}'), (403, b'{"reason":"Account is temporarily locked"}')):
            done = self.fetch(probe=True)
            self.agent.asked[-1].give(code, body)
            self.failureResultOf(done, Unavailable)
            self.assertTrue(self.guard.is_refused)
            self.guard.renewed()
        self.assertEqual(len(self.agent.asked), 2)
