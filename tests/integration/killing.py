"""Who deploys and who visits while a daemon is killed again and again (threads; does I/O)."""

import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPException

from tests.integration.node import Node
from tests.integration.versions import PAGES, Version, version_of
from tests.integration.visitor import Visitor


@dataclass(slots=True)
class Progress:
    """What is known of a site: the newest version that was begun, and the newest whose call was answered 201.

    *steady* while the daemon runs and has caught up after its start.
    """

    site: str
    begun: int = 0
    answered: int = 0
    steady: bool = False
    #: Set before each call that makes a deployment of blobs that are all uploaded.
    making: threading.Event = field(default_factory=threading.Event)


class Deploying(threading.Thread):
    """Deploys version after version until the daemon is gone."""

    def __init__(self, node: Node, progress: Progress) -> None:
        super().__init__(daemon=True)
        self._node, self._progress = node, progress
        self.wrong: list[str] = []

    def run(self) -> None:
        """Deploy."""
        try:
            while True:
                self._progress.begun += 1
                version = Version(self._node, self._progress.site, self._progress.begun)
                version.upload()
                self._progress.making.set()
                answer = version.make()
                if answer.status != HTTPStatus.CREATED:
                    self.wrong.append(f"{version.site}, {version.number}: {answer.status} {answer.body!r}")
                    return
                self._progress.answered = version.number
        except (OSError, HTTPException):
            return
        except AssertionError as error:
            self.wrong.append(str(error))


class Visiting(threading.Thread):
    """Asks for page after page, on a new connection whenever the daemon was killed."""

    def __init__(self, node: Node, progress: Progress, first: int) -> None:
        super().__init__(daemon=True)
        self._node, self._progress, self._number = node, progress, first
        self.ended = threading.Event()
        self.wrong: list[str] = []
        self.whole = 0

    def run(self) -> None:
        """Ask until told to end."""
        while not self.ended.is_set():
            try:
                with Visitor(self._node.http) as visitor:
                    self._visit(visitor)
            except (OSError, HTTPException):
                # Nobody is there, or an answer broke off, and its reader knows.
                time.sleep(0.01)

    def _visit(self, visitor: Visitor) -> None:
        lowest = 0
        while not self.ended.is_set():
            self._number = (self._number + 5) % PAGES
            least = self._progress.answered if self._progress.steady else 0
            answer = visitor.get(self._progress.site, f"/{self._number}.html")
            versions = version_of(answer, self._progress.site, self._number)
            what = f"{self._progress.site}/{self._number}: {answer.status} {answer.body[:40]!r} {versions}"
            if answer.status == HTTPStatus.SERVICE_UNAVAILABLE and "retry-after" in answer.headers:
                continue
            if answer.status != HTTPStatus.OK or versions is None or versions[0] > self._progress.begun:
                self.wrong.append(what)
            elif versions[-1] < max(least, lowest):
                self.wrong.append(f"{what}, older than {least} or {lowest}")
            else:
                lowest = max(lowest, versions[0])
                self.whole += 1
            # Others need the machine too.
            time.sleep(0.002)


def versions_on(node: Node, host: str, site: str) -> set[int] | None:
    """Fetch all pages of *host*; give the versions that they may all be of, or None where the host is unknown for all of them."""
    with Visitor(node.http) as visitor:
        answers = [(number, visitor.get(host, f"/{number}.html")) for number in range(PAGES)]
    if all(answer.status == HTTPStatus.NOT_FOUND for _, answer in answers):
        return None
    common: set[int] | None = None
    for number, answer in answers:
        versions = version_of(answer, site, number)
        assert answer.status == HTTPStatus.OK, f"{host}/{number}: {answer.status} {answer.body[:60]!r}\n{node.log()}"
        assert versions is not None, f"{host}/{number} is not whole: {answer.body[:60]!r}"
        common = set(versions) if common is None else common & set(versions)
    return common
