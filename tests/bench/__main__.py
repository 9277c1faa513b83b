"""Measures and writes docs/measured.md: ``make bench``, or ``python -m tests.bench NAME…`` for some sections, while the others stay."""

import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench import certificate_lag, deploying, machine, outage, replicating, replication_lag, serving
from tests.bench.deploying import Rows
from tests.bench.dns import table as dns_table
from tests.bench.document import joined, section, sections_of
from tests.bench.hot_path import table
from tests.bench.interruptible import interruptible
from tests.integration.node import ROOT, Node
from tests.integration.requirements import COUCHDB
from tests.integration.stores import ApacheCouchDB, EmbeddedStore, Settings, Store
from tests.integration.two_nodes import TwoNodes

DOCUMENT = ROOT / "docs" / "measured.md"
HEAD = """# Measured

Written by `make bench`; figures are medians, with the least and the greatest in brackets, where nothing else is said. Machines are
noisy: what is beside something else in the same run says more than a time alone.

Machine: {machine}.
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the document, and how it is measured."""

    title: str
    measure: Callable[[], Rows]
    needs_couchdb: bool = True


def main(*names: str) -> None:
    """Measure the sections that are named; without names, all that can be measured here."""
    unknown = set(names) - set(SECTIONS)
    if unknown:
        raise SystemExit(f"there is no section {min(unknown)}; there are {', '.join(SECTIONS)}")
    chosen = [SECTIONS[name] for name in names] or [
        each for each in SECTIONS.values() if COUCHDB or not each.needs_couchdb
    ]
    if not COUCHDB and any(each.needs_couchdb for each in chosen):
        raise SystemExit("set COUCHPAGES_TEST_COUCHDB to the address of an Apache CouchDB")
    found = sections_of(DOCUMENT.read_text()) if names else {}
    for each in chosen:
        found[each.title] = section(each.title, each.measure())
        print(found[each.title])  # noqa: T201 -- whoever measures wants to see it
    order = [each.title for each in SECTIONS.values()]
    DOCUMENT.write_text(joined(HEAD.format(machine=machine.described()), found, order))


def _one_node(store: Callable[[], Store]) -> Rows:
    rows: Rows = []
    rows += _with_node(store, deploying.measured)
    rows += _with_node(store, lambda node, _: serving.memory(node))
    return rows


def _two_nodes() -> Rows:
    with tempfile.TemporaryDirectory() as name:
        pair = TwoNodes(Path(name))
        try:
            return [*replication_lag.measured(pair), *certificate_lag.measured(pair)]
        finally:
            pair.remove()


def _replicating() -> Rows:
    with tempfile.TemporaryDirectory() as name:
        return replicating.measured(replicating.Server(COUCHDB or ""), Path(name))


def _outages() -> Rows:
    couchdb = interruptible()
    way = {"couchdb": {"url": f"http://127.0.0.1:{couchdb.port}"}}
    return _with_node(ApacheCouchDB, lambda node, _: outage.measured(node, couchdb), way)


def _with_node(
    store: Callable[[], Store], work: Callable[[Node, Path], Rows], settings: Settings | None = None
) -> Rows:
    with tempfile.TemporaryDirectory() as name:
        # nginx's worker may be another user, and reads what it serves.
        Path(name).chmod(0o755)
        node = Node(Path(name) / "node", store(), settings)
        try:
            node.init()
            node.start()
            return work(node, Path(name))
        finally:
            node.remove()


SECTIONS: Mapping[str, Section] = {
    "embedded": Section("On the embedded store", lambda: _one_node(EmbeddedStore), needs_couchdb=False),
    "couchdb": Section("On Apache CouchDB, on the same machine", lambda: _one_node(ApacheCouchDB)),
    "two-nodes": Section("Two nodes, each with its own Apache CouchDB", _two_nodes),
    "replicating": Section("Out of the embedded store, into an Apache CouchDB", _replicating),
    "outages": Section("While CouchDB is away", _outages),
    "hot-path": Section("As fast as nginx: the hot path", table.measured, needs_couchdb=False),
    "https": Section("HTTPS beside nginx", table.measured_securely, needs_couchdb=False),
    "dns": Section("Name server", dns_table.measured, needs_couchdb=False),
}

if __name__ == "__main__":
    main(*sys.argv[1:])
