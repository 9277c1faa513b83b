"""What a site's visitors speak to: ready answers, visits, and twisted.web for the rest."""

import os
from dataclasses import replace
from hashlib import sha256
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.ports import Unavailable
from couchpages.testing.memory_database import Turns
from couchpages.testing.node import API_HOST, MemoryNode
from couchpages.web.handed_over import HandedOver
from couchpages.web.heads import HeadLimits
from couchpages.web.limits import LINGER, ConnectionLimits
from tests.pages.fronts import PublicPort, answer, answers, request
from tests.web.native import NativeWire, send
from tests.web.test_ledger import FakeLog
from tests.web.wire import Answer

HOST = "a.example"
LARGE = bytes(range(256)) * 1000
FILES = {
    "index.html": b"home",
    "404.html": b"not here",
    "docs/index.html": b"docs",
    "a b/é.txt": b"text",
    "empty.txt": b"",
    "middle.bin": bytes(range(256)) * 100,
    "large.bin": LARGE,
}
TAGS = {path: b'"%b"' % sha256(content).hexdigest().encode() for path, content in FILES.items()}
HOME_TAG = TAGS["index.html"]
TARGETS = (
    b"/", b"/index.html", b"/docs", b"/docs?x=1", b"/docs/", b"//docs//", b"/a%20b/%C3%A9.txt", b"/empty.txt", b"/middle.bin",
    b"/large.bin", b"/no", b"/docs/no", b"/?q", b"/%", b"/%00", b"/a#b", b"*", b"http://a.example/docs/", b"http://b.example/", b"http://none.example/",
    b"/cdn-cgi/trace-json/x", b"//cdn-cgi/other", b"/cdn-cgi", b"/api/v2/sites", b"/" + b"x" * 600, b"/docs/../index.html", b"/api/x.txt",
)  # fmt: skip
HOSTS = (
    b"a.example", b"A.Example", b"a.example:8080", b"a.example.", b" a.example\t", b"b.example", b"none.example", b"a b", b"",
    API_HOST.encode(), b"[::1]", b"a.example:x", b"a@a.example",
)  # fmt: skip
FIELDS = (
    b"If-None-Match: " + HOME_TAG, b"If-None-Match: W/" + HOME_TAG, b'If-None-Match: "x", ' + HOME_TAG, b"If-None-Match: *",
    b"If-None-Match: " + HOME_TAG.upper(), b"if-none-match:" + HOME_TAG, b"If-None-Match: " + TAGS["large.bin"], b'If-None-Match: "x"',
    b"If-None-Match: " + TAGS["middle.bin"], b"If-None-Match: " + HOME_TAG + b" ", b"If-None-Match: ", b"X-Tag: " + HOME_TAG,
    b"If-Match: " + HOME_TAG, b'If-Match: "x"', b"Range: bytes=1-2", b"Range: bytes=0-0,2-2", b"Range: bytes=999999-", b"Range: x",
    b'If-Range: "x"', b"If-Range: " + HOME_TAG, b"If-Modified-Since: Mon, 23 Nov 2026 14:00:00 GMT", b"Accept-Encoding: gzip",
    b"Connection: keep-alive", b"Connection: close", b"Connection: Close", b"Connection:close", b"Connection: x, close", b"Connection: x",
    b"Content-Length: 0", b"User-Agent: x", b"Keep-Alive: 5", b"Proxy-Connection: close", b"Upgrade: h2c", b"Expect: nothing", b"TE: x",
)  # fmt: skip


def seen(each: Answer) -> tuple[int, bytes, dict[bytes, bytes], bytes]:
    """Give what must be the same whoever answers: all but the moment."""
    return each.status, each.phrase, {name: value for name, value in each.fields.items() if name != b"date"}, each.body


