"""Measures and writes docs/measured.md: ``make bench``."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import deploying, machine, serving
from tests.bench.deploying import Rows
from tests.integration.node import ROOT, Node
from tests.integration.requirements import COUCHDB
from tests.integration.stores import ApacheCouchDB, EmbeddedStore, Store

HEAD = """# Measured

Written by `make bench`; figures are medians, with the least and the greatest in brackets. Machines are noisy: what is beside
something else in the same run says more than a time alone.

Machine: {machine}.
"""


def main() -> None:
    """Measure on each store that is there."""
    sections = [_section("On the embedded store", EmbeddedStore)]
    if COUCHDB:
        sections.append(_section("On Apache CouchDB, on the same machine", ApacheCouchDB))
    text = "\n".join([HEAD.format(machine=machine.described()), *sections])
    (ROOT / "docs" / "measured.md").write_text(text)
    print(text)  # noqa: T201 -- whoever measures wants to see it


def _section(title: str, store: Callable[[], Store]) -> str:
    rows: Rows = []
    rows += _with_node(store, deploying.measured)
    rows += _with_node(store, serving.requests_a_second)
    rows += _with_node(store, lambda node, _: serving.memory(node))
    lines = [f"## {title}", "", "| what | measured | aim |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows), ""])


def _with_node(store: Callable[[], Store], work: Callable[[Node, Path], Rows]) -> Rows:
    with tempfile.TemporaryDirectory() as name:
        # nginx's worker may be another user, and reads what it serves.
        Path(name).chmod(0o755)
        node = Node(Path(name) / "node", store())
        try:
            node.init()
            node.start()
            return work(node, Path(name))
        finally:
            node.remove()


if __name__ == "__main__":
    main()
