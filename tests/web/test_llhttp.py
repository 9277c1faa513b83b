"""What llhttp (httptools) lets pass that our own grammar refuses: the claim that a fast way in front of the strict one rests on.

A fast way may answer a head without reading it by our grammar if llhttp accepts it and it passes the checks here on its raw bytes.
Then our grammar must accept it too. What the llhttp of httptools 0.9 lets pass of such heads, and the check that closes each, stands
in ``EXTRA``.
"""

from collections.abc import Callable, Iterator
from random import Random

import httptools
from twisted.trial.unittest import SynchronousTestCase

from couchpages.web.framing import asks_to_close, values
from couchpages.web.heads import DEFAULT_LIMITS, Head, read_head
from couchpages.web.syntax import Fault
from tests.web.corpus import ALL
from tests.web.mutations import MUTATIONS, PIECES, mutated

END = b"\r\n\r\n"

#: Heads near to what nearly every visitor sends, of which every small change is tried.
NEAR = (
    b"GET /a?b HTTP/1.1\r\nHost: a.b\r\nAccept: c d\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.0\r\nHost: a.b\r\nConnection: keep-alive, x\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost:a\r\nConnection:a,close\r\nconnection: Upgrade\r\n\r\n",
    b"GET / HTTP/1.1\r\nA: b\r\nHost: a.b\r\nTE: trailers\r\nKeep-Alive: 5\r\nProxy-Connection: close\r\n\r\n",
)


def basic_checks(head: bytes) -> bool:
    """Tell whether a head is of the kind that a fast way takes; all others go to the strict way as they are."""
    lowered = head.lower()
    parts = head.split(b"\r\n", 1)[0].split(b" ")
    return (
        len(parts) == 3
        and parts[0] in (b"GET", b"HEAD")
        and parts[1].startswith(b"/")
        and parts[2] in (b"HTTP/1.0", b"HTTP/1.1")
        and lowered.count(b"\r\nhost:") == 1
        and not any(
            field in lowered
            for field in (b"\r\ncontent-length", b"\r\ntransfer-encoding", b"\r\nupgrade", b"\r\nexpect")
        )
    )


def host_value(head: bytes) -> bytes:
    """Give the only Host's value."""
    at = head.lower().index(b"\r\nhost:") + len(b"\r\nhost:")
    return head[at : head.index(b"\r\n", at)].strip(b" \t")


#: Each is True for heads that are free of one lenience of llhttp's.
EXTRA: dict[str, Callable[[bytes], bool]] = {
    # An LF behind the target makes a request of HTTP/0.9, and what follows, up to the CRLF, a field.
    "LF in the request line": lambda head: b"\n" not in head[: head.index(b"\r\n")],
    "white space in Host": lambda head: len(host_value(head).split()) < 2,
    "size": lambda head: len(head) <= DEFAULT_LIMITS.size,
    "number of fields": lambda head: head.count(b"\r\n") <= DEFAULT_LIMITS.fields + 2,
}


class Listener:
    """Counts the heads and messages that llhttp finds, and asks it whether the connection may stay."""

    def __init__(self) -> None:
        self.heads = self.messages = 0
        self.keeps = False
        self.parser = httptools.HttpRequestParser(self)

    def on_headers_complete(self) -> None:
        """Count."""
        self.heads += 1
        self.keeps = self.parser.should_keep_alive()

    def on_message_complete(self) -> None:
        """Count."""
        self.messages += 1


def accepted(head: bytes) -> Listener | None:
    """Have llhttp read a head; None if it refuses."""
    listener = Listener()
    try:
        listener.parser.feed_data(head)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    return listener


def near_heads() -> Iterator[bytes]:
    """Give every head that has one byte more, or one other byte, than one of ``NEAR``, or a piece that means something."""
    for head in NEAR:
        for at in range(len(head)):
            for byte in range(256):
                yield head[:at] + bytes([byte]) + head[at:]
                yield head[:at] + bytes([byte]) + head[at + 1 :]
            for piece in PIECES:
                yield head[:at] + piece + head[at:]


def mutated_heads(count: int) -> Iterator[bytes]:
    """Give mutated requests, half of them from ``NEAR``."""
    for number in range(count):
        random = Random(number)  # noqa: S311 -- repeatable
        yield mutated(random)
        data = random.choice(NEAR)
        for _ in range(random.choice((1, 2, 3))):
            if data:
                data = random.choice(MUTATIONS)(random, data)
        yield data


def first_heads(sources: Iterator[bytes]) -> Iterator[bytes]:
    """Give the first head of each that has a whole one, and the same of HEAD."""
    for data in sources:
        end = data.find(END)
        if end >= 0:
            head = data[: end + len(END)]
            yield head
            if head.startswith(b"GET"):
                yield b"HEAD" + head[3:]


def every_head() -> Iterator[bytes]:
    """Give the heads that the claim is held against."""
    yield from first_heads(case.data for case in ALL)
    yield from first_heads(near_heads())
    yield from first_heads(mutated_heads(5000))


class Claim(SynchronousTestCase):
    """What a fast way relies on."""

    def test_accepted_by_our_grammar(self) -> None:
        """What llhttp and the checks let pass our grammar accepts, as one request without a body, and it agrees about what follows."""
        count = 0
        for head in every_head():
            if not basic_checks(head) or not all(check(head) for check in EXTRA.values()):
                continue
            seen = accepted(head)
            if seen is None:
                continue
            count += 1
            read = read_head(head)
            assert isinstance(read, Head), (head, read)
            self.assertEqual((read.length, seen.heads, seen.messages), (0, 1, 1), head)
            closes = asks_to_close(read.line.version, values(read.fields, b"connection"))
            # llhttp heeds Proxy-Connection, and lets HTTP/1.0 go on; so what it lets go on, HTTP/1.1 may.
            if seen.keeps:
                self.assertEqual(closes, read.line.version == b"HTTP/1.0", head)
            else:
                self.assertTrue(closes or b"proxy-connection:" in head.lower(), head)
        self.assertGreater(count, 20_000)

    def test_leniences(self) -> None:
        """Each of the extra checks is needed: there is a head that llhttp and all others let pass, and our grammar refuses."""
        for name, head in {
            "LF in the request line": b"GET /\nX:/y HTTP/1.1\r\nHost: a\r\n\r\n",
            "white space in Host": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            "size": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 32768 + END,
            "number of fields": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 100 + b"\r\n",
        }.items():
            self.assertTrue(basic_checks(head), name)
            self.assertIsNotNone(accepted(head), name)
            self.assertEqual([each for each, check in EXTRA.items() if not check(head)], [name])
            self.assertIsInstance(read_head(head), Fault, name)
