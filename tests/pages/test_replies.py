"""From verdicts to the head of an answer and the slices of its body."""

from email.parser import BytesParser
from email.policy import HTTP
from hashlib import sha256
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.ranges import ByteRange
from couchpages.pages.replies import (
    Reply,
    boundary,
    file_reply,
    method_not_allowed,
    plain_reply,
    redirect_reply,
    unavailable_reply,
    unknown_host_reply,
)
from couchpages.web.message import Headers

CONTENT = bytes(range(256)) * 4
BLOB = sha256(CONTENT).hexdigest()
TAG = b'"%b"' % BLOB.encode()
REVALIDATE = b"public, max-age=0, must-revalidate"


def answer(method: bytes = b"GET", **fields: bytes) -> Reply:
    """Ask for the content, a page, with the header *fields*."""
    return file_reply(method, head(fields), "a/b.html", BLOB, len(CONTENT))


def head(fields: dict[str, bytes]) -> Headers:
    """Make headers of names with underscores."""
    return Headers(tuple((name.replace("_", "-").encode(), value) for name, value in fields.items()))


def fields_of(reply: Reply) -> dict[bytes, bytes]:
    """Give the header fields, each of which stands once and in lower case."""
    fields = dict(reply.headers)
    assert len(fields) == len(reply.headers)
    assert all(name == name.lower() for name in fields)
    return fields


