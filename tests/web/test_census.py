"""Who is connected, and whether one more may be."""

from ipaddress import ip_network

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.web.census import Admission, Census

ADDRESSES = st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "10.0.0.1", ""])


class Origins(SynchronousTestCase):
    """Whom an address counts for."""

    def test_networks(self) -> None:
        """An IPv4 address stands for itself, also within IPv6; an IPv6 address for its 64 bits, with a scope or without."""
        census = Census(9, 9)
        for address, origin in (
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::/64"),
            ("2001:DB8:0:0:ffff::1", "2001:db8::/64"),
            ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("no:address", "no:address"),
            ("", ""),
        ):
            self.assertEqual(census.origin(address), origin)

    def test_trusted(self) -> None:
        """A trusted proxy, also one that is known by its IPv4 address within IPv6, counts for nobody; its neighbours do."""
        census = Census(9, 1, (ip_network("10.0.0.0/8"), ip_network("fd00::/8")))
        for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1"):
            self.assertEqual(census.origin(address), "", address)
        self.assertEqual(census.origin("11.0.0.1"), "11.0.0.1")


class Admissions(SynchronousTestCase):
    """``Census``."""

    def test_per_address(self) -> None:
        """An address has as many as it may, whatever others have; who has no address, and who is trusted, has no such limit."""
        census = Census(100, 2)
        for origin in ("a", "a", "", "", ""):
            self.assertEqual(census.admit(origin), Admission.WELCOME)
            census.enter(origin)
        self.assertEqual(census.admit("a"), Admission.TOO_MANY)
        self.assertEqual(census.admit("b"), Admission.WELCOME)
        census.leave("a")
        self.assertEqual(census.admit("a"), Admission.WELCOME)

    def test_in_all(self) -> None:
        """All together have as many as there may be; who has too many is told that first, because nobody's going would help."""
        census = Census(2, 1)
        census.enter("a")
        census.enter("")
        self.assertEqual(census.admit("b"), Admission.FULL)
        self.assertEqual(census.admit("a"), Admission.TOO_MANY)
        census.leave("")
        self.assertEqual(census.admit("b"), Admission.WELCOME)

    @settings(deadline=None)
    @given(st.lists(st.tuples(ADDRESSES, st.booleans()), max_size=60))
    def test_against_a_model(self, events: list[tuple[str, bool]]) -> None:
        """Whatever comes and goes, the counts are those of a list of who is there, and nothing is remembered of who went."""
        census = Census(8, 3, (ip_network("10.0.0.0/8"),))
        there: list[str] = []
        for address, comes in events:
            origin = census.origin(address)
            if comes:
                admission = census.admit(origin)
                crowded = origin != "" and there.count(origin) >= 3
                full = Admission.FULL if len(there) >= 8 else Admission.WELCOME
                self.assertEqual(admission, Admission.TOO_MANY if crowded else full)
                if admission is Admission.WELCOME:
                    census.enter(origin)
                    there.append(origin)
            elif origin in there:
                census.leave(origin)
                there.remove(origin)
            self.assertEqual(census.connections, len(there))
        for origin in there:
            census.leave(origin)
        self.assertEqual((census.connections, census._by_origin), (0, {}))
