"""What a reader of `_changes` asks for, decided (pure).

Source: CouchDB documentation, "/{db}/_changes"; wording measured against Apache CouchDB 3.5.0, which answers 500 to
some malformed numbers: this store says 400.
"""

import re
from dataclasses import dataclass

from couchpages.couch.embedded.errors import bad_request, not_implemented
from couchpages.couch.embedded.query import Parameters, flag
from couchpages.couch.embedded.views import ChangesView

TIMEOUT = 60.0  # seconds without a change, after which a feed without heartbeat ends
HEARTBEAT = 60.0  # seconds, when heartbeat=true
FEEDS = ("normal", "continuous", "longpoll")
_NUMBER = re.compile(r"-?[0-9]{1,12}", re.ASCII)
_UNLIMITED = 2**62


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """One of FEEDS, with times in seconds; `heartbeat` None means that the feed ends after `timeout` of silence."""

    feed: str
    since: str
    limit: int
    heartbeat: float | None
    timeout: float
    view: ChangesView


def read_options(parameters: Parameters) -> FeedOptions:
    """Read the query parameters of `_changes`."""
    if "filter" in parameters:
        raise not_implemented("Filters are not part of the embedded store.")
    limit = _number(parameters, "limit", -1)
    return FeedOptions(
        _feed(parameters),
        parameters.get("last-event-id", parameters.get("since", "0")),
        limit if limit >= 0 else _UNLIMITED,
        _heartbeat(parameters.get("heartbeat")),
        max(0, _number(parameters, "timeout", int(TIMEOUT * 1000))) / 1000,
        _view(parameters),
    )


def _feed(parameters: Parameters) -> str:
    feed = parameters.get("feed", "normal")
    if feed == "eventsource":
        raise not_implemented("feed=eventsource is not part of the embedded store.")
    feed = "continuous" if feed == "live" else feed
    if feed not in FEEDS:
        raise bad_request("Supported `feed` types: normal, continuous, live, longpoll, eventsource")
    return feed


def _view(parameters: Parameters) -> ChangesView:
    style = parameters.get("style", "main_only")
    if style not in ("main_only", "all_docs"):
        raise bad_request("Supported `style` values: main_only, all_docs")
    include_docs, descending = flag(parameters, "include_docs"), flag(parameters, "descending")
    return ChangesView(style == "all_docs", include_docs, flag(parameters, "conflicts"), descending)


def _number(parameters: Parameters, name: str, default: int) -> int:
    text = parameters.get(name)
    if text is None:
        return default
    if not _NUMBER.fullmatch(text):
        raise bad_request(f"Invalid {name} value. Expecting an integer.")
    return int(text)


def _heartbeat(text: str | None) -> float | None:
    if text in (None, "false"):
        return None
    if text == "true":
        return HEARTBEAT
    if not _NUMBER.fullmatch(text or ""):
        raise bad_request("Invalid heartbeat value. Expecting a positive integer value (in milliseconds).")
    if int(text or "0") <= 0:
        raise bad_request("The heartbeat value should be a positive integer (in milliseconds).")
    return int(text or "0") / 1000
