"""The API key that a request carries (pure)."""

from couchpages.web.message import RequestHead


def api_key(head: RequestHead) -> str | None:
    """Give the key of ``Authorization: Bearer …`` (RFC 6750 section 2.1), or of the first system's ``ApiKey``."""
    scheme, _, token = (head.headers.first(b"authorization") or b"").partition(b" ")
    value = token if scheme.lower() == b"bearer" else head.headers.first(b"apikey")
    return value.strip().decode("utf-8", "surrogateescape") if value else None
