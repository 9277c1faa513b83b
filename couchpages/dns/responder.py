"""From a message to its answer, for one transport (pure but for what it counts and holds ready)."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

from couchpages.dns import codes
from couchpages.dns.challenges import may_lack_challenge
from couchpages.dns.chaos import Identity, chaos
from couchpages.dns.lookup import NOT_READ, look_up
from couchpages.dns.names import Name
from couchpages.dns.query import COPIED, Malformed, Query, read
from couchpages.dns.ready import Ready
from couchpages.dns.reply import Opt, Reply, head, negative_tail, shortcut, to_outcome, without_records
from couchpages.dns.served_zones import ServedZones
from couchpages.dns.verdicts import Answer, Outcome
from couchpages.dns.zone import Zone
from couchpages.tallies import QueryTally

#: Ends of answers that say "no", one for each zone and length of a name, that are held.
MOST_TAILS = 8192
#: Types of questions that are none about data: RFC 6895 section 3.1. See :func:`_unanswerable`.
_META = range(128, 256)
TRANSFERS = (codes.AXFR, codes.IXFR)
Codes: TypeAlias = tuple[int, int | None]
"""A response code, and an extended error's (RFC 8914)."""
NOT_YET: Codes = codes.SERVFAIL, codes.NOT_READY


@dataclass(frozen=True, slots=True)
class Sizes:
    """The largest answer: *plain* to a question without EDNS, *most* with it; *asked* tells whether what the requestor takes counts too."""

    plain: int
    most: int
    asked: bool

    def limit(self, query: Query) -> int:
        """Give the largest answer to a question, in octets."""
        if query.edns is None:
            return self.plain
        return min(query.edns.size, self.most) if self.asked else self.most


def over_udp(largest: int) -> Sizes:
    """Give the sizes for UDP: 512 octets without EDNS (RFC 1035 section 4.2.1), else *largest* at most (RFC 9715 section 3.1)."""
    return Sizes(codes.PLAIN_UDP, min(max(largest, codes.PLAIN_UDP), LARGEST_UDP), asked=True)


#: More than RFC 6891 section 6.2.5 suggests helps nobody; the buffers for datagrams have so much.
LARGEST_UDP = 4096
#: Over TCP an answer has what its length can say (RFC 1035 section 4.2.2).
OVER_TCP = Sizes(codes.LARGEST_MESSAGE, codes.LARGEST_MESSAGE, asked=False)


