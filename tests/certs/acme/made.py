"""A client and an authority in memory, with a clock of their own, for tests."""

from collections.abc import Awaitable
from functools import cache
from typing import Any, TypeVar

from josepy.jwk import JWK
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.acme.answers import Answer
from couchpages.certs.acme.client import Client, fetch_directory
from couchpages.certs.acme.csr import request_for
from couchpages.certs.acme.errors import AcmeError, Cause
from couchpages.certs.acme.exchange import Exchange
from couchpages.certs.acme.keys import new_account_key, new_private_key
from couchpages.certs.acme.resources import Order
from couchpages.certs.acme.signing import ExternalAccount, PrivateKey
from couchpages.testing.acme.server import FakeAuthority
from tests.certs.made import NOW

T = TypeVar("T")


@cache
def _key(number: int) -> JWK:
    del number
    return new_account_key()


def account_key(number: int = 0) -> JWK:
    """Give an account's key, another for another *number*."""
    return _key(number)


@cache
def leaf_key() -> PrivateKey:
    """Give a certificate's key."""
    return new_private_key()


def answer(body: bytes | str, status: int = 200, **headers: str) -> Answer:
    """Give an answer; names of headers have underscores."""
    named = {name.replace("_", "-"): (value,) for name, value in headers.items()}
    return Answer("https://ca.test/asked", status, named, body.encode() if isinstance(body, str) else body, NOW)


class AcmeCase(SynchronousTestCase):
    """Tests in which time passes only when something waits for it."""

    alternates: tuple[str, ...] = ()

    def setUp(self) -> None:
        """Make the authority."""
        self.clock = Clock()
        self.clock.advance(NOW)
        self.authority = FakeAuthority(wall=self.clock.seconds, alternates=self.alternates)
        self.rules = self.authority.rules
        self.agent = self.authority.agent(self.clock)
        self.exchange = Exchange(self.clock, self.agent, self.clock.seconds)

    def run_(self, doing: Awaitable[T], seconds: float = 3600.0) -> T:
        """Let it run, and time pass until it is done, but not more than *seconds*; nothing is left behind then."""
        running = self.started(doing)
        until = self.clock.seconds() + seconds
        while not running.called and self.clock.getDelayedCalls() and self.clock.seconds() < until:
            self.clock.advance(
                max(min(call.getTime() for call in self.clock.getDelayedCalls()) - self.clock.seconds(), 0)
            )
        result = self.successResultOf(running)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        return result  # type: ignore[no-any-return]

    def started(self, doing: Any) -> "Deferred[Any]":
        """Begin."""
        return Deferred.fromCoroutine(doing)

    def refused(self, doing: Any, cause: Cause, words: str = "") -> AcmeError:
        """Let it run; it has to fail for a *cause*, with *words* in what it says."""

        async def caught() -> AcmeError:
            try:
                await doing
            except AcmeError as error:
                return error
            raise AssertionError("it did not fail")

        error = self.run_(caught())
        self.assertEqual(error.cause, cause, str(error))
        self.assertIn(words, str(error))
        self.assertTrue(str(error).isprintable())
        return error

    def client(self, number: int = 0, *, register: bool = True) -> Client:
        """Give a client, with an account if it is to *register*."""
        directory = self.run_(fetch_directory(self.exchange, self.authority.directory_url))
        made = Client(self.clock, self.exchange, directory, account_key(number))
        if register:
            self.run_(made.register(["hostmaster@example.org"], terms_agreed=True, external=None))
        return made

    async def proven(self, client: Client, names: list[str], **options: Any) -> Order:
        """Order, and answer all challenges."""
        order = await client.order(names, **options)
        for authorization in await client.authorizations(order):
            await client.respond(authorization.choose(["http-01", "dns-01"]))
            await client.until_valid(authorization, 60)
        return order

    async def issued(self, client: Client, names: list[str], preferred: str | None = None, **options: Any) -> bytes:
        """Get a certificate."""
        order = await self.proven(client, names, **options)
        order = await client.finalize(order, request_for(names, leaf_key()), 60)
        return await client.chain(order, preferred)


EXTERNAL = ExternalAccount("kid-1", b"s" * 32)
