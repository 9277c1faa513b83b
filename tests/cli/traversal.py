"""An ApiClient on the fake API, without sockets, and files to deploy."""

from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from treq.client import HTTPClient
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from couchpages.cli.api import ApiClient
from couchpages.cli.connection import Connection
from couchpages.cli.files import FoundFile, HashedFile
from couchpages.cli.folder import walk
from couchpages.cli.hashing import CHUNK, hash_file
from tests.cli.fake_api import KEY, FakeApi, FakeResource


class Traversal:
    """A client, its clock, and the fake that it talks to."""

    def __init__(self, key: str = KEY) -> None:
        self.fake = FakeApi()
        self.clock = Clock()
        self.notices: list[str] = []
        self._agent = RequestTraversalAgent(FakeResource(self.fake))
        self.api = ApiClient(
            HTTPClient(self._agent),
            self.clock,
            Connection("http://server", key),
            notice=self.notices.append,
            chance=lambda: 0.0,
            idle_seconds=100.0,
        )

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> Deferred[Any]:
        """Begin something and let all bytes arrive."""
        deferred: Deferred[Any] = Deferred.fromCoroutine(coroutine)
        self.flush()
        return deferred

    def flush(self) -> None:
        """Let all bytes arrive, and those that they bring about."""
        for _ in range(10):
            self._agent.flush()

    def wait(self, seconds: float) -> None:
        """Let time go by."""
        self.clock.advance(seconds)
        self.flush()


def make_files(folder: Path, contents: dict[str, bytes]) -> list[HashedFile]:
    """Write files and hash them."""
    for path, content in contents.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return [hash_file(FoundFile(each.path, each.source), bytearray(CHUNK)) for each in walk(str(folder)).files]