class Case(SynchronousTestCase):
    """A node in memory with two sites, and its public port."""

    def setUp(self) -> None:
        """Deploy."""
        self.node = MemoryNode(Path(self.mktemp()))
        self.first = self.node.deploy(HOST, FILES, commit="abcdef0")
        self.node.deploy("b.example", {"index.html": b"other", "404.html": b"b is not here"})
        self.port = PublicPort(self.node)

    def warm(self, *targets: bytes) -> None:
        """Have answers ready, and their content in memory."""
        for target in targets or (b"/",):
            for _ in range(2):
                self.port.ask(request(target))

    def far(self, *targets: bytes) -> tuple[PublicPort, Turns]:
        """Give the port of a node that knows the site and has none of its files, and what lets CouchDB answer it."""
        del targets
        node = self.node.restarted(Path(self.mktemp()))
        turns = Turns()
        node.files.pause = turns.wait
        self.addCleanup(setattr, node.files, "pause", None)
        return PublicPort(node), turns

    def assert_handed_over(self, wire: NativeWire) -> None:
        """Check that twisted.web has the connection."""
        self.assertIsInstance(wire.protocol, HandedOver)

    def assert_native(self, wire: NativeWire) -> None:
        """Check that it has not."""
        self.assertNotIsInstance(wire.protocol, HandedOver)


