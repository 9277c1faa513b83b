"""Who issues."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.issuing.lease import (
    LONGEST,
    SHORTEST,
    Lease,
    Sighting,
    Verdict,
    from_document,
    sighted,
    to_document,
    verdict,
)

THEIRS = Lease("b" * 16, "web2", 300.0)
MINE = Lease("a" * 16, "web1", 300.0)
ME = MINE.holder
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3),
    max_leaves=5,
)


class Verdicts(SynchronousTestCase):
    """``verdict``."""

    def test_nobodys(self) -> None:
        """A lease that is not there, or was given up, is taken at once."""
        self.assertIs(verdict(None, None, ME, 5.0), Verdict.TAKE)
        self.assertIs(verdict(None, Sighting("1-a", 5.0), ME, 5.0), Verdict.TAKE)
        self.assertIs(verdict(Lease("", "web2", 300.0), Sighting("1-a", 5.0), ME, 5.0), Verdict.TAKE)

    def test_anothers(self) -> None:
        """Another's is left until the same revision was seen for as long as it says, and not a moment longer."""
        sighting = Sighting("1-a", 1000.0)
        for now in (1000.0, 1299.9):
            self.assertIs(verdict(THEIRS, sighting, ME, now), Verdict.LEAVE)
        self.assertIs(verdict(THEIRS, sighting, ME, 1300.0), Verdict.TAKE)

    def test_mine(self) -> None:
        """My own is renewed when a third of its time has passed."""
        sighting = Sighting("1-a", 1000.0)
        self.assertIs(verdict(MINE, sighting, ME, 1099.9), Verdict.KEEP)
        self.assertIs(verdict(MINE, sighting, ME, 1100.0), Verdict.RENEW)

    def test_renewed_is_seen_anew(self) -> None:
        """Each revision is waited for from when it was seen first."""
        first = sighted(None, "1-a", 1000.0)
        self.assertEqual(sighted(first, "1-a", 1200.0), first)
        self.assertEqual(sighted(first, "2-a", 1200.0), Sighting("2-a", 1200.0))

    def test_clock_set_back(self) -> None:
        """Defect: a node whose clock was set back a day left the lease of a dead one for a day more."""
        first = sighted(None, "1-a", 100_000.0)
        again = sighted(first, "1-a", 13_600.0)
        self.assertEqual(again, Sighting("1-a", 13_600.0))
        self.assertIs(verdict(THEIRS, again, ME, 13_900.0), Verdict.TAKE)

    @given(st.lists(st.floats(min_value=-1e6, max_value=1e6), min_size=1, max_size=20))
    @settings(deadline=None)
    def test_never_for_ever(self, jumps: list[float]) -> None:
        """However a clock jumps, the lease of a dead holder is taken once it ran evenly for as long as the lease lasts."""
        now, sighting = 0.0, None
        for jump in jumps:
            now += jump
            sighting = sighted(sighting, "1-a", now)
        self.assertIs(verdict(THEIRS, sighted(sighting, "1-a", now + 300.0), ME, now + 300.0), Verdict.TAKE)


class Documents(SynchronousTestCase):
    """What stands in CouchDB."""

    def test_written_and_read(self) -> None:
        """What was written is read."""
        self.assertEqual(from_document({**to_document(MINE), "_id": "lease", "_rev": "1-a"}), MINE)

    def test_for_ever(self) -> None:
        """Defect: a number that no float holds was a defect in each check. No lease lasts longer than a day."""
        for seconds, read in ((10**400, LONGEST), (float("inf"), LONGEST), (1e308, LONGEST), (1e-9, SHORTEST)):
            lease = from_document({**to_document(THEIRS), "seconds": seconds})
            assert lease is not None
            self.assertEqual(lease.seconds, read)

    def test_nonsense(self) -> None:
        """What is no lease may be taken by anybody."""
        for wrong in (
            {"seconds": "300"},
            {"seconds": True},
            {"seconds": float("nan")},
            {"seconds": -1},
            {"seconds": 0},
        ):
            self.assertIsNone(from_document({**to_document(THEIRS), **wrong}))
        for other in ({"holder": 5}, {"node": None}, {"type": "order"}):
            self.assertIsNone(from_document({**to_document(THEIRS), **other}))

    @given(st.dictionaries(st.sampled_from(["type", "holder", "node", "seconds"]), JSON | st.just("lease")))
    @settings(deadline=None)
    def test_anything(self, doc: dict[str, Any]) -> None:
        """Whatever stands there is read without an error."""
        lease = from_document(doc)
        self.assertTrue(lease is None or SHORTEST <= lease.seconds <= LONGEST)
