"""HTTP/2 on connections that are no sockets."""

import io
import os
from typing import Any

from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.metrics import Metrics
from couchpages.web.exchange import Discarded
from couchpages.web.limits import ConnectionLimits
from couchpages.web.message import FilePart, RequestHead, Response
from couchpages.web.sending import CHUNK, WAITING
from couchpages.web.streams import MOST_REFUSALS, STREAMS
from couchpages.web.taking import HELD, Taking
from tests.web.h2_client import Client
from tests.web.wire import Recording, Scripted, edge_of

LARGE = os.urandom(400_000)


class Counting(io.BytesIO):
    """A file that knows how much of it was read."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        """Count."""
        data = super().read(size)
        self.taken += len(data)
        return data


class Http2Case(SynchronousTestCase):
    """Tests with a port of HTTP/2."""

    def setUp(self) -> None:
        """Begin."""
        self.clock = Clock()
        self.metrics = Metrics()
        self.files: list[Counting] = []
        self.application = Scripted(self.answer, body=Discarded)

    def answer(self, head: RequestHead, _: Any) -> Response:
        """Answer ``/file`` with a large file, ``/BYTES`` with as many, and anything else with its target."""
        name = head.target[1:]
        if name == b"file":
            file = Counting(LARGE)
            self.files.append(file)
            return Response(200, (), (FilePart(file, 0, len(LARGE)),))
        if name == b"headless":
            # RFC 9113 section 8.2.2: HTTP/2 has no such field.
            return Response(200, ((b"te", b"x"),), head.target)
        return Response(200, (), LARGE[: int(name)] if name.isdigit() else head.target)

    def connect(self, limits: ConnectionLimits = ConnectionLimits(), **more: Any) -> Client:  # noqa: B008 -- a frozen value
        """Connect to a port that serves the application."""
        self.edge = edge_of(self.application, self.clock, self.metrics, limits=limits)
        client = Client(self.edge, self.clock, **more)
        self.addCleanup(self.end, client)
        return client.turn()

    def end(self, client: Client) -> None:
        """Lose a connection, after which nothing may be left."""
        client.wire.lose()
        self.clock.pump([0] * 3)
        self.assertEqual((self.edge.connections, self.clock.getDelayedCalls()), (0, []))
        self.assertEqual(self.open_files(), 0)
        self.assertEqual(self.flushLoggedErrors(), [])

    def open_files(self) -> int:
        """Give how many files are open."""
        return sum(not file.closed for file in self.files)


class Answers(Http2Case):
    """What is answered."""

    def test_files_of_all_sizes(self) -> None:
        """Bodies of any size come whole, through small windows as through large ones, also those in memory."""
        for window in (1, 100, 65_535, 2**31 - 1):
            client = self.connect(window=window)
            sizes = (0, 1, 5) if window == 1 else (0, 1, 300) if window == 100 else (0, CHUNK, 300_000, len(LARGE))
            streams = {client.ask(f"/{size}"): size for size in sizes}
            client.until_quiet()
            for stream, size in streams.items():
                self.assertEqual((client.status(stream), client.bodies.get(stream, b"")), (200, LARGE[:size]))
            self.assertEqual(sorted(client.ended), sorted(streams))

    def test_head(self) -> None:
        """HEAD is answered without a body."""
        client = self.connect()
        stream = client.ask("/300000", "HEAD")
        client.until_quiet()
        self.assertEqual(client.heads[stream][b"content-length"], b"300000")
        self.assertEqual((client.bodies.get(stream, b""), client.ended), (b"", [stream]))

    def test_many_at_once(self) -> None:
        """100 files, as many at once as the server takes, come whole and in the order in which they were asked for."""
        client = self.connect()
        streams: list[int] = []
        while len(client.ended) < 100:
            while len(streams) < 100 and client.h2.open_outbound_streams < STREAMS:
                streams.append(client.ask(f"/name{len(streams)}"))
            client.turn()
        self.assertEqual([client.bodies[stream] for stream in streams], [b"/name%d" % n for n in range(100)])
        self.assertEqual((client.ended, client.resets), (streams, {}))

    def test_windows_opened_by_settings(self) -> None:
        """Defect: SETTINGS that open the windows of streams were not heard (RFC 9113 section 6.9.2)."""
        client = self.connect(window=0)
        streams = [client.ask("/300"), client.ask("/file")]
        client.until_quiet()
        self.assertEqual(client.ended, [])
        client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 65_535})
        client.until_quiet()
        self.assertEqual([len(client.bodies[stream]) for stream in streams], [300, len(LARGE)])

    def test_one_ends_when_the_window_of_all_opens(self) -> None:
        """Defect: a response whose last byte had shut the connection's window ended when that opened, and all others with it."""
        client = self.connect(takes=False, window=10_000_000)
        first = client.ask(f"/{2 * 65_535}")
        client.until_quiet()
        client.h2.increment_flow_control_window(65_535)
        client.until_quiet()
        second = client.ask("/300000")
        client.until_quiet()
        for _ in range(6):
            client.h2.increment_flow_control_window(65_535)
            client.until_quiet()
        self.assertEqual(client.ended, [first, second])
        self.assertEqual([len(client.bodies[each]) for each in (first, second)], [2 * 65_535, 300_000])

    def test_head_that_is_none(self) -> None:
        """Defect: where h2 refused a response's head, its body went without one, which ends the connection; the stream ends now."""
        client = self.connect()
        streams = [client.ask("/headless"), client.ask("/name")]
        client.until_quiet()
        self.assertEqual((client.resets, client.ended), ({streams[0]: ErrorCodes.INTERNAL_ERROR}, [streams[1]]))
        self.assertEqual(client.bodies, {streams[1]: b"/name"})

    def test_refused_body_is_answered_at_once(self) -> None:
        """Defect: a request whose body nobody reads was answered only when it had come; now its rest is not asked for."""
        client = self.connect()
        stream = client.ask("/x", "POST", end=False)
        client.until_quiet()
        self.assertEqual((client.status(stream), client.bodies[stream]), (200, b"/x"))
        self.assertEqual((client.ended, client.resets), ([stream], {stream: ErrorCodes.NO_ERROR}))

    def test_body_that_is_read(self) -> None:
        """One that is read is answered when it is whole; what is more than its limit at once."""
        bodies: list[Recording] = []

        def body() -> Recording:
            bodies.append(Recording(OSError(28, "full"), 10))
            return bodies[-1]

        self.application.body = body
        client = self.connect()
        whole, broken = client.ask("/whole", "PUT", end=False), client.ask("/broken", "PUT", end=False)
        client.h2.send_data(whole, b"abc")
        client.h2.send_data(broken, b"abcdefghijklm")
        client.until_quiet()
        self.assertNotIn(whole, client.heads)
        self.assertGreaterEqual(client.status(broken), 500)
        client.h2.send_data(whole, b"def", end_stream=True)
        client.until_quiet()
        self.assertEqual((client.bodies[whole], bodies[0].content), (b"/whole", b"abcdef"))
        self.assertEqual([made.closed for made in bodies], [1, 1])

    def test_body_behind_a_refusal(self) -> None:
        """What was on its way of a body whose request is answered is thrown away; the connection's window does not shrink by it."""
        client = self.connect()
        for _ in range(5):
            stream = client.ask("/x", "POST", end=False)
            client.h2.send_data(stream, bytes(16_000))
            client.h2.send_data(stream, bytes(16_000))
            client.until_quiet()
        self.assertEqual(len(client.ended), 5)
        self.assertGreater(client.h2.outbound_flow_control_window, 32_000)


