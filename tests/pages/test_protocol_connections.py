"""How a visitor's connection goes: pipelined, handed over, ended."""

from hashlib import sha256
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from couchpages.testing.memory_database import Turns
from couchpages.testing.node import API_HOST
from couchpages.web.limits import LINGER, ConnectionLimits
from tests.pages.fronts import PublicPort, answer, answers, request
from tests.pages.protocol_case import HOME_TAG, HOST, Case, seen
from tests.web.native import send


class Handing(Case):
    """What is not a plain visit goes to twisted.web."""

    def test_each(self) -> None:
        """Each is answered as there, on a connection that answered files before and goes on there."""
        self.warm()
        key = b"Authorization: Bearer " + self.node.key.encode()
        for data, status, method in (
            (request(b"/cdn-cgi/trace"), 200, b"GET"),
            (request(b"/api/v2/sites", key, host=API_HOST.encode()), 200, b"GET"),
            (request(b"/api/v2/sites", host=API_HOST.encode()), 401, b"GET"),
            (request(b"http://api.example/api/v2/sites", key), 200, b"GET"),
            (request(method=b"POST"), 405, b"POST"),
            (request(b"/", b"Content-Length: 3", method=b"POST") + b"abc", 405, b"POST"),
            (request(b"/", b"Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n\r\n", 200, b"GET"),
            (request(b"/", b"Content-Length: 3") + b"abc", 200, b"GET"),
            (request(b"/", b"Upgrade: websocket", b"Connection: upgrade"), 200, b"GET"),
            (request(b"/", b"Expect: 100-continue"), 200, b"GET"),
        ):
            wire = send(self.port.connect(), request())
            self.assert_native(wire)
            send(wire, data, request(b"/docs/"), request(b"/no"))
            self.assert_handed_over(wire)
            found = answers(wire, b"GET", method)
            self.assertEqual([each.status for each in found], [200, status, 200, 404], data)
            self.assertEqual(found[2].body, b"docs")
            self.assertFalse(wire.closing)

    def test_no_body_in_so_many_words(self) -> None:
        """A Content-Length of 0 changes nothing."""
        wire = send(self.port.connect(), request(b"/", b"Content-Length: 0") + request(b"/docs/"))
        self.assertEqual([each.body for each in answers(wire)], [b"home", b"docs"])

    def test_malformed(self) -> None:
        """What is no HTTP is refused as twisted.web's channel refuses it, behind the answers that stand before it."""
        for wrong in (
            b"nonsense\r\n\r\n",
            request(b"/", b"no colon"),
            request(b"/", b"X : y"),
            request(b"/", b"Host: a.example"),
            request(b"/", b"X: a\x00b"),
            request(b"/", b"Content-Length: 3", b"Transfer-Encoding: chunked"),
            request().replace(b"HTTP/1.1", b"HTTP/2.0"),
            request(b"/", b"X: " + b"x" * 40_000),
            request(b"/" + b"x" * 40_000),
            request(b"/", *[b"X: y"] * 200),
            b"GET / HTTP/1.1\r\n\r\n",
        ):
            slow = answers(send(self.port.slow_way(), wrong))
            wire = send(self.port.connect(), request() + wrong)
            self.assertEqual(list(map(seen, answers(wire)[1:])), list(map(seen, slow)), wrong[:50])
            self.assertGreaterEqual(slow[0].status, 400)
            self.assertTrue(wire.half_closed)

    def test_wrong_before_it_is_whole(self) -> None:
        """Defect: a head that is wrong was waited for to its end. TLS, lines that end in LF, and a wrong version are refused at once."""
        for wrong, status in (
            (b"GET / HTTP/1.1\nHost: a\n\n", 400),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
            (b"GET / HTTP/9.1\r\n", 505),
            (b"GET / HTTP/1.1\r\nX : a\r\n", 400),
        ):
            wire = send(self.port.connect(), wrong)
            self.assertEqual([each.status for each in answers(wire)], [status], wrong)
            self.assertTrue(wire.half_closed or wire.closing)

    def test_endless_head(self) -> None:
        """A head that is larger than heads may be is refused before it ends."""
        wire = send(self.port.connect(), b"GET / HTTP/1.1\r\n", *[b"X: " + b"x" * 1000 + b"\r\n"] * 40)
        self.assertEqual(answer(wire).status, 431)

    def test_previews_and_unknown_hosts(self) -> None:
        """Previews are visits, unknown hosts are told so; the connection stays native."""
        wire = self.port.connect()
        for _ in range(2):
            for host in (f"{self.first['id']}.{HOST}", f"abcdef0.{HOST}", f"ABCDEF0.{HOST}."):
                send(wire, request(host=host.encode()))
        send(wire, request(host=b"none.example"), request(host=f"fffffff.{HOST}".encode()))
        self.assertEqual([each.status for each in answers(wire)], [200] * 6 + [404] * 2)
        self.assert_native(wire)

    def test_api_before_site(self) -> None:
        """Defect: where a site had the name of an API's host, and a file under ``/api/``, that was given for a call."""
        self.node.deploy(API_HOST, {"index.html": b"site", "api/v2/sites": b"no list", "api/x/index.html": b"x"})
        for _ in range(2):
            for target, status in ((b"/api/v2/sites", 401), (b"/api/x", 404), (b"/api/x/", 404), (b"/", 200)):
                (found,) = self.port.ask(request(target, host=API_HOST.encode()))
                self.assertEqual(found.status, status, target)

    def test_held_input(self) -> None:
        """What was sent behind what is handed over, and a half-close, reach twisted.web too."""
        wire = self.port.connect()
        send(wire, request() + request(method=b"POST") + request(b"/docs/") + request()[:10])
        send(wire, request()[10:])
        wire.end()
        send(wire)
        self.assertEqual([each.status for each in answers(wire)], [200, 405, 200, 200])
        self.assertTrue(wire.gone)
        self.assertEqual((self.port.edge.connections, self.port.clock.getDelayedCalls()), (0, []))


class Ends(Case):
    """How connections end."""

    def test_keep_alive(self) -> None:
        """A connection stays, also when it is asked for in so many words, and says nothing of it."""
        for field in (b"X: y", b"Connection: keep-alive", b"connection:Keep-Alive", b"Connection: x, keep-alive"):
            wire = send(self.port.connect(), request(b"/", field), request(b"/no", field))
            self.assertFalse(wire.closing)
            self.assertTrue(all(b"connection" not in each.fields for each in answers(wire)))

    def test_close(self) -> None:
        """Who asks for the end gets it, however that is written, with ready answers and with visits; what follows is not answered."""
        self.warm()
        for field in (
            b"Connection: close",
            b"connection: CLOSE",
            b"Connection:close",
            b"Connection: keep-alive, Close",
            b"Connection: ,close",
        ):
            for target in (b"/", b"/no", b"/large.bin"):
                wire = send(self.port.connect(), request(target, field) + request())
                self.assertEqual(answer(wire).fields[b"connection"], b"close")
                self.assertTrue(wire.gone)
                self.assertFalse(wire.half_closed)

    def test_http_1_0(self) -> None:
        """HTTP/1.0 is answered and closed, with a Host or without."""
        wire = send(self.port.connect(), request().replace(b"HTTP/1.1", b"HTTP/1.0"))
        self.assertEqual((answer(wire).body, answer(wire).fields[b"connection"], wire.gone), (b"home", b"close", True))
        wire = send(self.port.connect(), b"GET / HTTP/1.0\r\n\r\n")
        self.assertEqual((answer(wire).status, wire.gone), (404, True))

    def test_requests_per_connection(self) -> None:
        """The last answer that a connection may have says so; we close our half, read on for a moment, and then it is gone."""
        for last in (b"/", b"/no", b"/large.bin", b"/cdn-cgi/trace"):
            port = PublicPort(self.node, limits=ConnectionLimits(requests_per_connection=3))
            wire = send(
                port.connect(),
                request() + request(b"/docs/") + request(last if b"cdn" not in last else b"/") + request(),
            )
            found = answers(wire)
            self.assertEqual([b"connection" in each.fields for each in found], [False, False, True])
            self.assertEqual(found[2].fields[b"connection"], b"close")
            self.assertEqual((wire.half_closed, wire.closing), (True, False))
            send(wire, request())
            self.assertEqual(len(answers(wire)), 3)
            port.pass_time(LINGER + 5)
            self.assertTrue(wire.gone)
            self.assertEqual((port.edge.connections, port.clock.getDelayedCalls()), (0, []))

    def test_last_and_read(self) -> None:
        """Who closes after the last answer ends the lingering."""
        port = PublicPort(self.node, limits=ConnectionLimits(requests_per_connection=1))
        wire = send(port.connect(), request())
        wire.end()
        send(wire)
        self.assertTrue(wire.gone)
        self.assertFalse(wire.aborted)

    def test_half_closed_before(self) -> None:
        """Who closes after the request gets the answer, from near and far, and everything that was asked before."""
        self.warm()
        port, turns = self.far()
        wire = send(port.connect(), request(b"/large.bin") + request(b"/no") + request(b"/none") + request())
        wire.end()
        while turns.waiting:
            turns.go()
        send(wire)
        self.assertEqual([each.status for each in answers(wire)], [200, 404, 404, 200])
        self.assertEqual((wire.gone, wire.late), (True, 0))

    def test_half_closed_before_what_is_handed_over(self) -> None:
        """Defect: what twisted.web answers later was cut off, where the input had ended behind a visit."""
        port, turns = self.far()
        content = b"a new blob"
        upload = request(
            b"/api/v2/blobs/" + sha256(content).hexdigest().encode(),
            b"Authorization: Bearer " + port.node.key.encode(),
            b"Content-Length: %d" % len(content),
            method=b"PUT",
            host=API_HOST.encode(),
        )
        wire = send(port.connect(), request(b"/large.bin") + upload + content)
        wire.end()
        while not wire.sent:
            turns.go()
        send(wire)
        self.assertEqual((len(answers(wire)), wire.closing), (1, False))
        while turns.waiting:
            turns.go()
        send(wire)
        self.assertEqual([each.status for each in answers(wire)], [200, 201])
        self.assertTrue(wire.gone)


class Pipelines(Case):
    """Requests that are sent without waiting."""

    KINDS = (
        (request(), b"GET", 200),
        (request(b"/docs/"), b"GET", 200),
        (request(b"/docs"), b"GET", 308),
        (request(b"/large.bin"), b"GET", 200),
        (request(b"/large.bin", method=b"HEAD"), b"HEAD", 200),
        (request(method=b"HEAD"), b"HEAD", 200),
        (request(b"/no"), b"GET", 404),
        (request(b"/", b"If-None-Match: " + HOME_TAG), b"GET", 304),
        (request(b"/", b"Range: bytes=1-2"), b"GET", 206),
        (request(host=b"b.example"), b"GET", 200),
        (request(host=b"none.example"), b"GET", 404),
        (request(b"/", b"Content-Length: 2", method=b"POST") + b"ab", b"POST", 405),
        (request(b"/cdn-cgi/trace"), b"GET", 200),
        (b"\r\n" + request(b"/middle.bin"), b"GET", 200),
    )

    def check(self, port: PublicPort, kinds: list[int], cuts: list[int], turns: Turns | None = None) -> None:
        """Send requests of *kinds*, cut at *cuts*, and compare with the answers of each by itself."""
        data = b"".join(self.KINDS[kind][0] for kind in kinds)
        places = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
        wire = port.connect()
        for start, end in pairwise(places):
            send(wire, data[start:end])
            if turns is not None and turns.waiting:
                turns.go()
        while turns is not None and turns.waiting:
            turns.go()
        send(wire)
        found = answers(wire, *(self.KINDS[kind][1] for kind in kinds))
        alone = [self.port.ask(self.KINDS[kind][0], self.KINDS[kind][1])[0] for kind in kinds]
        self.assertEqual([each.status for each in found], [self.KINDS[kind][2] for kind in kinds])
        for one, other, kind in zip(found, alone, kinds, strict=True):
            if kind != 12:
                self.assertEqual(seen(one), seen(other))
        self.assertEqual((wire.late, wire.closing), (0, False))
        wire.lose()
        self.assertEqual(port.edge.connections, self.port.edge.connections if port is self.port else 0)

    def test_each_at_every_byte(self) -> None:
        """Every kind of request between two others, cut at each of its bytes."""
        for kind in range(len(self.KINDS)):
            length = len(self.KINDS[kind][0])
            for cut in range(length + 1):
                self.check(self.port, [0, kind, 6], [len(self.KINDS[0][0]) + cut])

    @settings(deadline=None, max_examples=100)
    @given(st.lists(st.integers(0, len(KINDS) - 1), max_size=12), st.lists(st.integers(0, 5000), max_size=6))
    def test_any(self, kinds: list[int], cuts: list[int]) -> None:
        """Any requests, cut anywhere, are answered in order."""
        self.check(self.port, kinds, cuts)

    def test_a_byte_at_a_time(self) -> None:
        """All kinds, a byte at a time."""
        self.check(self.port, list(range(len(self.KINDS))), list(range(5000)))

    @settings(deadline=None, max_examples=40)
    @given(st.lists(st.integers(0, len(KINDS) - 1), max_size=8), st.lists(st.integers(0, 3000), max_size=6))
    def test_with_far_files(self, kinds: list[int], cuts: list[int]) -> None:
        """And in order too while files come from CouchDB when they like to."""
        node = self.node.restarted(Path(self.mktemp()))
        turns = Turns()
        node.files.pause = turns.wait
        try:
            self.check(PublicPort(node), kinds, cuts, turns)
        finally:
            node.files.pause = None

    def test_behind_a_visit(self) -> None:
        """What comes while a visit is under way is answered after it, also when it is ready."""
        port, turns = self.far()
        wire = send(port.connect(), request(b"/large.bin"))
        send(wire, request(b"/docs"), request(b"/no")[:9], request(b"/no")[9:])
        self.assertEqual(wire.sent, b"")
        while turns.waiting:
            turns.go()
        self.assertEqual([each.status for each in answers(send(wire))], [200, 308, 404])

    def test_much_behind_a_visit(self) -> None:
        """Reading is paused when more waits than a head may have, and all of it is answered in the end."""
        port, turns = self.far()
        wire = send(port.connect(), request(b"/large.bin"))
        send(wire, *[request(b"/docs", b"X: " + b"x" * 4000)] * 30)
        self.assertFalse(wire.reading)
        self.assertLess(len(wire.protocol.held), port.edge.limits.head.size + 5000)
        while turns.waiting:
            turns.go()
        for _ in range(40):
            send(wire)
        self.assertTrue(wire.reading)
        self.assertEqual([each.status for each in answers(wire)], [200, *[308] * 30])
