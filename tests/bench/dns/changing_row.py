"""The row with a zone that changes all the time, beside the same zone at rest (does I/O)."""

from collections.abc import Callable
from functools import partial
from statistics import median

from tests.bench.deploying import Rows
from tests.bench.dns import questions
from tests.bench.dns.asking import flooded
from tests.bench.dns.changing import RATE, Changing
from tests.bench.dns.outcome import Outcome, ratio, shown
from tests.bench.dns.own import Own, Writer
from tests.bench.dns.sessions import serving
from tests.bench.dns.zone import Zone
from tests.bench.hot_path.peers import NotMeasurable
from tests.bench.hot_path.turns import Bench

AIMS = {1000: "at least 0.9", 100_000: ""}


def changing(bench: Bench) -> Rows:
    """Measure a small zone and a great one, each at rest and changing in turns."""
    return [line for hosts, aim in AIMS.items() for line in _measured(bench, Zone(hosts), aim)]


def _measured(bench: Bench, zone: Zone, aim: str) -> Rows:
    title = f"while a zone of {zone.hosts:,} changes {RATE:.0f} times a second by the API; answers a second"
    own, load, made = Own(), questions.existing(zone), list[float]()

    def changed() -> Outcome:
        with Changing(own, zone) as changes:
            outcome = flooded(own, load, bench.seconds)
        made.append(changes.rate)
        return outcome

    try:
        # Whoever writes waits until everything is read, after which there is nothing else to do.
        with serving(bench, own, zone), Writer(own.node, zone):
            rest: Callable[[], Outcome] = partial(flooded, own, load, bench.seconds)
            found = bench.in_turns({"rest": rest, "changing": changed})
    except (NotMeasurable, AssertionError) as reason:
        return [(title, f"not measured: {str(reason).splitlines()[0]}", aim)]
    return [
        (title, f"{shown(found['changing'])}; changed {median(made):.1f} times a second", ""),
        ("… of the rate at rest", f"{ratio(found['changing'], found['rest'])}, beside {shown(found['rest'])}", aim),
    ]
