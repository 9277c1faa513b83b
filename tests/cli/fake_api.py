"""The API of docs/api.md in memory, with faults to order, for the tests of the command (pure; two adapters do I/O)."""

import hashlib
import json
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

KEY = "cpk_good"
OTHER_KEY = "cpk_for_another_site"
PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class HangUp:
    """No answer: the connection is closed."""


class Silence:
    """No answer, and the connection stays open."""


Fault = Reply | HangUp | Silence


def problem(status: int, detail: str, *headers: tuple[str, str], **more: Any) -> Reply:
    """Make an error as the API gives it."""
    body = {"type": "about:blank", "title": "Wrong", "status": status, "detail": detail, **more}
    return Reply(status, json.dumps(body).encode(), PROBLEM, headers)


def answer(status: int, value: object) -> Reply:
    """Make a good answer."""
    return Reply(status, json.dumps(value).encode())


@dataclass
class Call:
    """A call that was made."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class FakeApi:
    """Blobs and deployments, and *answers* to other calls, by method and path.

    *faults* are given out first, in order, to the calls whose method and path begin so.
    """

    blobs: dict[str, bytes] = field(default_factory=dict)
    deployments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    by_key: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: dict[str, deque[Fault]] = field(default_factory=dict)
    answers: dict[str, Reply] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    on_call: Callable[[Call], None] = lambda _call: None

    def fail(self, call: str, *faults: Fault) -> None:
        """Order *faults* for the next calls that begin with *call*, as ``PUT /blobs/``."""
        self.faults.setdefault(call, deque()).extend(faults)

    def made(self, call: str) -> list[Call]:
        """Give the calls made that begin with *call*."""
        return [each for each in self.calls if f"{each.method} {each.path}".startswith(call)]

    def handle(self, call: Call) -> Fault:
        """Answer a call."""
        self.calls.append(call)
        self.on_call(call)
        for beginning, faults in self.faults.items():
            if faults and f"{call.method} {call.path}".startswith(beginning):
                return faults.popleft()
        if refused := self._refuse(call):
            return refused
        if f"{call.method} {call.path}" in self.answers:
            return self.answers[f"{call.method} {call.path}"]
        return self._route(call, call.path.strip("/").split("/"))

    def _refuse(self, call: Call) -> Reply | None:
        key = call.headers.get("authorization", "").removeprefix("Bearer ")
        if key == OTHER_KEY:
            return problem(403, "the key is for other sites")
        return None if key == KEY else problem(401, "there is no such key")

    def _route(self, call: Call, parts: list[str]) -> Reply:  # noqa: PLR0911 - a table of routes
        match call.method, parts:
            case "POST", ["sites", _, "missing"]:
                return self._missing(call)
            case "PUT", ["blobs", sha256]:
                return self._put(sha256, call.body)
            case "POST", ["sites", site, "deployments"]:
                return self._deploy(site, call)
            case "GET", ["sites"]:
                return answer(200, {"sites": [self._site(site) for site in sorted(self.deployments)]})
            case "GET", ["sites", site, "deployments"] if site in self.deployments:
                listed = self.deployments[site]
                return answer(200, {"site": site, "live": self._live(site), "deployments": listed})
            case "POST", ["sites", site, "rollback"]:
                return self._rollback(site, json.loads(call.body).get("id"))
            case "DELETE", ["sites", site, *rest] if site in self.deployments:
                return self._delete(site, rest[-1] if rest else None)
        return problem(404, "there is no such thing")

    def _missing(self, call: Call) -> Reply:
        wanted = {each["sha256"] for each in json.loads(call.body)["files"].values()}
        return answer(200, {"missing": sorted(wanted - self.blobs.keys())})

    def _put(self, sha256: str, body: bytes) -> Reply:
        if hashlib.sha256(body).hexdigest() != sha256:
            return problem(422, "the content has another hash")
        status = 200 if sha256 in self.blobs else 201
        self.blobs[sha256] = body
        return answer(status, {"sha256": sha256, "size": len(body)})

    def _deploy(self, site: str, call: Call) -> Reply:
        key = call.headers["idempotency-key"]
        if key in self.by_key:
            return answer(200, self.by_key[key])
        body = json.loads(call.body)
        wanted = {each["sha256"] for each in body["files"].values()}
        if missing := sorted(wanted - self.blobs.keys()):
            return problem(409, "blobs are not stored", missing=missing[:100])
        made = self._make(site, body)
        self.by_key[key] = made
        return answer(201, made)

    def _make(self, site: str, body: dict[str, Any]) -> dict[str, Any]:
        listed = self.deployments.setdefault(site, [])
        live = body["branch"] in {"main", "master"}
        for each in listed if live else ():
            each["live"] = False
        made = {
            "id": f"deployment{len(listed) + 1}",
            "site": site,
            "branch": body["branch"],
            "commit": body.get("commit"),
            "created": "2026-11-23T14:00:00.123Z",
            "files": len(body["files"]),
            "bytes": sum(each["size"] for each in body["files"].values()),
            "preview": not live,
            "live": live,
            "addresses": [f"http://{site}/", f"http://deployment{len(listed) + 1}.{site}/"],
        }
        listed.insert(0, made)
        return made

    def _live(self, site: str) -> str | None:
        return next((each["id"] for each in self.deployments[site] if each["live"]), None)

    def _site(self, site: str) -> dict[str, Any]:
        listed = self.deployments[site]
        return {"site": site, "live": self._live(site), "deployments": len(listed), "updated": listed[0]["created"]}

    def _rollback(self, site: str, wanted: str | None) -> Reply:
        listed = self.deployments.get(site, [])
        for each in listed:
            if each["id"] == wanted or (wanted is None and not each["live"] and not each["preview"]):
                for other in listed:
                    other["live"] = other is each
                return answer(200, each)
        return problem(409, "nothing was live before")

    def _delete(self, site: str, deployment: str | None) -> Reply:
        if deployment is None:
            del self.deployments[site]
            return Reply(204)
        if deployment == self._live(site):
            return problem(409, "the live deployment is not deleted")
        self.deployments[site] = [each for each in self.deployments[site] if each["id"] != deployment]
        return Reply(204)


class FakeResource(Resource):
    """The fake for ``treq.testing.RequestTraversalAgent``, below ``/api/v2``."""

    isLeaf = True  # noqa: N815 - twisted.web's name

    def __init__(self, api: FakeApi) -> None:
        super().__init__()
        self._api = api

    def render(self, request: Request) -> Any:
        """Answer, or hang up, or keep silent."""
        headers = {
            name.decode().lower(): values[0].decode() for name, values in request.requestHeaders.getAllRawHeaders()
        }
        path = request.uri.decode().removeprefix("/api/v2")
        reply = self._api.handle(
            Call(request.method.decode(), path, headers, request.content.read() if request.content else b"")
        )
        if isinstance(reply, HangUp):
            request.loseConnection()
        if not isinstance(reply, Reply):
            return NOT_DONE_YET
        request.setResponseCode(reply.status)
        request.setHeader("Content-Type", reply.content_type)
        for name, value in reply.headers:
            request.setHeader(name, value)
        return reply.body


@contextmanager
def served(api: FakeApi, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve the fake on loopback in threads, for tests of the whole command in a process of its own; gives its address.

    With *context* it is served over TLS.
    """
    lock = threading.Lock()

    class Server(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one piece: in two, Nagle's algorithm would wait for an acknowledgement

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            with lock:
                reply = api.handle(Call(self.command, self.path.removeprefix("/api/v2"), headers, body))
            if isinstance(reply, Reply):
                self._write(reply)
            else:
                self.close_connection = True

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - http.server's names

        def _write(self, reply: Reply) -> None:
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
            for name, value in reply.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing: clients that are stopped break their connections."""

    server = Quiet(("127.0.0.1", 0), Server)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
