"""An ACME client (RFC 8555): accounts, orders, challenges, certificates (does I/O; its rules are in the modules beside it).

>>> exchange = open_exchange(reactor, time.time)
>>> directory = await fetch_directory(exchange, "https://acme-v02.api.letsencrypt.org/directory")
>>> client = Client(reactor, exchange, directory, key)
>>> await client.register(["hostmaster@example.org"], terms_agreed=True, external=None)
>>> order = await client.order(["example.org", "*.example.org"])
>>> for authorization in await client.authorizations(order):
...     if authorization.status is Status.PENDING:
...         challenge = authorization.choose([ChallengeType.DNS])
...         # publish client.dns_value(challenge) at _acme-challenge.NAME, and then:
...         await client.respond(challenge)
...         await client.until_valid(authorization, patience=120)
>>> order = await client.finalize(order, request_for(order.names, certificate_key), patience=120)
>>> pem = await client.chain(order, preferred=None)
"""

from collections.abc import Sequence
from typing import Any

from josepy.jwk import JWK

from couchpages.certs.acme import accounts, ordering
from couchpages.certs.acme.answers import Answer
from couchpages.certs.acme.ari import RenewalInfo, certificate_id, parse_renewal_info
from couchpages.certs.acme.directory import Directory, check_directory_url, parse_directory
from couchpages.certs.acme.downloads import Downloads
from couchpages.certs.acme.errors import AcmeError, Cause
from couchpages.certs.acme.exchange import Exchange
from couchpages.certs.acme.finishing import until_finished
from couchpages.certs.acme.identifiers import identifiers_of
from couchpages.certs.acme.patience import Patience
from couchpages.certs.acme.posting import AS_GET, Poster
from couchpages.certs.acme.problems import problem_of
from couchpages.certs.acme.resources import (
    Authorization,
    Challenge,
    Order,
    Status,
    parse_authorization,
    parse_order,
)
from couchpages.certs.acme.signing import ExternalAccount, PrivateKey, base64url, dns_value, jwk_of, key_authorization
from couchpages.certs.pem import certificates_in

#: Seconds in which all authorizations of an order have to come.
LONGEST_FETCHING = 300.0
#: RFC 5280 section 5.3.1, as RFC 8555 section 7.6 has it.
REASONS = (0, 1, 2, 3, 4, 5, 6, 8, 9, 10)


async def fetch_directory(exchange: Exchange, url: str) -> Directory:
    """Ask an authority what it offers. Raises AcmeError that says what was got instead."""
    check_directory_url(url)
    answer = await exchange.get(url)
    if not answer.is_success:
        raise problem_of(answer)
    return parse_directory(answer)


