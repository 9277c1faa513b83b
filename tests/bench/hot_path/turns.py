"""Rounds in which all servers take turns, and how their figures stand in the table."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TypeVar

from tests.bench.deploying import Rows
from tests.bench.hot_path.asking import SITE, Ask, Load
from tests.bench.hot_path.peers import NotMeasurable, Peer, Server, node
from tests.bench.hot_path.wrk import Asking
from tests.integration.node import Node
from tests.integration.stores import Settings

ROUNDS = 3
SECONDS = 3
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and for how long a row is measured; *http* is what the daemon has in its section of that name, beside where it listens."""

    folder: Path
    rounds: int = ROUNDS
    seconds: int = SECONDS
    http: Mapping[str, int] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def new_folder(self) -> Path:
        """Make an empty folder, which everybody may read."""
        folder = self.folder / str(next(self._numbers))
        folder.mkdir(mode=0o755)
        return folder

    def site(self, **sizes: int) -> Path:
        """Make a folder with a stylesheet of each of these names and lengths in bytes."""
        folder = self.new_folder()
        for name, size in sizes.items():
            (folder / f"{name}.css").write_bytes(b"x" * size)
        return folder

    def deployed(self, stack: ExitStack, root: Path, settings: Settings | None = None) -> Node:
        """Start a daemon that serves what lies in *root* as :data:`SITE`."""
        made = stack.enter_context(node(self.new_folder(), {"http": dict(self.http), **(settings or {})}))
        made.deploy(root, SITE)
        return made

    def asking(self, server: Server, load: Load | Ask) -> Asking:
        """Prepare wrk, and see that all answers are right."""
        return Asking(self.folder, server, load if isinstance(load, Load) else Load((load,)))

    def in_turns(self, measures: Mapping[str, Callable[[], Found]]) -> dict[str, list[Found]]:
        """Measure everything once in each round."""
        found: dict[str, list[Found]] = {name: [] for name in measures}
        for _ in range(self.rounds):
            for name, measure in measures.items():
                found[name].append(measure())
        return found

    def started(self, stack: ExitStack, peer: Peer, root: Path) -> Server | str:
        """Start a server of others, or say why it cannot be."""
        try:
            return stack.enter_context(peer.start(self.new_folder(), root))
        except NotMeasurable as reason:
            return str(reason)


def rates(values: Sequence[float]) -> str:
    """Give the median of requests a second, with the extremes beside it."""
    return f"{median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})"


def beside(what: str, own: Sequence[float], other: Sequence[float] | str, aim: str) -> Rows:
    """Compare medians; instead of the other's figures there may be a reason why there are none."""
    if isinstance(other, str):
        return [(what, f"not measured: {other}", aim)]
    return [(what, f"{median(own) / median(other):.2f}, beside {rates(other)}", aim)]
