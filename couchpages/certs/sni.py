"""Which certificates answer for a host name (pure).

A name has an offer: one certificate, or one of each kind of key, of which the client takes what it can. RFC 6066 section 3 on server
names, RFC 6125 section 6.4.3 on wildcards: one stands for exactly one label, the first.
"""

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from couchpages.certs.certificates import Certificate, Kind

#: Certificates, or names, that are looked at between two pauses of :func:`indexing`: a tenth of a millisecond or so.
AT_ONCE = 32
Offer: TypeAlias = tuple[Certificate, ...]
"""What a client is offered for a name: at most one certificate of each kind, in the order of the kinds."""


@dataclass(frozen=True, slots=True)
class Index:
    """The offers by name. *default* is for clients that name no host, and empty where there is none."""

    offers: dict[str, Offer] = field(default_factory=dict)
    default: Offer = ()

    def offer(self, host: str | None) -> Offer:
        """Give what is offered to a client that asks for *host*, or names none; empty where there is nothing for it."""
        if host is None:
            return self.default
        name = host.lower().rstrip(".")
        exact = self.offers.get(name, ())
        _, _, rest = name.partition(".")
        wildcard = self.offers.get(f"*.{rest}", ()) if rest else ()
        return exact or wildcard


def index(certificates: Iterable[Certificate], default: str, development: Iterable[Certificate], now: float) -> Index:
    """Make an index of what is good *now*, in seconds since 1970.

    *default* is the name, one that a certificate is for, that clients without server names get; where it is empty or there is no such
    certificate, they get the first by name. *development* are this node's own: they answer for their names where nobody else does, and
    without a server name where there is nothing else.

    A certificate that is out of its dates is offered only where no other is for the name: a client's complaint about it says more than
    that there is none. An exact name that is out of them gives way to a wildcard that is not.
    """
    steps = indexing(certificates, default, development, now)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # see indexing


def indexing(
    certificates: Iterable[Certificate], default: str, development: Iterable[Certificate], now: float
) -> Generator[None, None, Index]:
    """Make an index as :func:`index` does, with a pause after every few: of thousands, it takes tens of milliseconds."""
    real, own = list(certificates), list(development)
    offers = yield from _offers(real, now)
    for name, offer in (yield from _offers(own, now)).items():
        if not offers_for(offers, name):
            offers[name] = offer
    outdated = []
    for number, (name, offer) in enumerate(offers.items()):
        if not is_valid(offer, now):
            outdated.append(name)
        if number % AT_ONCE == 0:
            yield
    for name in outdated:
        wildcard = offers.get(f"*.{name.partition('.')[2]}", ())
        if not name.startswith("*.") and is_valid(wildcard, now):
            del offers[name]
    found = Index(offers)
    first = min((each.name for each in real), default="")
    chosen = (found.offer(default) if default else ()) or (found.offer(first) if first else ())
    return Index(offers, chosen or tuple(own[:1]))


def offers_for(offers: dict[str, Offer], name: str) -> Offer:
    """Give the offer for *name*, which may be a wildcard."""
    return offers.get(name) or (() if name.startswith("*.") else Index(offers).offer(name))


def covers(offer: Offer, host: str) -> bool:
    """Whether a certificate of *offer* is for *host*."""
    return bool(Index({name.lower().rstrip("."): offer for each in offer for name in each.names}).offer(host))


def is_valid(offer: Offer, now: float) -> bool:
    """Whether something of an offer is within its dates."""
    return any(each.is_valid(now) for each in offer)


def next_change(certificates: Iterable[Certificate], now: float) -> float | None:
    """Give when an index made *now* is outdated next because a certificate begins or ends, or None."""
    moments = (moment for each in certificates for moment in (each.not_before, each.not_after))
    return min((moment for moment in moments if moment > now), default=None)


def _offers(certificates: Iterable[Certificate], now: float) -> Generator[None, None, dict[str, Offer]]:
    best: dict[str, dict[Kind, Certificate]] = {}
    for number, each in enumerate(certificates):
        if number % AT_ONCE == 0:
            yield
        for name in each.names:
            kinds = best.setdefault(name.lower().rstrip("."), {})
            known = kinds.get(each.kind)
            if known is None or _rank(each, now) > _rank(known, now):
                kinds[each.kind] = each
    offers = {}
    for number, (name, kinds) in enumerate(best.items()):
        offers[name] = _offer(kinds, now)
        if number % AT_ONCE == 0:
            yield
    return offers


def _offer(kinds: dict[Kind, Certificate], now: float) -> Offer:
    every = tuple(kinds[kind] for kind in Kind if kind in kinds)
    return tuple(each for each in every if each.is_valid(now)) or every


def _rank(certificate: Certificate, now: float) -> tuple[bool, int, float, str]:
    return certificate.is_valid(now), certificate.made, certificate.not_after, certificate.fingerprint
