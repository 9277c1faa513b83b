"""Bodies, told from what follows them."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.web.bodies import BadBody, ChunkedBody, CountedBody
from couchpages.web.heads import HeadLimits

#: Extensions and trailers as RFC 9112 section 7.1 lets them be.
EXTENSIONS = (b"", b";a", b";a=b", b' ; a = "b;\\"c"', b";a;b=c")
TRAILERS = (b"", b"X: y\r\n", b"X:\r\nExpires: 0\r\n")


class Taken:
    """What a body handed on."""

    def __init__(self) -> None:
        self.content = b""
        self.rest: list[bytes] = []

    def take(self, data: bytes) -> None:
        """Remember content."""
        self.content += data

    def finish(self, rest: bytes) -> None:
        """Remember what followed."""
        self.rest.append(rest)


def cut(data: bytes, size: int) -> list[bytes]:
    """Cut *data* into pieces of *size* bytes."""
    return [data[at : at + size] for at in range(0, len(data), size)]


class Counted(SynchronousTestCase):
    """``CountedBody``."""

    def test_any_cut(self) -> None:
        """The body ends after its length; what follows in the same piece is handed back, once."""
        for size in range(1, 12):
            taken = Taken()
            body = CountedBody(5, taken.take, taken.finish)
            pieces = cut(b"hello world", size)
            while not taken.rest:
                body.dataReceived(pieces.pop(0))
            self.assertEqual(taken.content, b"hello")
            self.assertEqual(taken.rest[0] + b"".join(pieces), b" world")


class Chunked(SynchronousTestCase):
    """``ChunkedBody``."""

    def refused(self, data: bytes, limits: HeadLimits | None = None) -> tuple[int, bytes]:
        """Give the status with which *data* is refused, byte by byte, and what was read until then."""
        taken = Taken()
        body = ChunkedBody(taken.take, taken.finish, limits or HeadLimits())
        for at in range(len(data)):
            try:
                body.dataReceived(data[at : at + 1])
            except BadBody as bad:
                return bad.fault.status, data[: at + 1]
        raise AssertionError("it was not refused")

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.sampled_from(EXTENSIONS)), max_size=5),
        st.sampled_from(TRAILERS),
        st.binary(max_size=10),
        st.integers(1, 60),
    )
    def test_any_cut(self, chunks: list[tuple[bytes, bytes]], trailers: bytes, rest: bytes, size: int) -> None:
        """Content is what the chunks hold, wherever the network cuts them, and what follows is handed back."""
        data = b"".join(b"%x%b\r\n%b\r\n" % (len(content), extension, content) for content, extension in chunks)
        pieces = cut(data + b"0\r\n" + trailers + b"\r\n" + rest, size)
        taken = Taken()
        body = ChunkedBody(taken.take, taken.finish)
        while not taken.rest:
            body.dataReceived(pieces.pop(0))
        self.assertEqual(taken.content, b"".join(content for content, _ in chunks))
        self.assertEqual((len(taken.rest), taken.rest[0] + b"".join(pieces)), (1, rest))

    def test_content_at_once(self) -> None:
        """Content is handed on as it comes, before its chunk is whole."""
        taken = Taken()
        ChunkedBody(taken.take, taken.finish).dataReceived(b"5\r\nhel")
        self.assertEqual(taken.content, b"hel")

    def test_refused_at_once(self) -> None:
        """What is wrong is refused at the byte that makes it wrong, though the line has not ended."""
        for data, until in (
            (b"5\nhello", b"5\n"),
            (b"5\rhello", b"5\rh"),
            (b"5\r\nhelloXX", b"5\r\nhelloX"),
            (b"5\r\nhello\rX", b"5\r\nhello\rX"),
            (b"0\r\nX: \x00y", b"0\r\nX: \x00"),
            (b"x\r\n", b"x\r\n"),
        ):
            self.assertEqual(self.refused(data + b"more"), (400, until))

    def test_limits(self) -> None:
        """Trailers have the limits that a head has."""
        self.assertEqual(self.refused(b"0\r\n" + b"X: y\r\n" * 5, HeadLimits(1000, 3))[0], 431)
        self.assertEqual(self.refused(b"0\r\nX: " + b"y" * 50, HeadLimits(20, 3))[0], 431)
        self.assertEqual(self.refused(b"5" * 2000)[0], 400)
