"""The access log with real threads and real signals, on every reactor that a node may run on. Needs nothing of others."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.integration.cases import NodeCase
from tests.integration.node import ROOT, environment, wait_until, write_files
from tests.integration.reactors import REACTORS
from tests.integration.stores import Settings
from tests.integration.visitor import Socket, Visitor, exchange

#: Notes 100 responses every 5 milliseconds until it gets SIGTERM; then tells how many there were, and what was dropped.
PROGRAM = """
import sys
from pathlib import Path
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.python.threadpool import ThreadPool
from couchpages.hangup import HangUp
from couchpages.metrics import Metrics
from couchpages.web.access_line import combined
from couchpages.web.access_log import AccessLog
from couchpages.web.log_file import LogFile

threads, metrics = ThreadPool(0, 2), Metrics()
log = AccessLog(reactor, threads, LogFile(Path(sys.argv[1])), combined, metrics)
hangup = HangUp(reactor, (log.reopen, lambda: print("hung up", flush=True)))
noted = 0

def note():
    global noted
    for _ in range(100):
        log.note(reactor.seconds(), "192.0.2.1", b"GET /%d HTTP/1.1\\r\\n\\r\\n" % noted, 200, 5, 0.1, "a.example", "none")
        noted += 1

threads.start()
hangup.startService()
log.start()
noting = LoopingCall(note)
reactor.callWhenRunning(noting.start, 0.005)
reactor.callWhenRunning(print, "running", flush=True)
stop = lambda: (noting.stop(), Deferred.fromCoroutine(log.stop()))[1]
reactor.addSystemEventTrigger("before", "shutdown", stop)
reactor.addSystemEventTrigger("after", "shutdown", threads.stop)
reactor.run()
hangup.stopService()
print(noted, int(metrics.access_log_dropped._value.get()), flush=True)
"""


class Rotated(NodeCase):
    """logrotate's way, with SIGHUP."""

    always = True

    def test_nothing_is_lost(self) -> None:
        """However often the file is moved while responses are noted, each is in one of the files, in order; SIGHUP ends nobody."""
        for name, install in REACTORS.items():
            with self.subTest(reactor=name):
                self.rotate_while_noting(self.new_folder(), install)

    def rotate_while_noting(self, folder: Path, install: str) -> None:
        """Move the file a few times, and read all."""
        path = folder / "access.log"
        with subprocess.Popen(
            [sys.executable, "-c", install + PROGRAM, str(path)],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            text=True,
        ) as program:
            self.addCleanup(program.kill)
            assert program.stdout is not None
            self.assertEqual(program.stdout.readline(), "running\n")
            for number in range(4):
                wait_until(lambda: path.exists() and path.stat().st_size, "something in the file")
                path.rename(folder / f"moved-{number}")
                program.send_signal(signal.SIGHUP)
                self.assertEqual(program.stdout.readline(), "hung up\n")
            program.send_signal(signal.SIGTERM)
            noted, dropped = map(int, program.stdout.readline().split())
        self.assertEqual((program.returncode, dropped), (0, 0))
        files = [*(folder / f"moved-{number}" for number in range(4)), path]
        logged = [line.split('"GET /')[1].split()[0] for file in files for line in file.read_text().splitlines()]
        self.assertEqual(logged, [str(number) for number in range(noted)])


class OfADaemon(NodeCase):
    """What the daemon itself logs, whichever way answered."""

    always = True

    def setUp(self) -> None:
        """Start a node that logs, with a site."""
        super().setUp()
        self.file = self.folder / "logs" / "access.log"
        self.file.parent.mkdir()
        settings: Settings = {
            "access_log": {"file": str(self.file), "format": "json"},
            "http": {"head_timeout": 1, "connections_per_address": 5, "trusted_proxies": ["127.0.0.9"]},
        }
        self.own = self.new_node(settings).start()
        self.own.deploy(write_files(self.folder / "public", {"a.txt": "AAA", "large.bin": bytes(300_000)}), self.site)

    def logged(self, number: int, file: Path | None = None) -> list[dict[str, Any]]:
        """Wait for *number* records about visitors, and give them."""
        path = file or self.file

        def records() -> list[dict[str, Any]]:
            read = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
            return [each for each in read if not each["target"].startswith(("/api/", "/readyz", "/metrics"))]

        wait_until(lambda: len(records()) >= number, f"{number} records")
        return records()

    def test_every_way(self) -> None:
        """The first answer, ready ones, unchanged ones, large ones, those of twisted.web and refusals are each logged once."""
        with Visitor(self.own.http) as visitor:
            tag = ""
            for _ in range(3):
                tag = visitor.get(self.site, "/a.txt", headers={"User-Agent": "me", "Referer": "there"}).headers["etag"]
            visitor.get(self.site, "/a.txt", headers={"If-None-Match": tag})
            visitor.get(self.site, "/a.txt", "HEAD")
            visitor.get(self.site, "/large.bin")
            visitor.get(self.site, "/nowhere")
            visitor.get("nobody.example", "/")
            visitor.get(self.site, "/cdn-cgi/trace")
            visitor.get(self.site, "/a.txt", "POST", body=b"x")
        exchange(self.own.http, b"GET /bad HTTP/1.1\r\nHost: a b\r\nHost: c\r\n\r\n")
        exchange(self.own.http, b"\x00\x01\x02 rubbish\r\n\r\n")
        with Socket(self.own.http) as stalling:
            stalling.send(b"GET /begun HTTP/1.1\r\nHost: ")
            stalling.read()
        records = self.logged(13)
        found = [(each["method"], each["target"], each["status"], each["bytes"], each["site"]) for each in records]
        self.assertEqual(
            found[:10],
            [
                *[("GET", "/a.txt", 200, 3, self.site)] * 3,
                ("GET", "/a.txt", 304, 0, self.site),
                ("HEAD", "/a.txt", 200, 0, self.site),
                ("GET", "/large.bin", 200, 300_000, self.site),
                ("GET", "/nowhere", 404, found[6][3], self.site),
                ("GET", "/", 404, found[7][3], ""),
                ("GET", "/cdn-cgi/trace", 200, found[8][3], ""),
                ("POST", "/a.txt", 405, found[9][3], found[9][4]),
            ],
        )
        self.assertEqual([each["status"] for each in records[10:]], [400, 400, 408])
        self.assertEqual({each["address"] for each in records}, {"127.0.0.1"})
        self.assertEqual({(each["user_agent"], each["referer"]) for each in records[:3]}, {("me", "there")})
        self.assertNotIn("Traceback", self.own.log())

    def test_refused_connections(self) -> None:
        """One connection too many is logged with its address, too."""
        held = [Socket(self.own.http) for _ in range(5)]
        with Socket(self.own.http) as refused:
            self.assertIn(b" 429 ", refused.read())
        for each in held:
            each.socket.close()
        (record,) = self.logged(1)
        self.assertEqual((record["status"], record["address"]), (429, "127.0.0.1"))

    def test_reopened(self) -> None:
        """After SIGHUP the file is a new one, twistd's log goes on, and every request is in one of the two, once."""
        with Visitor(self.own.http) as visitor:
            for number in range(200):
                visitor.get(self.site, f"/a.txt?{number}")
                if number == 100:
                    self.file.rename(self.file.with_name("moved"))
                    self.own.send(signal.SIGHUP)
            wait_until(self.file.exists, "a new file")
        self.own.stop()
        moved = self.file.with_name("moved")
        logged = [*self.logged(0, moved), *self.logged(0)]
        self.assertEqual([each["target"] for each in logged], [f"/a.txt?{number}" for number in range(200)])
