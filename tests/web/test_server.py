"""The HTTP edge: one connection, its requests, bodies and refusals."""

import errno
import io
import json
import os
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.ports import NoRoom, StoreError, Unavailable
from couchpages.web.exchange import InMemory
from couchpages.web.heads import HeadLimits
from couchpages.web.limits import DEFAULT_WRITE_RATE, ConnectionLimits
from couchpages.web.message import FilePart, RequestHead, Response
from couchpages.web.problem import Problem
from couchpages.web.sending import WAITING
from couchpages.web.server import BODY_SECONDS, LINGER_SECONDS, EdgeChannel
from couchpages.web.spool import Spool
from tests.web.wire import Connection, Recording, Scripted

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"

#: Seconds that a reader of chunks has.
STALL_SECONDS = WAITING / 500


def put(content: bytes, length: int | None = None, *fields: bytes) -> bytes:
    """Give a PUT with a Content-Length."""
    head = [
        b"PUT /x HTTP/1.1",
        b"Host: a",
        b"Content-Length: %d" % (len(content) if length is None else length),
        *fields,
    ]
    return b"\r\n".join(head) + b"\r\n\r\n" + content


def chunked(*chunks: bytes, end: bool = True) -> bytes:
    """Give a PUT in chunks."""
    head = b"PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in chunks) + (b"0\r\n\r\n" if end else b"")


def later(waiting: "list[Deferred[Response]]") -> Any:
    """Give an answer for :class:`Scripted` that comes when the test says so."""

    def answer(head: RequestHead, body: Recording) -> "Deferred[Response]":
        del head, body
        waiting.append(Deferred())
        return waiting[-1]

    return answer


def giving(response: Response) -> Any:
    """Give an answer for :class:`Scripted` that is always the same."""
    return lambda *_: response


IDLE, HEAD_TIME = ConnectionLimits().idle, ConnectionLimits().head_time