class SameAsTheSlowWay(Case):
    """Whatever is asked: the answer is the one that twisted.web gives, whether it is ready, near or far."""

    def assert_same(self, data: bytes, method: bytes, port: PublicPort | None = None) -> Answer:
        """Ask natively three times and slowly once."""
        port = port or self.port
        wires = [send(port.connect(), data) for _ in range(3)]
        slow_wire = send(port.slow_way(), data)
        slow = answer(slow_wire, method)
        for wire in wires:
            self.assertEqual(seen(answer(wire, method)), seen(slow), data)
            self.assertEqual(wire.closing, slow_wire.closing, data)
            self.assertEqual(wire.late, 0)
        for wire in (*wires, slow_wire):
            wire.lose()
        return slow

    def test_table(self) -> None:
        """Every target with GET and HEAD, every host, and every field with a small and a large file."""
        for method in (b"GET", b"HEAD"):
            for target in TARGETS:
                self.assert_same(request(target, method=method), method)
            for host in HOSTS:
                self.assert_same(request(method=method, host=host), method)
            for field in FIELDS:
                for target in (b"/", b"/large.bin", b"/middle.bin", b"/no", b"/docs", b"/empty.txt"):
                    self.assert_same(request(target, field, method=method), method)

    def test_near_and_far(self) -> None:
        """The first answer of a node that has the files on disk only, or has them to fetch, is the same as later ones."""
        for target in (b"/", b"/middle.bin", b"/large.bin", b"/empty.txt", b"/no"):
            for folder in (None, Path(self.mktemp())):
                for field in (b"X: y", b"If-None-Match: " + HOME_TAG, b"Range: bytes=1-2"):
                    node = self.node.restarted(folder or Path(self.mktemp()))
                    first = answer(send(PublicPort(node).connect(), request(target, field)))
                    self.assertEqual(seen(first), seen(self.assert_same(request(target, field), b"GET")), target)

    @settings(deadline=None, max_examples=150)
    @given(
        st.sampled_from([b"GET", b"HEAD"]),
        st.sampled_from(TARGETS),
        st.sampled_from(HOSTS),
        st.lists(st.sampled_from(FIELDS), max_size=3),
        st.sampled_from([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0"]),
    )
    def test_any(self, method: bytes, target: bytes, host: bytes, fields: list[bytes], version: bytes) -> None:
        """And every mixture of them."""
        data = request(target, *fields, method=method, host=host).replace(b"HTTP/1.1", version)
        self.assert_same(data, method)

    def test_date(self) -> None:
        """Date is the present second's, and moves with it."""
        self.warm()
        self.assertEqual(self.port.ask(request())[0].fields[b"date"], b"Mon, 23 Nov 2026 14:00:00 GMT")
        self.port.pass_time(2)
        for target in (b"/", b"/no"):
            self.assertEqual(self.port.ask(request(target))[0].fields[b"date"], b"Mon, 23 Nov 2026 14:00:02 GMT")

    def test_repeated_condition_in_another_field(self) -> None:
        """Defect: a tag in upper case was taken for the file's, where another field had that."""
        self.warm()
        (other,) = self.port.ask(request(b"/", b"If-None-Match: " + HOME_TAG.upper(), b"X: " + HOME_TAG))
        self.assertEqual((other.status, other.body), (200, b"home"))


class Conditions(Case):
    """304 and what is not."""

    def test_exact(self) -> None:
        """Who names the tag gets 304 without a body, from what is ready, and the content is not read for it."""
        self.warm()
        reads = dict(self.node.metrics.blob_reads.counts)
        (unchanged,) = self.port.ask(request(b"/", b"If-None-Match: " + HOME_TAG))
        self.assertEqual((unchanged.status, unchanged.fields[b"etag"]), (304, HOME_TAG))
        self.assertNotIn(b"content-length", unchanged.fields)
        self.assertEqual(self.node.metrics.blob_reads.counts, reads)
        self.assertEqual(self.port.tally(HOST)[304, "none"], 1)

    def test_others(self) -> None:
        """Weak tags, lists and "*" match as RFC 9110 has it; tags in another case, of other files and of no file do not."""
        self.warm()
        for condition, status in (
            (b"W/" + HOME_TAG, 304),
            (b'"x" , ' + HOME_TAG, 304),
            (HOME_TAG + b',"x"', 304),
            (b"*", 304),
            (HOME_TAG.upper(), 200),
            (TAGS["docs/index.html"], 200),
            (HOME_TAG.strip(b'"'), 200),
            (HOME_TAG + b"x", 200),
            (b"", 200),
        ):
            (other,) = self.port.ask(request(b"/", b"If-None-Match: " + condition))
            self.assertEqual(other.status, status, condition)

    def test_not_after_a_switch(self) -> None:
        """Who has what was served before gets what is served now."""
        self.warm()
        self.node.deploy(HOST, {"index.html": b"new"})
        (changed,) = self.port.ask(request(b"/", b"If-None-Match: " + HOME_TAG))
        self.assertEqual((changed.status, changed.body), (200, b"new"))


class Switches(Case):
    """Law 2: the next answer after a switch is the new one."""

    def test_deploy_rollback_delete(self) -> None:
        """On one connection, and on new ones, for each way to write the host."""
        wire = self.port.connect()

        def asked() -> list[tuple[int, bytes]]:
            wire.sent = b""
            for host in (b"a.example", b"A.Example", b"a.example:80"):
                send(wire, request(host=host))
            return [(each.status, each.body) for each in (*answers(wire), *self.port.ask(request()))]

        for _ in range(2):
            self.assertEqual(asked(), [(200, b"home")] * 4)
        self.node.deploy(HOST, {"index.html": b"second", "404.html": b"gone"})
        for _ in range(2):
            self.assertEqual(asked(), [(200, b"second")] * 4)
        self.node.reactor.advance(0.001)
        back = self.node.call("POST", f"/api/v2/sites/{HOST}/rollback", {"id": self.first["id"]})
        self.assertEqual(back.status, 200, back)
        for _ in range(2):
            self.assertEqual(asked(), [(200, b"home")] * 4)
        self.node.reactor.advance(0.001)
        self.assertEqual(self.node.call("DELETE", f"/api/v2/sites/{HOST}").status, 204)
        for _ in range(2):
            self.assertEqual([status for status, _ in asked()], [404] * 4)
        self.node.deploy(HOST, {"index.html": b"third"})
        for _ in range(2):
            self.assertEqual(asked(), [(200, b"third")] * 4)

    def test_redirects_and_missing_files(self) -> None:
        """What was a folder, a file or nothing may be something else after a switch."""
        self.warm(b"/docs", b"/no", b"/docs/")
        self.node.deploy(HOST, {"docs": b"a file", "no": b"yes"})
        wire = send(self.port.connect(), request(b"/docs") + request(b"/no") + request(b"/docs/"))
        self.assertEqual([(each.status, each.body) for each in answers(wire)][:2], [(200, b"a file"), (200, b"yes")])
        self.assertEqual(answers(wire)[2].status, 404)

    def test_while_a_visit_is_under_way(self) -> None:
        """Requests that wait behind a visit are answered with what is served when their turn comes."""
        port, turns = self.far()
        wire = send(port.connect(), request(b"/large.bin") + request() + request())
        self.assertEqual(wire.sent, b"")
        port.node.files.pause = None
        port.node.deploy(HOST, {"index.html": b"new"})
        while turns.waiting:
            turns.go()
        self.assertEqual([each.body for each in answers(send(wire))], [LARGE, b"new", b"new"])

    def test_blobs_that_leave_the_memory(self) -> None:
        """A ready answer whose content is no longer in memory is given from disk, and one whose content is nowhere near from CouchDB."""
        middle = FILES["middle.bin"]
        blob = sha256(middle).hexdigest()
        self.warm(b"/middle.bin")
        self.node.blobs._memory.discard(blob)
        self.assertEqual(self.port.ask(request(b"/middle.bin"))[0].body, middle)
        self.node.blobs._memory.discard(blob)
        for file in self.node.disk._folder.rglob(blob):
            file.unlink()
        self.assertEqual(self.port.ask(request(b"/middle.bin"))[0].body, middle)
        self.assertEqual(self.node.metrics.blob_reads.counts["couchdb"], 1)


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


class Counting(Case):
    """Metrics and the access log."""

    def sample(self, name: str, **labels: str) -> float:
        """Give a figure as Prometheus has it."""
        return self.node.metrics.registry.get_sample_value(name, labels) or 0

    def test_tallies(self) -> None:
        """Each way tallies the same request alike: site, status, where the content was, and the bytes of the body that were sent."""
        data = b"".join(
            request(target, *fields, method=method, host=host)
            for method, target, host, fields in (
                (b"GET", b"/", b"a.example", ()),
                (b"HEAD", b"/", b"a.example", ()),
                (b"GET", b"/", b"a.example", (b"If-None-Match: " + HOME_TAG,)),
                (b"GET", b"/docs", b"a.example", ()),
                (b"GET", b"/empty.txt", b"a.example", ()),
                (b"GET", b"/no", b"a.example", ()),
                (b"GET", b"/large.bin", b"a.example", (b"Range: bytes=0-9",)),
                (b"GET", b"/large.bin", b"a.example", ()),
                (b"GET", b"/", b"none.example", ()),
                (b"GET", b"/", b"abcdef0.a.example", ()),
            )
        )
        self.warm(b"/", b"/docs", b"/empty.txt", b"/no", b"/large.bin")
        gained = []
        for make in (self.port.connect, self.port.slow_way):
            before = self.figures()
            wire = send(make(), data)
            self.assertEqual(len(answers(wire, b"GET", b"HEAD")), 10)
            gained.append({key: count - before.get(key, 0) for key, count in self.figures().items()})
        self.assertEqual(gained[0], gained[1])
        self.assertEqual(sum(count for key, count in gained[0].items() if isinstance(key[1], tuple)), 10)

    def figures(self) -> dict[Any, int]:
        """Give every tally's figures, and those of statuses."""
        found: dict[Any, int] = {}
        for site, tally in self.node.metrics.tallies.every():
            found[site, "bytes"] = tally.bytes
            found |= {(site, key): count for key, count in tally.answers.items()}
        return found | {
            ("statuses", str(label)): count
            for label, count in self.node.metrics.responses.labels("public").counts.items()
        }

    def test_where_it_was(self) -> None:
        """The first visit finds content on disk or in CouchDB, the next in memory."""
        self.port.ask(request())
        self.port.ask(request())
        self.assertEqual(self.port.tally(HOST), {(200, "disk"): 1, (200, "memory"): 1})
        self.assertEqual(self.node.metrics.tallies.of(HOST).bytes, 8)
        port = PublicPort(self.node.restarted(Path(self.mktemp())))
        port.ask(request() + request())
        self.assertEqual(port.tally(HOST), {(200, "couchdb"): 1, (200, "memory"): 1})

    def test_responses_and_durations(self) -> None:
        """Every response is counted once by its status, with how long it took."""
        self.port.ask(
            request() + request() + request(b"/no") + request(b"/cdn-cgi/trace") + request(method=b"PUT"), *[b"GET"] * 4
        )
        for status, count in (("200", 3), ("404", 1), ("405", 1)):
            self.assertEqual(self.sample("couchpages_http_responses_total", port="public", status=status), count)
        self.assertEqual(self.sample("couchpages_http_response_seconds_count", port="public"), 5)

    def test_access_log(self) -> None:
        """Ready answers and visits are logged once each, with the same facts; behind a trusted proxy with the visitor's address."""
        log = FakeLog()
        port = PublicPort(self.node, log=log, trusted=(ip_network("198.51.100.0/24"),))
        behind = b"X-Forwarded-For: 203.0.113.9"
        for address, shown in (
            ("192.0.2.1", "192.0.2.1"),
            ("198.51.100.7", "203.0.113.9"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ):
            for make in (port.connect, port.slow_way):
                log.records.clear()
                for _ in range(2):
                    send(make(address=address), request(b"/", behind, b"User-Agent: x"))
                send(make(address=address), request(b"/no", behind, host=b"none.example"))
                moment = port.wall()
                self.assertEqual([record[0] for record in log.records], [moment] * 3)
                self.assertEqual([record[1] for record in log.records], [shown] * 3)
                heads = [bytes(record[2]).lower() for record in log.records]  # type: ignore[call-overload]  # a head
                self.assertEqual(heads[1], request(b"/", behind, b"User-Agent: x").lower())
                self.assertEqual(log.records[1][3:5], (200, 4))
                self.assertEqual(log.records[1][6:], (HOST, "memory"))
                self.assertEqual(log.records[2][3], 404)
                self.assertEqual(log.records[2][6:], ("", "none"))

    def test_unmade_file(self) -> None:
        """And the file that was opened for it is closed."""
        turns = Turns()
        files: list[Any] = []
        node = self.node.restarted(Path(self.mktemp()))
        node.files.pause = turns.wait
        self.addCleanup(setattr, node.files, "pause", None)
        read = node.disk.read

        def recorded(name: str, most: int) -> Any:
            files.append(read(name, most))
            return files[-1]

        wire = send(PublicPort(node).connect(), request(b"/large.bin"))
        wire.lose()
        with patch.object(node.disk, "read", recorded):
            while turns.waiting:
                turns.go()
        self.assertTrue(files[-1].closed)

    def test_unmade(self) -> None:
        """A visit whose connection is lost before its answer is noted once, with no bytes, and its file is closed."""
        port, turns = self.far()
        wire = send(port.connect(), request(b"/large.bin"))
        wire.lose()
        while turns.waiting:
            turns.go()
        self.assertEqual(wire.sent, b"")
        self.assertEqual(port.tally(HOST), {(200, "couchdb"): 1})
        self.assertEqual(port.node.metrics.tallies.of(HOST).bytes, 0)
        self.assertEqual((port.edge.connections, port.clock.getDelayedCalls()), (0, []))


class Troubles(Case):
    """What goes wrong."""

    def test_couchdb_away(self) -> None:
        """What is near is served, what is far is 503, and the connection goes on (laws 1 and 3)."""
        node = self.node.restarted(Path(self.mktemp()))
        port = PublicPort(node)
        port.ask(request())
        node.files.fail("read_attachment", Unavailable("away"), times=2)
        wire = send(
            port.connect(), request() + request(b"/docs/") + request() + request(b"/docs/") + request(b"/docs/")
        )
        self.assertEqual([each.status for each in answers(wire)], [200, 503, 200, 503, 200])
        node.files.heal()

    def test_defect_of_a_visit(self) -> None:
        """A defect is a 500 that tells nothing, logged, and the next request is answered."""
        with patch.object(self.node.visits, "_respond", side_effect=KeyError("secret")):
            wire = send(self.port.connect(), request(b"/no"))
        send(wire, request())
        self.assertEqual([each.status for each in answers(wire)], [500, 200])
        self.assertNotIn(b"secret", wire.sent)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_shortened_on_disk(self) -> None:
        """Defect: a blob that a power cut shortened on disk gave its length to the answers after the one that CouchDB helped out with."""
        folder = Path(self.mktemp())
        MemoryNode.restarted(self.node, folder).visit(HOST, "/")
        blob = sha256(b"home").hexdigest()
        path = folder / "blobs" / blob[:2] / blob
        for damaged in (b"ho", b"home and more", b"", b"HOME"):
            for asked in (b"X: y", b"If-None-Match: " + HOME_TAG):
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(damaged)
                port = PublicPort(self.node.restarted(folder))
                found = [answer(send(port.connect(), request(b"/", field))) for field in (asked, b"X: y", b"X: y")]
                self.assertIn((found[0].status, found[0].body), [(200, b"home"), (304, b"")])
                self.assertEqual([each.body for each in found[1:]], [b"home"] * 2)

    def test_sound_on_disk(self) -> None:
        """What was found sound on disk after a start is ready from then on."""
        folder = Path(self.mktemp())
        MemoryNode.restarted(self.node, folder).visit(HOST, "/")
        port = PublicPort(self.node.restarted(folder))
        self.assertEqual(port.ask(request())[0].body, b"home")
        self.assertEqual((len(port.ready.shelves), port.tally(HOST)), (1, {(200, "disk"): 1}))

    def test_without_nowait(self) -> None:
        """Where the kernel cannot say what it has in memory, disks are read in threads, and the answers are the same."""
        with patch("couchpages.pages.disk_cache.RWF_NOWAIT", None):
            wire = send(self.port.connect(), request() + request())
        self.assertEqual([each.body for each in answers(wire)], [b"home"] * 2)
        self.assertEqual(self.port.tally(HOST), {(200, "disk"): 1, (200, "memory"): 1})

    def test_blob_that_nobody_has(self) -> None:
        """A site of which a blob is missing everywhere answers 503 for it, not an empty 200."""
        self.warm(b"/middle.bin")
        blob = sha256(FILES["middle.bin"]).hexdigest()
        self.node.blobs._memory.discard(blob)
        for file in self.node.disk._folder.rglob(blob):
            os.truncate(file, 2)
        self.node.files.fail("read_attachment", Unavailable("away"))
        self.assertEqual([each.status for each in self.port.ask(request(b"/middle.bin") * 2)], [503, 200])

    def test_two_hosts_of_which_one_came_before(self) -> None:
        """What a connection remembers of a head stands behind the Host field: with another Host before it, it is refused."""
        self.warm()
        self.port.ask(request(host=b"b.example"))
        for first in (b"X: y", b"Host: a.example"):
            wire = self.port.connect()
            fields = b"Host: a.example\r\nAccept: */*\r\n\r\n"
            line = b"GET / HTTP/1.1\r\n"
            send(wire, line + first + b"\r\n" + fields if first == b"X: y" else line + fields)
            send(wire, line + b"Host: b.example\r\n" + fields)
            self.assertEqual([each.status for each in answers(wire)], [200, 400])

    def test_requests_one_by_one_to_a_slow_reader(self) -> None:
        """Who reads answers slowly that came one after the other has the same time as for those that were asked for together."""
        self.warm(b"/middle.bin")
        wire = self.port.connect(slow=True)
        for _ in range(4):
            send(wire, request(b"/middle.bin"))
        self.assertTrue(wire.pausing)
        self.port.pass_time(self.port.edge.limits.idle + 20)
        self.assertFalse(wire.closing)
        wire.drain()
        self.assertEqual(len(answers(wire)), 4)

    def test_custom_limits(self) -> None:
        """Heads may be as large as the port's limits say, not as they are by default."""
        limits = ConnectionLimits(head=HeadLimits(100_000, 1000))
        port = PublicPort(self.node, limits=limits)
        large = request(b"/", b"X: " + b"x" * 50_000, *[b"X: y"] * 500)
        for size in (len(large), 1000):
            wire = send(port.connect(), *(large[at : at + size] for at in range(0, len(large), size)))
            self.assertEqual(answer(wire).body, b"home")
            self.assert_native(wire)
        small = PublicPort(self.node, limits=replace(limits, head=HeadLimits(60, 5)))
        self.assertEqual(small.ask(request(b"/", b"X: " + b"x" * 100))[0].status, 431)
