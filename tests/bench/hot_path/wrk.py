"""Has wrk ask, on core 1, as fast as the answers come (starts processes)."""

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

from tests.bench import machine
from tests.bench.hot_path.asking import Load
from tests.bench.hot_path.peers import NotMeasurable, Server
from tests.integration.requirements import program_path
from tests.integration.visitor import Visitor

CONNECTIONS = 48
SCRIPT = Path(__file__).with_name("load.lua")
#: Bytes that an answer's head may have; fewer than a body of 1 KiB, so that a 200 is not taken for a 304.
LONGEST_HEAD = 900
_numbers = itertools.count()


class WrongAnswer(AssertionError):
    """A server answered something else than what was asked for: its figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What wrk tells of one run: *bytes* with heads, and errors by their kinds."""

    requests: int
    bytes: int
    seconds: float
    errors: dict[str, int]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds

    def wrong(self, load: Load) -> str | None:
        """Say what shows that answers were not those of *load*, or give None."""
        failed = {kind: count for kind, count in self.errors.items() if count}
        if failed or not self.requests:
            return f"{self.requests} answers, and errors: {failed}"
        lengths = [ask.length for ask in load.asks]
        mean = self.bytes / self.requests
        if not min(lengths) < mean < max(lengths) + LONGEST_HEAD:
            return f"{mean:.0f} bytes an answer, of bodies of {min(lengths)} to {max(lengths)} bytes"
        return None


def outcome_of(out: str) -> Outcome:
    """Read what the script's ``done`` wrote at the end of wrk's output."""
    told = json.loads(next(line for line in reversed(out.splitlines()) if line.startswith("{")))
    requests, count, microseconds = (told.pop(name) for name in ("requests", "bytes", "microseconds"))
    return Outcome(requests, count, microseconds / 1e6, told)


class Asking:
    """One server under one load; every answer was right once before this is made. Raises :class:`WrongAnswer` if not."""

    def __init__(self, folder: Path, server: Server, load: Load) -> None:
        if not program_path("wrk"):
            raise NotMeasurable("wrk is not installed")
        self._server = server
        self._load = load
        check(server, load)
        number = next(_numbers)
        self._requests, self._order = folder / f"requests-{number}", folder / f"order-{number}"
        self._requests.write_bytes(b"".join(ask.written() + b"\0" for ask in load.asks))
        self._order.write_text(" ".join(map(str, load.order)))

    def rate(self, seconds: int) -> float:
        """Ask for so long, and give the answers a second."""
        # Names instead of addresses would be looked up, and might be those of IPv6.
        address = f"{self._server.scheme}://127.0.0.1:{self._server.port}/"
        options = ("-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(SCRIPT), address)
        out = machine.run(*machine.pinned(1, "wrk", *options, "--", str(self._requests), str(self._order))).stdout
        outcome = outcome_of(out)
        wrong = outcome.wrong(self._load)
        if wrong:
            raise WrongAnswer(f"{self._server.name}: {wrong}\n{out}")
        return outcome.rate


def check(server: Server, load: Load) -> None:
    """Ask everything once, and look at each answer."""
    with Visitor(server.port, secure=server.scheme == "https") as visitor:
        for ask in load.asks:
            answer = visitor.get(ask.host, ask.path, headers=ask.headers)
            if (answer.status, len(answer.body)) != (ask.status, ask.length):
                raise WrongAnswer(
                    f"{server.name}: {ask.host}{ask.path}: {answer.status} with {len(answer.body)} bytes, "
                    f"not {ask.status} with {ask.length}"
                )
