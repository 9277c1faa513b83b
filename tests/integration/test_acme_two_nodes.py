"""Challenges of pebble's are answered by another node than the one that asks for certificates."""

from tests.integration.acme_case import ZONE, PublicCase
from tests.integration.cases import OnApacheCouchDB
from tests.integration.past_the_api import counted

FOREIGN = "blog.example.net"


class AnotherAnswers(PublicCase):
    """Two nodes on the same databases; the second may issue alone, and nothing public leads to it."""

    def setUp(self) -> None:
        """Start both."""
        super().setUp()
        self.public.set(FOREIGN, "A", "127.0.0.1")
        self.first = self.issuing(issuers=["node2"])
        self.make_zone(self.first, "127.0.0.1")
        self.second = self.beside(self.first, issuers=["node2"])

    def assert_issued_by_second(self, site: str) -> None:
        """Deploy a site; assert that the second node has its certificate issued, and that both serve it."""
        self.deploy(self.first, site)
        found = self.issued(self.first, site)
        self.assertEqual(self.issued(self.second, site), found)
        self.assertEqual(self.order(self.first, site)["by"], "node2")
        self.assertEqual(counted(self.first, "acme_certificates_issued"), 0)
        self.assert_curl(self.first, site, site.encode())
        self.assert_no_defect(self.first, self.second)

    def test_by_http(self) -> None:
        """HTTP-01: the name's address is the first node's."""
        self.assert_issued_by_second(FOREIGN)
        self.assertNotIn((f"_acme-challenge.{FOREIGN}", "TXT"), self.public.delegated)

    def test_by_dns(self) -> None:
        """DNS-01, a wildcard: the zone's only name server is the first node."""
        site = f"blog.{ZONE}"
        self.assert_issued_by_second(site)
        self.assertIsNotNone(self.served(self.first, f"preview.{site}"))
        self.assertIn((f"_acme-challenge.{site}", "TXT"), self.public.asked)

    def test_both_at_once(self) -> None:
        """A name with the addresses of both nodes, and a zone with both as name servers: both show everything."""
        self.public.set(FOREIGN, "A", "127.0.0.1", "127.0.0.2")
        self.public.delegated[ZONE] = ["127.0.0.1", "127.0.0.2"]
        self.add(self.first, f"ns2.{ZONE}", "A", "127.0.0.2")
        self.add(self.first, ZONE, "NS", f"ns2.{ZONE}.")
        self.assert_issued_by_second(FOREIGN)
        self.assert_issued_by_second(f"both.{ZONE}")

    def test_one_name_server_gone(self) -> None:
        """A name server that does not answer is named in the log and left out; the certificate comes nevertheless."""
        self.add(self.first, f"ns2.{ZONE}", "A", "127.0.0.9")
        self.add(self.first, ZONE, "NS", f"ns2.{ZONE}.")
        self.assert_issued_by_second(f"left.{ZONE}")
        self.assertIn(f"went on without ns2.{ZONE} (127.0.0.9)", self.second.log())


class AnotherAnswersOnApacheCouchDB(OnApacheCouchDB, AnotherAnswers):
    """The same on a real CouchDB, whose changes arrive in their own time."""