class Client:
    """One account of *key* at one authority. Used in *reactor*'s thread.

    Everything that is awaited raises :class:`~couchpages.certs.acme.errors.AcmeError`, and CancelledError when it is cancelled; nothing
    of it takes longer than the exchange's time-outs, times the ten nonces that may be refused, and *patience*, in seconds, where it is
    given. *account_url* is that of an earlier :meth:`register`; without it, one of register and :meth:`find_account` comes first.
    """

    def __init__(
        self, reactor: Any, exchange: Exchange, directory: Directory, key: JWK, account_url: str | None = None
    ) -> None:
        self.directory = directory
        self.key = key
        self.account_url = account_url
        self._reactor = reactor
        self._exchange = exchange
        self._poster = Poster(exchange, directory.new_nonce)

    async def register(self, contacts: Sequence[str], terms_agreed: bool, external: ExternalAccount | None) -> str:
        """Make an account, or find the one that the key has; give its address. *contacts* are mailboxes, or ``mailto:`` addresses.

        Raises AcmeError when there are terms and they are not *terms_agreed*, and when an *external* account is asked for and missing:
        the words say which setting helps.
        """
        accounts.check_terms(self.directory, terms_agreed)
        if self.directory.external_account_required:
            # Some authorities hand out keys that bind one account and no other: the key's own account comes first.
            found = await self.find_account()
            if found is not None:
                return found
        accounts.check_external(self.directory, external)
        try:
            return await self._account(accounts.new_account(self.directory, self.key, contacts, external))
        except AcmeError as error:
            raise accounts.refused(error, external) from error

    async def find_account(self) -> str | None:
        """Give the address of the key's account, or None where it has none."""
        try:
            return await self._account({"onlyReturnExisting": True})
        except AcmeError as error:
            if error.type == "accountDoesNotExist":
                return None
            raise

    async def tell_contacts(self, contacts: Sequence[str]) -> None:
        """Have the account's mailboxes be these (RFC 8555 section 7.3.2)."""
        if self.account_url is not None:
            await self._post(self.account_url, {"contact": accounts.addresses(contacts)})

    async def order(self, names: Sequence[str], *, profile: str | None = None, replaces: str | None = None) -> Order:
        """Order a certificate for names of hosts, wildcards and IP addresses. Raises ValueError for what is no name.

        *profile* is one of the directory's. *replaces* is the :func:`~couchpages.certs.acme.ari.certificate_id` of the certificate that
        is renewed, and not sent where the authority has no ARI; cause ``already_replaced`` means that another order did that.
        """
        identifiers = identifiers_of(names)
        payload = ordering.new_order(self.directory, identifiers, profile, replaces)
        answer = await self._post(self.directory.new_order, payload)
        return ordering.placed(answer, self.directory, identifiers)

    async def authorizations(self, order: Order) -> list[Authorization]:
        """Fetch what has to be proven for an order; those that are valid already need nothing."""
        until = self._reactor.seconds() + LONGEST_FETCHING
        found: list[Authorization] = []
        for url in order.authorizations:
            found.append(await self._authorization(url))
            if self._reactor.seconds() > until:
                raise AcmeError(
                    Cause.TIMED_OUT, f"{url}: what has to be proven took more than {LONGEST_FETCHING:g} seconds"
                )
        ordering.check_authorizations(order, found)
        return found

    def key_authorization(self, challenge: Challenge) -> str:
        """Give what answers a challenge over HTTP (RFC 8555 section 8.3)."""
        return key_authorization(challenge.token, self.key)

    def dns_value(self, challenge: Challenge) -> str:
        """Give the value of the TXT record that answers a challenge (RFC 8555 section 8.4)."""
        return dns_value(self.key_authorization(challenge))

    async def respond(self, challenge: Challenge) -> None:
        """Say that a challenge is answered: the authority may look now."""
        if not challenge.is_known:
            raise AcmeError(Cause.UNSUPPORTED, f"challenges of the type {challenge.type} cannot be answered")
        await self._post(challenge.url, {})

    async def until_valid(self, authorization: Authorization, patience: float) -> Authorization:
        """Wait until the authority has looked. Raises its challenge's error, in the authority's words, or one of cause ``timed_out``."""
        waiting = Patience(
            self._reactor, patience, f"{authorization.name}: the authority did not look at the challenge"
        )
        while True:
            newer = await waiting.asked(lambda: self._authorization(authorization.url))
            if newer is not None:
                if newer.name != authorization.name:
                    raise ordering.swapped(authorization.url)
                if newer.status is Status.VALID:
                    return newer
                if newer.status is not Status.PENDING:
                    raise newer.trouble()
            await waiting.rest(newer.retry_after if newer is not None else None)

    async def finalize(self, order: Order, csr_der: bytes, patience: float) -> Order:
        """Wait until an order is ready, hand the request in, and wait for the certificate. Gives the valid order, for :meth:`chain`.

        Raises the order's error, in the authority's words, or one of cause ``timed_out``. What the authority does not answer is asked
        again within the *patience*: the order itself tells whether it was heard.
        """
        waiting = Patience(self._reactor, patience, f"the order for {', '.join(order.names[:5])} was not finished")
        newer = await until_finished(waiting, lambda: self._order(order), lambda: self._finalized(order, csr_der))
        return ordering.finished(newer, csr_der)

    async def chain(self, order: Order, preferred: str | None) -> bytes:
        """Download what :meth:`finalize` gave: PEM of the leaf and what signed it, and nothing else.

        It is for the request's key and exactly the ordered names, and its signatures and dates are right, or this raises AcmeError.
        *preferred* is the common name of the root that the chain should lead to; where none does, it is the authority's default.
        """
        if not order.csr:
            raise ValueError(
                "the order was not given by finalize, and nobody knows which key its certificate has to be for"
            )
        downloads = Downloads(self._read, self._exchange.wall, self.directory.is_secure)
        return (await downloads.chain(ordering.certificate_address(order), order.csr, order.names, preferred)).pem

    async def revoke(self, certificate_der: bytes, reason: int | None = None, key: PrivateKey | None = None) -> None:
        """Revoke a certificate, by the account or, with *key*, by the certificate's own. One that is revoked already is fine."""
        if self.directory.revoke_cert is None:
            raise AcmeError(Cause.UNSUPPORTED, f"{self.directory.url} revokes nothing: it has no revokeCert")
        if reason is not None and reason not in REASONS:
            raise ValueError(f"{reason} is no reason to revoke; possible are {', '.join(map(str, REASONS))}")
        payload: dict[str, Any] = {"certificate": base64url(certificate_der)}
        if reason is not None:
            payload["reason"] = reason
        try:
            if key is None:
                await self._post(self.directory.revoke_cert, payload)
            else:
                await self._poster.post(self.directory.revoke_cert, payload, jwk_of(key), None)
        except AcmeError as error:
            if error.type != "alreadyRevoked":
                raise

    async def renewal_info(self, chain_pem: bytes) -> RenewalInfo | None:
        """Ask when to renew a certificate (RFC 9773); None where the authority does not say, or the certificate has no name for it."""
        if self.directory.renewal_info is None:
            return None
        try:
            named = certificate_id(certificates_in(chain_pem)[0])
        except ValueError:
            return None
        answer = await self._exchange.get(f"{self.directory.renewal_info.rstrip('/')}/{named}")
        if not answer.is_success:
            raise problem_of(answer)
        return parse_renewal_info(answer)

    async def deactivate_authorization(self, authorization: Authorization) -> bool:
        """Give an authorization up that is not needed any more; whether that succeeded, and it does not matter."""
        try:
            await self._post(authorization.url, {"status": "deactivated"})
        except AcmeError:
            return False
        return True

    async def _account(self, payload: dict[str, Any]) -> str:
        answer = await self._poster.post(self.directory.new_account, payload, self.key, None)
        self.account_url = accounts.account_url(answer, self.directory)
        return self.account_url

    async def _authorization(self, url: str) -> Authorization:
        return parse_authorization(await self._post(url, AS_GET), url, self.directory)

    async def _order(self, order: Order) -> Order:
        answer = await self._post(order.url, AS_GET)
        return ordering.same_order(order, parse_order(answer, order.url, self.directory))

    async def _finalized(self, order: Order, csr_der: bytes) -> Order | None:
        try:
            answer = await self._post(order.finalize, {"csr": base64url(csr_der)})
        except AcmeError as error:
            if error.type == "orderNotReady":
                return None
            raise
        return ordering.same_order(order, parse_order(answer, order.url, self.directory))

    async def _read(self, url: str, accept: str) -> Answer:
        return await self._post(url, AS_GET, accept)

    async def _post(self, url: str, payload: dict[str, Any] | None, accept: str = "application/json") -> Answer:
        if self.account_url is None:
            raise AcmeError(Cause.ACCOUNT, f"{url} was to be asked without an account; register one first")
        return await self._poster.post(url, payload, self.key, self.account_url, accept)
