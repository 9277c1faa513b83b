"""What a reader of `_changes` asks for, decided (pure).

Source: CouchDB documentation, "/{db}/_changes"; wording measured against Apache CouchDB 3.5.0, which answers 500 to
some malformed numbers: this store says 400.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from couchpages.couch.embedded.errors import bad_request, not_implemented
from couchpages.couch.embedded.json_text import read_json
from couchpages.couch.embedded.query import Parameters, flag
from couchpages.couch.embedded.views import ChangesView, View

TIMEOUT = 60.0  # seconds without a change, after which a feed without heartbeat ends
HEARTBEAT = 60.0  # seconds, when heartbeat=true
FEEDS = ("normal", "continuous", "longpoll", "eventsource")
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


def read_options(
    parameters: Parameters, body: Mapping[str, object] | None = None, last_event: str | None = None
) -> FeedOptions:
    """Read the query parameters of `_changes`, the body of a POST, and the header Last-Event-ID."""
    limit = _number(parameters, "limit", -1)
    return FeedOptions(
        _feed(parameters),
        _since(parameters, last_event),
        limit if limit >= 0 else _UNLIMITED,
        _heartbeat(parameters.get("heartbeat")),
        max(0, _number(parameters, "timeout", int(TIMEOUT * 1000))) / 1000,
        _view(parameters, body or {}),
    )


def _since(parameters: Parameters, last_event: str | None) -> str:
    if parameters.get("feed") == "eventsource" and last_event is not None:
        # Events are told with their sequence as JSON, and that is what comes back.
        return last_event.strip().strip('"')
    return parameters.get("last-event-id", parameters.get("since", "0"))


def _feed(parameters: Parameters) -> str:
    feed = parameters.get("feed", "normal")
    feed = "continuous" if feed == "live" else feed
    if feed not in FEEDS:
        raise bad_request("Supported `feed` types: normal, continuous, live, longpoll, eventsource")
    return feed


def _view(parameters: Parameters, body: Mapping[str, object]) -> ChangesView:
    style = parameters.get("style", "main_only")
    if style not in ("main_only", "all_docs"):
        raise bad_request("Supported `style` values: main_only, all_docs")
    shown = View(
        conflicts=flag(parameters, "conflicts"),
        attachments=flag(parameters, "attachments"),
        encoding_info=flag(parameters, "att_encoding_info"),
    )
    return ChangesView(
        style == "all_docs",
        flag(parameters, "include_docs"),
        shown,
        flag(parameters, "descending"),
        _only(parameters, body),
        parameters.get("filter") == "_design",
    )


def _only(parameters: Parameters, body: Mapping[str, object]) -> frozenset[str] | None:
    """Read which documents are told of; filters in JavaScript or Mango are not part of this store."""
    wanted = parameters.get("filter")
    if wanted in (None, "_design"):
        return None
    if wanted != "_doc_ids":
        raise not_implemented(f"The filter {wanted} is not part of the embedded store.")
    names = body.get("doc_ids")
    if names is None and "doc_ids" in parameters:
        names = read_json(parameters["doc_ids"].encode("utf-8", "surrogateescape"))
    if not isinstance(names, list):
        raise bad_request("`doc_ids` filter parameter is not a JSON array.")
    return frozenset(name for name in names if isinstance(name, str))


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
