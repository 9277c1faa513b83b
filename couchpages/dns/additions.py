"""What challenges add to a zone as it is written (pure), so that every name goes on being answered as if they were not there.

A TXT record at ``_acme-challenge.blog`` makes the name ``blog`` exist, and a wildcard answers only for names that do not (RFC 4592 section
2.2): a site that is reached by ``*`` would be gone while its certificate is renewed. So the zone says explicitly what the wildcard said:

- A name that is there for challenges alone, their owners included, has copies of what stands at the wildcard that answered for it, and so
  has the wildcard below it, for all the names that the other answered for there (but such as have an asterisk for a label, of which there
  is no end). Whoever has the zone as it is then, another server or a signer, answers the same with it.
- At the owner of a challenge stand its texts, together with those that are written there; those of a wildcard do not. They stand alone
  where the wildcard is an alias, beside which nothing can stand (RFC 1034 section 3.6.2).
- Where an alias is written at the owner itself, that is answered, and the challenge is not. Below a delegation or a DNAME, where a zone
  does not answer, and should have nothing but glue (RFC 6672 section 2.4, RFC 1034 section 4.2.1), nothing is added.

Where no wildcard has anything, nothing is copied: the names above a challenge are empty then, and those beside and below them do not exist.
"""

from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass, replace

from couchpages.dns import codes
from couchpages.dns.challenges import Challenges, texts_with
from couchpages.dns.lookup import downwards
from couchpages.dns.names import LONGEST_NAME, WILDCARD, Name
from couchpages.dns.rrsets import RRset, RRsets
from couchpages.dns.zone import NOTHING, Draft, Zone


@dataclass(frozen=True, slots=True)
class Additions:
    """Sets by canonical name, each in place of what is written of its type; *aliased* are the owners where a written alias stands alone."""

    rrsets: Mapping[Name, RRsets]
    aliased: frozenset[Name] = frozenset()

    def changed(self, before: "Additions") -> list[Name]:
        """Give the names at which others were added before."""
        names = dict.fromkeys((*before.rrsets, *self.rrsets))
        return [name for name in names if before.rrsets.get(name) != self.rrsets.get(name)]


NO_ADDITIONS = Additions({})


def additions(written: Draft, challenges: Challenges) -> Generator[None, None, Additions]:
    """Find what *challenges* add to a zone, owner by owner, so that whoever drives it may pause after each."""
    found: dict[Name, RRsets] = {}
    aliased: set[Name] = set()
    for owner in list(challenges.within(written.apex)):
        _add(written, owner, challenges.at(owner), found, aliased)
        yield
    return Additions(found, frozenset(aliased))


def _add(written: Draft, owner: Name, rdatas: Collection[bytes], found: dict[Name, RRsets], aliased: set[Name]) -> None:
    """Add what stands at *owner* for challenges, and what keeps the names around it as they are."""
    way = [written.apex, *downwards(owner, written.apex)]
    if not written.cuts.isdisjoint(way[:-1]):
        return
    there = written.nodes.get(owner)
    if there is not None and codes.CNAME in there:
        aliased.add(owner)
        return
    texts = texts_with(owner, there.get(codes.TXT) if there is not None else None, rdatas)
    new = [name for name in way if name not in written.nodes]
    wildcard = written.nodes.get(WILDCARD + way[-len(new) - 1], NOTHING) if new else NOTHING
    if wildcard:
        for name in (*new, *(WILDCARD + name for name in new if len(WILDCARD) + len(name) <= LONGEST_NAME)):
            if name not in found:
                found[name] = {type_: _moved(rrset, name) for type_, rrset in wildcard.items()}
    beside = found.get(owner, NOTHING)
    found[owner] = {**(NOTHING if codes.CNAME in beside else beside), codes.TXT: texts}


def _moved(rrset: RRset, owner: Name) -> RRset:
    return replace(rrset, owner=owner)


def with_additions(written: Zone, added: Additions) -> Generator[None, None, Zone]:
    """Make the zone that is answered from one as it is written, which is that one where nothing is added; name by name."""
    if not added.rrsets:
        return written
    # Copying takes a large zone's dicts some milliseconds.
    draft = Draft.of(written)
    yield
    for name, rrsets in added.rrsets.items():
        draft.put(name, {**written.nodes.get(name, NOTHING), **rrsets})
        yield
    return draft.finish(written.serial, written.soa)