class Responder:
    """Answers the messages of one transport."""

    def __init__(self, zones: ServedZones, sizes: Sizes, opt: Opt, identity: Identity, tally: QueryTally) -> None:
        self.ready = Ready()
        self.tally = tally
        self._zones = zones
        self._sizes = sizes
        self._opt = opt
        self._identity = identity
        self._tails: dict[tuple[Name, int], bytes] = {}
        zones.tell(self._changed)

    def _changed(self, touched: Collection[Name] | None) -> None:
        self._tails.clear()
        if touched is None:
            self.ready.forget_all()
        else:
            self.ready.forget(touched)

    def answer(self, data: bytes) -> bytes | None:
        """Answer a message, or give None for what gets no answer."""
        packet = data[2:]
        found = self.ready.answers.get(packet)
        if found is not None:
            tail, cell = found
            cell[0] += 1
            self.tally.ready += 1
            return data[:2] + tail
        tail_or_none = self.work_out(data, packet)
        return None if tail_or_none is None else data[:2] + tail_or_none

    def work_out(self, data: bytes, packet: bytes) -> bytes | None:
        """Make the answer, but for its first two octets, to a message for which none is ready; *packet* is *data* without its first two."""
        query = read(data)
        if isinstance(query, Query):
            return self._answer(data, packet, query)
        if isinstance(query, Malformed):
            malformed = self.tally.malformed
            malformed[query.rcode] = malformed.get(query.rcode, 0) + 1
            record = self._opt.record(query.edns, query.rcode) if query.edns is not None else b""
            return head(query.bits & COPIED, query.rcode, 0, (0, 0, 1 if record else 0)) + record
        self.tally.dropped += 1
        return None

    def _answer(self, data: bytes, packet: bytes, query: Query) -> bytes:
        question = data[codes.HEADER : query.end]
        reply = self._refusal(question, query)
        if reply is None:
            assert query.name is not None  # noqa: S101 -- what has no name is refused
            name = query.name.lower()
            outcome = look_up(self._zones.by_apex, name, query.type, self._zones.withheld)
            if not self._zones.challenges_known and may_lack_challenge(name, outcome):
                outcome = NOT_READ
            reply = self._written(question, query, outcome)
            self._keep(packet, query, name, outcome, reply)
        if reply.truncated:
            self.tally.truncated += 1
        self.tally.cell(query.type, reply.rcode)[0] += 1
        return reply.tail

    def _refusal(self, question: bytes, query: Query) -> Reply | None:
        """Answer what is not to be looked up; None for all else."""
        if query.edns is not None and query.edns.version:
            return without_records(question, query, self._opt, codes.BADVERS)
        if query.name is None:
            return without_records(question, query, self._opt, codes.NOERROR)
        if query.class_ == codes.CHAOS:
            return chaos(question, query, self._opt, self._identity, self._sizes.limit(query))
        unanswerable = self._no_transfer(query) if query.type in TRANSFERS else _unanswerable(query)
        return None if unanswerable is None else without_records(question, query, self._opt, *unanswerable)

    def _no_transfer(self, query: Query) -> Codes:
        """Refuse a transfer, as whoever has no right to one is refused; of what is no zone here there is none (RFC 5936 section 2.2.1)."""
        if query.class_ == codes.IN and (query.name or b"").lower() in self._zones.by_apex:
            return codes.REFUSED, codes.PROHIBITED
        is_known = self._zones.all_known and not self._zones.withheld
        return (codes.NOTAUTH, codes.NOT_AUTHORITATIVE) if is_known else NOT_YET

    def _written(self, question: bytes, query: Query, outcome: Outcome) -> Reply:
        limit = self._sizes.limit(query)
        reply = shortcut(question, query, outcome, self._opt, limit, self._tail) or to_outcome(
            question, query, outcome, self._opt, limit
        )
        if reply.rcode == codes.SERVFAIL or (reply.rcode == codes.REFUSED and not self._zones.all_known):
            # It is, or may be, something that this node has not read yet (law 3).
            return without_records(question, query, self._opt, *NOT_YET)
        return reply

    def _tail(self, zone: Zone, at: int) -> bytes:
        key = zone.apex, at
        tail = self._tails.get(key)
        if tail is None:
            if len(self._tails) >= MOST_TAILS:
                self._tails.clear()
            tail = self._tails[key] = negative_tail(zone.apex, zone.negative, at)
        return tail

    def _keep(self, packet: bytes, query: Query, name: Name, outcome: Outcome, reply: Reply) -> None:
        """Keep an answer ready, if it is to a question that comes again: one for a name that exists."""
        verdict = outcome.verdict
        # One that did not fit is asked for over TCP next, and counted each time.
        if not outcome.own or outcome.steps or reply.truncated:
            return
        # Options differ from packet to packet, cookies for instance, and there is no end of those that anybody can make up.
        if query.edns is not None and query.edns.options:
            return
        # A zone's serial changes with any of its names; so may it whether the zone above knows the name at which a DS stands.
        alone = (
            isinstance(verdict, Answer)
            and not verdict.rrset.targets
            and verdict.rrset.type not in (codes.SOA, codes.DS)
        )
        self.ready.keep(packet, reply.tail, self.tally.cell(query.type, reply.rcode), name if alone else None)


def _unanswerable(query: Query) -> Codes | None:
    """Give the codes for a question about another class, or of a type that no record has; None for one that can be looked up."""
    if query.class_ != codes.IN:
        return codes.REFUSED, codes.NOT_AUTHORITATIVE
    if query.type in (codes.MAILA, codes.MAILB):
        return codes.NOTIMP, codes.NOT_SUPPORTED
    if query.type == codes.OPT or (query.type in _META and query.type != codes.ANY):
        return codes.FORMERR, None
    return None
