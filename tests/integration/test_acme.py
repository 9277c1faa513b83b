"""Certificates from pebble, Let's Encrypt's test CA: strict, refusing nonces, really validating."""

from tests.integration.acme_case import ZONE, AcmeCase


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
