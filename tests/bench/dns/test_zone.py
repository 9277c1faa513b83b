import dns.rdatatype
import dns.zone
from twisted.trial.unittest import SynchronousTestCase

from tests.bench.dns.backend_answers import Table
from tests.bench.dns.zone import Zone


class ZoneTests(SynchronousTestCase):
    """Tests of the zone."""

    def test_file_and_record_sets(self) -> None:
        """The zone file has the record sets that the API is given, and the SOA."""
        zone = Zone(300)
        read = dns.zone.from_text(zone.text(), relativize=False)
        found = {
            (owner.to_text(), dns.rdatatype.to_text(records.rdtype), *(each.to_text() for each in records))
            for owner, records in read.iterate_rdatasets()
        }
        given = {(each["name"], each["type"], *each["records"]) for each in zone.rrsets()}
        self.assertEqual(found - given, {("bench.test.", "SOA", zone.soa)})
        self.assertEqual(given - found, set())

    def test_addresses(self) -> None:
        """Hosts have different addresses, also a host before and after a change; both are ones that exist."""
        zone = Zone(100_000)
        addresses = [zone.address(number, version) for number in range(0, 100_000, 7) for version in (0, 1)]
        self.assertEqual(len(set(addresses)), len(addresses))
        for address in addresses:
            self.assertTrue(all(0 <= int(part) <= 255 for part in address.split(".")), address)


class TableTests(SynchronousTestCase):
    """Tests of what stands behind PowerDNS."""

    def setUp(self) -> None:
        """Make the table of a small zone."""
        self.zone = Zone(10)
        self.table = Table(self.zone)

    def test_lookup(self) -> None:
        """ANY gives all that a name has, a type its records, and a name that does not exist nothing."""
        (row,) = self.table.result("lookup", {"qname": "host3.bench.test.", "qtype": "ANY"})
        self.assertEqual((row["qtype"], row["content"], row["ttl"]), ("A", self.zone.address(3), 300))
        both = self.table.result("lookup", {"qname": "bench.test.", "qtype": "ANY"})
        self.assertEqual([each["qtype"] for each in both], ["SOA", "NS"])
        for name, kind in (("host3.bench.test.", "SOA"), ("host10.bench.test.", "ANY")):
            self.assertIs(self.table.result("lookup", {"qname": name, "qtype": kind}), False)

    def test_paths(self) -> None:
        """The same call gives the same as a path, in which dots are written as %2e."""
        parameters = {"qname": "host3.bench.test.", "qtype": "ANY"}
        path = "/lookup/host3%2ebench%2etest%2e/ANY"
        self.assertEqual(self.table.result_at(path), self.table.result("lookup", parameters))
        self.assertEqual(self.table.result_at("/getDomainInfo/bench%2etest%2e")["zone"], "bench.test.")

    def test_unknown(self) -> None:
        """A method that there is no need for is refused, as PowerDNS allows."""
        self.assertIs(self.table.result("getAllDomainMetadata", {"name": "bench.test."}), False)
        self.assertIs(self.table.result_at("/getAllDomainMetadata/bench%2etest%2e"), False)
