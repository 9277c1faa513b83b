"""Writes messages (pure): records after a question, names compressed where that is allowed, whole record sets or none.

RFC 1035 section 4.1.4 has the compression, RFC 3597 section 4 where it is allowed, RFC 2181 section 9
what an answer that is too long leaves out.
"""

from couchpages.dns import codes
from couchpages.dns.names import Name
from couchpages.dns.rrsets import RRset

#: Offsets that a pointer can hold are below this.
REACH = 0x4000
#: Labels of one name that others may be compressed to: names of a hundred labels are asked for to make work.
MOST_LABELS = 16
#: Pointers that a reader has to follow for one name at most. Go's reader gives up after 10, dnspython's after 16.
MOST_POINTERS = 8


class Writer:
    """The body of a message: what stands behind the header. It begins with a question, given as bytes, or with none."""

    __slots__ = ("_begin", "_fresh", "_limit", "_names", "body", "counts")

    def __init__(self, question: bytes, limit: int, begin: int = codes.HEADER) -> None:
        """Begin at an offset of the message; *limit* is the size of the message, header included, that is not to be exceeded."""
        self.body = bytearray(question)
        self.counts = [0, 0, 0]
        self._begin = begin
        self._limit = limit - begin
        #: Where names stand, and in multiples of REACH how many pointers they have there.
        self._names: dict[Name, int] = {}
        self._fresh: list[Name] = []
        if question:
            self.know(question[:-4], begin)

    def know(self, name: Name, offset: int) -> None:
        """Let names be compressed to pointers to *name*, which stands at an offset of the message, and to its last labels."""
        starts = []
        at = 0
        while name[at]:
            starts.append(at)
            at += 1 + name[at]
        folded = name.lower()
        for start in (*starts[:1], *starts[1:][-MOST_LABELS:]):
            self._names[folded[start:]] = offset + start

    def add(self, section: int, owner: Name, rrset: RRset) -> bool:
        """Write a set into a section (0 answers, 1 authorities, 2 additionals) if all of it has room; tell whether it had."""
        before = len(self.body)
        self._fresh.clear()
        for rdata, names in zip(rrset.rdatas, rrset.names, strict=True):
            self._name(owner)
            self._data(rrset, rdata, names)
            if len(self.body) > self._limit:
                del self.body[before:]
                for name in self._fresh:
                    del self._names[name]
                return False
        self.counts[section] += len(rrset.rdatas)
        return True

    def add_to_question(self, rrset: RRset, plain: bytes) -> bool:
        """Write a set whose owner is the question's name, *plain* being its bytes, into the answers if it has room."""
        if len(self.body) + len(plain) > self._limit:
            return False
        self.body += plain
        self.counts[0] += len(rrset.rdatas)
        return True

    def _data(self, rrset: RRset, rdata: bytes, names: tuple[tuple[int, int], ...]) -> None:
        body = self.body
        body += b"%b\0\1%b" % (rrset.type.to_bytes(2, "big"), rrset.ttl.to_bytes(4, "big"))
        if not names:
            body += len(rdata).to_bytes(2, "big") + rdata
            return
        length_at = len(body)
        body += b"\0\0"
        at = 0
        for start, end in names:
            body += rdata[at:start]
            self._name(rdata[start:end])
            at = end
        body += rdata[at:]
        body[length_at : length_at + 2] = (len(body) - length_at - 2).to_bytes(2, "big")

    def _name(self, name: Name) -> None:
        """Write a name, as a pointer from where it ends as one before it does."""
        names = self._names
        folded = name.lower()
        at = labels = 0
        position = len(self.body) + self._begin
        while name[at]:
            suffix = folded[at:]
            pointer = names.get(suffix)
            if pointer is not None:
                self.body += name[:at] + (0xC000 | pointer % REACH).to_bytes(2, "big")
                if at:
                    self._note_pointer(folded, at, pointer // REACH + 1)
                return
            if position + at < REACH and labels < MOST_LABELS:
                names[suffix] = position + at
                self._fresh.append(suffix)
            at += 1 + name[at]
            labels += 1
        self.body += name

    def _note_pointer(self, folded: Name, end: int, pointers: int) -> None:
        """Note how many pointers a name has whose first *end* octets were just written; where these are too many, nobody is led there."""
        at = 0
        while at < end:
            suffix = folded[at:]
            if suffix in self._names:
                self._names[suffix] += pointers * REACH
                if pointers >= MOST_POINTERS:
                    del self._names[suffix]
                    self._fresh.remove(suffix)
            at += 1 + folded[at]
