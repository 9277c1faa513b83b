"""What visitors are answered on the fast way: what they are on the slow one, and always of what is served now."""

from hashlib import sha256
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pages.fronts import PublicPort, answer, answers, request
from tests.pages.protocol_case import FIELDS, FILES, HOME_TAG, HOST, HOSTS, LARGE, TAGS, TARGETS, Case, seen
from tests.web.native import send
from tests.web.wire import Answer


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
