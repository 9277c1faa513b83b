"""Certificates from pebble, Let's Encrypt's test CA: strict, refusing nonces, really validating; with one node that is everything."""

from functools import partial

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from couchpages.certs.pem import certificates_in
from tests.integration.acme_case import ISSUED_IN, ZONE, AcmeCase, PublicCase
from tests.integration.https_case import Secured, trusting_all
from tests.integration.node import Node, wait_until
from tests.integration.resolving import ask
from tests.integration.visitor import fetch

#: A name of others, whose address leads to the node.
FOREIGN = "blog.example.net"


class OneNode(AcmeCase):
    """A node that is everything: issuer, web server, name server."""

    def test_site_in_own_zone(self) -> None:
        """A site in a zone of ours gets a certificate for itself and its previews, by DNS-01, and curl trusts both."""
        node = self.issuing()
        self.make_zone(node)
        site = f"blog.{ZONE}"
        self.deploy(node, site)
        found = self.certificate(node, site)
        self.assertEqual(sorted(found["names"]), sorted([site, f"*.{site}"]))
        self.assert_curl(node, site, site.encode())
        # A preview that does not exist: the certificate is what counts.
        self.assertIsNotNone(self.served(node, f"abc.{site}"))
        self.assert_no_defect(node)

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


class NamesOfOthers(PublicCase):
    """Names in zones that are not ours."""

    def test_site_by_http(self) -> None:
        """A site whose name is in no zone of ours gets a certificate for that name alone, by HTTP-01, without a name server of ours."""
        self.public.set(FOREIGN, "A", "127.0.0.1")
        node = self.issuing()
        self.deploy(node, FOREIGN)
        self.assertEqual(self.certificate(node, FOREIGN)["names"], [FOREIGN])
        self.assert_curl(node, FOREIGN, FOREIGN.encode())
        # What was shown to the CA is shown no longer, and visitors of plain HTTP are sent to HTTPS.
        self.assertEqual(fetch(node.http, FOREIGN, "/").status, 308)
        # It is renewed although everything but challenges is redirected now.
        self.renewed(node, FOREIGN)
        self.assert_no_defect(node)

    def test_zone_that_is_delegated_elsewhere(self) -> None:
        """A zone that we have and that the public DNS has elsewhere counts as one of others: HTTP-01, and no wildcard."""
        node = self.issuing()
        self.changed(node, "POST", "", {"name": "example.net", "nameservers": [f"ns1.{ZONE}"]})
        self.public.set("example.net", "NS", "ns.others.example.")
        self.public.set(FOREIGN, "A", "127.0.0.1")
        self.deploy(node, FOREIGN)
        self.assertEqual(self.certificate(node, FOREIGN)["names"], [FOREIGN])

    def test_configured(self) -> None:
        """What is configured is issued, with keys of both kinds: a wildcard of others through an alias into our zone, an API host."""
        names, api = ["example.net", "*.example.net"], "api.example.net"
        self.public.set("_acme-challenge.example.net", "CNAME", f"net.proofs.{ZONE}.")
        self.public.set(api, "A", "127.0.0.1")
        acme = {"certificates": [names, [api]], "keys": ["ecdsa", "rsa"]}
        node = self.issuing({"api": {"hosts": [api]}}, **acme)
        self.make_zone(node)
        # The account's documents and the zones were not there when it was tried first.
        for name in (names[0], api):
            self.ask_for(node, name)
            self.issued(node, name)
            self.until(partial(self.has_both, node, name), node, f"both kinds of {name}", name)
        self.assertIsNotNone(self.served(node, "any.example.net"))
        # TLS 1.2 lets a client choose which.
        context = trusting_all()
        context.maximum_version = context.maximum_version.TLSv1_2
        context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
        with Secured(node.https, api, context) as visitor:
            leaf = x509.load_der_x509_certificate(visitor.socket.getpeercert(binary_form=True) or b"")
        self.assertIsInstance(leaf.public_key(), rsa.RSAPublicKey)
        self.assert_no_defect(node)

    def has_both(self, node: Node, name: str) -> bool:
        """Whether there are certificates with keys of both kinds."""
        return sorted(each["kind"] for each in self.listed(node) if each["name"] == name) == ["ecdsa", "rsa"]


class Roots(PublicCase):
    """A CA with several chains."""

    authority = {"roots": 2, "length": 2}  # noqa: RUF012 -- never changed

    def test_preferred_chain(self) -> None:
        """The chain is served that leads to the root that the configuration names."""
        roots = [self.pebble.root(number) for number in range(3)]
        (wanted,) = (
            each.value for each in certificates_in(roots[2])[0].subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        )
        self.public.set(FOREIGN, "A", "127.0.0.1")
        node = self.issuing(preferred_chain=wanted)
        self.deploy(node, FOREIGN)
        self.until(lambda: self.served(node, FOREIGN, roots[2]) is not None, node, "a chain to the third root", FOREIGN)
        self.assertIsNone(self.served(node, FOREIGN, roots[0]))
        self.assert_curl(node, FOREIGN, FOREIGN.encode(), roots[2])
