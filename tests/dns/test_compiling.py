"""Compiling a zone from what is held of it: the SOA that stands in for one that is not written."""

from collections.abc import Collection

from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns import codes, rdata
from couchpages.dns.compiling import Drafted, at_once, compiled
from couchpages.dns.holdings import Held, Holdings
from couchpages.dns.names import Name, from_text
from couchpages.dns.records import Record
from couchpages.dns.traces import Trace
from couchpages.dns.zone import Zone, substitute_soa
from couchpages.ports import Change

APEX, WWW = map(from_text, ("test.", "www.test."))
SOAS = [substitute_soa(APEX, from_text(f"ns{number}.test."), APEX) for number in range(3)]


class Substitutes(SynchronousTestCase):
    """A zone in which no SOA is written, first compiled with one substitute."""

    def setUp(self) -> None:
        """Hold a zone with an NS and a name."""
        self.holdings = Holdings()
        self.holdings.apply_zone(Change("test", {"zoneId": 7}, ("1-a",)))
        self.hold("ns", APEX, "NS", "ns.test.")
        self.hold("www", WWW, "A", "192.0.2.1")
        self.zone = self.compile(None, 0).draft.finish(1, SOAS[0])

    def hold(self, doc_id: str, name: Name, type_: str, text: str) -> None:
        """Hold a record."""
        number = rdata.type_from_text(type_)
        record = Record(7, name, number, 60, rdata.parse(number, text))
        self.holdings.hold(doc_id, Held(1, Trace(1, 7, 0, alive=True), record))

    def compile(self, touched: Collection[Name] | None, number: int) -> Drafted:
        """Compile the next zone with a substitute."""
        before: Zone | None = getattr(self, "zone", None)
        return at_once(compiled(self.holdings, APEX, before, touched, SOAS[number]))

    def primary(self, touched: Collection[Name] | None, number: int) -> Name:
        """Give the primary in the SOA of the next zone, which is that of its negative answers too."""
        zone = self.compile(touched, number).draft.finish(2, SOAS[number])
        self.assertEqual(zone.negative.rdatas, zone.soa.rdatas)
        self.assertEqual(zone.nodes[APEX][codes.SOA], zone.soa)
        return bytes(zone.soa.rdatas[0].split(b"\0")[0] + b"\0")

    def test_another_substitute(self) -> None:
        """Defect: an earlier substitute was taken for written unless the apex was looked at. Whatever is, the SOA is today's."""
        self.hold("www", WWW, "A", "192.0.2.2")
        for touched in ([WWW], [], [APEX], [WWW, APEX], None):
            self.assertEqual(self.primary(touched, 1), from_text("ns1.test."), touched)
        drafted = self.compile([WWW], 1)
        self.assertEqual((drafted.changed, drafted.touched), (True, [WWW, APEX]))

    def test_the_same_substitute(self) -> None:
        """While the substitute stays, the apex does not change with other names."""
        self.hold("www", WWW, "A", "192.0.2.2")
        drafted = self.compile([WWW], 0)
        self.assertEqual((drafted.changed, drafted.touched), (True, [WWW]))

    def test_other_ns(self) -> None:
        """Where the NS change, or go, the substitute stays, and is not taken for written afterwards."""
        for text in ("other.test.", None):
            if text is None:
                self.holdings.hold("ns", None)
            else:
                self.hold("ns", APEX, "NS", text)
            self.assertEqual(self.primary([APEX], 0), from_text("ns0.test."))
            self.zone = self.compile([APEX], 0).draft.finish(2, SOAS[0])
            self.assertEqual(self.primary([WWW], 2), from_text("ns2.test."))

    def test_written(self) -> None:
        """A written SOA stays, whatever the substitute is; when it goes, the substitute is that of today."""
        self.hold("soa", APEX, "SOA", "written. host. 5 1 2 3 4")
        self.zone = self.compile([APEX], 0).draft.finish(2, SOAS[0])
        self.assertEqual(self.primary([WWW], 1), from_text("written."))
        self.holdings.hold("soa", None)
        self.assertEqual(self.primary([APEX], 1), from_text("ns1.test."))
