"""llhttp as a judge of heads: it may refuse what is right, and must never accept what is wrong."""

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.web.heads import Head, HeadLimits, read_head
from couchpages.web.llhttp import Syntax
from tests.pages.glances import glance

PLAIN = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
PIECES = st.sampled_from(
    [
        b"GET", b"HEAD", b" ", b"  ", b"/", b"/a", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"\r\n", b"\n", b"\r", b"Host: a", b"host:b",
        b"Content-Length: 3", b"Content-Length : 3", b"Content-Length:0", b"Transfer-Encoding: chunked", b"Connection: close",
        b"Connection: keep-alive", b"Proxy-Connection: close", b"X: y", b"X:", b": y", b"X", b"\t", b" z", b"\x00", b"\x0b",
        b"\x7f", b"\xff",
        b"Upgrade: h2c", b"Expect: 100-continue", b"If-None-Match: *", b"X-A: b\r\n\r\n", b"(", b'"', b"?", b"#", b"http://a/", b"*",
        b"Range: bytes=0-1", b"Te: chunked", b"Trailer: x", b"HTTP2-Settings: x", b"Keep-Alive: x",
    ]
)  # fmt: skip
LINES = st.lists(PIECES, max_size=4).map(b"".join)
HEADS = st.one_of(
    st.lists(LINES, max_size=6).map(lambda lines: b"GET / HTTP/1.1\r\nHost: a\r\n" + b"\r\n".join([*lines, b"", b""])),
    st.lists(PIECES, max_size=15).map(lambda pieces: b"".join(pieces) + b"\r\n\r\n"),
    st.binary(max_size=30).map(lambda noise: b"GET / HTTP/1.1\r\nHost: a\r\n" + noise + b"\r\n\r\n"),
)


class SyntaxTests(SynchronousTestCase):
    """``Syntax``."""

    def test_plain(self) -> None:
        """What browsers send is accepted, one after the other, with one judge for all."""
        syntax = Syntax()
        fields = b"".join(b"X-Field-%d: value; q=0.%d, \xe9\r\n" % (n, n) for n in range(90))
        for head in (
            PLAIN,
            b"HEAD /a?b=c%20d HTTP/1.1\r\nHost: a:8080\r\nAccept: */*\r\n\r\n",
            PLAIN[:-2] + fields + b"\r\n",
        ):
            for _ in range(3):
                self.assertTrue(syntax.accepts(head, closes=False))

    def test_limits(self) -> None:
        """A head has as many bytes and fields as it may, and no more; those that read heads draw the lines at the same places."""
        limits = HeadLimits(200, 5)
        syntax = Syntax(limits)
        for head, right in (
            (PLAIN[:-2] + b"X: " + b"x" * (200 - len(PLAIN) - 5) + b"\r\n\r\n", True),
            (PLAIN[:-2] + b"X: " + b"x" * (200 - len(PLAIN) - 4) + b"\r\n\r\n", False),
            (PLAIN[:-2] + b"X: y\r\n" * 4 + b"\r\n", True),
            (PLAIN[:-2] + b"X: y\r\n" * 5 + b"\r\n", False),
        ):
            self.assertEqual(syntax.accepts(head, closes=False), right, head)
            self.assertEqual(isinstance(read_head(head, limits), Head), right, head)

    def test_after_a_refusal(self) -> None:
        """What is refused leaves nothing behind: the next head is judged by itself."""
        syntax = Syntax()
        for wrong in (
            b"GET / HTTP/1.1\r\nX\r\n\r\n",
            b"nonsense\r\n\r\n",
            b"\x00\r\n\r\n",
            b"GET / HTTP/1.1\r\nX: a\rb\r\n\r\n",
        ):
            self.assertFalse(syntax.accepts(wrong, closes=False))
            self.assertTrue(syntax.accepts(PLAIN, closes=False))

    def test_after_the_end_of_a_connection(self) -> None:
        """Defect: the head behind one that ended its connection was refused, where Proxy-Connection said so."""
        syntax = Syntax()
        closing = PLAIN[:-2] + b"Connection: close\r\n\r\n"
        self.assertTrue(syntax.accepts(closing, closes=True))
        self.assertTrue(syntax.accepts(PLAIN, closes=False))
        self.assertTrue(syntax.accepts(PLAIN[:-2] + b"Proxy-Connection: close\r\n\r\n", closes=False))
        self.assertTrue(syntax.accepts(PLAIN, closes=False))

    @settings(deadline=None, max_examples=600)
    @given(HEADS)
    @example(PLAIN[:-2] + b"Transfer-Encoding\x0b: chunked\r\n\r\n")
    @example(PLAIN[:-2] + b"X: y\r\n folded\r\n\r\n")
    @example(b"\r\n" + PLAIN)
    def test_never_accepts_what_is_wrong(self, head: bytes) -> None:
        """A head that a glance takes for plain, and that is accepted, is well-formed, has no body, and is read the same; law: one rule."""
        seen = glance(head)
        assume(seen is not None)
        assert seen is not None
        syntax = Syntax()
        if not syntax.accepts(head, closes=seen.closes):
            return
        read = read_head(head)
        assert isinstance(read, Head), read
        self.assertEqual((read.length, read.line.method, read.line.target), (0, seen.method, seen.target))
        hosts = [each.value for each in read.fields if each.name == b"host"]
        self.assertEqual([seen.host.partition(b":")[2].strip(b" \t")], [host.lower() for host in hosts])

    @settings(deadline=None, max_examples=300)
    @given(st.lists(HEADS, max_size=4))
    def test_keeps_nothing(self, heads: list[bytes]) -> None:
        """Whatever was judged before, of what a glance let through, the verdict is that of a judge who saw nothing."""
        syntax = Syntax()
        for head in [*heads, PLAIN]:
            seen = glance(head)
            if seen is not None:
                alone = Syntax().accepts(head, closes=seen.closes)
                self.assertEqual(syntax.accepts(head, closes=seen.closes), alone, head)
