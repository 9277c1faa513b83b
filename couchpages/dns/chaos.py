"""What the server says of itself in class CHAOS (pure): RFC 4892, and BIND's names for it."""

from dataclasses import dataclass

from couchpages.dns import codes
from couchpages.dns.names import from_text
from couchpages.dns.query import COPIED, Query
from couchpages.dns.reply import Opt, Reply, head, without_records
from couchpages.dns.rrsets import POINTER_TO_QUESTION

VERSION_NAMES = tuple(map(from_text, ("version.bind", "version.server")))
HOST_NAMES = tuple(map(from_text, ("hostname.bind", "id.server")))
LONGEST_TEXT = 255


@dataclass(frozen=True, slots=True)
class Identity:
    """What is told, each nothing where it is empty."""

    version: bytes = b""
    host: bytes = b""

    def text_for(self, name: bytes) -> bytes:
        """Give what a canonical name is answered with."""
        if name in VERSION_NAMES:
            return self.version
        return self.host if name in HOST_NAMES else b""


def chaos(question: bytes, query: Query, opt: Opt, identity: Identity, limit: int) -> Reply:
    """Answer a question of class CHAOS: REFUSED where nothing is to be told, or something that nobody has."""
    text = identity.text_for((query.name or b"").lower())[:LONGEST_TEXT]
    if not text:
        return without_records(question, query, opt, codes.REFUSED)
    answers = b""
    if query.type in (codes.TXT, codes.ANY):
        rdata = bytes([len(text)]) + text
        answers = b"%b\0\x10\0\x03\0\0\0\0%b%b" % (POINTER_TO_QUESTION, len(rdata).to_bytes(2, "big"), rdata)
    record = opt.record(query.edns, codes.NOERROR) if query.edns is not None else b""
    bits, counts = query.bits & COPIED | codes.AA, (1 if answers else 0, 0, 1 if record else 0)
    if codes.HEADER + len(question) + len(answers) + len(record) > limit:
        bits, counts, answers = bits | codes.TC, (0, 0, counts[2]), b""
    return Reply(
        head(bits, codes.NOERROR, 1, counts) + question + answers + record, codes.NOERROR, bool(bits & codes.TC)
    )
