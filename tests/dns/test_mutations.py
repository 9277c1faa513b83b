"""Mutated and random messages and streams, in memory: each is answered by the rules or not at all.

``COUCHPAGES_TEST_MUTATIONS`` says how many, ``COUCHPAGES_TEST_SEED`` which ones: they are numbered from there on.
"""

import os
from collections import Counter
from pathlib import Path
from random import Random

import dns.exception
import dns.message
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns import codes
from couchpages.dns.chaos import Identity
from couchpages.dns.query import Query, read
from couchpages.dns.ready import MOST
from couchpages.dns.responder import MOST_TAILS, Responder
from couchpages.dns.stream import Listening, Stream
from couchpages.web.census import Census
from couchpages.web.connections import Connections
from couchpages.web.second import Second
from tests.dns.mutations import VALID, mutated, stream
from tests.dns.own import responders, served, zone_of
from tests.dns.rules.zone_files import texts
from tests.web.native import connected

COUNT = int(os.environ.get("COUCHPAGES_TEST_MUTATIONS", "4000"))
SEED = int(os.environ.get("COUCHPAGES_TEST_SEED", "0"))
#: Messages after which memory is what it stays.
WARM = 200_000


def resident() -> float:
    """Give the megabytes that this process has, 0 where the system does not tell."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * 4096 / 1e6 if status.exists() else 0.0


def limit(data: bytes) -> int:
    """Give how large an answer over UDP may be."""
    asked = read(data)
    return min(asked.edns.size, 1232) if isinstance(asked, Query) and asked.edns is not None else 512


def main_sections(answer: bytes) -> list[str]:
    """Give the records that nothing may be missing of."""
    found = dns.message.from_wire(answer)
    return [str(each) for each in (*found.answer, *found.authority)]


class Case(SynchronousTestCase):
    """Our responders with the zones of the table of rules."""

    def setUp(self) -> None:
        """Make them."""
        zones = served(zone_of(text, origin) for origin, text in texts().items())
        both = responders(zones, Identity(b"couchpages", b"node"))
        self.udp, self.tcp = both["udp"], both["tcp"]

    def assert_bounded(self, responder: Responder) -> None:
        """Assert that nothing that is held grew in number without end."""
        self.assertLessEqual(len(responder.ready.answers), MOST)
        self.assertLessEqual(len(responder._tails), MOST_TAILS)


class Messages(Case):
    """One by one."""

    def test_valid_ones(self) -> None:
        """What mutations begin with is answered, nearly all without a fault."""
        found = Counter(answer[3] & 0xF for data in VALID if (answer := self.udp.answer(data)) is not None)
        self.assertEqual(sum(found.values()), len(VALID))
        self.assertLess(found[codes.FORMERR], 5)

    def test_mutated(self) -> None:
        """However they come, no exception, no answer to an answer, and each answer is right in what all answers have in common."""
        kinds: Counter[object] = Counter()
        before = 0.0
        for number in range(SEED, SEED + COUNT):
            data = mutated(Random(number))  # noqa: S311 -- repeatable
            try:
                kinds[self.look_at(data)] += 1
            except Exception as error:  # noqa: BLE001 -- each is a defect, to be told with its number
                self.fail(f"{number}: {data!r}: {error!r}")
            if number - SEED == WARM:
                before = resident()
        for responder in (self.udp, self.tcp):
            self.assert_bounded(responder)
        for kind in (None, codes.NOERROR, codes.FORMERR, codes.NXDOMAIN, codes.NOTIMP, codes.REFUSED):
            self.assertGreater(kinds[kind], COUNT // 100, kinds)
        if before:
            self.assertLess(resident() - before, 60)

    def look_at(self, data: bytes) -> int | None:
        """Look at what is answered, and give its code."""
        udp, tcp = self.udp.answer(data), self.tcp.answer(data)
        # The second time it is ready, perhaps, under another id.
        again = self.udp.answer(bytes(2) + data[2:]) if len(data) > 1 else None
        if len(data) < 12 or data[2] & 0x80:
            assert udp is None
            assert tcp is None
            assert again is None
            return None
        assert udp is not None
        assert tcp is not None
        assert again is not None
        assert again[2:] == udp[2:]
        for answer in (udp, tcp):
            self.assert_like_all(data, answer)
        assert len(udp) <= limit(data)
        if udp != tcp:
            # Additional addresses are left out without a word where they have no room.
            assert len(tcp) > limit(data)
            assert udp[2] & 2 or main_sections(udp) == main_sections(tcp)
        assert not tcp[2] & 2
        assert udp[3] == tcp[3]
        return udp[3] & 0xF

    def assert_like_all(self, data: bytes, answer: bytes) -> None:
        """Assert what holds of every answer."""
        assert answer[:2] == data[:2]
        assert answer[2] & 0xF9 == 0x80 | data[2] & 0x79
        assert answer[3] & 0xF0 == 0
        assert len(answer) <= 65535
        count = int.from_bytes(answer[4:6], "big")
        if count:
            read_ = read(data)
            assert isinstance(read_, Query)
            assert answer[12 : read_.end] == data[12 : read_.end]
        dns.message.from_wire(answer)


class Streams(Case):
    """Over TCP."""

    def test_mutated(self) -> None:
        """However they come, whole answers are sent, one for each question at most and in order, and nothing is written behind the end."""
        clock = Clock()
        second = Second(clock, clock.seconds)
        connections = Connections(clock, second, Census(10, 10))
        listening = Listening(clock, self.tcp, connections, second, 10.0)
        ends: Counter[bool] = Counter()
        for number in range(SEED, SEED + max(COUNT // 20, 1)):
            random = Random(number)  # noqa: S311 -- repeatable
            data = stream(random)
            wire = connected(lambda: Stream(listening), clock)
            try:
                left = data
                while left:
                    size = random.choice((1, 2, 3, 100, 1000, len(left)))
                    wire.receive(left[:size])
                    left = left[size:]
                    clock.pump([0] * random.randrange(3))
                ends[wire.is_closing()] += 1
                wire.end()
                clock.pump([0] * 50)
                expected = answered(self.tcp, data)
            except Exception as error:  # noqa: BLE001 -- each is a defect, to be told with its number
                self.fail(f"{number}: {error!r}")
            self.assertEqual(wire.sent, expected, number)
            self.assertEqual((wire.gone, wire.late), (True, 0), number)
            self.assertEqual((len(connections), clock.getDelayedCalls()), (0, []), number)
        self.assertTrue(ends[True])
        self.assertTrue(ends[False])
        self.assert_bounded(self.tcp)


def answered(responder: Responder, data: bytes) -> bytes:
    """Answer a stream as slowly as can be."""
    sent = b""
    while len(data) >= 2:
        length = int.from_bytes(data[:2], "big")
        whole = data[2 : 2 + length]
        if length > 4096 and len(data) >= 14:
            # The header of what is too long says what it gets, and that is the end.
            answer = responder.answer(data[2:14])
            return sent if answer is None else sent + len(answer).to_bytes(2, "big") + answer
        if len(whole) < length:
            break
        answer = responder.answer(whole)
        if answer is None:
            break
        sent += len(answer).to_bytes(2, "big") + answer
        data = data[2 + length :]
    return sent
