"""Answers made ready: from a packet, but for its id, to the answer, but for its id (pure).

Only names that exist get there, so that random ones do not push out what is asked for all day. What an answer was made of decides when
it is dropped: one that stands at its own name alone (no alias, no wildcard, no addresses added, no SOA with it) when that name
changes, every other when anything does.
"""

from collections.abc import Collection

from couchpages.dns.names import Name
from couchpages.tallies import Cell

#: Answers that are held: a name server for thousands of names hears of few of them again within the seconds between two changes.
MOST = 32_768
#: Octets of a question and its answer together that are held; nearly all have fewer than 600.
LARGEST = 2_048
#: Octets of all of them, so that nobody can fill the memory.
MOST_OCTETS = 8 * 2**20


class Ready:
    """The answers of one transport.

    :ivar answers: by packet from its third octet on: the answer from its third octet on, and where it is counted. The same dict always.
    """

    __slots__ = ("_most", "_octets", "_others", "_own", "answers")

    def __init__(self, most: int = MOST) -> None:
        self.answers: dict[bytes, tuple[bytes, Cell]] = {}
        self._most = most
        self._octets = 0
        self._own: dict[Name, list[bytes]] = {}
        self._others: list[bytes] = []

    def keep(self, packet: bytes, tail: bytes, cell: Cell, name: Name | None) -> None:
        """Keep an answer until *name* (canonical) changes, or with None until anything does, unless it is large.

        All others go when there is no more room.
        """
        octets = len(packet) + len(tail)
        if octets > LARGEST:
            return
        if len(self.answers) >= self._most or self._octets + octets > MOST_OCTETS:
            self.forget_all()
        self.answers[packet] = tail, cell
        self._octets += octets
        if name is None:
            self._others.append(packet)
        else:
            self._own.setdefault(name, []).append(packet)

    def forget(self, names: Collection[Name]) -> None:
        """Drop what *names* have a part in."""
        for name in names:
            for packet in self._own.pop(name, ()):
                self._drop(packet)
        for packet in self._others:
            self._drop(packet)
        self._others.clear()

    def _drop(self, packet: bytes) -> None:
        tail, _ = self.answers.pop(packet)
        self._octets -= len(packet) + len(tail)

    def forget_all(self) -> None:
        """Drop everything."""
        self.answers.clear()
        self._octets = 0
        self._own.clear()
        self._others.clear()
