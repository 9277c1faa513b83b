"""The names that a certificate is for (pure): subjectAltName as RFC 9525 has it, in one form."""

import ipaddress
import re
from collections.abc import Iterator

from cryptography import x509

from couchpages.quoting import quoted

#: Names of hosts, and underscores, which some certificates have.
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
LONGEST_NAME = 253  # RFC 1035 section 2.3.4, as text


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Give the names of a certificate, each once, in its order. Raises ValueError where there are none, and for what is no name.

    Names of hosts are in lower case, other scripts' as they are in DNS (``xn--…``), IP addresses as text. The common name counts for
    nothing (RFC 9525 section 2).
    """
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        found = None
    names = tuple(dict.fromkeys(_names(found or ())))
    if not names:
        raise ValueError(
            "the certificate is for no host: it has no name in its subjectAltName, which is what clients look at"
        )
    return names


def canonical(name: str) -> str:
    """Give a host's name, or an IP address, in the form that it has here. Raises ValueError."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        pass
    lower = name.lower().removesuffix(".")
    star, rest = (True, lower[2:]) if lower.startswith("*.") else (False, lower)
    if "*" in rest:
        raise ValueError(f"{quoted(name)} is no name: a wildcard is the whole first label, as in *.example.org")
    if len(lower) > LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in rest.split(".")):
        raise ValueError(f"{quoted(name)} is no name of a host")
    return f"*.{rest}" if star else rest


def _names(found: "x509.SubjectAlternativeName | tuple[()]") -> Iterator[str]:
    for each in found:
        if isinstance(each, x509.DNSName):
            yield canonical(each.value)
        elif isinstance(each, x509.IPAddress):
            yield str(each.value)
