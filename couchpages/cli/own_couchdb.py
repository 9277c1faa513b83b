"""The node's own CouchDB, for commands that work on it without the daemon (I/O)."""

import os
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from couchpages.access.administration import Administration
from couchpages.access.keys import KeyRecord
from couchpages.certs.administration import Administration as Certificates
from couchpages.certs.certificates import Certificate
from couchpages.certs.issuing.accounts import AccountBook
from couchpages.certs.issuing.orders.book import OrderStore
from couchpages.certs.key_files import read_keys
from couchpages.config import key_files
from couchpages.couch.backoff import Backoff
from couchpages.couch.connection import connection, databases
from couchpages.couch.database import CouchDatabase
from couchpages.ports import Denied, Unavailable
from couchpages.settings import Settings

T = TypeVar("T")


class OwnCouchDB:
    """Connects as the daemon does; an embedded store that nobody runs is run for as long as the work takes."""

    def __init__(self, reactor: Any, settings: Settings) -> None:
        self.reactor = reactor
        self._settings = settings
        self._transport, self._store = connection(reactor, settings, settings.data.resolve())
        # Somebody waits at a terminal: one quick repetition, no more.
        self._transport.backoff = Backoff(tries=2)
        secrets = CouchDatabase(self._transport, settings.couchdb.secrets)
        self._keys = Administration(secrets, os.urandom)
        sealing = read_keys(key_files(settings))
        #: What is done to certificates.
        self.certificates = Certificates(secrets, sealing, os.urandom, _milliseconds)
        #: How the issue of certificates stands.
        self.orders = OrderStore(secrets)
        #: Accounts at authorities.
        self.accounts = AccountBook(secrets, lambda: sealing, os.urandom, bytes)

    async def use(self, work: "Callable[[OwnCouchDB], Coroutine[Any, Any, T]]") -> T:
        """Give what *work* gives."""
        started = await self._start_store()
        try:
            return await work(self)
        finally:
            await self._transport.close()
            if started and self._store is not None:
                await self._store.stopService()

    async def init(self, now: str) -> tuple[list[str], str | None]:
        """Make the databases that are missing, and a key for everything if there is none; give their names and the key."""
        made = [name for name in databases(self._settings) if await CouchDatabase(self._transport, name).ensure()]
        if any(not record.clear for record in await self._keys.all()):
            return made, None
        text, _ = await self._keys.create(name="made by couchpages init", sites=["*"], zones=["*"], created=now)
        return made, text

    async def create_key(
        self, name: str, sites: Sequence[str], zones: Sequence[str], now: str
    ) -> tuple[str, KeyRecord]:
        """Make a key."""
        return await self._keys.create(name=name, sites=sites, zones=zones, created=now)

    async def keys(self) -> list[KeyRecord]:
        """Give all keys."""
        return await self._keys.all()

    async def revoke_key(self, key_id: str) -> bool:
        """Revoke a key."""
        return await self._keys.revoke(key_id)

    async def seal_key(self) -> bool:
        """Seal the first system's key."""
        return await self._keys.seal()

    async def revoke(self, certificate: Certificate, directory: str, reason: int) -> None:
        """Revoke a certificate at the authority of *directory*; see :func:`couchpages.certs.issuing.revoking.revoke`."""
        # Imported here: no other command asks an authority.
        from couchpages.certs.acme.exchange import open_exchange
        from couchpages.certs.issuing.revoking import revoke

        exchange = open_exchange(self.reactor, time.time, self._settings.acme.ca_file)
        try:
            await revoke(self.reactor, exchange, await self.accounts.get(directory), certificate, directory, reason)
        finally:
            await exchange.close()

    async def _start_store(self) -> bool:
        """Start the embedded store unless the daemon runs it; tell whether it was started."""
        store: Any = self._store
        if store is None:
            return False
        try:
            await self._transport.fetch("GET", "_up")
        except Denied:
            raise RuntimeError(
                f"{self._settings.embedded.listen}: another node's store listens there, or another program; "
                'end it, or give this node another port: [embedded] listen = "tcp:8085:interface=127.0.0.1"'
            ) from None
        except Unavailable:
            store.startService()
            await store.whenListening()
            return True
        return False


def _milliseconds() -> int:
    return int(time.time() * 1000)
