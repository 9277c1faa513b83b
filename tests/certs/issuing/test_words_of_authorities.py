"""What authorities say, Let's Encrypt's Boulder and pebble, comes out in words that help."""

from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.acme.errors import AcmeError, Cause
from couchpages.certs.issuing.proofs import Proof, Type
from couchpages.certs.issuing.words import unproved

HOST = "blog.example.com"
TOKEN = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
URL = f"http://{HOST}/.well-known/acme-challenge/{TOKEN}"
SHOWN = f"http://{HOST}/.well-known/acme-challenge/…"
FETCH = f"{HOST}: the CA could not fetch {SHOWN}: "
TOOK = f"{HOST}: the CA did not accept what it got from {SHOWN}: "


class OverHttp(SynchronousTestCase):
    """HTTP-01."""

    def assert_words(self, cause: Cause, detail: str, words: str, counted: Cause | None = None) -> None:
        """Assert what comes out."""
        made = unproved(HOST, Proof(HOST, Type.HTTP), AcmeError(cause, "an error", detail=detail))
        self.assertEqual((str(made), made.cause), (words, str(counted or cause)))

    def test_boulder(self) -> None:
        """Boulder's words; the address that it asked and the perspective are kept."""
        ip = "192.0.2.1: "
        for detail, words in (
            (f"{ip}Fetching {URL}: Connection refused", f"{FETCH}{ip}Connection refused"),
            (
                f"During secondary validation: {ip}Fetching {URL}: Timeout during connect (likely firewall problem)",
                f"{FETCH}During secondary validation: {ip}Timeout during connect (likely firewall problem)",
            ),
            # Redirected: where to is what matters.
            (
                f"{ip}Fetching https://login.example/?next=x: Connection refused",
                f"{FETCH}{ip}Fetching https://login.example/?next=x: Connection refused",
            ),
            (
                f"{ip}Fetching https://{HOST}/.well-known/acme-challenge/{TOKEN}: remote error: tls: handshake failure",
                f"{FETCH}{ip}Fetching https://{HOST}/.well-known/acme-challenge/…: remote error: tls: handshake failure",
            ),
        ):
            self.assert_words(Cause.CONNECTION, detail, words)
        self.assert_words(
            Cause.UNAUTHORIZED, f"{ip}Invalid response from {URL}: 404", f"{TOOK}{ip}Invalid response: 404"
        )
        detail = f"DNS problem: NXDOMAIN looking up A for {HOST} - check that a DNS record exists for this domain"
        self.assert_words(Cause.DNS, detail, f"{HOST}: the CA could not resolve {HOST}: {detail}")
        detail = f"CAA record for {HOST} prevents issuance"
        self.assert_words(Cause.CAA, detail, f"{HOST}: CAA records keep the CA from issuing: {detail}")

    def test_pebble(self) -> None:
        """Pebble's words, which are Go's."""
        at = f"http://{HOST}:5002/.well-known/acme-challenge/{TOKEN}"
        self.assert_words(
            Cause.CONNECTION,
            f'Get "{at}": dial tcp 127.0.0.1:5002: connect: connection refused',
            f"{FETCH}127.0.0.1:5002: connection refused",
        )
        resolve = f"{HOST}: the CA could not resolve {HOST}"
        self.assert_words(Cause.CONNECTION, f'could not resolve URL "{at}"', resolve, Cause.DNS)
        self.assert_words(
            Cause.UNAUTHORIZED, f"Non-200 status code from HTTP: {at} returned 404", f"{TOOK}returned 404"
        )


class InDns(SynchronousTestCase):
    """DNS-01."""

    def test_texts(self) -> None:
        """Other texts, none, and a zone that cannot be asked."""
        owner = f"_acme-challenge.{HOST}"
        proof = Proof(HOST, Type.DNS, owner, "example.com")
        for cause, detail, words in (
            (
                Cause.UNAUTHORIZED,
                f'Incorrect TXT record "x" (and 2 more) found at {owner}',
                "did not accept the TXT record",
            ),
            (Cause.UNAUTHORIZED, f"No TXT record found at {owner}", "did not accept the TXT record"),
            (Cause.DNS, f"DNS problem: SERVFAIL looking up TXT for {owner}", "could not look up the TXT record"),
        ):
            made = unproved(f"*.{HOST}", proof, AcmeError(cause, "an error", detail=detail))
            self.assertEqual(str(made), f"*.{HOST}: the CA {words} at {owner}: {detail}")
