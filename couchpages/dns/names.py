r"""Domain names in wire form (pure).

A :data:`Name` is the uncompressed wire form of RFC 1035 section 3.1: labels, each behind its length, and the root's zero at the end. So
``b"\x03www\x07example\x03org\x00"`` is not confused with a name whose label has a dot in it. A length is at most 63, which is below the
letters of ASCII, so that :func:`canonical` may lower a whole name at once.
"""

from collections.abc import Iterator
from typing import TypeAlias

import dns.exception
import dns.name

Name: TypeAlias = bytes

ROOT: Name = b"\0"
WILDCARD = b"\1*"
LONGEST_NAME = 255
LONGEST_LABEL = 63
#: Characters of a name, each octet of which may be written with four.
_LONGEST_TEXT = 4 * LONGEST_NAME


def from_text(text: str) -> Name:
    """Read a name as a zone file has it (RFC 1035 section 5.1); it is absolute, with or without a dot at its end.

    Labels that are not ASCII are encoded after IDNA 2008. Raises ValueError with what is wrong.
    """
    if len(text) > _LONGEST_TEXT:
        raise ValueError(f"{text[:LONGEST_NAME]!r} is no domain name: {_why(dns.name.NameTooLong())}")
    try:
        name = dns.name.from_text(text, dns.name.root, dns.name.IDNA_2008_Practical)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(f"{text[:LONGEST_NAME]!r} is no domain name: {_why(error)}") from None
    return bytes(name.to_wire() or b"")


def _why(error: Exception) -> str:
    match error:
        case dns.name.LabelTooLong():
            return "a label has more than 63 octets"
        case dns.name.NameTooLong():
            return "it has more than 255 octets"
        case dns.name.EmptyLabel():
            return "a label is empty"
        case dns.name.BadEscape():
            return "behind a backslash stand three digits up to 255, or one other character"
        case _:
            return str(error)


def to_text(name: Name) -> str:
    """Write a name as a zone file has it, with the dot at its end."""
    return dns.name.Name(labels(name)).to_text()


def shown(name: Name) -> str:
    """Write a name without the dot at its end, as the documents have it."""
    return to_text(name).removesuffix(".") or "."


def labels(name: Name) -> tuple[bytes, ...]:
    """Give the labels, the root's empty one at the end included."""
    found, at = [], 0
    while True:
        length = name[at]
        found.append(name[at + 1 : at + 1 + length])
        at += 1 + length
        if not length:
            return tuple(found)


def canonical(name: Name) -> Name:
    """Give the form by which names are compared (RFC 4343 section 3)."""
    return name.lower()


def parent(name: Name) -> Name:
    """Give the name without its first label; of the root, there is none, and nothing is given."""
    return name[1 + name[0] :]


def suffixes(name: Name) -> Iterator[Name]:
    """Give the name, its parent, and so on to the root."""
    at = 0
    while name[at]:
        yield name[at:]
        at += 1 + name[at]
    yield name[at:]


def is_within(name: Name, apex: Name) -> bool:
    """Whether a name is *apex* or below it; both canonical."""
    excess = len(name) - len(apex)
    if excess < 0 or not name.endswith(apex):
        return False
    # What ends alike need not end at a label.
    at = 0
    while at < excess:
        at += 1 + name[at]
    return at == excess


def is_wildcard(name: Name) -> bool:
    """Whether the first label is a sole asterisk (RFC 4592 section 2.1.1)."""
    return name.startswith(WILDCARD)


def order(name: Name) -> tuple[bytes, ...]:
    """Give what names are sorted by, so that a name stands before those below it (RFC 4034 section 6.1)."""
    return labels(canonical(name))[::-1]


def within_zone(text: str, apex: Name) -> Name:
    """Read an owner's name in the zone *apex*. Raises ValueError with what is wrong.

    ``@`` is the apex; with a dot at its end a name is absolute; another one that ends with the zone's name is taken for absolute too,
    and every other is relative to the zone.
    """
    if text == "@":
        return apex
    name = from_text(text)
    if is_within(canonical(name), apex):
        return name
    if _is_absolute(text):
        raise ValueError(f"{text[:LONGEST_NAME]!r} lies outside the zone {shown(apex)}")
    if len(name) - 1 + len(apex) > LONGEST_NAME:
        raise ValueError(f"{text[:LONGEST_NAME]!r} has more than 255 octets together with the zone's name")
    return name[:-1] + apex


def _is_absolute(text: str) -> bool:
    return dns.name.from_text(text, None, dns.name.IDNA_2008_Practical).is_absolute()
