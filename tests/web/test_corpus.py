"""The corpus against each way that answers requests: whole, byte by byte, and cut anywhere."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, Protocol, TypeAlias

from twisted.trial.unittest import SynchronousTestCase

from couchpages.testing.node import MemoryNode
from couchpages.web.limits import ConnectionLimits
from tests.pages.fast import FastConnection
from tests.pages.fronts import PublicPort
from tests.web.corpus import ALL
from tests.web.corpus.case import GET, Case
from tests.web.wire import Answer, Connection

#: Above that many bytes a case is sent in pieces, not byte by byte.
SHORT = 4096


class Way(Protocol):
    """One connection to something that answers requests; its *wire* can be lost."""

    wire: Any

    def send(self, *pieces: bytes) -> object:
        """Let it receive *pieces*, one after the other."""
        ...

    def answers(self, *methods: bytes) -> list[Answer]:
        """Read the responses that came."""
        ...

    @property
    def closed(self) -> bool:
        """Whether it closed the connection."""
        ...


MakeWay: TypeAlias = Callable[[], Way]


def ways(node: MemoryNode) -> Mapping[str, MakeWay]:
    """Give what every case is sent to; on a warm connection the site's page is ready, and a request was answered before."""
    port = PublicPort(node, limits=ConnectionLimits(connections=10**9, connections_per_address=10**9))
    return {
        "slow": lambda: Connection(node.public),
        "fast": lambda: FastConnection(PublicPort(node)),
        "fast and warm": lambda: FastConnection(port).warmed(GET),
    }


def pieces_of(data: bytes, size: int) -> list[bytes]:
    """Cut *data* into pieces of *size* bytes."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def cuts(data: bytes, random: Random) -> Iterator[list[bytes]]:
    """Give ways in which a network may cut *data*."""
    yield [data]
    yield pieces_of(data, 1 if len(data) < SHORT else 997)
    for count in (1, 2, 2, 5):
        places = sorted(random.randrange(len(data) + 1) for _ in range(count))
        yield [data[begin:end] for begin, end in zip([0, *places], [*places, len(data)], strict=True)]


class Corpus(SynchronousTestCase):
    """Every case."""

    def setUp(self) -> None:
        """Serve a site of one page."""
        node = MemoryNode(Path(self.mktemp()))
        node.deploy("site.example", {"index.html": b"hello"})
        self.ways = ways(node)

    def complaints(self, way: MakeWay, case: Case) -> Iterator[str]:
        """Send *case*, however cut, and tell what came instead of what must."""
        for pieces in cuts(case.data, Random(case.name)):  # noqa: S311 -- repeatable
            connection = way()
            connection.send(*pieces)
            answers = connection.answers(*case.methods)
            outcome = tuple(each.status for each in answers), connection.closed
            connection.wire.lose()
            told = not case.closed or answers[-1].fields.get(b"connection") == b"close"
            if outcome != (case.statuses, case.closed) or not told:
                lengths = [len(each) for each in pieces[:9]]
                yield f"{case.name}, in pieces of {lengths}: {outcome}, not {(case.statuses, case.closed)}"

    def test_every_case(self) -> None:
        """Each has the outcome that it names, wherever the network cuts it, and nothing is logged as a defect."""
        for name, way in self.ways.items():
            wrong = [complaint for case in ALL for complaint in self.complaints(way, case)]
            self.assertEqual(wrong, [], name)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_names(self) -> None:
        """No two cases have one name, and there are many of each kind."""
        self.assertEqual(len({case.name for case in ALL}), len(ALL))
        self.assertGreater(len(ALL), 500)
        self.assertGreater(sum(not case.closed for case in ALL), 150)
