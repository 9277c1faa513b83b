"""The least that must be known of a request's head."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.web.framing import asks_to_close
from couchpages.web.heads import Head, read_head
from tests.pages.glances import Glance, glance


def head(*lines: bytes, start: bytes = b"GET /a?b HTTP/1.1", host: bytes = b"Host: a.example") -> bytes:
    """Give a head."""
    return b"\r\n".join((start, *([host] if host else []), *lines, b"", b""))


DECIDING = st.sampled_from(
    [
        b"Connection: keep-alive", b"Connection: close", b"Connection: Close", b"Connection:close", b"Connection: keep-alive, close",
        b"Connection: upgrade", b"Connection:  close", b"Connection: close ", b"If-None-Match: *",
        b'If-None-Match: "a", "b"', b'If-Match: "x"',
        b"If-Range: x", b"If-Modified-Since: x", b"If-Unmodified-Since: x", b"Range: bytes=0-1", b"Content-Length: 0", b"Content-Length: 5",
        b"Transfer-Encoding: chunked", b"Upgrade: h2c", b"Expect: 100-continue", b"Host: b.example",
    ]
)  # fmt: skip
HARMLESS = st.sampled_from(
    [
        b"Accept: */*", b"User-Agent: x (y; z)", b"Cookie: a=b; host: c", b"Referer: https://a/?connection: close", b"X-Host: b",
        b"X-Connection: close", b"Accept-Encoding: gzip", b"Cache-Control: no-cache", b"Ranges: x", b"Keep-Alive: 5", b"X-Range: bytes=0-1",
    ]
)  # fmt: skip


def _in_any_case(line: bytes) -> st.SearchStrategy[bytes]:
    name, colon, value = line.partition(b":")
    return st.sampled_from([name, name.lower(), name.upper()]).map(lambda cased: cased + colon + value)


class GlanceTests(SynchronousTestCase):
    """``plain_target`` and ``wish``."""

    def test_plain(self) -> None:
        """Method and target as they were sent, the host's whole line, and nothing else that decides anything."""
        seen = glance(
            head(b"Accept: */*", b"Connection: keep-alive", start=b"HEAD /A?B HTTP/1.1", host=b"HOST: A.Example:80")
        )
        self.assertEqual(seen, Glance(b"HEAD", b"/A?B", b"HOST: A.Example:80", b"", False))

    def test_condition_and_end(self) -> None:
        """A condition is seen whole, and so is the wish for the connection's end."""
        seen = glance(head(b'If-None-Match: "AB"', b"Connection: close"))
        self.assertEqual(seen, Glance(b"GET", b"/a?b", b"Host: a.example", b'"AB"', True))

    def test_gives_up(self) -> None:
        """Everything for which a rule would have to be known is for others to read."""
        for other in (
            head(start=b"POST / HTTP/1.1"),
            head(start=b"get / HTTP/1.1"),
            head(start=b"GET / HTTP/1.0"),
            head(start=b"GET / HTTP/1.2"),
            head(start=b"GET  / HTTP/1.1"),
            head(start=b"GET / HTTP/1.1 "),
            head(start=b"GET /"),
            head(host=b""),
            head(b"Host: a.example"),
            head(b"If-None-Match: a", b"If-None-Match: b"),
            head(b"Range: bytes=0-"),
            head(b"If-Match: *"),
            head(b"if-range: x"),
            head(b"CONTENT-LENGTH: 0"),
            head(b"Transfer-Encoding: chunked"),
            head(b"Upgrade: websocket"),
            head(b"Expect: 100-continue"),
            head(b"Connection: keep-alive, close"),
            head(b"X: y\nContent-Length: 5"),
            head(b"X: y\n\r\nGET / HTTP/1.1"),
            b"\r\n\r\n",
            b"\r\n" + head(),
        ):
            self.assertIsNone(glance(other), other)

    @settings(deadline=None, max_examples=400)
    @given(st.lists(st.one_of(DECIDING, HARMLESS, HARMLESS).flatmap(_in_any_case), max_size=8))
    def test_misses_nothing(self, lines: list[bytes]) -> None:
        """Of what is well-formed and was seen as plain, everything that decides is in the glance, whatever the case of names."""
        read, seen = read_head(head(*lines)), glance(head(*lines))
        if seen is None or not isinstance(read, Head):
            return
        values: dict[bytes, list[bytes]] = {}
        for field in read.fields:
            values.setdefault(field.name, []).append(field.value)
        more = {b"range", b"if-match", b"if-range", b"if-modified-since", b"if-unmodified-since", b"upgrade", b"expect"}
        self.assertEqual(more & values.keys(), set())
        self.assertEqual((read.length, read.line.method, read.line.target), (0, seen.method, seen.target))
        self.assertEqual(seen.closes, asks_to_close(b"HTTP/1.1", values.get(b"connection", [])))
        condition = values.get(b"if-none-match", [])
        self.assertEqual(seen.condition, condition[0] if condition else b"")
        self.assertEqual([seen.host.lower()], [b"host: " + host.lower() for host in values[b"host"]])
