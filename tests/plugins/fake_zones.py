"""Zones as the API has them and as name servers show them, with faults to order, for the tests of plugins (threads)."""

import itertools
import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from tests.cli.fake_api import Call, FakeApi, Reply, answer, problem

#: What a name server's answer is made from: it gives the contents at a name, or None for no answer at all.
Look = Callable[[str], list[str] | None]


@dataclass
class FakeZones(FakeApi):
    """An API with zones: *records* by their ids, each with its zone."""

    zones: list[str] = field(default_factory=list)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def put(self, zone: str, name: str, type_: str, content: str, **more: Any) -> str:
        """Put a record at an absolute name; give its id."""
        for found, each in self.records.items():
            if (each["zone"], each["name"], each["type"], each["content"]) == (zone, f"{name}.", type_, content):
                return found
        number = f"record-{next(self._numbers)}"
        about = {"id": number, "zone": zone, "name": f"{name}.", "type": type_, "content": content}
        self.records[number] = {**about, "ttl": 300, "disabled": False, **more}
        return number

    def contents(self, name: str, type_: str = "TXT") -> list[str]:
        """Give the contents at a name."""
        return [
            each["content"] for each in self.records.values() if (each["name"], each["type"]) == (f"{name}.", type_)
        ]

    def _route(self, call: Call, parts: list[str]) -> Reply:
        url = urlsplit(call.path)
        match call.method, [unquote(each) for each in url.path.strip("/").split("/")]:
            case "GET", ["zones"]:
                return answer(200, {"zones": [{"zone": each, "serial": 1} for each in self.zones]})
            case method, ["zones", zone, "records"] if zone in self.zones:
                return self._list(zone, url.query) if method == "GET" else self._add(zone, json.loads(call.body))
            case "GET", ["records", number] if number in self.records:
                return answer(200, self.records[number])
            case "DELETE", ["records", number] if number in self.records:
                del self.records[number]
                return Reply(204)
        return super()._route(call, parts)

    def _list(self, zone: str, query: str) -> Reply:
        asked = parse_qs(query)
        listed = [
            each
            for each in self.records.values()
            if each["zone"] == zone and [each["name"]] == asked["name"] and [each["type"]] == asked["type"]
        ]
        return answer(200, {"records": listed})

    def _add(self, zone: str, body: dict[str, Any]) -> Reply:
        if not body["name"].endswith(f"{zone}."):
            return problem(422, "name: is not in the zone")
        known = len(self.records)
        number = self.put(zone, body["name"].rstrip("."), body["type"], body["content"], ttl=body["ttl"])
        for each in self.records.values():
            if (each["name"], each["type"]) == (body["name"], body["type"]):
                each["ttl"] = body["ttl"]
        return answer(201 if len(self.records) > known else 200, {**self.records[number], "warnings": self.warnings})


@contextmanager
def name_server(address: str, port: int, look: Look, *, truncating: bool = False) -> Iterator[int]:
    """Answer questions over UDP with what *look* gives, or, *truncating*, over TCP only; give the port."""

    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, connection = self.request
            if reply := answered(wire, look, cut=truncating):
                connection.sendto(reply, self.client_address)

    class Tcp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            wire = self.rfile.read(int.from_bytes(self.rfile.read(2), "big"))
            if reply := answered(wire, look):
                self.wfile.write(len(reply).to_bytes(2, "big") + reply)

    with ExitStack() as stack:
        udp = socketserver.ThreadingUDPServer((address, port), Udp)
        stack.enter_context(_serving(udp))
        if truncating:
            stack.enter_context(_serving(_on_port_of(udp, Tcp)))
        yield int(udp.server_address[1])


class _Reusing(socketserver.ThreadingTCPServer):
    #: A connection of somebody else that ended just now may have had that port.
    allow_reuse_address = True


def _on_port_of(udp: socketserver.UDPServer, handler: type[socketserver.BaseRequestHandler]) -> _Reusing:
    return _Reusing((str(udp.server_address[0]), int(udp.server_address[1])), handler)


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answered(wire: bytes, look: Look, *, cut: bool = False) -> bytes | None:
    """Answer a question, with NXDOMAIN where *look* gives an empty list."""
    asked = dns.message.from_wire(wire)
    (name,) = (each.name for each in asked.question)
    contents = look(name.to_text().rstrip("."))
    if contents is None:
        return None
    reply = dns.message.make_response(asked)
    reply.flags |= dns.flags.AA | (dns.flags.TC if cut else 0)
    reply.set_rcode(dns.rcode.NOERROR if contents else dns.rcode.NXDOMAIN)
    if contents and not cut:
        reply.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *contents))
    return reply.to_wire()


def free_udp_port(address: str = "127.0.0.1") -> int:
    """Give a port on which nobody answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as each:
        each.bind((address, 0))
        return int(each.getsockname()[1])
