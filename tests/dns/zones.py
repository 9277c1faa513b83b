"""Hypothesis strategies of small zones, and of questions for them (pure).

A *world* is a few zones that refer to each other under one suffix, as texts that servers load. Its names are of few labels, so that
names collide: cuts above wildcards, empty non-terminals, chains that meet DNAMEs, zones below zones.
"""

from dataclasses import dataclass

from hypothesis import strategies as st

LABELS = ("a", "b", "c", "*")
DATA = ("A", "AAAA", "TXT", "MX")
TYPES = (*DATA, "CNAME", "DNAME", "NS", "DS", "SOA", "ANY", "SRV")
#: Where the zones of a world may be, below its suffix "%".
APEXES = ("%", "a.%", "b.a.%", "c.b.a.%", "b.%", "c.b.%")
OUTSIDE = "outside.invalid."
TTLS = (0, 60, 300, 3600)
#: Apexes, and the lines of each zone.
Zones = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: the name may have its suffix as "%"."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class World:
    """Zones, apexes to lines, and *questions*; "%" stands for the suffix in all of them."""

    zones: Zones
    questions: tuple[Asked, ...]

    def texts(self, suffix: str = "world.test") -> dict[str, str]:
        """Give the zones' texts under *suffix*, which has no last dot."""
        return {
            apex.replace("%", suffix): "\n".join(lines).replace("%", f"{suffix}.") + "\n" for apex, lines in self.zones
        }

    def names(self, suffix: str = "world.test") -> list[Asked]:
        """Give the questions under *suffix*."""
        return [Asked(each.name.replace("%", f"{suffix}."), each.type) for each in self.questions]


def names(labels: tuple[str, ...] = LABELS, longest: int = 4) -> st.SearchStrategy[str]:
    """Give names of the world, its suffix among them."""
    return st.lists(st.sampled_from(labels), max_size=longest).map(lambda parts: ".".join([*parts, "%"]))


TARGETS = st.one_of(names(), names(("a", "b", "c", "x")), st.just(OUTSIDE))
OWNERS = st.lists(names(longest=3), max_size=7)
TYPES_OF_NODES = st.sets(st.sampled_from(DATA), min_size=1, max_size=3)
TTL = st.sampled_from(TTLS)


@st.composite
def data(draw: st.DrawFn) -> list[str]:
    """Give a node's data of plain types: TTL, type and data of each RR."""
    found = []
    for rdtype in draw(TYPES_OF_NODES):
        ttl = draw(TTL)
        for number in range(1, draw(st.integers(1, 2)) + 1):
            content = {"A": f"192.0.2.{number}", "AAAA": f"2001:db8::{number}", "TXT": f'"text {number}"'}.get(rdtype)
            found.append(f"{ttl} {rdtype} {content or f'{number} {draw(TARGETS)}'}")
    return found


@st.composite
def alias(draw: st.DrawFn) -> list[str]:
    """Give a CNAME."""
    return [f"{draw(TTL)} CNAME {draw(TARGETS)}"]


@st.composite
def redirection(draw: st.DrawFn) -> list[str]:
    """Give a DNAME, perhaps with data beside it."""
    beside = draw(st.one_of(st.just([]), data()))
    return [f"{draw(TTL)} DNAME {draw(TARGETS)}", *beside]


@st.composite
def cut(draw: st.DrawFn, owner: str) -> list[str]:
    """Give the NS RRs of a cut at *owner*, perhaps with a DS."""
    ttl = draw(TTL)
    servers = draw(
        st.sets(st.one_of(TARGETS, st.sampled_from((f"a.{owner}", f"b.a.{owner}", owner))), min_size=1, max_size=2)
    )
    signed = [f"3600 DS {draw(st.integers(1, 9))} 13 2 {'0' * 64}"] if draw(st.booleans()) else []
    return [f"{ttl} NS {server}" for server in sorted(servers)] + signed


@st.composite
def node(draw: st.DrawFn, owner: str) -> list[str]:
    """Give what lies at *owner*; nothing special at a wildcard, where RFC 4592 section 4 leaves open what it means."""
    kinds = [data(), data(), alias()]
    if "*" not in owner.split("."):
        kinds += [redirection(), cut(owner), cut(owner)]
    return draw(st.one_of(kinds))


@st.composite
def zone(draw: st.DrawFn, apex: str) -> tuple[str, ...]:
    """Give the lines of a zone."""
    soa_ttl, minimum = draw(TTL), draw(TTL)
    nodes = {apex: draw(st.one_of(st.just([]), st.just([]), data(), redirection()))}
    for prefix in draw(OWNERS):
        owner = prefix.replace("%", apex)
        if owner not in nodes:
            nodes[owner] = draw(node(owner))
    head = (
        f"{apex} {soa_ttl} SOA ns.{OUTSIDE} host.{OUTSIDE} 1 7200 3600 1209600 {minimum}",
        f"{apex} 3600 NS ns.{OUTSIDE}",
    )
    return (*head, *(f"{owner} {rr}" for owner, rrs in nodes.items() for rr in rrs))


@st.composite
def worlds(draw: st.DrawFn, *, occluding: bool = False, questions: int = 12) -> World:
    """Give some zones and questions.

    Not *occluding*, nothing lies below a DNAME, which NSD refuses to load; no zone has data where another is the closest zone, and each
    has a cut where another begins: to NSD, names of one zone exist in others, too.
    """
    apexes = sorted(draw(st.sets(st.sampled_from(APEXES), min_size=1, max_size=3)))
    zones = tuple((apex, draw(zone(apex))) for apex in apexes)
    if not occluding:
        zones = _tidied(zones)
    every = every_question(zones)
    return World(zones, tuple(draw(st.lists(st.sampled_from(every), min_size=questions, max_size=questions))))


def _tidied(zones: Zones) -> Zones:
    rrs = [line.split(" ", 3) for _, lines in zones for line in lines]
    dnames = {owner for owner, _, rdtype, _ in rrs if rdtype == "DNAME"}
    zones = tuple((apex, lines) for apex, lines in zones if not _is_below(f"{apex} ", dnames))
    kept = []
    for apex, lines in zones:
        inner = {other for other, _ in zones if other.endswith(f".{apex}")}
        own = [line for line in lines if not _is_below(line, dnames) and not _is_in(line, inner)]
        cuts = {line.split(" ", 1)[0] for line in own}
        own += [f"{other} 300 NS ns.{OUTSIDE}" for other in sorted(inner - cuts) if not _is_below(f"{other} ", inner)]
        kept.append((apex, tuple(own)))
    return tuple(kept)


def _is_below(line: str, names: set[str]) -> bool:
    return any(line.split(" ", 1)[0].endswith(f".{name}") for name in names)


def _is_in(line: str, apexes: set[str]) -> bool:
    """Tell whether a line is another zone's to say; the cut there is not."""
    owner, _, rdtype, _ = line.split(" ", 3)
    return _is_below(line, apexes) or (owner in apexes and rdtype != "NS")


def every_question(zones: Zones) -> list[Asked]:
    """Give a question of each type for all names in *zones*, their parents, and names below them."""
    owners = {word for _, lines in zones for line in lines for word in line.split(" ") if word.endswith("%")}
    parents = {owner.partition(".")[2] for owner in owners if owner != "%"}
    below = {f"{prefix}.{owner}" for owner in owners for prefix in ("a", "x", "*", "x.b")}
    return [Asked(name, rdtype) for name in sorted(owners | parents | below | {"%"}) for rdtype in TYPES]
