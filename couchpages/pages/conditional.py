"""Conditional requests of RFC 9110 section 13, decided (pure).

The only validator is a strong ETag, the content's SHA-256. No Last-Modified is sent, so If-Modified-Since and If-Unmodified-Since
are ignored, as sections 13.1.3 and 13.1.4 ask where a resource has no modification date.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from couchpages.web.message import Headers

_READING = frozenset({b"GET", b"HEAD"})

# One member of a list of entity-tags (sections 5.6.1 and 8.8.3); a tag may contain commas. What is no tag is
# passed over. Every quantifier is possessive and the whole always matches, so that the time is linear in the field's length.
_MEMBER = re.compile(rb'[ \t,]*+(?:(W/)?("[\x21\x23-\x7e\x80-\xff]*+")(?=[ \t]*+(?:,|\Z))|[^,]*+)')


@dataclass(frozen=True, slots=True)
class Proceed:
    """No condition stands in the way."""


@dataclass(frozen=True, slots=True)
class NotModified:
    """The client has the current content: 304."""


@dataclass(frozen=True, slots=True)
class PreconditionFailed:
    """The client asked for nothing to be done in this case: 412."""


Verdict = Proceed | NotModified | PreconditionFailed


def etag(sha256: str) -> bytes:
    """Give the strong entity-tag of the content with this hash, in hexadecimal (section 8.8.3)."""
    return b'"%b"' % sha256.encode("ascii")


def matches(if_none_match: bytes, etag: bytes) -> bool:
    """Tell whether a list of entity-tags, or ``*``, names *etag* by weak comparison (section 8.8.3.2), as If-None-Match does."""
    return if_none_match in (etag, b"*") or any(tag == etag for _, tag in _members(if_none_match))


def matches_strongly(if_match: bytes, etag: bytes) -> bool:
    """Tell whether a list of entity-tags, or ``*``, names *etag* by strong comparison, as If-Match does: a weak tag never matches."""
    return if_match in (etag, b"*") or any(tag == etag and not weak for weak, tag in _members(if_match))


def _members(field: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give weakness mark and opaque tag of each well-formed member."""
    return ((weak, tag) for weak, tag in _MEMBER.findall(field) if tag)


def precondition(method: bytes, headers: Headers, etag: bytes) -> Verdict:
    """Evaluate the conditions of a request for existing content, in the order of section 13.2.2."""
    if_match = headers.joined(b"if-match")
    if if_match is not None and not matches_strongly(if_match, etag):
        return PreconditionFailed()
    if_none_match = headers.joined(b"if-none-match")
    if if_none_match is None or not matches(if_none_match, etag):
        return Proceed()
    return NotModified() if method in _READING else PreconditionFailed()
