"""Challenges of pebble's are answered by another node than the one that asks for certificates."""

from tests.integration.acme_case import ZONE, PublicCase
from tests.integration.past_the_api import counted

FOREIGN, SITE = "blog.example.net", f"blog.{ZONE}"


class AnotherAnswers(PublicCase):
    """Two nodes on the same databases; the second may issue alone. ``test_acme_replicated`` has two CouchDBs."""

    def setUp(self) -> None:
        """Start both; nothing public leads to the second."""
        super().setUp()
        self.public.set(FOREIGN, "A", "127.0.0.1")
        self.first = self.issuing(issuers=["node2"])
        self.make_zone(self.first, "127.0.0.1")
        self.second = self.beside(self.first, issuers=["node2"])

    def assert_issued_by_second(self, *sites: str) -> None:
        """Deploy sites; assert that the second node has their certificates issued, and that both serve them."""
        self.deploy(self.first, *sites)
        for site in sites:
            found = self.issued(self.first, site)
            self.assertEqual(self.issued(self.second, site), found)
            self.assertEqual(self.order(self.first, site)["by"], "node2")
            self.assert_curl(self.first, site, site.encode())
        self.assertEqual(counted(self.first, "acme_certificates_issued"), 0)
        self.assert_no_defect(self.first, self.second)

    def test_both_types(self) -> None:
        """HTTP-01 where the name's address is the first node's, DNS-01 with a wildcard where the only name server is the first."""
        self.assert_issued_by_second(FOREIGN, SITE)
        self.assertIsNotNone(self.served(self.first, f"preview.{SITE}"))
        self.assertIn((f"_acme-challenge.{SITE}", "TXT"), self.public.asked)

    def test_all_are_asked(self) -> None:
        """With the addresses of both nodes, both show everything; a name server that does not answer is named in the log and left out."""
        self.public.set(FOREIGN, "A", "127.0.0.1", "127.0.0.2")
        for number, address in ((2, "127.0.0.2"), (3, "127.0.0.9")):
            self.add(self.first, f"ns{number}.{ZONE}", "A", address)
            self.add(self.first, ZONE, "NS", f"ns{number}.{ZONE}.")
        self.assert_issued_by_second(FOREIGN, SITE)
        self.assertIn(f"went on without ns3.{ZONE} (127.0.0.9)", self.second.log())
