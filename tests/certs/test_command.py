"""The operator's command, as a real process."""

import os
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

from twisted.internet import process, reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import TestCase

from couchpages.certs import command
from couchpages.certs.command import CommandFailedError, run


class Commands(TestCase):
    """``run``, which needs a reactor that starts processes."""

    def run_python(self, code: str, *more: str) -> "Deferred[Any]":
        """Run a program in Python."""
        return Deferred.fromCoroutine(
            run(reactor, [sys.executable, "-c", code, *more], {"COUCHPAGES_CERTIFICATES": "a b"})
        )

    def file(self) -> Path:
        """Give a file that is not there yet."""
        return Path(self.mktemp()).absolute()

    async def fails(self, code: str) -> str:
        """Give what is said of one that fails."""
        return await self.failing(self.run_python(code))

    async def failing(self, running: "Deferred[Any]") -> str:
        """Give what is said of a command that fails."""
        error: Any = await self.assertFailure(running, CommandFailedError)
        return str(error)

    async def test_environment(self) -> None:
        """It gets its arguments as they are, the names, and none of our secrets."""
        file = self.file()
        code = (
            "import os,sys\nours = sorted(each for each in os.environ.items() if 'COUCHPAGES' in each[0])\n"
            "open(sys.argv[1],'w').write(repr((sys.argv[2:], ours)))"
        )
        with patch.dict(os.environ, {"COUCHPAGES_COUCHDB_PASSWORD": "s3cret"}):
            await self.run_python(code, str(file), "$(false); *", "ü")
        self.assertEqual(file.read_text("utf-8"), "(['$(false); *', 'ü'], [('COUCHPAGES_CERTIFICATES', 'a b')])")

    async def test_failures(self) -> None:
        """How it ended is said with its last words, in one line; a program that is not there ends too."""
        words = await self.fails("import sys; print('one'); print('two', file=sys.stderr); sys.exit(3)")
        self.assertIn("ended with exit code 3: ", words)
        for each in ("one", "two"):
            self.assertIn(each, words)
        self.assertIn("was ended by signal 15", await self.fails("import os; os.kill(os.getpid(), 15)"))
        self.assertLess(len(await self.fails("print('x' * 10**6); raise SystemExit(1)")), 5000)
        missing: Deferred[Any] = Deferred.fromCoroutine(run(reactor, ["/nonexistent/program"], {}))
        self.assertIn("/nonexistent/program", await self.failing(missing))

    async def test_late(self) -> None:
        """One that takes too long is killed."""
        self.patch(command, "PATIENCE", 0.3)
        self.assertIn("was killed after 0.3 seconds", await self.fails("import time; time.sleep(60)"))

    async def test_what_it_started_is_killed_too(self) -> None:
        """Defect: what the command had started went on beside the next run when the command was killed."""
        for stops in (False, True):
            file = self.file()
            child = (
                "import os, sys, time\nopen(sys.argv[1] + '~', 'w').write(str(os.getpid()))\n"
                "os.rename(sys.argv[1] + '~', sys.argv[1])\ntime.sleep(60)"
            )
            code = "import subprocess, sys; subprocess.call([sys.executable, '-c', sys.argv[2], sys.argv[1]])"
            self.patch(command, "PATIENCE", 60.0 if stops else 1.5)
            running = self.run_python(code, str(file), child)
            if stops:
                while not file.exists():
                    await self.pause(0.05)
                running.cancel()
                await self.assertFailure(running, CancelledError)
            else:
                await self.failing(running)
            started = int(file.read_text())
            for _ in range(100):
                if not self.is_running(started):
                    break
                await self.pause(0.05)
            self.assertFalse(self.is_running(started))

    def is_running(self, pid: int) -> bool:
        """Tell whether a process is there, and no zombie that nobody reaps in a container."""
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    def pause(self, seconds: float) -> "Deferred[None]":
        """Wait."""
        waited: Deferred[None] = Deferred()
        reactor.callLater(seconds, waited.callback, None)
        return waited

    async def test_a_group_of_its_own(self) -> None:
        """It leads a session, so that a signal to its group never reaches the daemon."""
        file = self.file()
        await self.run_python(
            "import os, sys; open(sys.argv[1], 'w').write(repr((os.getsid(0), os.getpid())))", str(file)
        )
        session, pid = file.read_text().strip("()").split(", ")
        self.assertEqual(session, pid)
        self.assertNotEqual(int(pid), os.getpgid(0))

    async def test_left_behind(self) -> None:
        """A server that it starts, which keeps its output open, keeps nobody waiting."""
        self.patch(command, "LAST_WORDS", 0.1)
        code = "import subprocess,sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3)'])"
        await self.run_python(code)

    async def test_an_end_that_nobody_tells(self) -> None:
        """Defect: under uvloop no SIGCHLD reaches Twisted, and a command that closed its output before it ended never did."""
        self.patch(process, "reapAllProcesses", lambda: None)
        await self.run_python("import os, time\nfor each in range(3): os.close(each)\ntime.sleep(0.5)")

    async def test_cancelled(self) -> None:
        """When the daemon stops, it is killed."""
        running = self.run_python("import time; time.sleep(60)")
        running.cancel()
        await self.assertFailure(running, CancelledError)
        # It is reaped in a moment.
        await self.pause(0.5)
