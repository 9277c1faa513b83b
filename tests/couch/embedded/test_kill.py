"""The store is killed in the middle of writing: what was answered 201 is there, and nothing is half there."""

import contextlib
import os
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from json import dumps, loads
from pathlib import Path
from random import Random
from threading import Event, Lock, Thread
from time import sleep
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.couch.embedded.store_process import DATABASE, PASSWORD, USERNAME

ROOT = Path(__file__).resolve().parents[3]  # trial runs in a directory of its own
KILLS = 300
WRITERS = 3
MOST_ANSWERS = 20  # of one life, before it is killed
SIZES = (0, 10, 5_000, 5_000, 5_000, 20_000, 20_000, 300_000, 900_000)
CREDENTIALS = {"Authorization": "Basic " + b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()}
JSON, OCTETS = "application/json", "application/octet-stream"
RELATED = "multipart/related; boundary=x"


class Lives:
    """A store in a process of its own, again and again."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-m", "tests.couch.embedded.store_process", str(path)]
        self._parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True)
        self._process: int | None = None
        self.port = 0

    def begin(self) -> None:
        """Start the next one, which takes over when the one before is gone."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write("another\n")
        self._parent.stdin.flush()
        self._process, self.port = (int(each) for each in self._parent.stdout.readline().split())

    def kill(self) -> None:
        """Kill it, with no time for anything."""
        if self._process is not None:
            process, self._process = self._process, None
            os.kill(process, signal.SIGKILL)

    def end(self) -> None:
        """Leave no process behind."""
        self.kill()
        self._parent.communicate()


def ask(
    connection: HTTPConnection, method: str, path: str, body: bytes | None = None, kind: str = JSON
) -> tuple[int, bytes]:
    """Ask the store and read the whole answer."""
    connection.request(method, f"/{DATABASE}/{path}", body, {**CREDENTIALS, "Content-Type": kind})
    response = connection.getresponse()
    return response.status, response.read()


