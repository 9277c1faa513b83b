"""Certificates from pebble, Let's Encrypt's test CA: strict, refusing nonces, really validating."""

from tests.integration.acme_case import ISSUED_IN, ZONE, AcmeCase
from tests.integration.node import wait_until
from tests.integration.resolving import ask


class OneNode(AcmeCase):
    """A node that is everything: issuer, web server, name server."""

    def test_site_in_own_zone(self) -> None:
        """A site in a zone of ours gets a certificate for itself and its previews, by DNS-01."""
        node = self.issuing()
        self.make_zone(node)
        site = f"blog.{ZONE}"
        self.deploy(node, site)
        found = self.certificate(node, site)
        self.assertEqual(sorted(found["names"]), sorted([site, f"*.{site}"]))

    def test_wildcard_goes_on(self) -> None:
        """A site that is reached by a wildcard, its previews and all else below it stay reachable while its challenge stands."""
        node = self.issuing()
        self.make_zone(node)
        site = f"blog.{ZONE}"
        owner = f"_acme-challenge.{site}"
        names = (site, f"preview.{site}", owner, f"x.{owner}", f"other.{ZONE}")
        standing: list[bool] = []

        def is_over() -> bool:
            standing.append(bool(ask(self.dns, owner, "TXT").data))
            for name in names:
                self.assertEqual(ask(self.dns, name).data, ("127.0.0.1",), name)
                self.assertEqual(ask(self.dns, name, "MX").rcode, "NOERROR", name)
            return standing[-1:] == [False] and any(standing)

        self.deploy(node, site)
        wait_until(is_over, "a challenge that stands, and ends", ISSUED_IN)
        self.certificate(node, site)
        self.assertEqual(ask(self.dns, owner, "TXT").data, ())
