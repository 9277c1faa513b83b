"""Visitors at a bounded rate who compare every byte, and count what is wrong (threads)."""

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Self

from tests.integration.visitor import Answer, Visitor

#: Of so many requests, one is for a file that the site does not have, and one for a site that nobody has.
UNKNOWN_EVERY = 20
UNKNOWN_FILE, UNKNOWN_SITE = "a file that the site does not have", "a site that nobody has"


@dataclass(slots=True)
class Served:
    """The versions of a site: a request that begins now is answered from number *settled* or a later one that was *submitted*."""

    site: str
    versions: list[dict[str, bytes]]
    settled: int = 0
    submitted: int = 0

    def begin(self, files: dict[str, bytes]) -> None:
        """Note that a version is being deployed."""
        self.versions.append(files)
        self.submitted += 1

    def settle(self) -> None:
        """Note that the last version is live."""
        self.settled = self.submitted


@dataclass(slots=True)
class Tally:
    """What visitors met: *seconds* of every right answer, what was wrong, and the statuses of what is unknown, each by phase."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    unknown: Counter[tuple[str, str, int]] = field(default_factory=Counter)

    @property
    def requests(self) -> int:
        """How many requests there were."""
        return sum(map(len, self.seconds.values())) + len(self.wrong) + self.unknown.total()

    def add(self, other: Self) -> None:
        """Count what another one counted, too."""
        for phase, seconds in other.seconds.items():
            self.seconds.setdefault(phase, []).extend(seconds)
        self.wrong += other.wrong
        self.unknown += other.unknown


class Traffic:
    """*clients* keep-alive visitors, who together ask *rate* times a second; :attr:`phase` is what they note their answers under."""

    def __init__(self, port: int, served: Served, clients: int, rate: float) -> None:
        self.served = served
        self.phase = "peace"
        self._clients = [_Client(self, port, number, clients / rate) for number in range(clients)]

    def tally(self) -> Tally:
        """Give what all of them met until now."""
        whole = Tally()
        for client in self._clients:
            whole.add(client.tally)
        return whole

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nobody ask anything meanwhile; everybody has hung up."""
        with ExitStack() as stack:
            for client in self._clients:
                stack.enter_context(client.lock)
                client.visitor.close()
            yield

    def __enter__(self) -> Self:
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.ended.set()
        for client in self._clients:
            client.join()


class _Client(threading.Thread):
    def __init__(self, traffic: Traffic, port: int, number: int, interval: float) -> None:
        super().__init__(daemon=True)
        self.lock = threading.Lock()
        self.visitor = Visitor(port)
        self.ended = threading.Event()
        self.tally = Tally()
        self._traffic = traffic
        self._interval = interval
        self._chance = random.Random(number)  # noqa: S311 -- the same order each time
        self._asked = 0

    def run(self) -> None:
        """Ask until told to end; whoever is late does not hurry."""
        due = time.perf_counter()
        while not self.ended.wait(max(due - time.perf_counter(), 0)):
            due = max(due, time.perf_counter() - self._interval) + self._interval
            with self.lock:
                self._ask()
        self.visitor.close()

    def _ask(self) -> None:
        self._asked += 1
        served = self._traffic.served
        if self._asked % UNKNOWN_EVERY == 0:
            self._ask_unknown(UNKNOWN_FILE, served.site)
        elif self._asked % UNKNOWN_EVERY == UNKNOWN_EVERY // 2:
            self._ask_unknown(UNKNOWN_SITE, f"nobody-has.{served.site}")
        else:
            self._ask_known(served)

    def _ask_known(self, served: Served) -> None:
        phase, path = self._traffic.phase, self._chance.choice(list(served.versions[0]))
        oldest, began = served.settled, time.perf_counter()
        answer = self._answer(served.site, path)
        took = time.perf_counter() - began
        right = {files[path] for files in served.versions[oldest : served.submitted + 1]}
        if isinstance(answer, Answer) and answer.status == HTTPStatus.OK and answer.body in right:
            self.tally.seconds.setdefault(phase, []).append(took)
        else:
            self.tally.wrong.append(f"{phase}: {served.site}/{path} after {took:.3f} s: {_shown(answer)}")

    def _ask_unknown(self, what: str, host: str) -> None:
        phase, path = self._traffic.phase, f"unknown-{self._asked}.html"
        answer = self._answer(host, path)
        if isinstance(answer, Answer) and answer.status in (HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE):
            self.tally.unknown[phase, what, answer.status] += 1
        else:
            self.tally.wrong.append(f"{phase}: {host}/{path}: {_shown(answer)}")

    def _answer(self, host: str, path: str) -> Answer | str:
        try:
            return self.visitor.get(host, f"/{path}")
        except (OSError, http.client.HTTPException) as error:
            self.visitor.close()
            return repr(error)


def _shown(answer: Answer | str) -> str:
    return answer if isinstance(answer, str) else f"{answer.status} {answer.body[:60]!r}"
