"""Handshakes in memory between a server's context and a client of the standard library or pyOpenSSL (does no I/O)."""

import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from OpenSSL import SSL


def client_context(
    *, version: ssl.TLSVersion | None = None, ciphers: str | None = None, protocols: tuple[str, ...] = ()
) -> ssl.SSLContext:
    """Give a client's context that trusts everybody."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if version is not None:
        made.minimum_version = made.maximum_version = version
    if ciphers is not None:
        made.set_ciphers(ciphers)
    if protocols:
        made.set_alpn_protocols(list(protocols))
    return made


class Server:
    """The server's end, of either library: bytes go in, bytes come out."""

    def __init__(self, context: Any) -> None:
        self.is_standard = isinstance(context, ssl.SSLContext)
        if self.is_standard:
            self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.end: Any = context.wrap_bio(self._in, self._out, server_side=True)
        else:
            self.end = SSL.Connection(context, None)
            self.end.set_accept_state()

    def take(self, data: bytes) -> bytes:
        """Take what came, and give what is to be sent. Raises ssl.SSLError or SSL.Error."""
        if data:
            self._in.write(data) if self.is_standard else self.end.bio_write(data)
        with suppress(ssl.SSLWantReadError, SSL.WantReadError):
            self.end.do_handshake()
        return self.sent()

    def sent(self) -> bytes:
        """Give what is to be sent."""
        if self.is_standard:
            return self._out.read()
        try:
            return bytes(self.end.bio_read(65536))
        except SSL.WantReadError:
            return b""

    def write(self, data: bytes) -> bytes:
        """Give what *data* is sent as."""
        self.end.write(data) if self.is_standard else self.end.send(data)
        return self.sent()

    def read(self, data: bytes) -> bytes:
        """Give what *data*, which came, says."""
        self._in.write(data) if self.is_standard else self.end.bio_write(data)
        return bytes(self.end.read(65536) if self.is_standard else self.end.recv(65536))


@dataclass
class Shaken:
    """Two ends that shook hands."""

    server: Server
    client: ssl.SSLObject
    to_client: ssl.MemoryBIO
    from_client: ssl.MemoryBIO

    def say(self, data: bytes) -> bytes:
        """Send *data* to the server, and give what it read."""
        self.client.write(data)
        return self.server.read(self.from_client.read())

    def hear(self, data: bytes) -> bytes:
        """Have the server send *data*, and give what the client read: session tickets are taken on the way."""
        self.to_client.write(self.server.write(data))
        return self.client.read(65536)

    @property
    def certificate(self) -> bytes:
        """The leaf that the client got, as DER."""
        found = self.client.getpeercert(binary_form=True)
        assert found is not None
        return found


class Refusal(Exception):
    """The client was told that it will not be: *alert* is what it understood, *error* what the server met."""

    def __init__(self, alert: str, error: Exception) -> None:
        super().__init__(alert)
        self.alert = alert
        self.error = error


def shake(
    context: Any, name: str | None, client: ssl.SSLContext | None = None, session: ssl.SSLSession | None = None
) -> Shaken:
    """Shake hands with a server's *context* as a client that asks for *name*. Raises :class:`Refusal`, or the client's ssl.SSLError."""
    server = Server(context)
    to_client, from_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    used = client or client_context()
    end = used.wrap_bio(to_client, from_client, server_hostname=name, session=session)
    for _ in range(6):
        with suppress(ssl.SSLWantReadError):
            end.do_handshake()
        data = from_client.read()
        if data:
            _answer(server, data, end, to_client)
    assert end.version(), "the handshake did not end"
    return Shaken(server, end, to_client, from_client)


def _answer(server: Server, data: bytes, end: ssl.SSLObject, to_client: ssl.MemoryBIO) -> None:
    try:
        to_client.write(server.take(data))
    except (ssl.SSLError, SSL.Error) as error:
        to_client.write(getattr(error, "last_words", b"") or server.sent())
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            raise Refusal("", error) from None
        except ssl.SSLError as told:
            raise Refusal(told.reason or "", error) from None
        raise
