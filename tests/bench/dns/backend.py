"""The program behind PowerDNS in the first system's shape. Runs as a process: HOSTS unix PATH READY, or HOSTS http PORT READY.

The first system's asked CouchDB for each query; this one answers from its memory, which flatters PowerDNS.
"""

import json
import socketserver
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from tests.bench.dns.backend_answers import Table
from tests.bench.dns.zone import Zone


class _Lines(socketserver.StreamRequestHandler):
    """A line with JSON for each call, and one for each answer."""

    table: ClassVar[Table]

    def handle(self) -> None:
        for line in self.rfile:
            call = json.loads(line)
            result = self.table.result(call["method"], call.get("parameters") or {})
            self.connection.sendall(json.dumps({"result": result}).encode() + b"\n")


class _Paths(BaseHTTPRequestHandler):
    """A call in the path of each request, over connections that stay."""

    table: ClassVar[Table]
    protocol_version = "HTTP/1.1"
    # With an answer in two packets, the second would wait for the other end to acknowledge the first.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        content = json.dumps({"result": self.table.result_at(self.path)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 -- the parent's name for it
        """Write nothing."""


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """One thread for each of PowerDNS's connections."""

    daemon_threads = True


def _on_unix(table: Table, path: str) -> socketserver.BaseServer:
    _Lines.table = table
    return _UnixServer(path, _Lines)


def _on_http(table: Table, port: str) -> socketserver.BaseServer:
    _Paths.table = table
    return ThreadingHTTPServer(("127.0.0.1", int(port)), _Paths)


_WAYS: dict[str, Callable[[Table, str], socketserver.BaseServer]] = {"unix": _on_unix, "http": _on_http}


def main(hosts: str, way: str, where: str, ready: str) -> None:
    """Make the file *ready* when it listens; answer until ended by a signal."""
    made: Any = _WAYS[way](Table(Zone(int(hosts))), where)
    with made as server:
        Path(ready).touch()
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
