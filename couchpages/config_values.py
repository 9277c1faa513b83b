"""How the values of settings are read (pure). Each function gives the value, or raises ValueError that continues "VALUE …"."""

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

UNITS = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")
#: CouchDB documentation, "PUT /{db}".
_DATABASE = re.compile(r"[a-z][a-z0-9_$()+/-]*")
#: Of the endpoints that Twisted's ``serverFromString`` knows, those that make sense here.
ENDPOINTS = ("tcp", "tcp6", "unix", "systemd")
_TCP_ARGUMENT = re.compile(r"interface=.+|backlog=[0-9]{1,6}")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
SMALLEST_DATAGRAM = 512  # RFC 1035 section 4.2.1
LARGEST_DATAGRAM = 4096  # more helps nobody: RFC 6891 section 6.2.5
HIGHEST_PORT = 65535
#: What a signed number of 64 bits holds, as file systems and SQLite count.
LARGEST_SIZE = 2**63 - 1
#: A year; longer is a mistake.
LONGEST_SECONDS = 366 * 86400


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """An IP address and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        """Write it as it is configured."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def text(value: Any) -> str:
    """A string in one line."""
    if not isinstance(value, str):
        raise ValueError("is not a string")
    if not value.isprintable():
        raise ValueError("has characters that cannot be printed")
    return value


def path(value: Any) -> Path:
    """A file or folder; ``~`` is the user's home."""
    if not text(value):
        raise ValueError("is empty")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise ValueError("begins with the home of a user whom this machine does not know") from None


def size(value: Any) -> int:
    """Bytes, as a number or with a unit: ``"25 MiB"``."""
    if isinstance(value, int) and not isinstance(value, bool):
        number: float = value
    elif isinstance(value, str) and (found := _SIZE.fullmatch(value.strip())) and found[2].lower() in UNITS:
        number = float(found[1]) * UNITS[found[2].lower()]
    else:
        raise ValueError("is no size in bytes")
    if number < 1:
        raise ValueError("is less than one byte")
    if number > LARGEST_SIZE:
        raise ValueError("is more than any disk holds")
    return int(number)


def positive_integer(value: Any) -> int:
    """A whole number above zero."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("is no whole number above zero")
    return value


def datagram_size(value: Any) -> int:
    """Bytes of an answer over UDP."""
    if not SMALLEST_DATAGRAM <= size(value) <= LARGEST_DATAGRAM:
        raise ValueError(f"is not from {SMALLEST_DATAGRAM} to {LARGEST_DATAGRAM} bytes")
    return size(value)


def port_number(value: Any) -> int:
    """A TCP port."""
    if positive_integer(value) > HIGHEST_PORT:
        raise ValueError("is no port number: the highest is 65535")
    return int(value)


def seconds(value: Any) -> float:
    """A number of seconds above zero."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < LONGEST_SECONDS:
        raise ValueError("is no number of seconds above zero, and below a year")
    return float(value)


def one_of(*choices: str) -> Callable[[Any], str]:
    """One of a few words."""

    def parse(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"is none of {', '.join(choices)}")
        return str(value)

    return parse


def url(value: Any) -> str:
    """Where CouchDB answers: scheme, host and port; no credentials, because configuration files get shown around."""
    parts = urlsplit(text(value))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("is no http or https address")
    if parts.username or parts.password:
        raise ValueError("has a name or password in it, which belong into username and password_file")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("has a path behind the host, where CouchDB has none")
    _port_of(parts)
    return value.rstrip("/")  # type: ignore[no-any-return]  # text() has checked it


def _port_of(parts: Any) -> None:
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("has no port number where one should be") from None


def database_name(value: Any) -> str:
    """A name that CouchDB takes for a database."""
    if not _DATABASE.fullmatch(text(value)):
        raise ValueError(
            "is no name for a database: lower-case letters, digits and _$()+/- are, and a letter comes first"
        )
    return str(value)


