"""Sites whose pages say their version, and visitors who ask for page after page of one (threads)."""

import re
import threading
from dataclasses import dataclass

from tests.integration.visitor import Visitor

STAMP = re.compile(rb"version (\d+)")


@dataclass(frozen=True, slots=True)
class Versions:
    """A site of *pages* numbered pages, in as many versions as one likes; *about* tells it from other sites of the same store."""

    pages: int
    about: str = ""

    def page(self, version: int, number: int) -> bytes:
        """Give a page that says its version first and last; its length depends on both."""
        stamp = b"version %d" % version
        about = b" of %d %s " % (number, self.about.encode())
        return stamp + about + b"x" * (number * 97 % 20_000 + version * 13) + stamp

    def files(self, version: int) -> dict[str, bytes]:
        """Give a version's files by their paths."""
        return {f"{number}.html": self.page(version, number) for number in range(self.pages)}


def version_of(body: bytes) -> int:
    """Give the version that a page says, or -1 where it says none, or two."""
    stamps = set(STAMP.findall(body))
    return int(stamps.pop()) if len(stamps) == 1 and body.startswith(b"version ") else -1


class Hammering(threading.Thread):
    """One visitor with one keep-alive connection, who asks for page after page and notes versions."""

    def __init__(self, port: int, site: str, versions: Versions, first: int, *, conditional: bool) -> None:
        super().__init__(daemon=True)
        self._port, self._site, self._site_versions = port, site, versions
        self._first, self._conditional = first, conditional
        self.ended = threading.Event()
        self.versions: list[int] = []
        self.wrong: list[str] = []

    def run(self) -> None:
        """Ask until told to end."""
        tags: dict[int, tuple[str, int]] = {}
        number = self._first
        try:
            with Visitor(self._port) as visitor:
                while not self.ended.is_set():
                    number = (number + 7) % self._site_versions.pages
                    self._ask(visitor, number, tags)
        except Exception as error:  # noqa: BLE001 -- a lost connection is wrong too
            self.wrong.append(repr(error))

    def end(self) -> None:
        """Tell it to end, and wait for that."""
        self.ended.set()
        self.join(20)

    def _ask(self, visitor: Visitor, number: int, tags: dict[int, tuple[str, int]]) -> None:
        tag, known = tags.get(number, ("", 0))
        headers = {"If-None-Match": tag} if tag and self._conditional else {}
        answer = visitor.get(self._site, f"/{number}.html", headers=headers)
        version = known if answer.status == 304 else version_of(answer.body)
        if (
            answer.status not in (200, 304)
            or version < 1
            or (answer.status == 200 and answer.body != self._site_versions.page(version, number))
        ):
            self.wrong.append(f"{number}: {answer.status} {answer.body[:60]!r}")
            return
        tags[number] = answer.headers["etag"], version
        self.versions.append(version)
