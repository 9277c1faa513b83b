"""The certificate authority that this node asks, with our account there (does I/O)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from couchpages.certs.acme.client import Client, fetch_directory
from couchpages.certs.acme.errors import AcmeError, Cause
from couchpages.certs.acme.exchange import Exchange
from couchpages.certs.acme.keys import account_key
from couchpages.certs.acme.signing import ExternalAccount
from couchpages.certs.boxes import Refused
from couchpages.certs.issuing.accounts import Account, AccountBook

#: Seconds for which a directory is believed: authorities change theirs, and their nonces with a restart.
BELIEVED = 3600.0


@dataclass(frozen=True, slots=True)
class Registration:
    """What an account is made with: the *directory*'s address, mailboxes, whether the terms are agreed to, and whose customer we are."""

    directory: str
    contacts: Sequence[str]
    terms_agreed: bool
    external: ExternalAccount | None


class Authority:
    """Gives clients that may order. Used in *reactor*'s thread."""

    log = Logger()

    def __init__(self, reactor: Any, exchange: Exchange, book: AccountBook, registration: Registration) -> None:
        self._reactor = reactor
        self._exchange = exchange
        self._book = book
        self._registration = registration
        self._client: Client | None = None
        self._since = 0.0
        self._waiting: list[Deferred[Client]] = []
        self._connecting: Deferred[Any] | None = None

    @property
    def directory(self) -> str:
        """The address of its directory."""
        return self._registration.directory

    def client(self) -> "Deferred[Client]":
        """Give a client with an account. Fails with AcmeError, and with what :class:`AccountBook` raises; cancelling it stops waiting.

        Those who ask while it is being connected to get the same.
        """
        answer: Deferred[Client] = Deferred(self._forsake)
        if self._client is not None and self._reactor.seconds() < self._since + BELIEVED:
            answer.callback(self._client)
            return answer
        self._waiting.append(answer)
        if self._connecting is None:
            connecting: Deferred[Any] = Deferred.fromCoroutine(self._connect())
            if not connecting.called:
                self._connecting = connecting
            connecting.addCallbacks(self._connected, self._failed)
        return answer

    async def unable(self) -> str:
        """Say what keeps this node from using our account, which another may be able to open; nothing where it can.

        Raises a :class:`~couchpages.ports.StoreError`.
        """
        try:
            await self._book.get(self._registration.directory)
        except Refused as error:
            return self._locked(error)
        return ""

    def forget(self, error: BaseException) -> None:
        """Connect anew next time, where *error* says that what we know of the authority is not so any more."""
        if isinstance(error, AcmeError) and error.cause in (Cause.ACCOUNT, Cause.NONSENSE, Cause.EXTERNAL_ACCOUNT):
            self._client = None

    def stop(self) -> None:
        """Leave what is under way."""
        if self._connecting is not None:
            self._connecting.cancel()

    async def _connect(self) -> Client:
        directory = await fetch_directory(self._exchange, self._registration.directory)
        account = await self._account()
        client = Client(self._reactor, self._exchange, directory, account_key(account.key), account.url or None)
        # An authority that was set up anew knows none of its accounts.
        if not account.url or await client.find_account() != account.url:
            await self._register(client, account)
        elif set(account.contacts) != set(self._registration.contacts):
            await self._tell_contacts(client, account)
        return client

    async def _tell_contacts(self, client: Client, account: Account) -> None:
        try:
            await client.tell_contacts(self._registration.contacts)
        except AcmeError as error:
            # Certificates are worth more than that.
            self.log.warn("the CA does not take [acme] contacts: {error}", error=error)
        else:
            await self._book.note(account, account.url, self._registration.contacts)

    async def _account(self) -> Account:
        directory = self._registration.directory
        try:
            return await self._book.get_or_make(directory)
        except Refused as error:
            raise AcmeError(Cause.ACCOUNT, self._locked(error)) from None

    def _locked(self, error: Refused) -> str:
        return (
            f"our account at {self._registration.directory} cannot be opened: {error}; "
            "where that key is lost, 'couchpages certs delete-account' has another account made"
        )

    async def _register(self, client: Client, account: Account) -> None:
        registration = self._registration
        url = await client.register(registration.contacts, registration.terms_agreed, registration.external)
        await self._book.note(account, url, registration.contacts)
        self.log.info("our account at {directory} is {url}", directory=registration.directory, url=url)

    def _connected(self, client: Client) -> None:
        self._connecting = None
        self._client, self._since = client, self._reactor.seconds()
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.called:
                each.callback(client)

    def _failed(self, failure: Any) -> None:
        self._connecting = self._client = None
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.called:
                each.errback(failure)

    def _forsake(self, answer: "Deferred[Client]") -> None:
        # One that gets its answer may cancel others, which are about to get theirs.
        if answer in self._waiting:
            self._waiting.remove(answer)