class Exchanges(SynchronousTestCase):
    """Requests that are admitted."""

    def test_get(self) -> None:
        """A GET is admitted by its head and answered with the fields that every response has."""
        application = Scripted()
        connection = Connection(application).send(b"GET /a?b HTTP/1.1\r\nHost: a\r\nX-Two: 1\r\nx-two:  2 \r\n\r\n")
        answer = connection.answer()
        self.assertEqual((answer.status, answer.body), (200, b"hello"))
        self.assertEqual(answer.fields[b"date"], b"Thu, 01 Jan 1970 00:00:00 GMT")
        self.assertEqual(answer.fields[b"server"], b"couchpages")
        self.assertNotIn(b"connection", answer.fields)
        (head,) = application.heads
        self.assertEqual((head.method, head.target, head.version), (b"GET", b"/a?b", b"HTTP/1.1"))
        self.assertEqual(head.headers.all(b"x-two"), [b"1", b"2"])
        self.assertEqual((head.peer, head.scheme), ("192.168.1.1", "http"))
        self.assertEqual(application.bodies[0].closed, 1)
        self.assertEqual(connection.counted(200), 1)
        self.assertTrue(connection.wire.noDelay)

    def test_any_cut(self) -> None:
        """Wherever the network cuts requests into pieces, the answers are the same."""
        data = put(b"abc") + GET + chunked(b"12", b"345") + GET
        for size in (1, 2, 3, 7, 50, len(data)):
            application = Scripted(lambda head, body: Response(200, (), head.method + body.content))
            connection = Connection(application)
            connection.send(*(data[at : at + size] for at in range(0, len(data), size)))
            self.assertEqual([each.body for each in connection.answers()], [b"PUTabc", b"GET", b"PUT12345", b"GET"])
            self.assertEqual([each.closed for each in application.bodies], [1, 1, 1, 1])
            self.assertFalse(connection.wire.disconnecting)

    def test_pipelined_in_order(self) -> None:
        """Requests sent without waiting are answered one after the other, the next admitted only when the one before is answered."""
        waiting: list[Deferred[Response]] = []
        application = Scripted(later(waiting))
        connection = Connection(application).send(GET + GET)
        self.assertEqual(len(waiting), 1)
        waiting[0].callback(Response(200, (), b"first"))
        connection.turn()
        waiting[1].callback(Response(200, (), b"second"))
        self.assertEqual([each.body for each in connection.answers()], [b"first", b"second"])

    def test_head(self) -> None:
        """HEAD gets the length of the body and none of it, and the file is closed."""
        file = io.BytesIO(b"0123456789")
        connection = Connection(Scripted(giving(Response(200, (), (FilePart(file, 0, 10),)))))
        answer = connection.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").answer(b"HEAD")
        self.assertEqual(answer.fields[b"content-length"], b"10")
        self.assertTrue(file.closed)

    def test_no_content(self) -> None:
        """204 and 304 have neither body nor Content-Length, and the connection stays."""
        for status in (204, 304):
            connection = Connection(Scripted(giving(Response(status))))
            answer = connection.send(GET).answer()
            self.assertEqual(answer.status, status)
            self.assertNotIn(b"content-length", answer.fields)
            self.assertNotIn(b"transfer-encoding", answer.fields)
            self.assertEqual(len(connection.send(GET).answers()), 2)

    def test_own_fields(self) -> None:
        """The response's own fields are sent, and a Content-Length that it brings is not doubled."""
        fields = ((b"etag", b'"x"'), (b"content-length", b"5"))
        answer = Connection(Scripted(giving(Response(200, fields, b"12345")))).send(GET).answer()
        self.assertEqual((answer.fields[b"etag"], answer.body), (b'"x"', b"12345"))

    def test_phrase(self) -> None:
        """Status codes that Twisted does not know have their words."""
        answer = Connection(Scripted(refuse=Problem(422, "no"))).send(GET).answer()
        self.assertEqual((answer.status, answer.phrase), (422, b"Unprocessable Content"))

    def test_close_asked_for(self) -> None:
        """A client that asks for the connection's end, and one of HTTP/1.0, get it."""
        for request in (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"):
            connection = Connection(Scripted()).send(request)
            self.assertEqual(connection.answer().fields[b"connection"], b"close")
            self.assertTrue(connection.wire.gone)
            self.assertEqual(connection.clock.getDelayedCalls(), [])

    def test_idle(self) -> None:
        """A connection without a byte is closed after a while, and leaves no timer."""
        connection = Connection(Scripted()).send(GET)
        connection.clock.advance(IDLE)
        self.assertTrue(connection.turn().wire.gone)
        self.assertEqual(connection.clock.getDelayedCalls(), [])
        self.assertEqual(connection.edge.connections, 0)

    def test_head_a_byte_at_a_time(self) -> None:
        """Defect: a head that came a byte now and then held its connection for days. Bodies and the next heads have time of their own."""
        connection = Connection(Scripted())
        for _ in range(3):
            connection.send(GET[:5])
            connection.clock.advance(HEAD_TIME / 2)
            connection.send(GET[5:])
        connection.send(put(b"", 3)[:5])
        connection.clock.advance(HEAD_TIME * 3 / 4)
        connection.send(put(b"", 3)[5:])
        for byte in (b"a", b"b"):
            connection.clock.advance(8)
            connection.send(byte)
        connection.send(b"c")
        self.assertEqual([answer.status for answer in connection.answers()], [200] * 4)
        for place in range(3):
            self.assertFalse(connection.wire.disconnecting)
            connection.send(GET[place : place + 1])
            connection.clock.advance(HEAD_TIME / 3)
        self.assertEqual(connection.turn().answers()[-1].status, 408)
        self.assertTrue(connection.wire.half_closed)

    def test_long_answer(self) -> None:
        """While an answer is being made, silence is no reason to close."""
        waiting: list[Deferred[Response]] = []
        connection = Connection(Scripted(later(waiting))).send(GET)
        connection.clock.advance(IDLE * 3)
        waiting[0].callback(Response(200))
        self.assertEqual(connection.answer().status, 200)


class Failures(SynchronousTestCase):
    """What the application raises."""

    def answered(self, error: Exception) -> Connection:
        """Give the connection whose request met *error*."""

        def answer(*_: object) -> Response:
            raise error

        connection = Connection(Scripted(answer)).send(put(b"abc"))
        self.assertFalse(connection.wire.disconnecting)
        return connection

    def test_answers(self) -> None:
        """Each kind of error has its status, and the connection stays."""
        for error, status in [
            (Problem(409, "no"), 409),
            (Unavailable("down"), 503),
            (StoreError("what"), 503),
            (NoRoom("full"), 507),
            (OSError(errno.ENOSPC, "full"), 507),
            (OSError(errno.EIO, "broken"), 500),
        ]:
            with self.subTest(error=error):
                connection = self.answered(error)
                answer = connection.answer()
                self.assertEqual(answer.status, status)
                self.assertEqual(json.loads(answer.body)["status"], status)
                self.assertEqual(connection.counted(status), 1)

    def test_defect(self) -> None:
        """A defect is a 500 that tells nothing, is logged, and the next request is served."""
        answer = self.answered(KeyError("secret")).answer()
        self.assertEqual(answer.status, 500)
        self.assertNotIn(b"secret", answer.body)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_defect_in_admission(self) -> None:
        """A defect before the body is a 500 too."""
        self.assertEqual(Connection(Scripted(refuse=KeyError("x"))).send(GET).answer().status, 500)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_full_disk_in_admission(self) -> None:
        """A body for which no file can be made is 507, at once."""
        answer = Connection(Scripted(refuse=OSError(errno.ENOSPC, "full"))).send(put(b"", 5)).answer()
        self.assertEqual(answer.status, 507)

    def test_half_a_surrogate_pair(self) -> None:
        """A problem whose text JSON can say and UTF-8 cannot is told all the same."""
        answer = self.answered(Problem(422, 'files: "\ud800" is wrong')).answer()
        self.assertEqual(json.loads(answer.body)["detail"], 'files: "\ud800" is wrong')

    def test_body_that_does_not_close(self) -> None:
        """A body that cannot be let go of does not take the response with it."""

        class Stubborn(Recording):
            def close(self) -> None:
                raise RuntimeError("no")

        self.assertEqual(Connection(Scripted(body=Stubborn)).send(put(b"abc")).answer().status, 200)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class Refusals(SynchronousTestCase):
    """Requests that are refused before their body is whole."""

    def check_refused(self, connection: Connection, status: int) -> None:
        """Check that the refusal came, once, that the connection is half closed, and that what the client still sends is read."""
        answer = connection.answer()
        self.assertEqual((answer.status, answer.fields[b"connection"]), (status, b"close"))
        self.assertEqual(json.loads(answer.body)["status"], status)
        self.assertTrue(connection.wire.half_closed)
        self.assertFalse(connection.wire.disconnecting)
        connection.send(b"x" * 1000, GET)
        self.assertEqual(len(connection.answers()), 1)
        self.assertEqual(connection.wire.producerState, "producing")

    def check_gone(self, connection: Connection) -> None:
        """Check that nothing is left of the connection."""
        self.assertTrue(connection.wire.gone)
        self.assertEqual(connection.clock.getDelayedCalls(), [])
        self.assertEqual(connection.edge.connections, 0)

    def test_before_the_body(self) -> None:
        """A refused upload is answered by its head; the client that reads and closes ends the connection."""
        connection = Connection(Scripted(refuse=Problem(401, "no")))
        connection.send(put(b"", 10**9))
        self.check_refused(connection, 401)
        self.assertFalse(connection.wire.aborted)
        self.check_gone(connection.half_close())

    def test_client_that_never_stops(self) -> None:
        """A client that goes on sending is cut off after a moment."""
        connection = Connection(Scripted(refuse=Problem(401, "no"))).send(put(b"", 10**9))
        connection.clock.advance(LINGER_SECONDS)
        self.assertTrue(connection.turn().wire.aborted)
        self.check_gone(connection)

    def test_without_body(self) -> None:
        """A refused request without a body leaves the connection usable."""
        connection = Connection(Scripted(refuse=Problem(401, "no"))).send(GET, put(b"", 0), GET)
        self.assertEqual([each.status for each in connection.answers()], [401, 401, 401])
        self.assertFalse(connection.wire.disconnecting)

    def test_too_many_chunks(self) -> None:
        """A chunked body above the limit is 413 as soon as that is known."""
        connection = Connection(Scripted(body=lambda: InMemory(5)))
        connection.send(chunked(b"123", b"456", b"789", end=False))
        self.check_refused(connection, 413)

    def test_too_much_in_the_last_piece(self) -> None:
        """A body above its limit by its last piece is whole: the connection stays."""
        connection = Connection(Scripted(body=lambda: InMemory(5)))
        connection.send(chunked(b"123", b"456"), GET)
        self.assertEqual([each.status for each in connection.answers()], [413, 200])

    def test_malformed_after_refusal(self) -> None:
        """What is malformed behind a refused chunk makes no second answer."""
        connection = Connection(Scripted(body=lambda: InMemory(5)))
        connection.send(chunked(b"1234567", end=False) + b"zz\r\n")
        self.check_refused(connection, 413)

    def test_full_disk(self) -> None:
        """A disk that fills up in the middle of a body is 507, and the body is let go of."""
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        application = Scripted(body=lambda: Recording(full, after=4))
        connection = Connection(application).send(put(b"abc", 100))
        self.assertEqual(connection.wire.value(), b"")
        connection.send(b"def")
        self.check_refused(connection, 507)
        self.assertEqual(application.bodies[0].closed, 1)

    def test_bad_chunk(self) -> None:
        """A malformed chunk is 400, and the body is let go of."""
        application = Scripted()
        connection = Connection(application).send(chunked(b"abc", end=False) + b"nonsense\r\n")
        self.check_refused(connection, 400)
        self.assertEqual(application.bodies[0].closed, 1)

    def test_no_http(self) -> None:
        """What is no HTTP is 400 with a problem, heads that are too long 414 and 431; nothing is admitted. See the corpus for more."""
        for status, data in (
            (400, b"nonsense\r\n\r\n"),
            (505, b"GET / HTTP/3.0\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\nno colon\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\nno colon\r\nHost: a\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\nbad name: x\r\n\r\n"),
            (400, b"PUT / HTTP/1.1\r\nContent-Length: x\r\n\r\n"),
            (400, b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
            (400, b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
            (400, b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
            (400, b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"),
            (400, b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n"),
            (414, b"GET /" + b"x" * 40000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
            (414, b"GET /" + b"x" * 40000),
            (431, b"GET / HTTP/1.1\r\nX: " + b"x" * 40000 + b"\r\n\r\n"),
            (431, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n"),
        ):
            with self.subTest(data=data[:60]):
                application = Scripted()
                connection = Connection(application).send(data)
                self.check_refused(connection, status)
                self.assertEqual(application.heads, [])
                self.assertEqual(connection.counted(status), 1)
                self.check_gone(connection.half_close())

    def test_says_what_is_wrong(self) -> None:
        """A refusal says in a sentence what is wrong, and names the field (law 8); one of HEAD has no body (RFC 9110 section 9.3.2)."""
        answer = Connection(Scripted()).send(put(b"", 3, b"Transfer-Encoding: chunked")).answer()
        self.assertEqual(
            json.loads(answer.body),
            {
                "type": "about:blank",
                "title": "Bad Request",
                "status": 400,
                "detail": "Content-Length and Transfer-Encoding exclude each other (RFC 9112 section 6.1)",
                "field": "Content-Length",
            },
        )
        answer = Connection(Scripted()).send(b"HEAD / HTTP/1.1\r\n\r\n").answer(b"HEAD")
        self.assertEqual((answer.status, answer.body), (400, b""))
        answer = Connection(Scripted()).send(chunked(b"abc", end=False) + b"nonsense\r\n").answer()
        self.assertIn("RFC 9112 section 7.1", json.loads(answer.body)["detail"])

    def test_limits(self) -> None:
        """The limits of a head are the factory's."""
        connection = Connection(Scripted(), limits=HeadLimits(size=30))
        self.assertEqual(connection.send(GET + b"GET / HTTP/1.1\r\nHost: abcdefghi").answers()[-1].status, 431)

    def test_behind_an_answer(self) -> None:
        """An answer that was given before stands before the refusal."""
        connection = Connection(Scripted()).send(GET + b"nonsense\r\n\r\n")
        self.assertEqual([each.status for each in connection.answers()], [200, 400])

    def test_tls(self) -> None:
        """Over TLS, which has no half-closed connections, a refusal ends the connection."""
        connection = Connection(Scripted(refuse=Problem(401, "no")))
        self.patch(EdgeChannel, "isSecure", lambda _: True)
        connection.send(put(b"", 10**9))
        self.assertEqual(connection.answer().status, 401)
        self.assertFalse(connection.wire.half_closed)
        self.check_gone(connection)


class Expectations(SynchronousTestCase):
    """``Expect: 100-continue``, RFC 9110 section 10.1.1."""

    CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

    def test_admitted(self) -> None:
        """The body is asked for once the request is admitted."""
        connection = Connection(Scripted(lambda _, body: Response(200, (), body.content)))
        connection.send(put(b"", 3, b"Expect: 100-Continue"))
        self.assertEqual(connection.wire.value(), self.CONTINUE)
        self.assertEqual([each.status for each in connection.send(b"abc").answers()], [100, 200])

    def test_refused(self) -> None:
        """A refused request gets its final status and no 100."""
        connection = Connection(Scripted(refuse=Problem(413, "no"))).send(put(b"", 3, b"Expect: 100-continue"))
        self.assertEqual(connection.answer().status, 413)

    def test_no_body(self) -> None:
        """A request without a body is not asked for one."""
        connection = Connection(Scripted()).send(put(b"", 0, b"Expect: 100-continue"))
        self.assertEqual(connection.answer().status, 200)

    def test_http_1_0(self) -> None:
        """A client of HTTP/1.0 never gets a 100."""
        connection = Connection(Scripted())
        connection.send(b"PUT / HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        self.assertEqual(connection.wire.value(), b"")
        self.assertEqual(connection.send(b"abc").answer().status, 200)


class SlowBodies(SynchronousTestCase):
    """Bodies that do not come."""

    def test_nothing_comes(self) -> None:
        """A body that does not begin is 408."""
        connection = Connection(Scripted()).send(put(b"", 5))
        connection.clock.advance(BODY_SECONDS - 1)
        self.assertEqual(connection.wire.value(), b"")
        connection.clock.advance(1)
        self.assertEqual(connection.turn().answer().status, 408)
        self.assertTrue(connection.wire.half_closed)

    def test_drops(self) -> None:
        """A body that comes by drops is 408, however long the client keeps that up."""
        connection = Connection(Scripted()).send(put(b"", 10**6))
        for _ in range(30):
            connection.clock.advance(1)
            connection.send(b"x")
        self.assertEqual(connection.answer().status, 408)

    def test_fast_enough(self) -> None:
        """A body that comes slowly but above the least rate is taken."""
        application = Scripted(lambda _, body: Response(200, (), b"%d" % len(body.content)))
        connection = Connection(application).send(put(b"", 60000))
        for _ in range(100):
            connection.clock.advance(1)
            connection.send(b"x" * 600)
        self.assertEqual(connection.answer().body, b"60000")
        self.assertEqual(len(connection.clock.getDelayedCalls()), 1, "only the idle timer is left")

    def test_stalled(self) -> None:
        """A body that came fast and then stalls is 408 when the connection is idle for too long, not silence."""
        connection = Connection(Scripted()).send(put(b"x" * 10**6, 2 * 10**6))
        connection.clock.pump([1.0] * int(IDLE))
        self.assertEqual(connection.turn().answer().status, 408)


class LostConnections(SynchronousTestCase):
    """Connections that end too early."""

    def test_half_closed_body(self) -> None:
        """A body that ends before its length, on a connection that is closed on one side only, is 400."""
        application = Scripted()
        connection = Connection(application).send(put(b"abc", 5)).half_close()
        answer = connection.answer()
        self.assertEqual((answer.status, json.loads(answer.body)["field"]), (400, "Content-Length"))
        self.assertEqual(application.bodies[0].closed, 1)
        self.assertTrue(connection.wire.gone)
        self.assertEqual(connection.clock.getDelayedCalls(), [])

    def test_half_closed_after_the_request(self) -> None:
        """Who sends a request and closes that half gets the answer, and then the end."""
        waiting: list[Deferred[Response]] = []
        connection = Connection(Scripted(later(waiting))).send(put(b"abc")).half_close()
        self.assertFalse(connection.wire.disconnecting)
        waiting[0].callback(Response(200, (), b"late"))
        self.assertEqual(connection.turn().answer().body, b"late")
        self.assertTrue(connection.wire.gone)

    def test_half_closed_after_several(self) -> None:
        """All requests that were sent before the half-close are answered."""
        waiting: list[Deferred[Response]] = []
        connection = Connection(Scripted(later(waiting))).send(GET + GET + put(b"a", 2)).half_close()
        for at in range(2):
            waiting[at].callback(Response(200, (), b"%d" % at))
            connection.turn()
        self.assertEqual([each.status for each in connection.answers()], [200, 200, 400])
        self.assertTrue(connection.wire.gone)

    def test_half_closed_idle(self) -> None:
        """A connection that the other end half-closes while nothing was asked is closed."""
        self.assertTrue(Connection(Scripted()).send(GET).half_close().wire.gone)

    def test_lost_in_the_body(self) -> None:
        """A connection lost in the middle of a body removes the spooled file, and leaves no timer."""
        folder = Path(self.mktemp())
        spool = Spool(folder)
        spool.open()
        connection = Connection(Scripted(body=lambda: spool.body(100))).send(put(b"abc", 50))
        self.assertEqual(len(list(folder.iterdir())), 1)
        connection.wire.lose()
        self.assertEqual(list(folder.iterdir()), [])
        self.assertEqual(connection.turn().clock.getDelayedCalls(), [])

    def test_lost_while_answering(self) -> None:
        """An answer that is made after the connection was lost is dropped, its file closed, its body let go of once."""
        waiting: list[Deferred[Response]] = []
        application = Scripted(later(waiting))
        connection = Connection(application).send(put(b"abc"))
        connection.wire.lose()
        file = io.BytesIO(b"abc")
        waiting[0].callback(Response(200, (), (FilePart(file, 0, 3),)))
        self.assertTrue(file.closed)
        self.assertEqual(application.bodies[0].closed, 1)
        self.assertEqual(connection.wire.value(), b"")

    def test_lost_while_sending(self) -> None:
        """A connection lost in the middle of a file closes the file."""
        file = io.BytesIO(bytes(10**6))
        connection = Connection(Scripted(giving(Response(200, (), (FilePart(file, 0, 10**6),)))), room=1000)
        connection.send(GET)
        self.assertFalse(file.closed)
        connection.wire.lose()
        self.assertTrue(file.closed)
        self.assertEqual(connection.turn().clock.getDelayedCalls(), [])


class Files(SynchronousTestCase):
    """Responses from files."""

    def test_slow_reader(self) -> None:
        """A reader that takes its time costs a few chunks of memory, not the file."""
        content = os.urandom(5 * 10**6)
        file = io.BytesIO(content)
        parts = (b"before", FilePart(file, 10, len(content) - 20), b"after")
        connection = Connection(Scripted(giving(Response(200, (), parts))), room=65536)
        connection.send(GET)
        while not file.closed:
            connection.wire.drain()
        self.assertEqual(connection.answer().body, b"before" + content[10:-10] + b"after")
        self.assertLess(connection.wire.most_queued, 200_000)
        connection.wire.clear()
        self.assertEqual(len(connection.send(GET).wire.value()) > 0, True, "the connection goes on")

    def test_slow_reader_from_memory(self) -> None:
        """Defect: a visitor with a slow line was cut off in large content from memory after 75 seconds."""
        content = os.urandom(10**6)
        connection = Connection(Scripted(giving(Response(200, (), content))), room=65536).send(GET)
        while len(connection.wire.value()) < len(content):
            connection.clock.advance(WAITING / DEFAULT_WRITE_RATE - 1)
            connection.wire.drain()
        self.assertEqual(connection.answer().body, content)
        self.assertLess(connection.wire.most_queued, 200_000)

    def test_reader_that_stopped(self) -> None:
        """Defect: who asked for a file and read nothing held it open for ever."""
        file = io.BytesIO(bytes(10**6))
        connection = Connection(Scripted(giving(Response(200, (), (FilePart(file, 0, 10**6),)))), room=1000)
        connection.send(GET).clock.advance(WAITING / DEFAULT_WRITE_RATE)
        self.assertTrue(connection.turn().wire.gone)
        self.assertTrue(file.closed)
        self.assertEqual(connection.clock.getDelayedCalls(), [])

    def test_shortened(self) -> None:
        """A file that becomes shorter breaks the connection, so that nobody takes a part for the whole."""
        file = io.BytesIO(b"x" * 100)
        connection = Connection(Scripted(giving(Response(200, (), (FilePart(file, 0, 200),))))).send(GET)
        self.assertTrue(connection.wire.aborted)
        self.assertTrue(file.closed)
        self.assertTrue(connection.wire.gone)

    def test_closed_under_us(self) -> None:
        """A file that somebody else closed breaks the connection too, instead of leaving the visitor waiting."""
        file = io.BytesIO(b"x" * 100)
        file.close()
        connection = Connection(Scripted(giving(Response(200, (), (FilePart(file, 0, 100),))))).send(GET)
        self.assertTrue(connection.wire.aborted)

    def test_empty(self) -> None:
        """A body of no parts, and one of an empty part, are whole."""
        for parts in ((), (b"",), (FilePart(io.BytesIO(), 0, 0),)):
            answer = Connection(Scripted(giving(Response(200, (), parts)))).send(GET).answer()
            self.assertEqual(answer.fields[b"content-length"], b"0")


def close(connection: Connection) -> None:
    """Begin to close all connections of the port, for a second."""
    Deferred.fromCoroutine(connection.edge.drain(1))


class Ports(SynchronousTestCase):
    """All connections of a port."""

    def test_close_idle(self) -> None:
        """Idle connections are closed at once, those with a request after its answer."""
        waiting: list[Deferred[Response]] = []
        connection = Connection(Scripted(later(waiting)))
        close(connection)
        self.assertTrue(connection.turn().wire.gone)
        connection = Connection(Scripted(later(waiting))).send(GET)
        close(connection)
        self.assertFalse(connection.wire.disconnecting)
        waiting[-1].callback(Response(200))
        self.assertEqual(connection.turn().answer().fields[b"connection"], b"close")
        self.assertTrue(connection.wire.gone)

    def test_request_after_close_idle(self) -> None:
        """A request that was on its way when its connection was closed is not answered: TLS hands it on all the same."""
        application = Scripted()
        connection = Connection(application)
        close(connection)
        connection.protocol.receiver.data_received(GET + b"nonsense\r\n\r\n\n")
        self.assertEqual((application.heads, connection.turn().answers()), ([], []))

    def test_abort_all(self) -> None:
        """Whatever is open can be cut, also what lingers after a refusal, and leaves no timer."""
        for application in (Scripted(), Scripted(refuse=Problem(401, "no"))):
            connection = Connection(application).send(put(b"", 5))
            close(connection)
            connection.clock.pump([0.1] * 20)
            self.assertTrue(connection.turn().wire.gone)
            self.assertEqual(connection.clock.getDelayedCalls(), [])
            self.assertEqual(connection.edge.connections, 0)
