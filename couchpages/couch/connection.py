"""The node's CouchDB, as the configuration names it: a server, or the embedded store (makes objects, connects to nothing)."""

from pathlib import Path
from typing import Any

from twisted.application.service import Service

from couchpages.config import ConfigurationError, tcp_address
from couchpages.couch.guard import Guard
from couchpages.couch.timeouts import Timeouts
from couchpages.couch.transport import Transport
from couchpages.settings import Settings

EMBEDDED_USER = "couchpages"


def connection(
    reactor: Any, settings: Settings, data: Path, guard: Guard | None = None
) -> tuple[Transport, Service | None]:
    """Give what speaks to CouchDB, and the embedded store if that is what it is.

    The store, once started, listens when its ``whenListening()`` fires. With it, *data* and a password in it are made where they are
    missing.
    """
    couchdb = settings.couchdb
    timeouts = Timeouts(couchdb.connect_timeout, couchdb.answer_timeout, couchdb.idle_timeout)
    if couchdb.url is None:
        return _embedded(reactor, settings, data, timeouts, guard)
    credentials = (couchdb.username, couchdb.password) if couchdb.password is not None else None
    return Transport(reactor, couchdb.url, credentials, timeouts, guard=guard), None


def databases(settings: Settings) -> tuple[str, ...]:
    """Give the names of the databases that a node needs."""
    couchdb = settings.couchdb
    return couchdb.files, couchdb.manifests, couchdb.secrets, couchdb.dns_zones, couchdb.dns_records


def _embedded(
    reactor: Any, settings: Settings, data: Path, timeouts: Timeouts, guard: Guard | None
) -> tuple[Transport, Service]:
    # Whoever has a CouchDB does not load SQLite and all that stands on it.
    from twisted.internet.endpoints import serverFromString

    from couchpages.couch.embedded.password import PasswordFileError, load_or_create_password
    from couchpages.couch.embedded.service import EmbeddedStore

    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        password = load_or_create_password(data / "store-password")
    except PasswordFileError as error:
        raise ConfigurationError(str(error)) from None
    store = EmbeddedStore(
        reactor=reactor,
        endpoint=serverFromString(reactor, settings.embedded.listen),
        path=data / "store.sqlite",
        username=EMBEDDED_USER,
        password=password,
        databases=databases(settings),
    )
    return Transport(reactor, _embedded_url(settings), (EMBEDDED_USER, password), timeouts, guard=guard), store


def _embedded_url(settings: Settings) -> str:
    address = tcp_address(settings.embedded.listen)
    if address is None:
        raise ConfigurationError("[embedded] listen is no tcp: endpoint")
    return f"http://{address.interface or '127.0.0.1'}:{address.port}"
