"""Mutated requests, and valid ones cut anywhere, against each way that answers requests."""

from itertools import pairwise
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.testing.node import MemoryNode
from tests.web.corpus.case import GET, HIDDEN, Case, chunked, post
from tests.web.mutations import VALID, mutated
from tests.web.test_corpus import MakeWay, Way, ways

Outcome = tuple[list[int], bool]

#: How many mutated requests each way gets here; the long run is another test.
COUNT = 3000

PIPELINE = (
    GET
    + post(b"Content-Length: 5", body=b"hello")
    + HIDDEN
    + chunked(b"2;a=b\r\nhi\r\n0\r\nX: y\r\n\r\n")
    + b"\r\n"
    + GET
)


def outcome(way: Way) -> Outcome:
    """Tell what came, all of it whole."""
    return [each.status for each in way.answers()], way.closed


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Cut *data* at *places*."""
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in pairwise(bounds)]


class Mutated(SynchronousTestCase):
    """Requests of which nobody knows what they are."""

    def setUp(self) -> None:
        """Serve a site of one page."""
        node = MemoryNode(Path(self.mktemp()))
        node.deploy("site.example", {"index.html": b"hello"})
        self.ways = ways(node)

    def sent(self, make: MakeWay, pieces: list[bytes]) -> Outcome:
        """Send *pieces* on a connection of its own."""
        way = make()
        way.send(*pieces)
        came = outcome(way)
        way.wire.lose()
        return came

    def test_mutated(self) -> None:
        """Whatever comes, all ways have one outcome, nothing is raised or logged, what is answered is whole, and cuts change nothing."""
        for number in range(COUNT):
            random = Random(number)  # noqa: S311 -- repeatable
            data = mutated(random)
            statuses, closed = expected = self.sent(self.ways["slow"], [data])
            for name, make in self.ways.items():
                self.assertEqual(self.sent(make, [data]), expected, (name, number, data))
                pieces = cut(data, [random.randrange(1 << 30) for _ in range(random.choice((1, 2, 9)))])
                self.assertEqual(self.sent(make, pieces), expected, (name, number, data))
            self.assertFalse(500 in statuses, (number, data))
            # A connection is closed after an answer that says so, not in silence.
            self.assertTrue(statuses or not closed, (number, data))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_every_cut(self) -> None:
        """Pipelined requests are answered alike wherever they are cut in two, or in three around a byte."""
        for make in self.ways.values():
            for place in range(len(PIPELINE) + 1):
                for places in ([place], [place, place + 1]):
                    self.assertEqual(self.sent(make, cut(PIPELINE, places)), ([200, 405, 404, 405, 200], False), places)

    @settings(max_examples=150, deadline=None)
    @given(st.lists(st.sampled_from(VALID), min_size=1, max_size=5), st.lists(st.integers(0, 10**6), max_size=12))
    def test_joined_and_cut(self, cases: list[Case], places: list[int]) -> None:
        """Valid requests in any order on one connection, cut anywhere, are each answered as when they come alone."""
        data = b"".join(case.data for case in cases)
        statuses = [status for case in cases for status in case.statuses]
        for make in self.ways.values():
            self.assertEqual(self.sent(make, cut(data, places)), (statuses, False))
