"""The store is killed in the middle of writing: what was answered 201 is there, and nothing is half there."""

import contextlib
import signal
import subprocess
import sys
from base64 import b64encode
from http.client import HTTPConnection, HTTPException
from json import dumps, loads
from pathlib import Path
from random import Random
from threading import Thread
from time import sleep
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.couch.embedded.store_process import DATABASE, PASSWORD, USERNAME

ROOT = Path(__file__).resolve().parents[3]  # trial runs in a directory of its own
KILLS = 20
WRITERS = 4
SIZES = (0, 10, 5_000, 300_000, 900_000)
HEADERS = {"Authorization": "Basic " + b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()}


class Running:
    """A store in a process of its own."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-m", "tests.couch.embedded.store_process", str(path)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        """Kill it, with no time for anything."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def ask(connection: HTTPConnection, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Ask the store and read the whole answer."""
    connection.request(method, f"/{DATABASE}/{path}", body, HEADERS)
    response = connection.getresponse()
    return response.status, response.read()


class Writing(Thread):
    """Writes documents and attachments until the store is gone, and remembers what was answered 201."""

    def __init__(self, port: int, name: str, seed: int) -> None:
        super().__init__()
        self._connection = HTTPConnection("127.0.0.1", port, timeout=10)
        self._name, self._random = name, Random(seed)  # noqa: S311  # contents, not secrets
        self.documents: dict[str, tuple[str, int]] = {}
        self.attachments: dict[str, bytes] = {}

    def run(self) -> None:
        """Write."""
        number = 0
        with contextlib.suppress(OSError, HTTPException):
            while True:
                number += 1
                self._write(f"{self._name}-{number}")
        self._connection.close()

    def _write(self, name: str) -> None:
        data = self._random.randbytes(self._random.choice(SIZES))
        if ask(self._connection, "PUT", f"{name}/data", data)[0] == 201:
            self.attachments[name] = data
        path = f"{self._name}-changing"
        revision, count = self.documents.get(path, (None, 0))
        body = {"count": count + 1} | ({"_rev": revision} if revision else {})
        status, text = ask(self._connection, "PUT", path, dumps(body).encode())
        if status == 201:
            self.documents[path] = (loads(text)["rev"], count + 1)


class KillTests(SynchronousTestCase):
    """SIGKILL at any moment."""

    def test_what_was_answered_is_there(self) -> None:
        """After each of many kills, everything that was answered 201 is there, whole, and the counts agree."""
        path = Path(self.mktemp()).resolve() / "store.sqlite3"
        random = Random(20261123)  # noqa: S311  # moments, not secrets
        acknowledged = 0
        writers: list[Writing] = []
        for number in range(KILLS + 1):
            running = Running(path)
            try:
                acknowledged += self.check(running.port, writers)
                writers = [
                    Writing(running.port, f"{number}-{each}", random.randrange(2**32)) for each in range(WRITERS)
                ]
                for writer in writers:
                    writer.start()
                sleep(random.uniform(0.01, 0.25))
            finally:
                running.kill()
            for writer in writers:
                writer.join()
        self.assertGreater(acknowledged, 100)

    def check(self, port: int, writers: list[Writing]) -> int:
        """Look for everything that these writers were told is stored, and return how much that is."""
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        self.addCleanup(connection.close)
        for writer in writers:
            for name, data in writer.attachments.items():
                status, stored = ask(connection, "GET", f"{name}/data")
                self.assertEqual((status, stored == data), (200, True), name)
            for name, (revision, count) in writer.documents.items():
                document = loads(ask(connection, "GET", name)[1])
                # The last write may have been stored without its answer being heard.
                self.assertIn(document["count"], (count, count + 1))
                self.assertTrue(document["count"] > count or document["_rev"] == revision)
        self.check_whole(connection)
        return sum(len(writer.attachments) for writer in writers)

    def check_whole(self, connection: HTTPConnection) -> None:
        """See that lists and counts agree, and that no sequence is told twice."""
        info: Any = loads(ask(connection, "GET", "")[1])
        rows: Any = loads(ask(connection, "GET", "_all_docs")[1])["rows"]
        changes: Any = loads(ask(connection, "GET", "_changes")[1])["results"]
        self.assertEqual(info["doc_count"], len(rows))
        self.assertEqual(len({each["seq"] for each in changes}), len(changes))
        self.assertEqual({each["id"] for each in changes}, {row["id"] for row in rows})
