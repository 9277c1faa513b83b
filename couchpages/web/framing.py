"""Where a request's body ends, and what its fields must agree on, after RFC 9112 sections 3.2 and 6 (pure)."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from couchpages.web.syntax import Fault, Field, is_token

Length: TypeAlias = int | Literal["chunked"]
"""A body's length in bytes, 0 without a body; or that its chunks tell."""

LONGEST_LENGTH = 18
"""Digits of a Content-Length: so many fit a signed integer of 64 bits, in which file systems and other servers count."""


def values(fields: Sequence[Field], name: bytes) -> list[bytes]:
    """Give every value of the fields named *name* (lower case)."""
    return [each.value for each in fields if each.name == name]


def host_fault(version: bytes, fields: Sequence[Field]) -> Fault | None:
    """Refuse a request that does not have exactly one Host; HTTP/1.0 may do without (RFC 9112 section 3.2).

    Whether the value names a host is for the application to say; white space in it is how two hosts are put into one field.
    """
    hosts = values(fields, b"host")
    if len(hosts) > 1 or (not hosts and version == b"HTTP/1.1"):
        return Fault(400, "exactly one Host field is needed (RFC 9112 section 3.2)", "Host")
    if hosts and len(hosts[0].split()) > 1:
        return Fault(400, "the Host field has white space in it (RFC 9110 section 7.2)", "Host")
    return None


def length_of(version: bytes, fields: Sequence[Field]) -> Length | Fault:
    """Give the length of a request's body (RFC 9112 section 6.3); without either field there is none."""
    lengths, codings = values(fields, b"content-length"), values(fields, b"transfer-encoding")
    if lengths and codings:
        return Fault(
            400, "Content-Length and Transfer-Encoding exclude each other (RFC 9112 section 6.1)", "Content-Length"
        )
    if codings:
        return coding_fault(version, codings) or "chunked"
    if lengths:
        return _content_length(lengths)
    return 0


def coding_fault(version: bytes, codings: Sequence[bytes]) -> Fault | None:
    """Refuse every Transfer-Encoding but one field that says ``chunked``, in any case.

    RFC 9112 section 6.3 wants 400 where ``chunked`` is not last, since nobody knows then where the body ends, and section 6.1 wants 501
    for codings that a server does not know, of which there are only well-formed ones before a last ``chunked``. Section 6.1 has HTTP/1.0
    treated as faulty framing. Lists with empty elements, and codings spread over several fields, are legal and read differently
    by different servers; no client needs them.
    """
    if version == b"HTTP/1.0":
        return _coding(400, "HTTP/1.0 has no Transfer-Encoding (RFC 9112 section 6.1)")
    if len(codings) > 1:
        return _coding(400, "Transfer-Encoding stands more than once (RFC 9112 section 6.3)")
    *others, last = (each.strip(b" \t").lower() for each in codings[0].split(b","))
    if last != b"chunked" or b"chunked" in others or not all(map(is_token, others)):
        return _coding(400, 'Transfer-Encoding must be "chunked" (RFC 9112 section 6.3)')
    if others:
        return _coding(501, 'of transfer codings this server knows "chunked" alone (RFC 9112 section 6.1)')
    return None


def _coding(status: int, detail: str) -> Fault:
    return Fault(status, detail, "Transfer-Encoding")


def _content_length(lengths: Sequence[bytes]) -> int | Fault:
    """Read Content-Length; RFC 9112 section 6.3 lets equal ones be taken for one, or refused, which is safer."""
    if len(lengths) > 1:
        return Fault(400, "Content-Length stands more than once (RFC 9112 section 6.3)", "Content-Length")
    if not lengths[0].isdigit():
        return Fault(400, "Content-Length is not a number of digits alone (RFC 9110 section 8.6)", "Content-Length")
    if len(lengths[0]) > LONGEST_LENGTH:
        return Fault(400, f"Content-Length has more than {LONGEST_LENGTH} digits", "Content-Length")
    return int(lengths[0])


def asks_to_close(version: bytes, connection: Sequence[bytes]) -> bool:
    """Tell whether the connection ends with this request's response, by its Connection fields (RFC 9112 section 9.3).

    Connections of HTTP/1.0 always end; ``keep-alive`` there is older than the rules, and the proxies in between do not know it.
    """
    options = (option.strip(b" \t").lower() for value in connection for option in value.split(b","))
    return version == b"HTTP/1.0" or b"close" in options