def single_endpoint(value: Any) -> str:
    """A Twisted endpoint string for a server."""
    kind, *arguments = re.split(r"(?<!\\):", text(value))
    if kind not in ENDPOINTS or not arguments:
        raise ValueError("is no endpoint: it begins with tcp:, tcp6:, unix: or systemd:")
    if kind in ("tcp", "tcp6"):
        _check_tcp(kind, arguments)
    return str(value)


def _check_tcp(kind: str, arguments: Sequence[str]) -> None:
    port = arguments[0].removeprefix("port=")
    if not port.isascii() or not port.isdigit() or len(port) > len(str(HIGHEST_PORT)) or int(port) > HIGHEST_PORT:
        raise ValueError(f"has no port number behind {kind}:")
    for argument in arguments[1:]:
        if not _TCP_ARGUMENT.fullmatch(argument):
            raise ValueError(
                f"has {argument!r} behind the port, where interface= and backlog= may stand; "
                "the colons of an IPv6 address are written \\:"
            )


def tcp_endpoint(value: Any) -> str:
    """An endpoint string of TCP with a port that can be known beforehand."""
    found = single_endpoint(value)
    if not found.startswith("tcp:"):
        raise ValueError("is no endpoint that begins with tcp:")
    return found


def boolean(value: Any) -> bool:
    """Yes or no."""
    if not isinstance(value, bool):
        raise ValueError("is neither true nor false")
    return value


def endpoints_or_none(value: Any) -> tuple[str, ...]:
    """Endpoint strings; an empty list for what is not served."""
    return list_of(value, single_endpoint)


def endpoints(value: Any) -> tuple[str, ...]:
    """One or more endpoint strings."""
    found = list_of(value, single_endpoint)
    if not found:
        raise ValueError("is empty")
    return found


def networks(value: Any) -> tuple[Network, ...]:
    """Addresses and networks."""
    return list_of(value, _network)


def host_names(value: Any) -> tuple[str, ...]:
    """Host names, in lower case."""
    return list_of(value, host_name)


def dns_addresses(value: Any) -> tuple["SocketAddress", ...]:
    """Addresses with ports on which questions are taken; none for a node that is no name server."""
    return list_of(value, _socket_address)


def mailbox(value: Any) -> str:
    """A mailbox, or nothing."""
    user, _, host = text(value).rpartition("@")
    if value:
        if not user or not user.isascii() or " " in user:
            raise ValueError("is no mailbox")
        host_name(host)
    return str(value)


def paths(value: Any) -> tuple[Path, ...]:
    """Files."""
    return list_of(value, path)


def command(value: Any) -> tuple[str, ...]:
    """A program and its arguments, each word by itself: no shell takes them apart."""
    words = list_of(value, text)
    if not words or not words[0]:
        raise ValueError("has no program")
    return words


def branches(value: Any) -> tuple[str, ...]:
    """Names of branches."""
    return list_of(value, text)


def list_of(value: Any, parse: Callable[[Any], Any]) -> tuple[Any, ...]:
    """A list, each entry of which *parse* reads."""
    if not isinstance(value, list):
        raise ValueError("is no list")
    found = []
    for each in value:
        try:
            found.append(parse(each))
        except ValueError as error:
            raise ValueError(f"has the entry {each!r}, which {error}") from None
    return tuple(found)


def _socket_address(value: Any) -> "SocketAddress":
    host, colon, port = text(value).rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or len(port) > len(str(HIGHEST_PORT)):
        raise ValueError("has no port number")
    if not 0 < int(port) <= HIGHEST_PORT:
        raise ValueError("has no port number from 1 to 65535")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("is an IPv6 address without brackets")
    try:
        return SocketAddress(str(ipaddress.ip_address(host)), int(port))
    except ValueError:
        raise ValueError("has no IP address before its port") from None


def _network(value: Any) -> Network:
    try:
        return ipaddress.ip_network(text(value), strict=True)
    except ValueError as error:
        raise ValueError(f"is no address or network ({error})") from None


def host_name(value: Any) -> str:
    """A host name, in lower case."""
    name = text(value).lower().rstrip(".")
    if not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError("is no host name")
    return name
