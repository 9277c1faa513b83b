"""What certificate authorities look for by TXT records (RFC 8555 section 8.4), beside the records that are written (pure).

What they add to a zone is told in :mod:`couchpages.dns.additions`.

Challenges are documents of another database, and are in no list, export or count of records. One stands in every zone of ours that is its
name or above it, and counts in all of their serials; the closest of these zones answers. So whatever zone comes or goes, what a challenge
means for the others stays, and so do their serials.

A revision of a document may come to give other texts than before: an answer ends at its time, or a node gets the key by which one is
believed. That changes what is answered, and no serial, because what counts is the generation (:mod:`couchpages.dns.serials` says why).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from couchpages.dns import codes
from couchpages.dns.names import WILDCARD, Name, canonical, from_text, is_wildcard, suffixes
from couchpages.dns.rrsets import RRset
from couchpages.dns.verdicts import Answer, NoData, NoSuchName, Outcome

#: Seconds that a challenge may be cached for. The next order at the name has another text, which whoever keeps this one longer would not
#: see; a few, because with 0 resolvers differ: some take a time of their own instead, and CAs ask from several places at once.
TTL = 5
#: RFC 1035 section 3.3: octets of one text.
LONGEST_TEXT = 255
#: The first label of the names at which authorities look, and to which aliases for them usually lead (RFC 8555 section 8.4).
LABEL = b"\x0f_acme-challenge"


@dataclass(frozen=True, slots=True)
class Challenge:
    """What one document asks for: *rdatas* of TXT records at *owner* (canonical), none of one that is over; and its *generation*.

    With the same owner and generation it is the same revision, whatever its *rdatas* are by now.
    """

    owner: Name
    rdatas: tuple[bytes, ...]
    generation: int


def read_challenge(name: str, texts: Sequence[str], generation: int) -> Challenge:
    """Make a challenge. Raises ValueError for what is no name, for a wildcard and what is below one, and for a text that does not fit.

    A wildcard's names are proved at its parent (RFC 8555 section 7.1.4); one that is there for a challenge would answer for others.
    """
    owner = canonical(from_text(name))
    if any(map(is_wildcard, suffixes(owner))):
        raise ValueError(f"{name!r} is a wildcard, or below one: there are no challenges at such names")
    return Challenge(owner, tuple(sorted({_rdata(text) for text in texts})), generation)


def _rdata(text: str) -> bytes:
    octets = text.encode()
    if len(octets) > LONGEST_TEXT:
        raise ValueError(
            f"a text of {len(octets)} octets does not fit into a TXT record of one: at most {LONGEST_TEXT} do"
        )
    return bytes((len(octets),)) + octets


class Challenges:
    """Challenges by their documents' ids. Those that are over stay, because their generations count."""

    def __init__(self) -> None:
        self.documents: dict[str, Challenge] = {}
        self._by_owner: dict[Name, dict[str, Challenge]] = {}
        # By every name that is an owner or above one.
        self._standing: dict[Name, dict[Name, None]] = {}
        self._generations: dict[Name, int] = {}
        self._revisions: dict[Name, int] = {}
        self._touched: set[Name] = set()

    def hold(self, doc_id: str, challenge: Challenge) -> None:
        """Let *challenge* be what a document asks for."""
        before = self.documents.get(doc_id)
        is_new = before is None or (before.owner, before.generation) != (challenge.owner, challenge.generation)
        if before is not None:
            known = self._by_owner[before.owner]
            del known[doc_id]
            if not known:
                del self._by_owner[before.owner]
            self._note(before, -1, is_new=is_new)
        self.documents[doc_id] = challenge
        self._by_owner.setdefault(challenge.owner, {})[doc_id] = challenge
        self._note(challenge, 1, is_new=is_new)

    def _note(self, challenge: Challenge, times: int, *, is_new: bool) -> None:
        owner, stands = challenge.owner, bool(self.at(challenge.owner))
        for above in suffixes(owner):
            self._generations[above] = self._generations.get(above, 0) + times * challenge.generation
            self._revisions[above] = self._revisions.get(above, 0) + is_new
            self._touched.add(above)
            if stands:
                self._standing.setdefault(above, {})[owner] = None
            elif above in self._standing:
                self._standing[above].pop(owner, None)
                if not self._standing[above]:
                    del self._standing[above]

    def take_touched(self) -> set[Name]:
        """Give the names that changed since this was called last, and all above them."""
        touched, self._touched = self._touched, set()
        return touched

    def at(self, owner: Name) -> Collection[bytes]:
        """Give the data of the TXT records at a name."""
        found = self._by_owner.get(owner)
        return {rdata for challenge in found.values() for rdata in challenge.rdatas} if found else ()

    def within(self, apex: Name) -> Iterable[Name]:
        """Give the names with TXT records that are *apex* or below it."""
        return self._standing.get(apex, {}).keys()

    def generations(self, apex: Name) -> int:
        """Give what all documents about *apex* and the names below it add to the serial of a zone."""
        return self._generations.get(apex, 0)

    def revisions(self, apex: Name) -> int:
        """Give a number that is another whenever a new revision of a document about *apex* or a name below it was held."""
        return self._revisions.get(apex, 0)


def may_lack_challenge(name: Name, outcome: Outcome) -> bool:
    """Whether there may be more than was found at a canonical *name*, while not all challenges are known.

    So it is where an authority looks and nothing is written: what was found is a "no", or what a wildcard says.
    """
    names = (name, *(canonical(step.rrset.rdatas[0]) for step in outcome.steps))
    if not any(each.startswith(LABEL) for each in names):
        return False
    verdict = outcome.verdict
    if isinstance(verdict, NoData | NoSuchName):
        return True
    found = [step.rrset for step in outcome.steps] + ([verdict.rrset] if isinstance(verdict, Answer) else [])
    return any(each.owner.startswith(WILDCARD) for each in found)


def texts_with(owner: Name, written: RRset | None, rdatas: Collection[bytes]) -> RRset:
    """Give the TXT records of challenges at a name together with those that are *written* there."""
    if written is None:
        return RRset.of(owner, codes.TXT, TTL, rdatas)
    # RFC 2181 section 5.2: one set has one TTL.
    return RRset.of(written.owner, codes.TXT, min(TTL, written.ttl), (*written.rdatas, *rdatas))
