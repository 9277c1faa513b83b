"""Requests that fail while CouchDB is stopped, killed, frozen and started again in turn, and deployments in between."""

import http.client
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import cycle

from tests.bench import machine
from tests.bench.deploying import Rows
from tests.bench.interruptible import Interruptible
from tests.bench.traffic import UNKNOWN_FILE, UNKNOWN_SITE, Served, Tally, Traffic
from tests.integration.node import Node
from tests.integration.publisher import Publisher
from tests.integration.visitor import Visitor

SECONDS = float(os.environ.get("COUCHPAGES_BENCH_OUTAGE_SECONDS", "600"))
SITE = "outage.test"
FILES, CHANGED = 200, 10
CLIENTS, RATE = 4, 100.0
PEACE = "peace"
#: What happens to CouchDB in turn, and for how many seconds; a freeze is shorter and longer than a feed's silence may last.
OUTAGES = (("stopped", 15.0), ("frozen", 8.0), ("killed", 10.0), ("frozen", 30.0))
#: Seconds between outages, and after which of them somebody deploys.
BETWEEN, DEPLOYED_AFTER = 14.0, 7.0


@dataclass(slots=True)
class Course:
    """What happened: outages by kind, deployments that succeeded at once and those that did not."""

    outages: list[str] = field(default_factory=list)
    deployed: int = 0
    refused: list[str] = field(default_factory=list)


def measured(node: Node, couchdb: Interruptible) -> Rows:
    """Visit a site whose every file was visited once, for :data:`SECONDS`; then again, with the daemon started anew in each outage."""
    served = Served(SITE, [_files(0)])
    with Publisher(node) as publisher:
        publisher.deploy(SITE, served.versions[0])
    with Visitor(node.http) as visitor:
        for path in served.versions[0]:
            assert visitor.get(SITE, f"/{path}").status == 200, path
    rows = _rows(
        f"{SECONDS / 60:.3g} minutes of traffic", couchdb, *_run(node, couchdb, served, SECONDS, lambda _: None)
    )

    def restart(traffic: Traffic) -> None:
        with traffic.held():
            node.stop()
            node.start(ready=False)

    return rows + _rows(
        f"{SECONDS / 240:.3g} minutes with the daemon started anew in every outage",
        couchdb,
        *_run(node, couchdb, served, SECONDS / 4, restart),
    )


def _run(
    node: Node, couchdb: Interruptible, served: Served, seconds: float, in_outage: Callable[[Traffic], None]
) -> tuple[Tally, Course]:
    course = Course()
    begin = {"stopped": couchdb.stop, "killed": couchdb.kill, "frozen": couchdb.freeze}
    end = {"stopped": couchdb.start, "killed": couchdb.start, "frozen": couchdb.thaw}
    until = time.monotonic() + seconds
    with Traffic(node.http, served, CLIENTS, RATE) as traffic:
        for kind, lasting in cycle(OUTAGES):
            time.sleep(DEPLOYED_AFTER)
            _deploy(node, served, course)
            time.sleep(BETWEEN - DEPLOYED_AFTER)
            if time.monotonic() > until:
                break
            try:
                traffic.phase = kind
                begin[kind]()
                time.sleep(lasting / 2)
                in_outage(traffic)
                time.sleep(lasting / 2)
            finally:
                end[kind]()
            traffic.phase = PEACE
            course.outages.append(kind)
    return traffic.tally(), course


def _deploy(node: Node, served: Served, course: Course) -> None:
    """Deploy a version in which some files are new."""
    version = served.submitted + 1
    served.begin({**served.versions[-1], **_files(version, (version * CHANGED + each for each in range(CHANGED)))})
    try:
        with Publisher(node) as publisher:
            answer = publisher.try_to_deploy(SITE, served.versions[version])
    except (OSError, http.client.HTTPException) as error:
        course.refused.append(repr(error))
        return
    if answer.status == HTTPStatus.CREATED and answer.json()["live"]:
        served.settle()
        course.deployed += 1
    else:
        course.refused.append(f"{answer.status} {answer.body.decode()}")


def _files(version: int, numbers: Iterable[int] = range(FILES)) -> dict[str, bytes]:
    """Give files as they are new in a version, from some hundred bytes to some ten thousand."""
    return {
        f"{number % FILES}.html": b"file %d of version %d\n" % (number % FILES, version) * (10 + number % FILES * 7)
        for number in numbers
    }


def _rows(title: str, couchdb: Interruptible, tally: Tally, course: Course) -> Rows:
    # The rows say how many; whoever measures wants to see which.
    for each in (*tally.wrong[:20], *course.refused):
        print(each, file=sys.stderr)  # noqa: T201
    kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(Counter(course.outages).items()))
    return [
        (
            f"{title}, {CLIENTS} keep-alive clients, {RATE:g} requests a second, {FILES} files",
            f"CouchDB {kinds} times ({couchdb.described})",
            "",
        ),
        ("… requests that failed", f"{len(tally.wrong)} of {tally.requests:,}", "none"),
        ("… an answer, median and slowest", _seconds(tally), ""),
        *((f"… {what}, while CouchDB is away", _statuses(tally, what), "") for what in (UNKNOWN_FILE, UNKNOWN_SITE)),
        (
            f"… deployments between the outages, {DEPLOYED_AFTER:g} s after each",
            f"{course.deployed} of {course.deployed + len(course.refused)} succeeded",
            "all",
        ),
    ]


def _seconds(tally: Tally) -> str:
    def shown(phase: str) -> str:
        values = [value * 1000 for value in tally.seconds[phase]]
        return f"{phase} {machine.quantile(values, 0.5):.1f} ms, {max(values):.0f} ms"

    return "; ".join(shown(phase) for phase in sorted(tally.seconds))


def _statuses(tally: Tally, what: str) -> str:
    found: Counter[int] = Counter()
    for (phase, asked, status), number in tally.unknown.items():
        if asked == what and phase != PEACE:
            found[status] += number
    return ", ".join(f"{status}: {number:,}" for status, number in sorted(found.items()))
