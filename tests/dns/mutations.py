"""Valid questions, and what becomes of them when octets, words and records are flipped, dropped, doubled, spliced and put in (pure).

>>> mutated(Random(1))  # the same for the same number, so a failure can be had again
"""

from collections.abc import Callable
from random import Random
from typing import TypeAlias

import dns.exception

from couchpages.dns.names import from_text
from tests.dns.messages import (
    ANY,
    CHAOS,
    COOKIE,
    IXFR,
    NSID,
    SOA,
    TSIG,
    TXT,
    A,
    asking,
    message,
    opt,
    option,
    question,
    record,
)  # fmt: skip
from tests.dns.rules import ALL
from tests.dns.rules.asking import query
from tests.dns.rules.row import Row

Mutation: TypeAlias = Callable[[Random, bytes], bytes]

RULES = from_text("www.rules.test")
BIG = from_text("many.big.test")


def _written(row: Row) -> bytes | None:
    try:
        return query(row.question)
    except dns.exception.DNSException:
        return None


#: The questions of the table, and such as bring along all that a question may.
VALID: tuple[bytes, ...] = (
    *(data for row in ALL if (data := _written(row)) is not None),
    *(
        data
        for name in (RULES, BIG)
        for data in (
            asking(name, A, opt(1232, option(NSID), option(COOKIE, bytes(8)), option(65001, b"x" * 20), do=True)),
            asking(name, A, opt(), record(b"\xc0\x0c", TSIG, 255, 0, bytes(60))),
            asking(name, ANY, record(b"\0", TXT, 1, 0, b"\1a"), opt(512)),
            asking(name, A, opt(version=1)),
            message(question(name, IXFR), record(b"\xc0\x0c", SOA, 1, 0, bytes(22)), opt(), counts=(1, 0, 1, 1)),
        )
    ),
    message(opt(1232, option(COOKIE, bytes(8))), counts=(0, 0, 0, 1)),
    asking(from_text("version.bind"), TXT, opt(1232, option(NSID)), class_=CHAOS),
)
#: What is put in: pointers, lengths, label types, records and options, whole and broken.
PIECES = (
    *(bytes([byte]) for byte in (0, 1, 3, 0x0C, 0x10, 0x29, 0x3F, 0x40, 0x41, 0x7F, 0x80, 0xBF, 0xC0, 0xFF, 0x2A, 0x2E)),
    b"\xc0\x0c", b"\xc0\x00", b"\xc0\x10", b"\xc1\x00", b"\xff\xff", b"\x00\x01\x00\x01", b"\0\0\x29", b"\3www", b"\4test\0",
    b"\1*", b"\2**", b"\1.", b"\x3f" + b"a" * 63, b"\x3f" + b"a" * 63 + b"\x3f" + b"b" * 63 + b"\x3f" + b"c" * 63,
    b"\1a" * 126, opt(), opt(0), opt(65535, do=True), opt(version=7), opt(1232, option(NSID)), opt(1232, option(COOKIE, bytes(8))),
    opt(1232, option(NSID, b"", length=9)), opt(length=65535), opt(owner=b"\xc0\x0c"), opt(owner=b"\1a\0"), option(NSID),
    record(b"\xc0\x0c", TXT, 1, 0, b"\1a"), record(b"\xc0\x0c", TXT, 1, 0, b"\1a", length=300), question(RULES), question(BIG),
    bytes(12), bytes(600), bytes(5000),
)  # fmt: skip


def flip(random: Random, data: bytes) -> bytes:
    """Change an octet into any other."""
    at = random.randrange(len(data))
    return data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]


def turn_bit(random: Random, data: bytes) -> bytes:
    """Change a bit."""
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :]


def set_word(random: Random, data: bytes) -> bytes:
    """Change two octets into what means something in some place: a count, a type, a length, a pointer."""
    at = random.randrange(len(data))
    word = random.choice((0, 1, 2, 12, 41, 255, 511, 512, 1232, 4096, 0x7FFF, 0x8000, 0xC000, 0xC00C, 0xFFFF))
    return data[:at] + word.to_bytes(2, "big") + data[at + 2 :]


def set_count(random: Random, data: bytes) -> bytes:
    """Promise another number of records."""
    at = random.choice((4, 6, 8, 10))
    return data[:at] + random.choice((0, 1, 2, 3, 65535)).to_bytes(2, "big") + data[at + 2 :]


def set_bits(random: Random, data: bytes) -> bytes:
    """Say something else in the header."""
    return data[:2] + random.randrange(0x10000).to_bytes(2, "big") + data[4:]


def set_type(random: Random, data: bytes) -> bytes:
    """Ask for another type, or in another class."""
    at = data.find(b"\0", 12) + 1 or 12
    kind, class_ = random.choice((random.randrange(300), random.randrange(0x10000))), random.choice((1, 1, 1, 3, 255))
    return data[:at] + kind.to_bytes(2, "big") + class_.to_bytes(2, "big") + data[at + 4 :]


def _span(random: Random, data: bytes) -> tuple[int, int]:
    begin = random.randrange(len(data))
    return begin, min(len(data), begin + random.choice((1, 1, 1, 2, 4, 16)))


def drop(random: Random, data: bytes) -> bytes:
    """Leave some octets out."""
    begin, end = _span(random, data)
    return data[:begin] + data[end:]


def double(random: Random, data: bytes) -> bytes:
    """Say some octets twice."""
    begin, end = _span(random, data)
    return data[:end] + data[begin:end] + data[end:]


def put_in(random: Random, data: bytes) -> bytes:
    """Put something in that means something."""
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice(PIECES) + data[at:]


def put_behind(random: Random, data: bytes) -> bytes:
    """Put something behind, with or without counting it as a record."""
    data += random.choice(PIECES)
    count = data[11:12]
    return data[:11] + bytes([count[0] + 1 & 0xFF]) + data[12:] if count and random.random() < 0.7 else data


def splice(random: Random, data: bytes) -> bytes:
    """Go on in the middle of another question."""
    other = random.choice(VALID)
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other) + 1) :]


def break_off(random: Random, data: bytes) -> bytes:
    """Stop."""
    return data[: random.randrange(len(data) + 1)]


MUTATIONS: tuple[Mutation, ...] = (
    flip, turn_bit, turn_bit, set_word, set_count, set_bits, set_type, set_type, drop, double, put_in, put_in, put_behind, put_behind,
    splice, break_off,
)  # fmt: skip


def mutated(random: Random) -> bytes:
    """Give a valid question after up to four mutations, with another id; or, now and then, nothing but random octets."""
    if random.random() < 0.03:
        return random.randbytes(random.choice((0, 1, 11, 12, 13, 40, 600)))
    data = random.randbytes(2) + random.choice(VALID)[2:]
    for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3, 4))):
        if data:
            data = random.choice(MUTATIONS)(random, data)
    return data


def stream(random: Random) -> bytes:
    """Give some of these as TCP has them, their lengths sometimes wrong."""
    pieces = []
    for _ in range(random.choice((1, 2, 3, 10, 100))):
        data = mutated(random)
        length = len(data) if random.random() < 0.98 else random.randrange(0x10000)
        pieces.append(length.to_bytes(2, "big") + data)
    whole = b"".join(pieces)
    return whole if random.random() < 0.7 else random.choice(MUTATIONS)(random, whole)
