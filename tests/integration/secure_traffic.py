"""Visitors over TLS who shake hands anew for each page, and trust one authority only (threads)."""

import hashlib
import http.client
import ssl
import threading
import time
from typing import Self


class SecureTraffic:
    """Asks a port of 127.0.0.1 as *host* for its page without a pause while it is entered; *authority* is the PEM of whom it trusts.

    *seen* are the moments (of :func:`time.monotonic`) at which each certificate came first, by its SHA-256, and *last* when each came last.
    *failures* are handshakes and answers that were not right, in words.
    """

    def __init__(self, port: int, host: str, authority: bytes) -> None:
        self._port, self._host = port, host
        self._context = ssl.create_default_context(cadata=authority.decode())
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self.answers = 0
        self.seen: dict[str, float] = {}
        self.last: dict[str, float] = {}
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)

    def visit(self) -> int:
        """Shake hands, ask, note the certificate, and give the answer's status."""
        connection = _Connection(self._port, self._host, self._context)
        try:
            connection.request("GET", "/", headers={"Host": self._host})
            status = connection.getresponse().status
            fingerprint = hashlib.sha256(connection.certificate).hexdigest()
        finally:
            connection.close()
        now = time.monotonic()
        self.seen.setdefault(fingerprint, now)
        self.last[fingerprint] = now
        return status

    def _ask(self) -> None:
        while not self._over.wait(0.005):
            try:
                status = self.visit()
            except OSError as error:
                self.failures.append(repr(error))
                continue
            self.answers += 1
            if status != http.HTTPStatus.OK:
                self.failures.append(str(status))


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