class FileReplyTests(SynchronousTestCase):
    """``file_reply``."""

    def test_whole(self) -> None:
        """GET gives the whole content and every field that belongs to it."""
        reply = answer()
        self.assertEqual((reply.status, reply.body, reply.blob), (200, (ByteRange(0, 1024),), BLOB))
        self.assertEqual(
            fields_of(reply),
            {
                b"content-type": b"text/html; charset=utf-8",
                b"content-length": b"1024",
                b"etag": TAG,
                b"cache-control": REVALIDATE,
                b"x-content-type-options": b"nosniff",
                b"accept-ranges": b"bytes",
            },
        )
        self.assertIs(reply.from_memory(CONTENT).body, CONTENT)

    def test_head(self) -> None:
        """HEAD gives the head of GET without the content, and no range."""
        for reply in (answer(b"HEAD"), answer(b"HEAD", range=b"bytes=0-0"), answer(b"HEAD", range=b"bytes=9999-")):
            self.assertEqual((reply.status, reply.headers, reply.body, reply.blob), (200, answer().headers, (), None))

    def test_empty_content(self) -> None:
        """An empty file needs no blob."""
        reply = file_reply(b"GET", Headers(), "a", BLOB, 0)
        self.assertEqual((reply.status, reply.body, reply.blob), (200, (), None))
        self.assertEqual(fields_of(reply)[b"content-length"], b"0")
        self.assertEqual(reply.from_memory(b"").body, b"")

    def test_not_modified(self) -> None:
        """304 carries ETag and Cache-Control, and nothing about a body (sections 8.6 and 15.4.5)."""
        for method in (b"GET", b"HEAD"):
            reply = answer(method, if_none_match=b'"x", W/' + TAG, range=b"bytes=0-0")
            self.assertEqual((reply.status, reply.body, reply.blob), (304, (), None))
            self.assertEqual(fields_of(reply), {b"etag": TAG, b"cache-control": REVALIDATE})

    def test_precondition_failed(self) -> None:
        """412 says why and reads no blob; for HEAD it says nothing."""
        reply = answer(if_match=b'"other"', range=b"bytes=0-0")
        self.assertEqual((reply.status, reply.blob), (412, None))
        self.assertEqual(fields_of(reply)[b"content-length"], b"%d" % len(reply.from_memory().body))
        self.assertEqual(answer(b"HEAD", if_match=b'"other"'), Reply(412, reply.headers))

    def test_one_range(self) -> None:
        """One range is sent as it is, with Content-Range; so is the one that is left of several."""
        for field in (b"bytes=10-19", b"bytes=10-19,5000-"):
            reply = answer(range=field)
            self.assertEqual((reply.status, reply.body), (206, (ByteRange(10, 20),)))
            fields = fields_of(reply)
            self.assertEqual(fields[b"content-range"], b"bytes 10-19/1024")
            self.assertEqual(fields[b"content-length"], b"10")
            self.assertEqual(fields[b"content-type"], b"text/html; charset=utf-8")
            self.assertEqual(fields[b"etag"], TAG)
            self.assertEqual(fields[b"cache-control"], REVALIDATE)
            self.assertEqual(reply.from_memory(CONTENT).body, CONTENT[10:20])

    def test_several_ranges(self) -> None:
        """Several ranges are a multipart without a Content-Range of its own (section 15.3.7.2)."""
        reply = answer(range=b"bytes=0-1,-2")
        line = BLOB.encode()
        self.assertEqual(reply.status, 206)
        self.assertNotIn(b"content-range", fields_of(reply))
        self.assertEqual(fields_of(reply)[b"content-type"], b"multipart/byteranges; boundary=" + line)
        self.assertEqual(
            reply.from_memory(CONTENT).body,
            b"\r\n--"
            + line
            + b"\r\nContent-Type: text/html; charset=utf-8\r\nContent-Range: bytes 0-1/1024\r\n\r\n\0\1"
            b"\r\n--"
            + line
            + b"\r\nContent-Type: text/html; charset=utf-8\r\nContent-Range: bytes 1022-1023/1024\r\n\r\n"
            b"\xfe\xff\r\n--" + line + b"--\r\n",
        )

    def test_if_range(self) -> None:
        """If-Range with another tag gives the whole."""
        self.assertEqual(answer(range=b"bytes=0-0", if_range=TAG).status, 206)
        self.assertEqual(answer(range=b"bytes=0-0", if_range=b'W/"x"'), answer())

    def test_unsatisfiable(self) -> None:
        """416 tells the size (section 15.5.17)."""
        reply = answer(range=b"bytes=1024-")
        self.assertEqual((reply.status, reply.blob), (416, None))
        self.assertEqual(fields_of(reply)[b"content-range"], b"bytes */1024")

    def test_error_page(self) -> None:
        """A site's own error page is sent whole, with its status and without a validator, whatever the request's conditions."""
        conditions: list[dict[str, bytes]] = [
            {},
            {"range": b"bytes=0-0"},
            {"if_none_match": b"*"},
            {"if_match": b'"x"'},
        ]
        for fields in conditions:
            reply = file_reply(b"GET", head(fields), "404.html", BLOB, len(CONTENT), 404)
            self.assertEqual((reply.status, reply.body, reply.blob), (404, (ByteRange(0, 1024),), BLOB))
            self.assertEqual(
                set(fields_of(reply)),
                {b"content-type", b"content-length", b"cache-control", b"x-content-type-options"},
            )
            same = file_reply(b"HEAD", head(fields), "404.html", BLOB, len(CONTENT), 404)
            self.assertEqual(same, Reply(404, reply.headers))

    def test_boundary(self) -> None:
        """The boundary is the hash, which content cannot contain, and is short enough for RFC 2046."""
        self.assertEqual(boundary(BLOB), BLOB.encode())
        self.assertLessEqual(len(boundary(BLOB)), 70)

    @settings(deadline=None)
    @given(st.binary(max_size=200), st.text("0123456789-,", max_size=20), st.sampled_from([b"GET", b"HEAD"]))
    def test_what_is_sent(self, content: bytes, ranges: str, method: bytes) -> None:
        """What is sent has the length that the head tells, and is the content or those parts of it that the head names."""
        field = Headers(((b"range", b"bytes=" + ranges.encode()),))
        reply = file_reply(method, field, "a.bin", sha256(content).hexdigest(), len(content))
        fields, body = fields_of(reply), reply.from_memory(content).body
        assert isinstance(body, bytes)
        if method == b"HEAD":
            self.assertEqual((reply.status, body), (200, b""))
            return
        self.assertEqual(fields[b"content-length"], b"%d" % len(body))
        if reply.status == 200:
            self.assertEqual(body, content)
        if reply.status == 206:
            for sent, named in parts_of(fields, body):
                first, last = map(int, named.removeprefix("bytes ").partition("/")[0].split("-"))
                self.assertEqual(sent, content[first : last + 1])
                self.assertTrue(named.endswith(f"/{len(content)}"))

    @settings(deadline=None)
    @given(st.binary(min_size=1, max_size=300), st.lists(st.integers(0, 300), max_size=8, unique=True))
    def test_reassembled(self, content: bytes, cuts: list[int]) -> None:
        """Content asked for in pieces that leave nothing out is put together from the parts, in order."""
        edges = [0, *sorted(cut for cut in cuts if 0 < cut < len(content)), len(content)]
        field = ",".join(f"{start}-{stop - 1}" for start, stop in pairwise(edges))
        request = Headers(((b"range", f"bytes={field}".encode()),))
        reply = file_reply(b"GET", request, "a", sha256(content).hexdigest(), len(content))
        body = reply.from_memory(content).body
        assert isinstance(body, bytes)
        self.assertEqual(b"".join(sent for sent, _ in parts_of(fields_of(reply), body)), content)


