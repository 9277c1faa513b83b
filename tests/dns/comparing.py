"""An answer beside what the oracle expects, and worlds drawn in bulk (pure)."""

from collections.abc import Iterable

import dns.flags
import dns.name
import dns.rcode
from dns.rdatatype import RdataType
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.dns.oracle import Expected, Reach, expected, read_zones
from tests.dns.rules.asking import Ask, query, read, read_rrs
from tests.dns.rules.row import Question
from tests.dns.zones import Asked, World, worlds

#: Longer chains are not compared: where a server stops, no RFC says.
LONGEST_CHAIN = 5
#: So many are drawn from each seed: more would be variations of these.
OF_EACH_SEED = 8


def disagreement(wanted: Expected, wire: bytes | None) -> str | None:
    """Say where an answer is not *wanted*, or give None; RRs are compared as sets."""
    if wire is None:
        return "no answer"
    answer = read(wire)
    pairs: list[tuple[object, object]] = [
        (dns.rcode.to_text(answer.rcode()), wanted.rcode),
        (bool(answer.flags & dns.flags.AA), wanted.aa),
        (set(read_rrs(answer.authority)), set(wanted.authority)),
        (set(wanted.glue) - set(read_rrs(answer.additional)), set()),
    ]
    found = set(read_rrs(answer.answer))
    if found not in [set(each) for each in wanted.one_of or (wanted.answer,)]:
        pairs.append((found, wanted.one_of or wanted.answer))
    return "; ".join(f"{left}, not {right}" for left, right in pairs if left != right) or None


def compared(
    texts: dict[str, str], questions: Iterable[Asked], ask: Ask, reach: Reach = Reach.EVERYWHERE
) -> Iterable[tuple[Asked, Expected, str | None]]:
    """Ask *questions* by UDP of a server with zones, and give for each what is wanted, and how the answer disagrees."""
    zones = read_zones(texts)
    for asked in questions:
        wanted = expected(zones, dns.name.from_text(asked.name), RdataType.make(asked.type), reach)
        if wanted.links <= LONGEST_CHAIN:
            wire = ask(query(Question(asked.name, asked.type, edns=1232)), "udp")
            yield asked, wanted, disagreement(wanted, wire)


def draw(count: int, first_seed: int, *, occluding: bool = False) -> list[World]:
    """Draw *count* worlds without questions, always the same ones of a seed."""
    drawn: list[World] = []

    for number in range(first_seed, first_seed + count):

        @seed(number)
        @settings(
            max_examples=OF_EACH_SEED,
            database=None,
            phases=[Phase.generate],
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(worlds(occluding=occluding, questions=0))
        def collect(world: World) -> None:
            """Keep a world."""
            drawn.append(world)

        collect()
        if len(drawn) >= count:
            break
    return drawn[:count]
