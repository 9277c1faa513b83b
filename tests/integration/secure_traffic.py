"""Visitors over TLS who shake hands anew for each page, and trust one authority only (threads)."""

import hashlib
import http.client
import ssl
import time

from tests.integration.traffic import Traffic


class SecureTraffic(Traffic):
    """Asks a port of 127.0.0.1 as *host* for its page; *authority* is the PEM of whom it trusts. A failed handshake is a failure.

    *seen* are the moments (of :func:`time.monotonic`) at which each certificate came first, by its SHA-256, and *last* when each came last.
    """

    def __init__(self, port: int, host: str, authority: bytes) -> None:
        super().__init__(port, host, "/")
        self._context = ssl.create_default_context(cadata=authority.decode())
        self.seen: dict[str, float] = {}
        self.last: dict[str, float] = {}

    def visit(self) -> int:
        """Shake hands, ask, note the certificate, and give the answer's status."""
        port, host, target = self._asked
        connection = _Connection(port, host, self._context)
        try:
            connection.request("GET", target, headers={"Host": host})
            status = connection.getresponse().status
            fingerprint = hashlib.sha256(connection.certificate).hexdigest()
        finally:
            connection.close()
        now = time.monotonic()
        self.seen.setdefault(fingerprint, now)
        self.last[fingerprint] = now
        return status


class _Connection(http.client.HTTPSConnection):
    """To 127.0.0.1, whatever host is asked for and checked."""

    def __init__(self, port: int, host: str, context: ssl.SSLContext) -> None:
        super().__init__("127.0.0.1", port, timeout=20, context=context)
        self._host_name = host
        self._tls = context

    def connect(self) -> None:
        """Connect, and shake hands as the host's visitor."""
        http.client.HTTPConnection.connect(self)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._host_name)

    @property
    def certificate(self) -> bytes:
        """The other end's certificate, DER."""
        assert isinstance(self.sock, ssl.SSLSocket)
        return self.sock.getpeercert(binary_form=True) or b""
