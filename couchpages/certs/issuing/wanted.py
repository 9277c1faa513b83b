"""Which certificates are wanted (pure): it follows from the sites that there are, the configuration, and what somebody asked for."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from couchpages.certs.certificates import Certificate

#: Names that no public resolver knows (RFC 6761, RFC 7686, RFC 9476); what else has no address finds nobody when it is looked for.
NEVER = frozenset({"localhost", "invalid", "onion", "alt"})
LONGEST_NAME = 253  # RFC 1035 section 2.3.4, as text
WILDCARD = "*."
#: CAs take so many in one order.
MOST_NAMES = 100


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


def without_previews(each: Wanted) -> Wanted | None:
    """Give what a site gets where nothing can be issued for its previews; None where these are all that is wanted, or not wanted."""
    names = tuple(name for name in each.names if not _is_previews(name, each))
    return replace(each, names=names) if names and len(names) < len(each.names) else None


class Wanting:
    """Finds what is wanted, one site after the other, for there may be thousands.

    What is *configured* counts before what follows from sites, and that before what was *asked* for; each is names, the first of which
    it is called by.
    """

    def __init__(self, asked: Iterable[tuple[str, ...]], configured: Iterable[tuple[str, ...]]) -> None:
        self._asked = {names[0]: Wanted(names, Origin.ASKED) for names in asked if names}
        self._of_sites: dict[str, Wanted] = {}
        self._configured = {names[0]: Wanted(names, Origin.CONFIGURED) for names in configured}

    def take(self, site: str, *, has_zone: bool) -> None:
        """Take a site, which *has_zone* of ours or not: its previews get a wildcard where it can be proved.

        What somebody asked for by its name is added.
        """
        previews = WILDCARD + site
        names = (site, previews) if has_zone and len(previews) <= LONGEST_NAME else (site,)
        more = self._asked[site].names if site in self._asked else ()
        self._of_sites[site] = Wanted(tuple(dict.fromkeys((*names, *more)))[:MOST_NAMES], Origin.SITE)

    def wanted(self) -> dict[str, Wanted]:
        """Give all of it, by name."""
        return {**self._asked, **self._of_sites, **self._configured}


class Imported:
    """The imported ones of *certificates*, as they are *now*, to be asked which of them stand in the place of what is wanted."""

    def __init__(self, certificates: Iterable[Certificate], now: float) -> None:
        imported = [each for each in certificates if not each.issued_by]
        self._called = {each.name for each in imported}
        self._valid: dict[str, list[Certificate]] = {}
        for each in imported:
            for name in each.names if each.is_valid(now) else ():
                self._valid.setdefault(name, []).append(each)

    def instead_of(self, each: Wanted) -> str | None:
        """Give the name of the imported certificate that stands in the place of what is wanted, None where we have to issue.

        An imported certificate is never replaced. One of another name that is valid *now* and is for every name that is wanted suffices
        too, wildcards for previews not being missed.
        """
        if each.name in self._called:
            return each.name
        needed = [name for name in each.names if not _is_previews(name, each)]
        first = needed[0] if needed else each.name
        candidates = [*self._valid.get(first, ()), *self._valid.get(_wildcard_for(first), ())]
        return next((other.name for other in candidates if all(covers(other, name) for name in needed)), None)


def covers(certificate: Certificate, name: str) -> bool:
    """Whether a certificate is for a name: by itself, or by a wildcard for one label (RFC 9525 section 6.3)."""
    if name in certificate.names:
        return True
    return not name.startswith(WILDCARD) and _wildcard_for(name) in certificate.names


def is_possible(site: str) -> bool:
    """Whether a public name may be what a site is called."""
    labels = site.split(".")
    return len(labels) > 1 and labels[-1] not in NEVER and not labels[-1].isdigit()


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


def is_candidate(site: str, excluded: Collection[str]) -> bool:
    """Whether a site may get a certificate."""
    return is_possible(site) and not is_excluded(site, excluded)


def _wildcard_for(name: str) -> str:
    return WILDCARD + name.partition(".")[2]


def _is_previews(name: str, each: Wanted) -> bool:
    return each.origin is Origin.SITE and name == WILDCARD + each.name