class Lost(Http2Case):
    """Streams and connections that are lost."""

    def test_cancelled_download_closes_its_file(self) -> None:
        """Defect: a download that was cancelled, or whose connection was lost, held its file open for 262 s, then logged a traceback."""
        client = self.connect()
        for _ in range(10):
            client.takes = False
            stream = client.ask("/file")
            client.turn()
            self.assertEqual(self.open_files(), 1)
            client.h2.reset_stream(stream, ErrorCodes.CANCEL)
            client.turn()
            self.assertEqual(self.open_files(), 0)
            client.h2.increment_flow_control_window(65_535)
        client.ask("/file")
        client.turn()
        self.assertEqual(self.open_files(), 1)
        client.wire.lose()
        self.assertEqual(self.open_files(), 0)
        self.clock.advance(300)

    def test_lost_before_it_is_answered(self) -> None:
        """An answer to a stream, or a connection, that was lost meanwhile lets go of its file."""
        later: list[Deferred[None]] = []

        async def answer(head: RequestHead, body: Any) -> Response:
            later.append(Deferred())
            await later[-1]
            return self.answer(head, body)

        self.application.answer = answer
        client = self.connect()
        stream = client.ask("/file")
        client.turn().h2.reset_stream(stream)
        client.ask("/file")
        client.turn().wire.lose()
        for waiting in later:
            waiting.callback(None)
        self.assertEqual((len(self.files), self.open_files()), (2, 0))

    def test_begun_and_reset_at_once(self) -> None:
        """Rapid resets (CVE-2023-44487): a request that is reset with what brought it is not answered, and nothing is logged."""
        client = self.connect()
        for _ in range(50):
            client.h2.reset_stream(client.ask("/file"))
        last = client.ask("/last")
        client.until_quiet()
        self.assertEqual((self.open_files(), len(self.files), client.bodies), (0, 0, {last: b"/last"}))

    def test_reset_before_the_body_may_come(self) -> None:
        """Defect: a request that waits for 100 and is reset in the same piece cut the connection, and left its body open."""
        bodies: list[Recording] = []

        def body() -> Recording:
            bodies.append(Recording())
            return bodies[-1]

        self.application = Scripted(self.answer, body=body)
        client = self.connect()
        stream = client.ask("/x", "POST", ("expect", "100-continue"), end=False)
        client.h2.reset_stream(stream)
        other = client.ask("/name")
        client.until_quiet()
        self.assertEqual((client.status(other), [each.closed for each in bodies]), (200, [1, 1]))

    def test_rapid_resets(self) -> None:
        """Defect (CVE-2023-44487): more than a burst of resets ends the connection, whether before or after its last request."""
        for most in (10**6, 100):
            client = self.connect(ConnectionLimits(requests_per_connection=most))
            for _ in range(MOST_REFUSALS + 200):
                if client.wire.closing:
                    break
                stream = client.ask("/file")
                client.h2.reset_stream(stream)
                client.wire.receive(client.h2.data_to_send())
            client.turn()
            self.assertTrue(client.wire.closing)
            self.assertEqual(client.code, ErrorCodes.NO_ERROR if most == 100 else ErrorCodes.ENHANCE_YOUR_CALM)
            self.assertEqual(self.open_files(), 0)

    def test_rapid_resets_in_one_piece(self) -> None:
        """The same in few pieces: what stands behind the end in one is not begun."""
        client = self.connect(ConnectionLimits(requests_per_connection=10**6))
        for _ in range(3000):
            client.h2.reset_stream(client.ask("/file"))
        client.wire.receive(client.h2.data_to_send())
        self.clock.pump([0] * 3)
        self.assertTrue(client.wire.closing)
        self.assertLessEqual(len(self.application.heads), 1100)


