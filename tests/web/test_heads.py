"""Heads, from lines to values: ``syntax``, ``framing`` and ``heads``. The corpus has the many malformed ones."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.web.framing import asks_to_close
from couchpages.web.heads import CRLF, DEFAULT_LIMITS, Head, HeadLimits, HeadReader, fault, read_head
from couchpages.web.syntax import Fault, Field, RequestLine, control_fault
from tests.web.corpus import ALL

HEAD = b"GET /a HTTP/1.1\r\nHost: a\r\nX:\t y \r\n\r\n"


def verdict_in_parts(data: bytes) -> Fault | None:
    """Judge *data* as it comes byte by byte, up to the end of the first head."""
    reader, buffer = HeadReader(), b""
    for byte in data:
        buffer += bytes([byte])
        if buffer.endswith(CRLF):
            verdict = reader.line(buffer.removesuffix(CRLF))
            buffer = b""
        else:
            verdict = reader.part(buffer)
        if isinstance(verdict, Head):
            return None
        if verdict is not None:
            return verdict
    return None


class Heads(SynchronousTestCase):
    """``read_head`` and ``fault``."""

    def test_read(self) -> None:
        """A head is its request line, its fields in their order, and its body's length."""
        self.assertEqual(
            read_head(HEAD),
            Head(RequestLine(b"GET", b"/a", b"HTTP/1.1"), (Field(b"host", b"a"), Field(b"x", b"y")), 0),
        )
        self.assertIsNone(fault(HEAD))

    def test_lengths(self) -> None:
        """Content-Length and Transfer-Encoding say how long the body is."""
        for field, length in ((b"Content-Length: 07", 7), (b"Transfer-Encoding: Chunked", "chunked")):
            read = read_head(HEAD[:-2] + field + b"\r\n\r\n")
            assert isinstance(read, Head), read
            self.assertEqual(read.length, length)

    def test_not_one_head(self) -> None:
        """Less than a head and more than one are refused, so that nobody takes a part for the whole."""
        for data in (b"", b"\r\n", HEAD[:-1], HEAD[:-2], HEAD + b"x", HEAD + HEAD):
            self.assertEqual(getattr(fault(data), "status", None), 400, data)

    def test_names_the_field(self) -> None:
        """A fault of a field names it (law 8)."""
        for line, field in (
            (b"Host: b", "Host"),
            (b"Content-Length: x", "Content-Length"),
            (b"Transfer-Encoding: x", "Transfer-Encoding"),
        ):
            found = fault(HEAD[:-2] + line + b"\r\n\r\n")
            self.assertEqual(found.field if found else "", field)

    def test_limits(self) -> None:
        """A head may be exactly as large as its limits, and not a byte or a field more; what is before it does not count."""
        for data, limits, status in (
            (HEAD, HeadLimits(len(HEAD), 2), None),
            (b"\r\n\r\n" + HEAD, HeadLimits(len(HEAD), 2), None),
            (b"\r\n" * 3 + HEAD, HeadLimits(len(HEAD), 2), 400),
            (HEAD, HeadLimits(len(HEAD) - 1, 2), 431),
            (HEAD, HeadLimits(len(HEAD), 1), 431),
            (HEAD, HeadLimits(16, 2), 414),
            (HEAD, HeadLimits(17, 2), 431),
        ):
            found = fault(data, limits)
            self.assertEqual(found.status if found else None, status, (data, limits))

    def test_default_limits(self) -> None:
        """The default is as large as other servers' are."""
        self.assertEqual((DEFAULT_LIMITS.size, DEFAULT_LIMITS.fields), (32768, 100))

    def test_corpus(self) -> None:
        """``fault`` says of the corpus' first heads what the server answers, and the same byte by byte."""
        for case in ALL:
            data = case.data
            if (
                len(data) > 5000
                or not data.strip(b"\r\n")
                or case.name.startswith(("waiting", "chunk", "last chunk", "trailer"))
            ):
                continue
            found = verdict_in_parts(data)
            if found is not None:
                self.assertEqual((case.statuses[-1], case.closed), (found.status, True), case.name)
            if (end := data.find(b"\r\n\r\n")) > 0 and not data.startswith(CRLF):
                self.assertEqual(fault(data[: end + 4]), found, case.name)

    @settings(max_examples=300, deadline=None)
    @given(
        st.lists(
            st.sampled_from([b"\r", b"\n", b"\r\n", b" ", b":", b"a", b"\0", b"GET / HTTP/1.1\r\n", b"Host: a\r\n"]),
            max_size=12,
        )
    )
    def test_any_cut(self, pieces: list[bytes]) -> None:
        """The first fault is the verdict, wherever the head is cut."""
        data = b"".join(pieces) + b"\r\n\r\n"
        in_parts, whole = verdict_in_parts(data), fault(data)
        if in_parts is not None:
            self.assertEqual(whole, in_parts)


class Parts(SynchronousTestCase):
    """``control_fault`` and ``asks_to_close``."""

    def test_control_characters(self) -> None:
        """HTAB and CRLF are none; a last CR may yet become a CRLF."""
        for line in (b"a\tb", b"a\r\n", b"a\r", b"\r", b"", b"\x80\xff"):
            self.assertIsNone(control_fault(line), line)
        for line in (b"a\n", b"\n", b"\ra", b"a\r\r", b"a\r\r\n", b"\n\r\n", b"\0", b"\x7f", b"\x0b"):
            self.assertEqual(getattr(control_fault(line), "status", None), 400, line)

    def test_close(self) -> None:
        """``close`` anywhere in the list closes, and HTTP/1.0 does."""
        for version, connection, closes in (
            (b"HTTP/1.1", [], False),
            (b"HTTP/1.1", [b"keep-alive"], False),
            (b"HTTP/1.1", [b"x,\tClose "], True),
            (b"HTTP/1.1", [b"x", b"close"], True),
            (b"HTTP/1.0", [b"keep-alive"], True),
        ):
            self.assertEqual(asks_to_close(version, connection), closes, (version, connection))
