"""Strict-Transport-Security (pure): RFC 6797."""

from collections.abc import Sequence


def hsts_fields(age: int | None, *, subdomains: bool, preload: bool) -> Sequence[tuple[bytes, bytes]]:
    """Give the fields of every response over HTTPS: *age* is in seconds, None for no field at all."""
    if age is None:
        return ()
    words = [f"max-age={age}", *(["includeSubDomains"] if subdomains else []), *(["preload"] if preload else [])]
    return ((b"strict-transport-security", "; ".join(words).encode()),)
