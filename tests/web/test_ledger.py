"""What one port answered."""

from ipaddress import ip_network

from twisted.trial.unittest import SynchronousTestCase

from couchpages.metrics import Metrics
from couchpages.testing.asking import head_of, with_head
from couchpages.web.ledger import Ledger
from couchpages.web.message import Response

HEAD = b"GET /a HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"


class FakeLog:
    """Remembers records."""

    def __init__(self) -> None:
        self.records: list[tuple[object, ...]] = []

    def note(self, *record: object) -> None:
        """Remember."""
        self.records.append(record)


class LedgerTests(SynchronousTestCase):
    """``Ledger``."""

    def setUp(self) -> None:
        """Make metrics that know one site, and a log."""
        self.metrics = Metrics()
        self.metrics.tallies.is_known = lambda site: site == "a.example"
        self.log = FakeLog()

    def sample(self, name: str, **labels: str) -> float | None:
        """Give a figure as Prometheus would have it."""
        return self.metrics.registry.get_sample_value(name, labels)

    def test_counts(self) -> None:
        """Responses are counted by port and status, and how long they took."""
        ledger = Ledger(self.metrics, "public")
        ledger.count(200, 0.00005)
        ledger.count(200, 3.0)
        ledger.count(404, 0.0)
        self.assertEqual(self.sample("couchpages_http_responses_total", port="public", status="200"), 2)
        self.assertEqual(self.sample("couchpages_http_responses_total", port="public", status="404"), 1)
        self.assertEqual(self.sample("couchpages_http_response_seconds_count", port="public"), 3)
        self.assertAlmostEqual(self.sample("couchpages_http_response_seconds_sum", port="public") or 0, 3.00005)

    def test_tallies(self) -> None:
        """What sites answered is tallied with its bytes; what is asked of no site in one tally; what is no visit in none."""
        ledger = Ledger(self.metrics, "public")
        for site, size in (("a.example", 10), ("a.example", 5), ("", 7), ("b.example", 1), (None, 100)):
            ledger.note(head_of("GET", "/"), Response(200, site=site, cache="disk"), size, 0.0)
        tallies = self.metrics.tallies
        self.assertEqual((tallies.of("a.example").answers, tallies.of("a.example").bytes), ({(200, "disk"): 2}, 15))
        self.assertEqual((tallies.unknown.answers, tallies.unknown.bytes), ({(200, "disk"): 2}, 8))
        self.assertEqual(self.sample("couchpages_http_responses_total", port="public", status="200"), 5)

    def test_without_a_log(self) -> None:
        """Nobody's log gets nothing, and whoever has a head at hand is told that it need not bring it."""
        ledger = Ledger(self.metrics, "public")
        self.assertFalse(ledger.logs)
        ledger.log(HEAD, "192.0.2.1", 200, 1, 0.0, "a.example", "memory")

    def test_both_ways_alike(self) -> None:
        """A head as it came and a head that was read are logged with the same address, status, size, time, site and cache."""
        for trusted, peer, address in (
            ((), "192.0.2.1", "192.0.2.1"),
            ((), "::ffff:192.0.2.1", "192.0.2.1"),
            ((), "2001:db8::1", "2001:db8::1"),
            ((), "", ""),
            ((ip_network("192.0.2.0/24"),), "192.0.2.1", "203.0.113.9"),
            ((ip_network("192.0.2.0/24"),), "::ffff:192.0.2.1", "203.0.113.9"),
            ((ip_network("10.0.0.0/8"),), "192.0.2.1", "192.0.2.1"),
        ):
            self.log.records.clear()
            ledger = Ledger(self.metrics, "public", self.log, trusted, lambda: 7.5)
            ledger.log(HEAD, peer, 200, 3, 0.25, "a.example", "memory")
            read = head_of("GET", "/a", {"Host": "a.example", "X-Forwarded-For": "203.0.113.9"})
            response = Response(200, site="a.example", cache="memory")
            ledger.note(with_head(read, peer=peer), response, 3, 0.25)
            fast, slow = self.log.records
            self.assertEqual(fast, (7.5, address, HEAD, 200, 3, 0.25, "a.example", "memory"))
            self.assertEqual((*slow[:2], *slow[3:]), (*fast[:2], *fast[3:]))
            self.assertEqual(slow[2], HEAD.replace(b"Host", b"host").replace(b"X-Forwarded-For", b"x-forwarded-for"))

    def test_long_head(self) -> None:
        """Defect: where heads may be longer than by default, the visitor behind a proxy was not found in one that was."""
        head = HEAD[:-2] + b"X: " + b"x" * 40_000 + b"\r\n" + b"Y: y\r\n" * 200 + b"\r\n"
        ledger = Ledger(self.metrics, "public", self.log, (ip_network("192.0.2.0/24"),))
        ledger.log(head, "192.0.2.1", 200, 3, 0.25, "a.example", "memory")
        self.assertEqual(self.log.records[0][1], "203.0.113.9")

    def test_no_site(self) -> None:
        """What is no visit is logged with an empty site."""
        ledger = Ledger(self.metrics, "api", self.log)
        ledger.note(head_of("GET", "/"), Response(404), 0, 0.0)
        self.assertEqual(self.log.records[0][3:], (404, 0, 0.0, "", "none"))

    def test_refused(self) -> None:
        """What is no request is counted and logged with its first line, from the address that a person would write."""
        ledger = Ledger(self.metrics, "public", self.log, (), lambda: 7.5)
        ledger.refused(b"nonsense", "::ffff:192.0.2.1", 400, 12)
        self.assertEqual(self.log.records, [(7.5, "192.0.2.1", b"nonsense", 400, 12, 0.0, "", "none")])
        self.assertEqual(self.sample("couchpages_http_responses_total", port="public", status="400"), 1)
