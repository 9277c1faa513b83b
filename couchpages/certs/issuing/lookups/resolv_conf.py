"""The resolvers that this machine uses (does I/O: reads a small file)."""

import os
from pathlib import Path

import dns.exception
import dns.resolver

from couchpages.config_values import SocketAddress

PORT = 53


class ResolvConf:
    """Reads the file with dnspython's reader, and anew when it has changed: networks come and go."""

    def __init__(self, path: Path = Path("/etc/resolv.conf")) -> None:
        self._path = path
        self._read: tuple[int, int, int] | None = None
        self._found: tuple[SocketAddress, ...] = ()

    def servers(self) -> tuple[SocketAddress, ...]:
        """Give the name servers. Raises ValueError, with what to do, where there is none."""
        try:
            now = os.stat(self._path)  # noqa: PTH116 -- the same
        except OSError as trouble:
            raise ValueError(self._lacking(str(trouble.strerror))) from None
        version = now.st_mtime_ns, now.st_size, now.st_ino
        if version != self._read:
            self._found, self._read = self._parsed(), version
        return self._found

    def _parsed(self) -> tuple[SocketAddress, ...]:
        reader = dns.resolver.Resolver(configure=False)
        try:
            reader.read_resolv_conf(self._path)
        except (dns.exception.DNSException, OSError, ValueError) as trouble:
            raise ValueError(self._lacking(str(trouble))) from None
        return tuple(SocketAddress(str(server), PORT) for server in reader.nameservers if isinstance(server, str))

    def _lacking(self, why: str) -> str:
        return f"{self._path} names no resolver ({why}): [acme] resolvers can"