def parts_of(fields: dict[bytes, bytes], body: bytes) -> list[tuple[bytes, str]]:
    """Read a 206 as a client does: content and Content-Range of each part; the head of parts is read by the standard library."""
    if b"content-range" in fields:
        return [(body, fields[b"content-range"].decode())]
    line = fields[b"content-type"].partition(b"boundary=")[2]
    preamble, *parts, end = body.split(b"\r\n--" + line)
    assert (preamble, end) == (b"", b"--\r\n")
    read = []
    for part in parts:
        head, _, sent = part.partition(b"\r\n\r\n")
        read.append((sent, str(BytesParser(policy=HTTP).parsebytes(head.lstrip() + b"\r\n\r\n")["content-range"])))
    return read


class OtherRepliesTests(SynchronousTestCase):
    """The replies without a blob."""

    def test_heads(self) -> None:
        """Each has its status, its own field, a type, nosniff, and a rule for caches; HEAD has the same without a body."""
        for reply, status, own in (
            (redirect_reply(b"/docs/?a"), 308, (b"location", b"/docs/?a")),
            (plain_reply(404, "Not here."), 404, (b"cache-control", REVALIDATE)),
            (unknown_host_reply("x.example"), 404, (b"cache-control", REVALIDATE)),
            (method_not_allowed(), 405, (b"allow", b"GET, HEAD")),
            (unavailable_reply(5), 503, (b"retry-after", b"5")),
        ):
            fields, body = fields_of(reply), reply.from_memory().body
            assert isinstance(body, bytes)
            self.assertEqual((reply.status, reply.blob), (status, None))
            self.assertIn(own, reply.headers)
            self.assertEqual(fields[b"content-length"], b"%d" % len(body))
            self.assertEqual(fields[b"x-content-type-options"], b"nosniff")
            self.assertIn(fields[b"content-type"], {b"text/html; charset=utf-8", b"text/plain; charset=utf-8"})
            self.assertEqual(reply.to(b"HEAD"), Reply(status, reply.headers))
            self.assertIs(reply.to(b"GET"), reply)

    def test_unavailable_is_not_stored(self) -> None:
        """No cache keeps a fault."""
        self.assertEqual(fields_of(unavailable_reply(1))[b"cache-control"], b"no-store")

    def test_escaped(self) -> None:
        """Nothing that a request says becomes markup, and a long host is cut."""
        body = unknown_host_reply('<script>"&').from_memory().body
        assert isinstance(body, bytes)
        self.assertIn(b"<strong>&lt;script&gt;&quot;&amp;</strong>", body)
        self.assertLess(int(fields_of(unknown_host_reply("<" * 60_000))[b"content-length"]), 2000)
        page = redirect_reply(b"/a'&\"<b>/").from_memory().body
        assert isinstance(page, bytes)
        self.assertIn(b'href="/a&#x27;&amp;&quot;&lt;b&gt;/"', page)

    def test_plain_text(self) -> None:
        """The text is sent as one line, also where it has letters of other scripts or a lone surrogate."""
        self.assertEqual(plain_reply(400, "schön").from_memory().body, "schön\n".encode())
        self.assertEqual(plain_reply(400, "\ud800").from_memory().body, b"\\ud800\n")
