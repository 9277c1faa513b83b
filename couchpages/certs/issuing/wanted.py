"""Which certificates are wanted (pure): it follows from the sites that there are, the configuration, and what somebody asked for."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from couchpages.certs.certificates import Certificate

#: Names that no public resolver knows (RFC 6761, RFC 7686, RFC 9476); what else has no address finds nobody when it is looked for.
NEVER = frozenset({"localhost", "invalid", "onion", "alt"})
LONGEST_NAME = 253  # RFC 1035 section 2.3.4, as text
WILDCARD = "*."


class Origin(StrEnum):
    """Why a certificate is wanted."""

    SITE = "site"
    CONFIGURED = "configured"
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A certificate that is wanted, called by the first of its *names*."""

    names: tuple[str, ...]
    origin: Origin

    @property
    def name(self) -> str:
        """What it is called."""
        return self.names[0]


def wanted(
    sites: Iterable[str],
    configured: Iterable[tuple[str, ...]],
    asked: Iterable[tuple[str, ...]],
    excluded: Collection[str],
    zone_above: Callable[[str], str | None],
) -> dict[str, Wanted]:
    """Give what is wanted, by name. What is configured counts before what follows from sites, and that before what was asked for.

    *zone_above* gives the zone of ours that a name is in. A site in one gets its previews' wildcard too: only there it can be proved.
    """
    found = {names[0]: Wanted(tuple(names), Origin.ASKED) for names in asked if names}
    for site in sites:
        if is_possible(site) and not is_excluded(site, excluded):
            found[site] = Wanted(_names_of_site(site, zone_above), Origin.SITE)
    found.update((names[0], Wanted(tuple(names), Origin.CONFIGURED)) for names in configured)
    return found


def own(
    all_wanted: Mapping[str, Wanted], certificates: Iterable[Certificate], now: float
) -> tuple[dict[str, Wanted], dict[str, str]]:
    """Give those that we have to issue, and of the others the name of the imported certificate that stands in their place.

    An imported certificate is never replaced. One of another name that is valid *now* and is for every name that is wanted suffices too,
    wildcards for previews not being missed.
    """
    imported = [each for each in certificates if not each.issued_by]
    named = {each.name for each in imported}
    valid = [each for each in imported if each.is_valid(now)]
    ours, others = dict[str, Wanted](), dict[str, str]()
    for name, each in all_wanted.items():
        if name in named:
            others[name] = name
            continue
        needed = [name for name in each.names if not _is_previews(name, each)]
        instead = next((other.name for other in valid if all(covers(other, name) for name in needed)), None)
        if instead is None:
            ours[name] = each
        else:
            others[name] = instead
    return ours, others


def covers(certificate: Certificate, name: str) -> bool:
    """Whether a certificate is for a name: by itself, or by a wildcard for one label (RFC 9525 section 6.3)."""
    if name in certificate.names:
        return True
    return not name.startswith(WILDCARD) and WILDCARD + name.partition(".")[2] in certificate.names


def is_possible(site: str) -> bool:
    """Whether a public name may be what a site is called."""
    labels = site.split(".")
    return len(labels) > 1 and labels[-1] not in NEVER


def is_excluded(site: str, patterns: Collection[str]) -> bool:
    """Whether a pattern, a name or ``*.`` for all below one, fits a site."""
    if site in patterns:
        return True
    above = site
    while above:
        above = above.partition(".")[2]
        if above and WILDCARD + above in patterns:
            return True
    return False


def _names_of_site(site: str, zone_above: Callable[[str], str | None]) -> tuple[str, ...]:
    previews = WILDCARD + site
    return (site, previews) if zone_above(site) is not None and len(previews) <= LONGEST_NAME else (site,)


def _is_previews(name: str, each: Wanted) -> bool:
    return each.origin is Origin.SITE and name.startswith(WILDCARD)
