"""What is done while CouchDB refuses the password, with a Clock."""

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.database import DatabaseInfo
from couchpages.couch.evidence import PasswordRefused
from couchpages.couch.guard import Guard
from couchpages.couch.password_watch import PAUSE, PasswordWatch
from couchpages.couch.transport import Transport
from couchpages.metrics import Metrics
from couchpages.testing.node import MemoryReactor, NoThreads

#: CouchDB's: from the fifth wrong password in this many seconds on, nobody is let in.
LOCKOUT_SECONDS = 300


class CouchDB:
    """Takes one password, and counts those that it was told."""

    def __init__(self, guard: Guard, password: str) -> None:
        self.guard = guard
        self.password = password
        self.transport: Any = None
        self.told: list[str] = []

    async def info(self) -> DatabaseInfo:
        """Ask as CouchDatabase does."""
        return await self.guard.run(self._answer, probe=True)

    async def _answer(self) -> DatabaseInfo:
        password = self.transport.credentials[1]
        self.told.append(password)
        if password != self.password:
            raise PasswordRefused("401")
        self.guard.answered(probe=True)
        return DatabaseInfo("1", "1")


class Watching(SynchronousTestCase):
    """``PasswordWatch``."""

    def setUp(self) -> None:
        """Make a CouchDB that knows the password "old", and a watch on a file that holds it."""
        self.clock: Clock = MemoryReactor()
        self.guard = Guard(self.clock, Metrics())
        self.couchdb = CouchDB(self.guard, "old")
        self.transport = Transport(self.clock, "http://couch", ("user", "old"), guard=self.guard)
        self.couchdb.transport = self.transport
        self.content: str | Exception = "old"
        self.reads = 0
        threads = cast("Any", NoThreads())
        self.watch = PasswordWatch(self.clock, threads, self.guard, self.transport, self.couchdb, self.read)
        self.watch.startService()

    def tearDown(self) -> None:
        """Stop it; nothing is left behind."""
        stopping = self.watch.stopService()
        assert stopping is not None
        self.successResultOf(stopping)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def read(self) -> str:
        """Read the file."""
        self.reads += 1
        if isinstance(self.content, Exception):
            raise self.content
        return self.content

    def refuse(self) -> None:
        """Change CouchDB's password, and let a request find out."""
        self.couchdb.password = "new"
        self.failureResultOf(self.ask())

    def ask(self) -> Any:
        """Ask, as a follower does that begins."""
        return Deferred.fromCoroutine(self.couchdb.info())

    def pass_time(self, seconds: float) -> None:
        """Let time pass in small steps."""
        self.clock.pump([PAUSE / 2] * int(seconds / PAUSE * 2))

    def test_all_well(self) -> None:
        """While CouchDB takes the password, nothing is read and nothing asked."""
        self.pass_time(60)
        self.assertEqual((self.reads, self.couchdb.told), (0, []))

    def test_new_password(self) -> None:
        """A new password in the file is used at the next look, and the watching ends."""
        self.refuse()
        self.content = "new"
        self.pass_time(PAUSE)
        self.assertEqual((self.couchdb.told, self.guard.is_open), (["old", "new"], False))
        self.assertEqual(self.transport.credentials, ("user", "new"))
        reads = self.reads
        self.pass_time(60)
        self.assertEqual(self.reads, reads)

    def test_wrong_for_long(self) -> None:
        """The same wrong password is told to CouchDB fewer than five times in five minutes, and the right one after that is taken."""
        self.refuse()
        self.pass_time(LOCKOUT_SECONDS)
        self.assertLess(len(self.couchdb.told), 5)
        self.assertGreater(len(self.couchdb.told), 1)
        self.couchdb.password = "old"
        self.pass_time(LOCKOUT_SECONDS)
        self.assertFalse(self.guard.is_open)

    def test_file_that_cannot_be_read(self) -> None:
        """A file that is empty, gone or being written is looked at again."""
        self.refuse()
        for content in (ValueError("gone"), ""):
            self.content = content
            self.pass_time(2 * PAUSE)
            self.assertEqual(self.transport.credentials, ("user", "old"))
        self.content = "new"
        self.pass_time(PAUSE)
        self.assertFalse(self.guard.is_open)

    def test_wrong_new_password(self) -> None:
        """A new password that is wrong too is tried once at once, then rarely; the next one again at once."""
        self.refuse()
        self.content = "typo"
        self.pass_time(4 * PAUSE)
        self.assertEqual(self.couchdb.told, ["old", "typo"])
        self.content = "new"
        self.pass_time(PAUSE)
        self.assertEqual(self.couchdb.told, ["old", "typo", "new"])