@dataclass
class Told:
    """What was answered 201: attachments by their documents, revisions that others made, and how far a document was counted."""

    attachments: dict[str, bytes] = field(default_factory=dict)
    replicated: dict[str, list[str]] = field(default_factory=dict)
    counted: dict[str, tuple[str, int]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Count them."""
        return len(self.attachments) + len(self.replicated) + len(self.counted)


class Counter:
    """Counts the answers of all writers of one life, and lets wait for so many."""

    def __init__(self, wanted: int) -> None:
        self._left = wanted
        self._lock = Lock()
        self.reached = Event()

    def one_more(self) -> None:
        """Count an answer."""
        with self._lock:
            self._left -= 1
            if self._left <= 0:
                self.reached.set()


class Writing(Thread):
    """Writes in every way that there is until the store is gone, and remembers what was answered 201."""

    def __init__(self, port: int, name: str, seed: int, counter: Counter) -> None:
        super().__init__()
        self._connection = HTTPConnection("127.0.0.1", port, timeout=10)
        self._name, self._random, self._counter = name, Random(seed), counter  # noqa: S311  # contents, not secrets
        self.told = Told()

    def run(self) -> None:
        """Write."""
        number = 0
        with contextlib.suppress(OSError, HTTPException):
            while True:
                number += 1
                write = self._random.choice([self._upload, self._count, self._replicate, self._replicate_with_contents])
                write(f"{self._name}-{number}")
        self._connection.close()

    def _put(self, method: str, path: str, body: bytes, kind: str = JSON) -> Any:
        status, text = ask(self._connection, method, path, body, kind)
        self._counter.one_more()
        return loads(text) if status == HTTPStatus.CREATED else None

    def _data(self) -> bytes:
        return self._random.randbytes(self._random.choice(SIZES))

    def _upload(self, name: str) -> None:
        data, kind = self._data(), self._random.choice([OCTETS, "text/plain"])
        if self._put("PUT", f"{name}/data", data, kind):
            self.told.attachments[name] = data

    def _count(self, _: str) -> None:
        path = f"{self._name}-counted"
        revision, count = self.told.counted.get(path, (None, 0))
        body = {"count": count + 1} | ({"_rev": revision} if revision else {})
        answer = self._put("PUT", path, dumps(body).encode())
        if answer:
            self.told.counted[path] = (answer["rev"], count + 1)

    def _replicate(self, name: str) -> None:
        names = [f"{name}-{each}" for each in range(self._random.randrange(1, 6))]
        digests = [f"{self._random.randrange(16**32):032x}" for _ in range(3)]
        revisions = {"start": 3, "ids": digests}
        data = b64encode(digests[0].encode()).decode()
        attachments = {"data": {"content_type": OCTETS, "data": data, "revpos": 2}}
        docs = [{"_id": each, "_revisions": revisions, "_attachments": attachments} for each in names]
        body = dumps({"docs": docs, "new_edits": False}).encode()
        if self._put("POST", "_bulk_docs", body) is not None:
            for each in names:
                self.told.replicated[each] = digests
                self.told.attachments[each] = digests[0].encode()

    def _replicate_with_contents(self, name: str) -> None:
        data, digests = self._data(), [f"{self._random.randrange(16**32):032x}" for _ in range(2)]
        follows = {"content_type": OCTETS, "length": len(data), "follows": True, "revpos": 1}
        told = {"_revisions": {"start": 2, "ids": digests}, "_attachments": {"data": follows}}
        head = b"--x\r\nContent-Type: application/json\r\n\r\n" + dumps(told).encode()
        body = head + b"\r\n--x\r\n\r\n" + data + b"\r\n--x--"
        if self._put("PUT", f"{name}?new_edits=false", body, RELATED):
            self.told.replicated[name] = digests
            self.told.attachments[name] = data


class KillTests(SynchronousTestCase):
    """SIGKILL at any moment."""

    def test_what_was_answered_is_there(self) -> None:
        """After each of hundreds of kills, everything that was answered 201 is there, whole, and the counts agree."""
        store = Lives(Path(self.mktemp()).resolve() / "store.sqlite3")
        self.addCleanup(store.end)
        random = Random(20261123)  # noqa: S311  # moments, not secrets
        lives: list[Told] = []
        for number in range(KILLS):
            store.begin()
            self.check(store.port, lives[-WRITERS:])
            lives += self.live(store, number, random)
        store.begin()
        self.check(store.port, lives)
        self.check_whole(store.port)
        self.assertGreater(sum(map(len, lives)), KILLS)

    def live(self, store: Lives, number: int, random: Random) -> list[Told]:
        """Let writers write until so many answers have come, then a moment longer, and kill the store."""
        counter = Counter(random.randrange(MOST_ANSWERS))
        writers = [Writing(store.port, f"{number}-{each}", random.randrange(2**32), counter) for each in range(WRITERS)]
        for writer in writers:
            writer.start()
        counter.reached.wait(10)
        sleep(random.uniform(0, 0.01))
        store.kill()
        for writer in writers:
            writer.join()
        return [writer.told for writer in writers]

    def connect(self, port: int) -> HTTPConnection:
        """Connect, until the test ends."""
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        self.addCleanup(connection.close)
        return connection

    def check(self, port: int, lives: Sequence[Told]) -> None:
        """Look for everything that these lives' writers were told is stored."""
        connection = self.connect(port)
        for told in lives:
            for name, data in told.attachments.items():
                status, stored = ask(connection, "GET", f"{name}/data")
                self.assertEqual((status, stored == data), (200, True), name)
            for name, digests in told.replicated.items():
                document = loads(ask(connection, "GET", f"{name}?revs=true")[1])
                self.assertEqual(document["_revisions"], {"start": len(digests), "ids": digests})
            for name, (revision, count) in told.counted.items():
                document = loads(ask(connection, "GET", name)[1])
                # The last write may have been stored without its answer being heard.
                self.assertIn(document["count"], (count, count + 1))
                self.assertTrue(document["count"] > count or document["_rev"] == revision)

    def check_whole(self, port: int) -> None:
        """See that lists and counts agree, that no sequence is told twice, and that every attachment that is told is whole."""
        connection = self.connect(port)
        info: Any = loads(ask(connection, "GET", "")[1])
        rows: Any = loads(ask(connection, "GET", "_all_docs?include_docs=true")[1])["rows"]
        changes: Any = loads(ask(connection, "GET", "_changes")[1])["results"]
        self.assertEqual(info["doc_count"], len(rows))
        self.assertEqual(len({each["seq"] for each in changes}), len(changes))
        self.assertEqual({each["id"] for each in changes}, {row["id"] for row in rows})
        for row in rows:
            for stub in row["doc"].get("_attachments", {}).values():
                status, stored = ask(connection, "GET", f"{row['id']}/data")
                self.assertEqual((status, len(stored)), (200, stub["length"]), row["id"])
