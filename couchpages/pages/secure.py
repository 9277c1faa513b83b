"""Where visitors of plain HTTP are sent (pure): to the same over HTTPS, where this node has a certificate for the host."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from couchpages.web.targets import split_absolute

#: RFC 8555 section 8.3: certificate authorities begin with plain HTTP, and some stay with it.
CHALLENGES = b"/.well-known/acme-challenge/"
#: Hosts that are IP addresses; of names, none ends in a label of digits only (RFC 3696 section 2).
_ADDRESS = re.compile(r"\[.*\]|.*:.*|(?:.*\.)?[0-9]+")
_PLAIN = re.compile(rb"/[\x21-\x7e]*")


@dataclass(frozen=True, slots=True)
class Secure:
    """HTTPS as visitors reach it: *serves* tells for which hosts, *port* where, None for the usual one."""

    serves: Callable[[str], bool]
    port: int | None = None


def secure_location(secure: Secure | None, host: str, target: bytes) -> bytes | None:
    """Give the Location for a request for *target* of *host* (canonical) over plain HTTP, or None where it is answered there.

    So is whoever asks for an IP address: for those, clients send no server name, and would get another host's certificate.
    """
    if secure is None or _ADDRESS.fullmatch(host) or not secure.serves(host):
        return None
    path = split_absolute(target)[1]
    if path.startswith(CHALLENGES) or not _PLAIN.fullmatch(path):
        return None
    port = b"" if secure.port is None else b":%d" % secure.port
    return b"https://%b%b%b" % (host.encode(), port, path)
