"""The rate limits of CAs that publish theirs, counted before they are met (pure). Moments are milliseconds since 1970.

Counted is what all issuers wrote into orders, so that whoever takes over counts on. Of CAs that are not listed here, what they answer (429
with Retry-After) is all that is known.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

from couchpages.certs.issuing.orders import Order

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
        recent = sorted(each for each in moments if now - self.window < each <= now)
        return now if len(recent) < self.most else recent[len(recent) - self.most] + self.window


@dataclass(frozen=True, slots=True)
class Limits:
    """What a CA allows: *orders* of an account, certificates for a set of *names*, for a registered *domain*, *refusals* of a name."""

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


@dataclass(frozen=True, slots=True)
class Full:
    """A limit is reached, as *words* say, until the moment *until*."""

    words: str
    until: int


def limits_of(directory: str) -> Limits | None:
    """Give the limits of a CA; None for one whose limits are not known here."""
    return KNOWN.get(urlsplit(directory).hostname or "")


def full(limits: Limits, names: Sequence[str], orders: Iterable[Order], now: int, *, is_renewal: bool) -> Full | None:
    """Say which limit keeps a certificate for *names* from being ordered *now*, of all *orders* that are known.

    A renewal that tells the CA what it replaces (RFC 9773) counts for no limit but that of refusals.
    """
    known, wanted = list(orders), set(names)
    found: list[tuple[Limit, Iterable[int], str]] = [
        (limits.refusals, each.refused, f"validations of {each.name} that failed")
        for each in known
        if wanted & set(each.names)
    ]
    if not is_renewal:
        made = [each for order in known for each in order.ordered]
        same = [each for order in known if set(order.names) == wanted for each in order.ordered]
        found += [(limits.orders, made, "orders of this account"), (limits.names, same, "orders for these names")]
        for domain in sorted({registered_domain(name) for name in names}):
            of_domain = [
                each for order in known if domain in map(registered_domain, order.names) for each in order.ordered
            ]
            found.append((limits.domain, of_domain, f"orders for names of {domain}"))
    fulls = [Full(_words(limit, what), limit.free_at(moments, now)) for limit, moments, what in found]
    worst = max(fulls, key=lambda each: each.until, default=None)
    return worst if worst is not None and worst.until > now else None


@lru_cache(maxsize=65_536)
def registered_domain(name: str) -> str:
    """Give what somebody registered to have a name: one label below a public suffix (https://publicsuffix.org)."""
    bare = name.removeprefix("*.")
    return str(_suffixes().privatesuffix(bare) or bare)


def _words(limit: Limit, what: str) -> str:
    span = f"{limit.window // DAY} days" if limit.window > DAY else f"{limit.window // HOUR} hours"
    return f"there were {limit.most} {what} in {span}, and the CA allows no more"
