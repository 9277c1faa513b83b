"""JSON that came in a request's body: its content type, and parsing that does not hold up the reactor (does)."""

from collections.abc import Callable
from typing import TypeVar

from couchpages.couch.embedded.bodies import JsonBody
from couchpages.couch.embedded.errors import bad_content_type, bad_request
from couchpages.couch.embedded.exchange import Exchange
from couchpages.couch.embedded.json_text import read_json
from couchpages.couch.embedded.store import Store

IN_PLACE = 64 * 1024  # bytes that the reactor's thread may parse itself

T = TypeVar("T")


def require_json(exchange: Exchange) -> None:
    """Raise 415 for a body that does not say that it is JSON."""
    content_type = (exchange.header("content-type") or "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise bad_content_type()


async def sent_json(store: Store, exchange: Exchange, read: Callable[[object], T]) -> T:
    """Parse the body and read it with this pure function, in another thread when it is long."""
    text = exchange.body.text() if isinstance(exchange.body, JsonBody) else b""
    if not text and exchange.header("content-length") is None and exchange.header("transfer-encoding") is None:
        raise bad_request("Missing request body")
    if len(text) <= IN_PLACE:
        return read(read_json(text))
    exchange.body.abandon()
    return await store.read(lambda _: read(read_json(text)))


def json_object(value: object) -> dict[str, object]:
    """Return a JSON object, or raise 400."""
    if not isinstance(value, dict):
        raise bad_request("Request body must be a JSON object")
    return value
