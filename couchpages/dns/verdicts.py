"""How a lookup ends (pure). Each verdict says what the name server knows of a name; none says how that is written.

What is made for each question is a named tuple, because making one takes a third of the time that a frozen dataclass takes.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from couchpages.dns.names import Name
from couchpages.dns.rrsets import RRset
from couchpages.dns.zone import Zone


class Answer(NamedTuple):
    """The name has what was asked for. *owner* is the name that was asked for, also where a wildcard has it."""

    zone: Zone
    owner: Name
    rrset: RRset


class NoData(NamedTuple):
    """The name exists, and has nothing of that type (RFC 2308 section 2.2)."""

    zone: Zone


class NoSuchName(NamedTuple):
    """The name does not exist, which RFC 2308 section 2.1 calls NXDOMAIN."""

    zone: Zone


class Delegation(NamedTuple):
    """Somebody else answers at *cut* and below (RFC 1034 section 4.2.1)."""

    zone: Zone
    cut: Name
    rrset: RRset


@dataclass(frozen=True, slots=True)
class Foreign:
    """The name is in none of the zones."""


@dataclass(frozen=True, slots=True)
class NotRead:
    """What there is at the name is not all here yet: the records of its zone, or challenges."""


@dataclass(frozen=True, slots=True)
class Overlong:
    """A DNAME leads to a name of more than 255 octets (RFC 6672 section 2.2)."""


@dataclass(frozen=True, slots=True)
class Circular:
    """The names lead back to one another, or to too many others."""


Verdict: TypeAlias = Answer | NoData | NoSuchName | Delegation | Foreign | NotRead | Overlong | Circular


class Step(NamedTuple):
    """A CNAME or DNAME that was followed: *owner* as the answer names it."""

    owner: Name
    rrset: RRset


class Outcome(NamedTuple):
    """A lookup: *steps* on the way, in their order, and the *verdict* on the last name.

    *own* tells whether the verdict is on what stands at the very name that was asked for: no wildcard, no alias.
    """

    verdict: Verdict
    steps: tuple[Step, ...] = ()
    own: bool = False
