"""The access log with real threads and real signals, on every reactor that a node may run on. Needs nothing of others."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.integration.cases import NodeCase
from tests.integration.node import ROOT, environment, wait_until
from tests.integration.reactors import REACTORS

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
