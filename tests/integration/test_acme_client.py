"""The ACME client against Pebble, the test authority of Let's Encrypt, in strict mode and refusing nonces."""

import time
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from couchpages.certs.acme.client import Client, fetch_directory
from couchpages.certs.acme.csr import request_for
from couchpages.certs.acme.errors import AcmeError, Cause
from couchpages.certs.acme.exchange import Exchange, open_exchange
from couchpages.certs.acme.keys import new_account_key, new_private_key, private_key_pem
from couchpages.certs.acme.resources import ChallengeType
from couchpages.certs.acme.signing import ExternalAccount
from couchpages.certs.pem import read_certificate
from tests.integration.challenge_server import ChallengeServer
from tests.integration.pebble import ACCOUNTS, EXTERNAL_KEY, Pebble
from tests.integration.requirements import lacking

PATIENCE = 60.0


class AgainstPebble(TestCase):
    """What a real server takes."""

    timeout = 120
    skip = lacking("pebble", "pebble-challtestsrv")

    def setUp(self) -> None:
        """Start what answers challenges."""
        self.folder = Path(self.mktemp()).absolute()
        self.challenges = ChallengeServer(self.folder)
        self.addCleanup(self.challenges.stop)

    def pebble(self, **options: Any) -> Pebble:
        """Start one, which asks for challenges there."""
        pebble = Pebble(self.folder, self.challenges.dns, http_port=self.challenges.http, **options)
        self.addCleanup(pebble.stop)
        return pebble

    def exchange(self, pebble: Pebble) -> Exchange:
        """Give what asks it."""
        exchange = open_exchange(reactor, time.time, pebble.ca_file)
        self.addCleanup(exchange.close)
        return exchange

    async def client(self, pebble: Pebble) -> Client:
        """Give a client that is registered."""
        exchange = self.exchange(pebble)
        client = Client(reactor, exchange, await fetch_directory(exchange, pebble.directory), new_account_key())
        await client.register(["hostmaster@example.org"], terms_agreed=True, external=None)
        return client

    async def test_issue_and_revoke(self) -> None:
        """A wildcard with its apex is issued by dns-01, another name by http-01; both are revoked, by account and by their keys."""
        pebble = self.pebble()
        client = await self.client(pebble)
        for number, names in enumerate((["example.org", "*.example.org"], ["www.example.net"])):
            order = await client.order(names)
            for authorization in await client.authorizations(order):
                challenge = authorization.choose([ChallengeType.DNS if number == 0 else ChallengeType.HTTP])
                if challenge.type == ChallengeType.DNS:
                    self.challenges.set_txt(
                        f"_acme-challenge.{authorization.identifier.value}.", client.dns_value(challenge)
                    )
                else:
                    self.challenges.add_http(challenge.token, client.key_authorization(challenge))
                await client.respond(challenge)
                await client.until_valid(authorization, PATIENCE)
            key = new_private_key()
            order = await client.finalize(order, request_for(names, key), PATIENCE)
            chain = await client.chain(order, None)
            read = read_certificate(chain, private_key_pem(key))
            self.assertEqual(set(read.names), set(names))
            der = x509.load_pem_x509_certificates(chain)[0].public_bytes(Encoding.DER)
            await client.revoke(der, 4, None if number == 0 else key)
            await client.revoke(der)

    async def test_account(self) -> None:
        """An account is found again by its key, and one that is not there is not."""
        pebble = self.pebble()
        client = await self.client(pebble)
        again = Client(reactor, self.exchange(pebble), client.directory, client.key)
        self.assertEqual(await again.find_account(), client.account_url)
        other = Client(reactor, self.exchange(pebble), client.directory, new_account_key())
        self.assertIsNone(await other.find_account())

    async def test_external_account(self) -> None:
        """Where accounts are bound to customers, one without is refused, and one with is made."""
        pebble = self.pebble(accounts=ACCOUNTS)
        exchange = self.exchange(pebble)
        directory = await fetch_directory(exchange, pebble.directory)
        client = Client(reactor, exchange, directory, new_account_key())
        with self.assertRaises(AcmeError) as caught:
            await client.register([], terms_agreed=True, external=None)
        self.assertEqual(caught.exception.cause, Cause.EXTERNAL_ACCOUNT)
        external = ExternalAccount.from_text("kid-1", EXTERNAL_KEY)
        url = await client.register([], terms_agreed=True, external=external)
        self.assertEqual(await client.register([], terms_agreed=True, external=None), url)

    async def test_wrong_answer(self) -> None:
        """A challenge that is answered wrongly fails in the authority's words."""
        pebble = self.pebble()
        client = await self.client(pebble)
        (authorization,) = await client.authorizations(await client.order(["example.org"]))
        challenge = authorization.choose([ChallengeType.DNS])
        self.challenges.set_txt("_acme-challenge.example.org.", "wrong")
        await client.respond(challenge)
        with self.assertRaises(AcmeError) as caught:
            await client.until_valid(authorization, PATIENCE)
        self.assertEqual(caught.exception.cause, Cause.UNAUTHORIZED)
        self.assertIn("example.org: dns-01 failed: ", str(caught.exception))

    async def test_untrusted(self) -> None:
        """An authority with a root of its own is not believed, and the words name the setting."""
        pebble = self.pebble()
        exchange = open_exchange(reactor, time.time)
        self.addCleanup(exchange.close)
        with self.assertRaises(AcmeError) as caught:
            await fetch_directory(exchange, pebble.directory)
        self.assertEqual(caught.exception.cause, Cause.UNREACHABLE)
        self.assertIn("[acme] ca_file", str(caught.exception))
