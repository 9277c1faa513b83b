"""Host names of sites and of requests, decided (pure).

A site's name is a DNS host name: labels of letters, digits and hyphens (RFC 952, RFC 1123 section 2.1), at most 63 octets
each (RFC 1035 section 2.3.4). Everything else in this package compares such names byte for byte, so there is one form of each.
"""

import ipaddress
import re

import idna

from couchpages.quoting import quoted

LONGEST_LABEL = 63
"""RFC 1035 section 2.3.4."""

LONGEST_SITE = 189
"""253 characters of a whole name (RFC 1035, less the root's and the first length octet), less a preview's label and its dot."""

_LONGEST_INPUT = 4 * 253  # mapping may shorten a name, but not one that is longer than this

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_WITH_PORT = re.compile(r"([^:]+):[0-9]*")
_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")

_PLAIN_AUTHORITY = re.compile(rb"([0-9A-Za-z._-]+)(?::[0-9]*)?")
# RFC 3986 section 3.2.2: reg-name, or an address in brackets; a host of http is never empty (RFC 9110 section 4.2.1).
_AUTHORITY = re.compile(rb"((?:[0-9A-Za-z._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+|\[([0-9A-Fa-f:.]+)\])(?::[0-9]*)?")


class InvalidHost(ValueError):
    """A text is not the name of a site; the message says why, and what to write."""


def site_name(text: str) -> str:
    """Give the canonical form of a site's name: lower case, ASCII (A-labels of IDNA), without a trailing dot.

    Raises ``InvalidHost``. Letters of other scripts are mapped as browsers do (UTS 46, not transitional) and encoded as
    in RFC 5891. ASCII labels are taken as they stand, so a name that IDNA 2008 forbids may be given as its A-label.
    """
    name = _mapped(text).removesuffix(".")
    _refuse_what_is_no_name(name, text)
    labels = [_label(label, text) for label in name.split(".")]
    if _NUMBER.fullmatch(labels[-1]):  # the WHATWG URL Standard reads such a host as an IPv4 address
        raise InvalidHost(f"{quoted(text)} ends in a number, so it reads as an IP address; a site needs a host name")
    canonical = ".".join(labels)
    if len(canonical) > LONGEST_SITE:
        raise _too_long(text)
    return canonical


def _mapped(text: str) -> str:
    if len(text) > _LONGEST_INPUT:
        raise _too_long(text)
    if text.isascii():
        return text.lower()
    try:
        return idna.uts46_remap(text, std3_rules=False)
    except idna.IDNAError as error:
        raise InvalidHost(f"{quoted(text)} is not an internationalised host name: {_reason(error)}") from None


def _refuse_what_is_no_name(name: str, text: str) -> None:
    """Raise for what people write instead of a host name, each with the advice that fits."""
    if not name:
        raise InvalidHost('a site needs a host name, for instance "www.example.org"; this one is empty')
    if "/" in name:
        raise InvalidHost(
            f'{quoted(text)} looks like an address; write the host name alone, for instance "example.org"'
        )
    if any(character.isspace() for character in name):
        raise InvalidHost(f"{quoted(text)} contains white space; a host name has none")
    if "*" in name:
        raise InvalidHost(f"{quoted(text)} is a wildcard; a site has one name, and its previews need none")
    if _is_address(name):
        raise InvalidHost(f'{quoted(text)} is an IP address; a site needs a host name, for instance "localhost"')
    if with_port := _WITH_PORT.fullmatch(name):
        raise InvalidHost(f"{quoted(text)} has a port; write {quoted(with_port[1])}")


def _is_address(name: str) -> bool:
    if name.startswith("["):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name.count(":") > 1  # no host name has several colons; it was meant as an IPv6 address
    return True


def _label(label: str, text: str) -> str:
    """Give one label in ASCII, or raise."""
    if not label:
        raise InvalidHost(f"{quoted(text)} has an empty label: two dots together, or one at the beginning")
    ascii_label = label if label.isascii() else _a_label(label, text)
    if not _LABEL.fullmatch(ascii_label):
        raise InvalidHost(
            f"{quoted(text)}: the label {quoted(label)} may hold letters, digits and, not at its ends, hyphens alone"
        )
    if len(ascii_label) > LONGEST_LABEL:
        raise InvalidHost(f"{quoted(text)}: a label is longer than {LONGEST_LABEL} characters")
    return ascii_label


def _a_label(label: str, text: str) -> str:
    try:
        return idna.alabel(label).decode("ascii")
    except idna.IDNAError as error:
        raise InvalidHost(f"{quoted(text)} is not an internationalised host name: {_reason(error)}") from None


def _reason(error: idna.IDNAError) -> str:
    """Give the library's words in a form that can be encoded: they may repeat a lone surrogate."""
    return str(error).encode("utf-8", "backslashreplace").decode()


def _too_long(text: str) -> InvalidHost:
    return InvalidHost(
        f"{quoted(text)} is longer than {LONGEST_SITE} characters; "
        f"that many leave room for a preview's label before it (253 in all)"
    )


def requested_host(value: bytes) -> str | None:
    """Give the host that a Host field or an authority names, or None where it is not valid (RFC 9110 section 7.2).

    The port is left out, letters are lower case, one trailing dot is gone. An IP address is given as it stands, in its
    brackets, and so is a name that no site can have: nobody will know it. User information makes an authority invalid.
    """
    plain = _PLAIN_AUTHORITY.fullmatch(value)
    host = plain[1] if plain else _unusual_host(value)
    if host is None:
        return None
    return host.decode("ascii").lower().removesuffix(".") or None


def _unusual_host(value: bytes) -> bytes | None:
    authority = _AUTHORITY.fullmatch(value)
    if authority is None:
        return None
    if authority[2] is not None:
        try:
            ipaddress.IPv6Address(authority[2].decode("ascii"))
        except ValueError:
            return None
    return bytes(authority[1])


def commit_label(commit: str) -> str:
    """Give the DNS label of a commit's preview: its 7 to 63 hexadecimal digits in lower case.

    A commit of a SHA-256 repository has 64 digits, one more than a label holds: its label is the first 40, as many as a
    SHA-1 commit has. Raises ValueError for what is no commit.
    """
    if not _COMMIT.fullmatch(commit):
        raise ValueError(f"{quoted(commit)} is not a commit; write 7 to 64 hexadecimal digits")
    return commit[:40].lower() if len(commit) > LONGEST_LABEL else commit.lower()