class Limits(Http2Case):
    """What streams may cost."""

    def test_streams_at_once(self) -> None:
        """Defect: 100 files could be held by each connection. A client is told how many it may ask for; what is more is refused."""
        client = self.connect(window=0)
        self.assertEqual(client.h2.remote_settings.max_concurrent_streams, STREAMS)

    def test_more_streams_than_allowed(self) -> None:
        """What somebody asks for who has not heard of that limit yet waits for its turn."""
        self.edge = edge_of(self.application, self.clock, self.metrics)
        client = Client(self.edge, self.clock, window=0)
        self.addCleanup(self.end, client)
        streams = [client.ask("/file") for _ in range(STREAMS + 10)]
        client.until_quiet()
        self.assertEqual(self.open_files(), STREAMS)
        client.h2.reset_stream(streams[STREAMS])
        client.h2.reset_stream(streams[0])
        client.until_quiet()
        self.assertEqual((self.open_files(), len(self.files)), (STREAMS, STREAMS + 1))
        client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 65_535})
        client.until_quiet()
        self.assertEqual(sorted(client.ended), [number for number in streams if number not in (1, streams[STREAMS])])

    def test_limit_read_in_pieces(self) -> None:
        """Defect: the limit stood in a second SETTINGS, and who had read and acknowledged only the first was cut for going beyond it."""
        self.edge = edge_of(self.application, self.clock, self.metrics)
        client = Client(self.edge, self.clock)
        self.addCleanup(self.end, client)
        client.read_frame()
        told = client.h2.remote_settings.max_concurrent_streams
        streams = [client.ask("/name") for _ in range(min(told, 50))]
        client.until_quiet()
        self.assertEqual((client.code, client.resets, client.ended), (None, {}, streams))

    def test_limit_that_was_acknowledged(self) -> None:
        """Who goes beyond the limit after having acknowledged it is cut (RFC 9113 section 5.1.2)."""
        client = self.connect(window=0)
        client.h2.remote_settings.max_concurrent_streams = STREAMS + 1
        client.h2.remote_settings.acknowledge()
        for _ in range(STREAMS + 1):
            client.ask("/file")
        client.turn()
        self.assertEqual((client.code, client.wire.closing), (ErrorCodes.PROTOCOL_ERROR, True))

    def test_reader_who_takes_nothing(self) -> None:
        """Defect: connections with windows of 0 and a PING every 10 s held thousands of files for ever."""
        client = self.connect(window=0)
        streams = [client.ask("/file") for _ in range(10)] + [client.ask("/300")]
        client.until_quiet()
        self.assertEqual(self.open_files(), 10)
        client.pass_time(20)
        self.assertEqual(list(client.resets), streams[-1:])
        # A sweep comes by every few seconds, and finds a few more until it looks again.
        client.pass_time(CHUNK / 500 + 15)
        self.assertEqual((self.open_files(), sorted(client.resets)), (0, streams))
        self.assertFalse(client.wire.closing)
        client.pass_time(100)
        self.assertTrue(client.wire.gone)

    def test_reader_who_opens_windows_by_a_byte(self) -> None:
        """Nor does a byte now and then keep a stream."""
        client = self.connect(window=0)
        stream = client.ask("/file")
        for _ in range(300):
            if stream in client.resets:
                break
            client.h2.increment_flow_control_window(1, stream)
            client.pass_time(1)
        self.assertEqual((self.open_files(), list(client.resets)), (0, [stream]))

    def test_connection_whose_window_is_shut(self) -> None:
        """Who leaves the connection's own window shut loses the connection."""
        client = self.connect(window=2**31 - 1, takes=False)
        for target in ("/file", "/file", "/60000", "/60000"):
            client.ask(target)
        client.until_quiet()
        self.assertEqual(self.open_files(), 2)
        client.pass_time(5 + (HELD + WAITING) / 500 + 20)
        self.assertEqual((self.open_files(), client.wire.gone), (0, True))

    def test_slow_reader(self) -> None:
        """Who takes what waits for him in time is served to the end."""
        client = self.connect(takes=False)
        stream = client.ask("/file")
        for _ in range(12):
            client.until_quiet()
            client.pass_time(60)
            taken = 65_535 - client.h2.remote_flow_control_window(stream)
            if taken > 0 and stream not in client.ended:
                client.h2.acknowledge_received_data(taken, stream)
        self.assertEqual((client.bodies[stream] == LARGE, client.resets), (True, {}))

    def test_large_windows_cost_little_memory(self) -> None:
        """Defect: as much of a file was read into memory as its stream's window said, 2 GiB if it liked, though nothing was taken."""
        client = self.connect(window=2**31 - 1, takes=False)
        client.ask("/file")
        client.until_quiet()
        for _ in range(100):
            client.h2.increment_flow_control_window(1, 1)
            client.turn(1)
        (file,) = self.files
        self.assertLessEqual(file.taken, 65_535 + WAITING + CHUNK)

    def test_shut_window_costs_no_time(self) -> None:
        """Defect: one stream with a window of 0 kept the whole processor busy, trying again in each of the reactor's turns."""
        client = self.connect(window=0)
        client.ask("/300")
        client.ask("/file")
        client.until_quiet()
        self.assertEqual([call for call in self.clock.getDelayedCalls() if call.getTime() <= self.clock.seconds()], [])

    def test_idle(self) -> None:
        """Defect: a PING now and then kept a connection. Only requests do."""
        client = self.connect()
        client.pass_time(60)
        client.ask()
        client.pass_time(60)
        self.assertFalse(client.wire.closing)
        client.pass_time(30)
        self.assertEqual((client.last, client.wire.gone), (1, True))

    def test_body_that_does_not_come(self) -> None:
        """A body that comes too slowly is refused, whatever else comes."""
        self.application.body = Recording
        client = self.connect()
        stream = client.ask("/x", "PUT", end=False)
        client.pass_time(40)
        self.assertEqual((client.status(stream), client.wire.closing), (408, False))

    def test_requests_per_connection(self) -> None:
        """Defect: that limit did not hold. The last request is told with GOAWAY, everything until then is answered, no more is."""
        client = self.connect(ConnectionLimits(requests_per_connection=3))
        streams = [client.ask("/file") for _ in range(5)]
        client.until_quiet()
        self.assertEqual((len(self.files), client.last, client.code), (3, streams[2], ErrorCodes.NO_ERROR))
        self.assertEqual(client.resets, dict.fromkeys(streams[3:], ErrorCodes.REFUSED_STREAM))
        self.assertEqual([client.bodies[stream] == LARGE for stream in streams[:3]], [True] * 3)
        self.assertTrue(client.wire.gone)


