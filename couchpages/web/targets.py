"""Request targets, as far as hosts depend on them (pure)."""

import re

_ABSOLUTE_FORM = re.compile(rb"https?://([^/?#]*)", re.IGNORECASE)


def split_absolute(target: bytes) -> tuple[bytes | None, bytes]:
    """Give the authority of a target in absolute form, or None, and what follows it (RFC 9112 section 3.2.2)."""
    absolute = _ABSOLUTE_FORM.match(target)
    return (absolute[1], target[absolute.end() :]) if absolute else (None, target)


def target_host(target: bytes) -> bytes | None:
    """Give the authority of a target in absolute form, which then counts instead of Host (RFC 9112 section 3.2.2), or None."""
    return split_absolute(target)[0]
