"""What is counted of questions and answers (pure): plain integers, which cost next to nothing, shown when somebody asks."""

from couchpages.dns.ready import Cell
from couchpages.tallies import Durations


class QueryTally:
    """The figures of one transport.

    :ivar ready: answers that were ready.
    :ivar truncated: answers that were worked out and did not fit; those from the ready table are not looked at.
    :ivar dropped: messages that got no answer: too short, or answers themselves.
    :ivar seconds: how long an answer took, of a sample.
    """

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], Cell] = {}
        self.unreadable: dict[int, int] = {}
        self.ready = 0
        self.truncated = 0
        self.dropped = 0
        self.unsent = 0
        self.seconds = Durations()

    def cell(self, type_: int, rcode: int) -> Cell:
        """Give where answers with *rcode* to questions for *type_* are counted."""
        key = type_, rcode
        found = self.cells.get(key)
        if found is None:
            found = self.cells[key] = [0]
        return found

    def malformed(self, rcode: int) -> None:
        """Count a message that is no question, answered with *rcode*."""
        self.unreadable[rcode] = self.unreadable.get(rcode, 0) + 1
