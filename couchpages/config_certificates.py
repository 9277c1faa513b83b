"""How the values of ``[acme]`` are read (pure). Each function gives the value, or raises ValueError that continues "VALUE …"."""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from couchpages.config_values import host_name, list_of, mailbox, text

#: What people call the directories of Let's Encrypt (https://letsencrypt.org/docs/acme-protocol-updates/, and its staging environment).
DIRECTORIES = {
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
    "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
}
KINDS = ("ecdsa", "rsa")
#: CAs take so many at most in one order; Let's Encrypt does.
MOST_NAMES = 100
LONGEST_NAME = 253  # RFC 1035 section 2.3.4, as text


def acme_directory(value: Any) -> str:
    """The address of an ACME directory, or the name of one that is well known. RFC 8555 section 6.1 wants HTTPS."""
    if text(value) in DIRECTORIES:
        return DIRECTORIES[value]
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"is no address: {error}") from None
    if any(character.isspace() for character in value):
        raise ValueError("is no address: there is white space in it")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"is neither {' nor '.join(DIRECTORIES)} nor an https address")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("is plain HTTP, which everybody on the way can alter (RFC 8555 section 6.1)")
    if parts.username or parts.password or parts.fragment:
        raise ValueError("has a name, a password or a fragment in it, which no directory has")
    return str(value)


def mailboxes(value: Any) -> tuple[str, ...]:
    """Mailboxes."""
    return list_of(value, _one_mailbox)


def texts(value: Any) -> tuple[str, ...]:
    """Texts that are not empty."""
    return list_of(value, _some_text)


def key_kinds(value: Any) -> tuple[str, ...]:
    """Kinds of keys, one at least, each once."""
    found = list_of(value, _kind)
    if not found or len(set(found)) != len(found):
        raise ValueError("has no kind, or one twice")
    return found


def host_patterns(value: Any) -> tuple[str, ...]:
    """Names of hosts, or all below a name (``*.``)."""
    return list_of(value, host_pattern)


def certificate_names(value: Any) -> tuple[tuple[str, ...], ...]:
    """For each certificate a list of its names, wildcards among them; one name may stand without a list of its own."""
    found = list_of(value, _names_of_one)
    firsts = [names[0] for names in found]
    if len(set(firsts)) != len(firsts):
        raise ValueError("has two certificates that begin with the same name, by which they are called")
    return found


def host_pattern(value: Any) -> str:
    """A host's name, or a wildcard of the form ``*.NAME``, in lower case."""
    star, name = ("*.", text(value)[2:]) if text(value).startswith("*.") else ("", value)
    if _is_address(name) or name.rpartition(".")[2].isdigit():
        raise ValueError("is an IP address, for which no certificate is issued here")
    found = star + host_name(name)
    if len(found) > LONGEST_NAME:
        raise ValueError(f"is longer than {LONGEST_NAME} characters")
    return found


def _names_of_one(value: Any) -> tuple[str, ...]:
    names = list_of([value] if isinstance(value, str) else value, host_pattern)
    if not names or len(names) > MOST_NAMES:
        raise ValueError(f"has no name, or more than {MOST_NAMES}")
    if len(set(names)) != len(names):
        raise ValueError("has a name twice")
    return names


def _one_mailbox(value: Any) -> str:
    if not mailbox(value):
        raise ValueError("is empty")
    return str(value)


def _some_text(value: Any) -> str:
    if not text(value):
        raise ValueError("is empty")
    return str(value)


def _kind(value: Any) -> str:
    if value not in KINDS:
        raise ValueError(f"is none of {', '.join(KINDS)}")
    return str(value)


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
