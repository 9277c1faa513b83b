"""The rate limits of CAs that publish theirs, counted before they are met (pure). Moments are milliseconds since 1970.

Counted is what all issuers wrote into orders, so that whoever takes over counts on. Of CAs that are not listed here, what they answer (429
with Retry-After) is all that is known.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, lru_cache
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

from couchpages.certs.issuing.orders.order import AHEAD, Order

HOUR, DAY = 3_600_000, 86_400_000


@cache
def _suffixes() -> PublicSuffixList:
    # Reading the list takes some 50 milliseconds, which those who need no limits are spared.
    return PublicSuffixList()


@dataclass(frozen=True, slots=True)
class Limit:
    """At most *most* in any *window* of milliseconds."""

    most: int
    window: int

    def free_at(self, moments: Iterable[int], now: int) -> int:
        """Give when one more is allowed: *now*, or later."""
        recent = sorted(each for each in moments if now - self.window < each <= now + AHEAD)
        return now if len(recent) < self.most else recent[len(recent) - self.most] + self.window


@dataclass(frozen=True, slots=True)
class Limits:
    """What a CA allows: *orders* of an account, certificates for a set of *names*, for a registered *domain*, *refusals* of a name.

    What renews a certificate counts for fewer of them: see :class:`Sort`.
    """

    orders: Limit
    names: Limit
    domain: Limit
    refusals: Limit


#: By the host of the directory: https://letsencrypt.org/docs/rate-limits/ and https://letsencrypt.org/docs/staging-environment/.
KNOWN = {
    "acme-v02.api.letsencrypt.org": Limits(Limit(300, 3 * HOUR), Limit(5, 7 * DAY), Limit(50, 7 * DAY), Limit(5, HOUR)),
    "acme-staging-v02.api.letsencrypt.org": Limits(
        Limit(1500, 3 * HOUR), Limit(30_000, 7 * DAY), Limit(30_000, 7 * DAY), Limit(200, HOUR)
    ),
}


class Sort(Enum):
    """What an order is for the CA (https://letsencrypt.org/docs/rate-limits/, "Limit Exemptions for Renewals")."""

    #: It has issued nothing for these names: everything counts.
    NEW = "new"
    #: It has, for exactly these: new orders and the registered domain are not counted.
    SAME = "same"
    #: It is told what certificate is replaced (RFC 9773): only refusals count.
    REPLACEMENT = "replacement"


@dataclass(frozen=True, slots=True)
class Full:
    """A limit is reached, as *words* say, until the moment *until*."""

    words: str
    until: int


def limits_of(directory: str) -> Limits | None:
    """Give the limits of a CA; None for one whose limits are not known here."""
    return KNOWN.get(urlsplit(directory).hostname or "")


def full(
    limits: Limits, directory: str, names: Sequence[str], orders: Iterable[Order], now: int, sort: Sort
) -> Full | None:
    """Say which limit keeps a certificate for *names* from being ordered *now*, of all *orders* that are known at the CA of *directory*."""
    known, wanted = [order for order in orders if order.directory == directory], set(names)
    found: list[tuple[Limit, Iterable[int], str]] = [
        (limits.refusals, each.refused, f"validations of {each.name} that failed")
        for each in known
        if each.refused and not wanted.isdisjoint(each.names)
    ]
    if sort is not Sort.REPLACEMENT:
        same = [each for order in known if order.issued and order.issued_names == wanted for each in order.issued]
        found.append((limits.names, same, "certificates for these names"))
    if sort is Sort.NEW:
        made = [each for order in known for each in order.ordered]
        found.append((limits.orders, made, "orders of this account"))
        domains = sorted({registered_domain(name) for name in names})
        found += [(limits.domain, _added(known, each), f"certificates for names of {each}") for each in domains]
    fulls = [Full(_words(limit, what), limit.free_at(moments, now)) for limit, moments, what in found]
    worst = max(fulls, key=lambda each: each.until, default=None)
    return worst if worst is not None and worst.until > now else None


def _added(orders: Iterable[Order], domain: str) -> list[int]:
    return [
        each
        for order in orders
        # Who looks at the end of a name first asks the long list about few.
        if order.added and any(name.endswith(domain) and registered_domain(name) == domain for name in order.names)
        for each in order.added
    ]


@lru_cache(maxsize=65_536)
def registered_domain(name: str) -> str:
    """Give what somebody registered to have a name: one label below a public suffix (https://publicsuffix.org)."""
    bare = name.removeprefix("*.")
    return str(_suffixes().privatesuffix(bare) or bare)


def _words(limit: Limit, what: str) -> str:
    hours = limit.window // HOUR
    span = f"{limit.window // DAY} days" if limit.window > DAY else "an hour" if hours == 1 else f"{hours} hours"
    return f"there were {limit.most} {what} in {span}, and the CA allows no more"
