"""Serials as numbers, and what documents add to them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns import serials
from couchpages.dns.traces import Sums, Trace, generation, mark, zones_of

NUMBERS = st.integers(0, serials.MODULUS - 1)
OURS = "00000007-0000-8000-8000-000000000000"


class Serials(SynchronousTestCase):
    """``couchpages.dns.serials``."""

    @given(NUMBERS, st.integers(1, serials.HALF - 1))
    def test_greater(self, serial: int, step: int) -> None:
        """What is reached by adding less than 2^31 is greater, and not the other way round (RFC 1982 section 3.2)."""
        later = (serial + step) % serials.MODULUS
        self.assertTrue(serials.is_greater(later, serial))
        self.assertFalse(serials.is_greater(serial, later))

    @given(NUMBERS)
    def test_not_greater(self, serial: int) -> None:
        """Nothing is greater than itself, nor than what is 2^31 away; the successor is, also beyond the end."""
        opposite = (serial + serials.HALF) % serials.MODULUS
        self.assertFalse(serials.is_greater(serial, serial))
        self.assertFalse(serials.is_greater(opposite, serial) or serials.is_greater(serial, opposite))
        self.assertTrue(serials.is_greater(serials.successor(serial), serial))

    @given(NUMBERS, NUMBERS)
    def test_never_back(self, computed: int, served: int) -> None:
        """With a change the serial rises, without one it does not go back."""
        self.assertTrue(serials.is_greater(serials.to_serve(computed, served, changed=True), served))
        unchanged = serials.to_serve(computed, served, changed=False)
        self.assertTrue(unchanged == served or serials.is_greater(unchanged, served))
        self.assertEqual(serials.to_serve(computed, None, changed=True), computed)


class Traces(SynchronousTestCase):
    """``couchpages.dns.traces``."""

    def test_attribution(self) -> None:
        """Ours count where their id says, and where their body does; others' first revision where it says, all else everywhere."""
        cases = [
            (OURS, Trace(3, 7, 0, alive=True), (7,)),
            (OURS, Trace(3, None, 0, alive=False), (7,)),
            (OURS, Trace(3, 8, 0, alive=True), (7, 8)),
            ("other", Trace(1, 8, 0, alive=True), (8,)),
            ("other", Trace(1, None, 0, alive=True), ()),
            ("other", Trace(2, 8, 0, alive=True), None),
            ("other", Trace(2, 8, 0, alive=False), None),
            ("other", Trace(2, None, 0, alive=False), None),
        ]
        for doc_id, trace, expected in cases:
            self.assertEqual(zones_of(doc_id, trace), expected, (doc_id, trace))

    def test_sums(self) -> None:
        """What was counted is counted no longer when it goes; the greatest floor counts."""
        sums = Sums()
        low, high = Trace(2, 7, 5, alive=False), Trace(1, 7, 9, alive=True)
        sums.add("a", low)
        sums.add("b", high)
        self.assertEqual((sums.generations(7), sums.generations(8), sums.floor(7), sums.floor(8)), (3, 2, 9, 0))
        sums.remove("b", high)
        self.assertEqual((sums.generations(7), sums.floor(7)), (2, 5))

    def test_revisions(self) -> None:
        """A mark depends on which leaves there are, not on their order; a generation is the number before the dash."""
        self.assertEqual(mark(("1-a", "2-b")), mark(("2-b", "1-a")))
        self.assertEqual(len({mark(()), mark(("1-a",)), mark(("1-a", "2-b"))}), 3)
        self.assertEqual([generation(rev) for rev in ("12-x", "x", "", "-1-x", "9" * 99 + "-x")], [12, 0, 0, 0, 0])
