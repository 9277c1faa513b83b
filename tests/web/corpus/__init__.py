"""What clients may send on one connection, and what must come of it: a corpus for every way that answers requests.

The cases follow RFC 9112's rules and the published classes of request smuggling. Each names its outcome exactly, because "refused or
harmless" is what two servers that disagree both claim. Where RFC 9112 leaves a choice, ours is the strict one.
"""

from tests.web.corpus import chunks, connections, fields, framing, hosts, lines, request_lines, valid
from tests.web.corpus.case import Case

ALL: tuple[Case, ...] = (
    *valid.CASES,
    *request_lines.CASES,
    *fields.CASES,
    *lines.CASES,
    *hosts.CASES,
    *framing.CASES,
    *chunks.CASES,
    *connections.CASES,
)
