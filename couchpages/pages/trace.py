"""``/cdn-cgi/trace``: which node answered whom (pure).

The keys are the first system's: h, ip, ts, visit_scheme, ug, colo, http, loc, tls.
"""

import json
from dataclasses import dataclass

from couchpages.pages.paths import BadTarget, decode_target
from couchpages.pages.replies import NOSNIFF, NOT_STORED
from couchpages.web.message import RequestHead, Response
from couchpages.web.proxies import Client

TEXT_PATH = b"/cdn-cgi/trace"
JSON_PATH = b"/cdn-cgi/trace-json"


@dataclass(frozen=True, slots=True)
class Place:
    """What a node says of itself: its name, its location (``colo``) and the country that it stands in (``loc``)."""

    name: str
    location: str
    country: str


def wanted(target: bytes) -> bytes | None:
    """Give which of the two is asked for, also in absolute form, or None."""
    if TEXT_PATH not in target:
        return None
    try:
        path = b"/" + decode_target(target)[0].encode()
    except BadTarget:
        return None
    return path if path in (TEXT_PATH, JSON_PATH) else None


def trace(path: bytes, head: RequestHead, host: str, client: Client, place: Place, now: float) -> Response:
    """Answer at *now*, in seconds since 1970."""
    facts = {
        "h": host,
        "ip": client.address,
        "ts": f"{now:.3f}",
        "visit_scheme": client.scheme,
        "ug": (head.headers.first(b"user-agent") or b"").decode("utf-8", "replace"),
        "colo": place.location,
        "http": "http/" + head.version.decode("latin-1").rpartition("/")[2],
        "loc": place.country,
        "tls": head.tls or ("on" if client.scheme == "https" else "off"),
        "node": place.name,
    }
    if path == JSON_PATH:
        return _response(b"application/json", json.dumps(facts, ensure_ascii=False) + "\n")
    return _response(b"text/plain; charset=utf-8", "".join(f"{key}={value}\n" for key, value in facts.items()))


def _response(content_type: bytes, text: str) -> Response:
    body = text.encode()
    length = (b"content-length", str(len(body)).encode())
    # Pages of any site may read it, as Cloudflare allows.
    return Response(200, ((b"content-type", content_type), length, NOT_STORED, NOSNIFF), body)