class Ends(Http2Case):
    """The end of a connection that the port wants."""

    def test_goodbye(self) -> None:
        """Defect: at shutdown nothing was said. GOAWAY is sent at once, what is newer is refused, the rest is answered, and that is all."""
        client = self.connect()
        stream = client.ask("/file")
        client.turn(1).wire.protocol.finish()
        newer = client.ask("/file")
        client.turn(1)
        self.assertEqual((client.last, client.code), (stream, ErrorCodes.NO_ERROR))
        self.assertEqual((len(self.files), client.wire.closing), (1, False))
        client.until_quiet()
        self.assertEqual((client.resets, client.ended), ({newer: ErrorCodes.REFUSED_STREAM}, [stream]))
        self.assertEqual((client.bodies[stream] == LARGE, client.wire.gone), (True, True))

    def test_rest_is_answered(self) -> None:
        """What is under way when the port ends is answered whole, then the connection closes."""
        waiting: Deferred[None] = Deferred()

        async def answer(*_: Any) -> Response:
            await waiting
            return Response(200, (), b"late")

        self.application.answer = answer
        client = self.connect()
        client.ask("/x")
        client.turn().wire.protocol.finish()
        before = len(client.wire.sent)
        self.clock.pump([0.1] * 20)
        self.assertFalse(client.wire.closing)
        waiting.callback(None)
        self.clock.pump([0] * 5)
        self.assertIn(b"late", client.wire.sent[before:])
        self.assertTrue(client.wire.gone)

    def test_nothing_under_way(self) -> None:
        """A connection without a request is told, and closed."""
        client = self.connect()
        client.wire.protocol.finish()
        client.turn()
        self.assertEqual((client.last, client.wire.gone), (0, True))


class Watching(SynchronousTestCase):
    """``Taking``."""

    def test_progress(self) -> None:
        """Only taking all that waited, or a window that is open, prolongs."""
        taking = Taking(float)
        self.assertFalse(taking.overdue(1, 0, 0, 10, shut=True))
        self.assertFalse(taking.overdue(1, 9, 9, 1, shut=True))
        self.assertTrue(taking.overdue(1, 10, 9, 1, shut=True))
        self.assertFalse(taking.overdue(1, 10, 10, 5, shut=True))
        self.assertFalse(taking.overdue(1, 24, 10, 5, shut=True))
        self.assertTrue(taking.overdue(1, 25, 10, 5, shut=True))
        self.assertFalse(taking.overdue(1, 25, 10, 5, shut=False))
        self.assertFalse(taking.overdue(1, 26, 10, 5, shut=True))
        self.assertFalse(taking.overdue(1, 26, 15, 0, shut=True))

    def test_what_is_held(self) -> None:
        """Who got much has time for it, however little waits behind it."""
        taking = Taking(float)
        for now, due in ((0, False), (HELD, False), (HELD + 1, True)):
            self.assertIs(taking.overdue(1, now, 10**6, 1, shut=True), due)
