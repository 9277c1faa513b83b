"""When CouchDB is asked, and when not."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.breaker import AILING, COUNTED, FIRST_PAUSE, LONG_PAUSE, Breaker, Trouble
from couchpages.couch.evidence import LockedOut, PasswordRefused, Unanswered, Unreachable
from couchpages.couch.timeouts import QUIET
from couchpages.ports import Denied, NoRoom, NotFound, StoreError, Unavailable

#: CouchDB's rule: the fifth wrong password within this many seconds after the first locks the account.
LOCKOUT_SECONDS = 300
LOCKOUT_THRESHOLD = 5
FOLLOWERS = 3


class Opening(SynchronousTestCase):
    """What opens it, and what does not."""

    def after(self, *errors: StoreError, quiet: float = QUIET) -> Breaker:
        """Give a breaker that heard of CouchDB, and *quiet* seconds later met *errors*."""
        breaker = Breaker()
        breaker.answered(1000, probe=False)
        for error in errors:
            breaker.ended(1000 + quiet, error, probe=False, begun=1000 + quiet)
        return breaker

    def trouble(self, breaker: Breaker) -> Trouble | None:
        """Give why it is open."""
        return breaker.open.trouble if breaker.open else None

    def test_no_connection(self) -> None:
        """One connection that is refused is enough; it says since when and why, and what comes later does not change that."""
        breaker = self.after(Unreachable("refused"), Unreachable("again"), quiet=0)
        self.assertEqual(self.trouble(breaker), Trouble.AWAY)
        assert breaker.open is not None
        self.assertEqual((breaker.open.since, breaker.open.reason), (1000, "refused"))

    def test_no_connection_before(self) -> None:
        """One that was begun before something else was heard says what was, and not what is."""
        breaker = Breaker()
        breaker.ended(1000, Unreachable("refused"), probe=True, begun=999)
        breaker.answered(1002, probe=True)
        breaker.ended(1003, Unreachable("refused long ago"), probe=True, begun=1001)
        self.assertIsNone(breaker.open)
        breaker.ended(1004, Unreachable("refused"), probe=True, begun=1003)
        self.assertEqual(self.trouble(breaker), Trouble.AWAY)

    def test_no_connection_after_the_clock_was_set_back(self) -> None:
        """What was heard before that counts for nothing."""
        breaker = Breaker()
        breaker.answered(5000, probe=True)
        breaker.ended(1001, Unreachable("refused"), probe=True, begun=1000)
        self.assertEqual(self.trouble(breaker), Trouble.AWAY)

    def test_silence(self) -> None:
        """No answer in time opens it when nothing else was heard meanwhile, and at the very start."""
        self.assertEqual(self.trouble(self.after(Unanswered("late"))), Trouble.AWAY)
        self.assertIsNone(self.trouble(self.after(*[Unanswered("late")] * 50, quiet=QUIET - 0.1)))
        breaker = Breaker()
        breaker.ended(10, Unanswered("late"), probe=True, begun=10)
        self.assertEqual(self.trouble(breaker), Trouble.AWAY)

    def test_failures(self) -> None:
        """Answers of 500 and lost connections open nothing, however many; many in a row only end the repeating, until one succeeds."""
        breaker = self.after(*[Unavailable("500")] * (AILING - 1))
        self.assertTrue(breaker.worth_repeating)
        breaker.ended(1010, Unavailable("500"), probe=False, begun=1010)
        self.assertEqual((breaker.worth_repeating, breaker.open), (False, None))
        breaker.ended(1011, NotFound("no such document"), probe=False, begun=1011)
        self.assertTrue(breaker.worth_repeating)

    def test_answers_that_are_errors(self) -> None:
        """What CouchDB says of a question says that it is there."""
        for error in (NotFound("x"), Denied("not your database"), NoRoom("full")):
            self.assertIsNone(self.after(error).open)

    def test_password(self) -> None:
        """A refused password and a locked account open it at once."""
        for error in (PasswordRefused("401"), LockedOut("403")):
            self.assertEqual(self.trouble(self.after(error, quiet=0)), Trouble.REFUSED)


class Probing(SynchronousTestCase):
    """What passes while it is open, and what closes it."""

    def test_away(self) -> None:
        """Probes pass, others do not; an answer to a probe closes it, one from before does not."""
        breaker = Breaker()
        breaker.ended(0, Unreachable("refused"), probe=False, begun=0)
        self.assertEqual((breaker.admits(1, probe=False), breaker.admits(1, probe=True)), (False, True))
        breaker.answered(1, probe=False)
        self.assertFalse(breaker.admits(1, probe=False))
        breaker.ended(2, NotFound("no such database"), probe=True, begun=2)
        self.assertTrue(breaker.admits(2, probe=False))

    def test_refused_then_gone(self) -> None:
        """A CouchDB that refused us and then goes away is away, and its return does not bring more tries of the password."""
        breaker = Breaker()
        breaker.ended(0, PasswordRefused("401"), probe=True, begun=0)
        breaker.ended(1, Unreachable("gone"), probe=True, begun=1)
        assert breaker.open is not None
        self.assertEqual(breaker.open.trouble, Trouble.AWAY)
        self.assertFalse(breaker.admits(2, probe=True))
        self.assertTrue(breaker.admits(FIRST_PAUSE, probe=True))

    def test_one_probe_at_a_time(self) -> None:
        """While the password is refused, a probe that is under way keeps the others out."""
        breaker = Breaker()
        breaker.ended(0, PasswordRefused("401"), probe=True, begun=0)
        self.assertFalse(breaker.admits(FIRST_PAUSE - 0.1, probe=True))
        self.assertTrue(breaker.admits(FIRST_PAUSE, probe=True))
        self.assertFalse(breaker.admits(FIRST_PAUSE + 1, probe=True))

    def test_new_password(self) -> None:
        """A new password is tried at once, once."""
        breaker = Breaker()
        for _ in range(FOLLOWERS):
            breaker.ended(0, PasswordRefused("401"), probe=True, begun=0)
        self.assertFalse(breaker.admits(1, probe=True))
        breaker.renewed()
        self.assertFalse(breaker.admits(1, probe=False))
        self.assertEqual([breaker.admits(1, probe=True) for _ in range(2)], [True, False])

    def test_rarely(self) -> None:
        """A refusal that was a mistake is found out soon, also when all followers met it; after that the password is tried rarely."""
        for at_once, second in ((1, FIRST_PAUSE + LONG_PAUSE), (FOLLOWERS, COUNTED)):
            breaker = Breaker()
            for _ in range(at_once):
                breaker.ended(0, PasswordRefused("401"), probe=True, begun=0)
            self.assertTrue(breaker.admits(FIRST_PAUSE, probe=True))
            breaker.ended(FIRST_PAUSE, PasswordRefused("401"), probe=True, begun=FIRST_PAUSE)
            self.assertFalse(breaker.admits(second - 1, probe=True))
            self.assertTrue(breaker.admits(second, probe=True))

    @settings(deadline=None)
    @given(st.lists(st.floats(0.1, 20), min_size=1, max_size=400), st.integers(1, FOLLOWERS))
    def test_never_locked_out(self, pauses: list[float], at_once: int) -> None:
        """Whenever probes come, CouchDB counts fewer wrong passwords than lock us out."""
        breaker = Breaker()
        now = 0.0
        tries = [now] * at_once
        for _ in range(at_once):
            breaker.ended(now, PasswordRefused("401"), probe=True, begun=now)
        for pause in pauses:
            now += pause
            if breaker.admits(now, probe=True):
                tries.append(now)
                breaker.ended(now, PasswordRefused("401"), probe=True, begun=now)
        first, count = tries[0], 0
        for moment in tries:
            if moment - first > LOCKOUT_SECONDS:
                first, count = moment, 0
            count += 1
            self.assertLess(count, LOCKOUT_THRESHOLD)
