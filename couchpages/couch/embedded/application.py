"""The store's HTTP application: who may ask, what is asked, and every error as CouchDB words it (does)."""

from collections.abc import Awaitable
from http import HTTPStatus

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from couchpages.couch.embedded import answer_bulk, answer_server
from couchpages.couch.embedded.answer_attachments import attachment, check_upload, upload_body
from couchpages.couch.embedded.answer_bulk_get import bulk_get
from couchpages.couch.embedded.answer_documents import document
from couchpages.couch.embedded.answer_listings import all_documents
from couchpages.couch.embedded.authorization import Credentials, authenticated
from couchpages.couch.embedded.bodies import Body, Ignored, JsonBody
from couchpages.couch.embedded.errors import ApiError, StoreClosedError, unauthorized, unavailable
from couchpages.couch.embedded.exchange import Exchange
from couchpages.couch.embedded.feed import changes
from couchpages.couch.embedded.multipart_body import MultipartBody
from couchpages.couch.embedded.routes import (
    AllDatabases,
    AllDocuments,
    Attachment,
    BulkDocuments,
    BulkGet,
    Changes,
    Database,
    Document,
    FullCommit,
    LocalDocument,
    RevisionsDifference,
    Session,
    Target,
    Up,
    Welcome,
    check_method,
    target,
)
from couchpages.couch.embedded.store import Store


class CouchApplication:
    """Answers exchanges from a store."""

    log = Logger()

    def __init__(self, store: Store, credentials: Credentials) -> None:
        self._store = store
        self._credentials = credentials
        self._running = 0
        self._idle: list[Deferred[None]] = []

    def begin(self, exchange: Exchange) -> Body:
        """Refuse what the head alone condemns, and choose where the body goes."""
        self._running += 1
        try:
            about = self._read_head(exchange)
            if exchange.verb == "PUT" and isinstance(about, Attachment):
                check_upload(exchange, about)
                return upload_body(self._store, exchange)
            content_type = exchange.header("content-type") or ""
            if exchange.verb == "PUT" and isinstance(about, Document) and content_type.startswith("multipart/related;"):
                return MultipartBody(content_type, self._store.writer, exchange.channel.tcp)
        except ApiError:
            return Ignored()  # `answer` finds the same error again
        return JsonBody() if exchange.verb in ("PUT", "POST") else Ignored()

    def _read_head(self, exchange: Exchange) -> Target:
        known = authenticated(exchange.header("authorization"), self._credentials)
        about, _ = target(exchange.target), exchange.parameters
        if not known and not isinstance(about, Welcome | Up | Session):
            admin = isinstance(about, AllDatabases) or (
                isinstance(about, Database) and exchange.verb in ("PUT", "DELETE")
            )
            raise unauthorized("You are not a server admin." if admin else "You are not authorized to access this db.")
        check_method(about, exchange.verb)
        return about

    async def answer(self, exchange: Exchange) -> None:
        """Answer; whatever goes wrong becomes an answer too, or the end of the connection when one has begun."""
        try:
            await self._dispatch(exchange, self._read_head(exchange))
        except CancelledError:
            return
        except ApiError as error:
            self._refuse(exchange, error)
        except StoreClosedError:
            self._refuse(exchange, unavailable())
        except Exception as error:  # noqa: BLE001  # the last resort, logged in full
            self.log.failure(
                "The embedded store failed to answer {verb} {target}", verb=exchange.verb, target=exchange.target
            )
            self._refuse(exchange, ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "unknown_error", type(error).__name__))

    def _refuse(self, exchange: Exchange, error: ApiError) -> None:
        if exchange.startedWriting:
            exchange.abort()
            return
        headers = {"Allow": ",".join(error.allow)} if error.allow else {}
        exchange.send_json(error.status, {"error": error.error, "reason": error.reason}, headers)

    def _dispatch(self, exchange: Exchange, about: Target) -> Awaitable[None]:  # noqa: C901, PLR0911, PLR0912  # one case for each target
        store = self._store
        match about:
            case Welcome():
                return answer_server.welcome(exchange)
            case Up():
                return answer_server.up(exchange)
            case Session():
                return answer_server.session()
            case AllDatabases():
                return answer_server.all_databases(store, exchange)
            case Database(name):
                return answer_server.database(store, exchange, name)
            case FullCommit(name):
                return answer_server.full_commit(store, exchange, name)
            case AllDocuments(name):
                return all_documents(store, exchange, name)
            case Changes(name):
                return changes(store, exchange, name)
            case BulkDocuments(name):
                return answer_bulk.bulk_documents(store, exchange, name)
            case BulkGet(name):
                return bulk_get(store, exchange, name)
            case RevisionsDifference(name):
                return answer_bulk.revisions_difference(store, exchange, name)
            case Document() | LocalDocument():
                return document(store, exchange, about)
            case Attachment():
                return attachment(store, exchange, about)

    def ended(self, exchange: Exchange) -> None:  # noqa: ARG002  # the protocol's name
        """Count an exchange that is over."""
        self._running -= 1
        if self._running == 0:
            for each in self._idle:
                each.callback(None)
            self._idle.clear()

    def when_idle(self) -> "Deferred[None]":
        """Fire when no exchange is under way."""
        idle: Deferred[None] = Deferred(self._idle.remove)
        if self._running == 0:
            idle.callback(None)
        else:
            self._idle.append(idle)
        return idle
