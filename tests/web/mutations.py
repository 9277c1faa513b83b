"""Valid requests, and what becomes of them when bytes and lines are flipped, dropped, doubled, spliced and put in (pure).

>>> mutated(Random(1))  # the same for the same number, so a failure can be had again
"""

from collections.abc import Callable
from random import Random
from typing import TypeAlias

from tests.web.corpus import ALL
from tests.web.corpus.case import Case

Mutation: TypeAlias = Callable[[Random, bytes], bytes]

#: Cases that are answered whole, so that anything may follow them. Long ones only make mutations that hit nothing.
VALID: tuple[Case, ...] = tuple(
    case
    for case in ALL
    if not case.closed and not case.name.startswith("waiting") and case.methods == (b"GET",) and len(case.data) < 2000
)

#: What is put in: everything that some parser takes for structure.
PIECES = (
    *(bytes([byte]) for byte in b'\r\n\0 \t:;,"\\=/#%?0159afFxX+-_.\x0b\x0c\x1b\x7f\x80\x85\xa0\xff'),
    b"\r\n", b"\r\n\r\n", b"\n\n", b"\r\r\n", b"\r\n ", b"\r\n\t", b"0\r\n\r\n", b"5\r\n", b"\r\n0\r\n", b"0x", b"1e1",
    b"GET / HTTP/1.1\r\n", b"GET /hidden HTTP/1.1\r\nHost: site.example\r\n\r\n", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0",
    b"Host: evil.example\r\n", b"host:", b"Host", b"http://evil.example", b"user@", b"*",
    b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Content-Length: +5\r\n", b"Content-Length : 5\r\n",
    b"content-length:", b"Content-Length: 5, 5\r\n", b"Content-Length: 99999999999999999999\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding : chunked\r\n", b"Transfer-Encoding:\x0bchunked\r\n",
    b"Transfer-Encoding: xchunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b" Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: chunked, identity\r\n", b"transfer-encoding:", b"chunked", b"Expect: 100-continue\r\n",
    b"Connection: close\r\n", b"Connection: keep-alive, Upgrade\r\n", b"Upgrade: h2c\r\n", b"X: y\r\n", b": y\r\n", b"X\r\n",
)  # fmt: skip


def flip(random: Random, data: bytes) -> bytes:
    """Change a byte into any other."""
    at = random.randrange(len(data))
    return data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]


def turn_case(random: Random, data: bytes) -> bytes:
    """Change a bit of a byte."""
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :]


def _span(random: Random, data: bytes) -> tuple[int, int]:
    begin = random.randrange(len(data))
    return begin, min(len(data), begin + random.choice((1, 1, 1, 2, 4, 16)))


def drop(random: Random, data: bytes) -> bytes:
    """Leave some bytes out."""
    begin, end = _span(random, data)
    return data[:begin] + data[end:]


def double(random: Random, data: bytes) -> bytes:
    """Say some bytes twice."""
    begin, end = _span(random, data)
    return data[:end] + data[begin:end] + data[end:]


def put_in(random: Random, data: bytes) -> bytes:
    """Put something in that means something."""
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice(PIECES) + data[at:]


def put_before_a_line(random: Random, data: bytes) -> bytes:
    """Put something in where a line begins."""
    lines = data.split(b"\r\n")
    at = random.randrange(len(lines))
    lines[at] = random.choice(PIECES) + lines[at]
    return b"\r\n".join(lines)


def put_behind_a_line(random: Random, data: bytes) -> bytes:
    """Put something in where a line ends."""
    lines = data.split(b"\r\n")
    at = random.randrange(len(lines))
    lines[at] += random.choice(PIECES)
    return b"\r\n".join(lines)


def replace_a_separator(random: Random, data: bytes) -> bytes:
    """Change a space, a colon or a CRLF into something else."""
    separator = random.choice((b" ", b": ", b":", b"\r\n", b"\r\n\r\n", b"/", b"."))
    parts = data.split(separator)
    at = random.randrange(len(parts))
    return separator.join(parts[:at]) + random.choice(PIECES) + separator.join(parts[at:])


def drop_a_line(random: Random, data: bytes) -> bytes:
    """Leave a line out."""
    lines = data.split(b"\r\n")
    del lines[random.randrange(len(lines))]
    return b"\r\n".join(lines)


def double_a_line(random: Random, data: bytes) -> bytes:
    """Say a line twice, somewhere."""
    lines = data.split(b"\r\n")
    lines.insert(random.randrange(len(lines) + 1), random.choice(lines))
    return b"\r\n".join(lines)


def swap_lines(random: Random, data: bytes) -> bytes:
    """Exchange two lines."""
    lines = data.split(b"\r\n")
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\r\n".join(lines)


def splice(random: Random, data: bytes) -> bytes:
    """Go on in the middle of another case, valid or not."""
    other = random.choice(ALL).data[:2000]
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other) + 1) :]


def take_a_line(random: Random, data: bytes) -> bytes:
    """Put in a line of another case."""
    lines = data.split(b"\r\n")
    lines.insert(random.randrange(len(lines)), random.choice(random.choice(ALL).data[:2000].split(b"\r\n")))
    return b"\r\n".join(lines)


def break_off(random: Random, data: bytes) -> bytes:
    """Stop."""
    return data[: random.randrange(len(data) + 1)]


MUTATIONS: tuple[Mutation, ...] = (
    flip, turn_case, drop, double, put_in, put_in, put_before_a_line, put_behind_a_line, replace_a_separator,
    drop_a_line, double_a_line, swap_lines, splice, take_a_line, take_a_line, break_off,
)  # fmt: skip


def mutated(random: Random) -> bytes:
    """Give one to three valid requests after one to four mutations.

    HEAD is never among them: who reads the answers would have to know which are without a body.
    """
    data = b"".join(random.choice(VALID).data for _ in range(random.choice((1, 1, 2, 3))))
    for _ in range(random.choice((1, 1, 2, 2, 3, 4))):
        if data:
            data = random.choice(MUTATIONS)(random, data)
    return data.replace(b"HEAD", b"GET")
