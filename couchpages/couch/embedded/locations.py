"""Addresses of what was written, decided (pure)."""

from urllib.parse import quote


def location(address: str, *names: str) -> str:
    """Join percent-encoded names to an address like `http://host:port`; slashes inside a name are encoded too."""
    return "/".join([address, *(quote(name, safe="", errors="surrogateescape") for name in names)])
