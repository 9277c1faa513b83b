"""A server before pebble that answers some of what is asked in its place, as broken and busy authorities do (threads)."""

import http.client
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from couchpages.testing.authority import Authority
from tests.integration.pebble import Pebble

PROBLEM = "application/problem+json"
#: Fields that the proxy writes itself, or that are about one connection.
_OWN = frozenset({"content-length", "transfer-encoding", "connection", "date"})


@dataclass(frozen=True, slots=True)
class Said:
    """An answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


#: Gives what is answered instead of pebble's own answer, which it gets with the method and the path; None for that.
Fault = Callable[[str, str, Said], Said | None]


class AcmeProxy:
    """Listens on :attr:`port` of 127.0.0.1 and passes everything to *pebble*; *fault* changes what comes back, while it is set."""

    def __init__(self, pebble: Pebble, folder: Path) -> None:
        self.fault: Fault | None = None
        authority = Authority()
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in zip(("chain.pem", "key.pem"), authority.issue("127.0.0.1"), strict=True):
            (folder / name).write_bytes(content)
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(authority.root.pem)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy._pass(self, pebble)

            do_HEAD = do_POST = do_GET  # noqa: N815 -- names of http.server

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def directory(self) -> str:
        """The address of its directory."""
        return f"https://127.0.0.1:{self.port}/dir"

    def stop(self) -> None:
        """Stop it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _pass(self, handler: BaseHTTPRequestHandler, pebble: Pebble) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        said = _asked(pebble, handler, body)
        fault = self.fault
        changed = fault(handler.command, handler.path, said) if fault is not None else None
        said = changed or said
        handler.send_response_only(said.status)
        for name, value in said.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(said.body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(said.body)


def _asked(pebble: Pebble, handler: BaseHTTPRequestHandler, body: bytes) -> Said:
    """Ask pebble the same, by the name that it was asked by: its addresses are made of that."""
    context = ssl.create_default_context(cafile=str(pebble.ca_file))
    connection = http.client.HTTPSConnection("127.0.0.1", pebble.port, timeout=20, context=context)
    passed = ("Host", "Accept", "User-Agent", "Content-Type")
    try:
        headers = {name: handler.headers[name] for name in passed if handler.headers[name]}
        connection.request(handler.command, handler.path, body or None, headers)
        answer = connection.getresponse()
        left = {name: value for name, value in answer.getheaders() if name.lower() not in _OWN}
        return Said(answer.status, answer.read(), left)
    except OSError as error:
        return Said(502, str(error).encode())
    finally:
        connection.close()
