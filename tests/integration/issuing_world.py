"""Name servers and web servers on this machine that answer as a test has it (does I/O on the reactor that it is given)."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from twisted.internet.defer import gatherResults
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

#: Addresses of this machine that servers listen on, at one port.
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3", "::1")

Answering: TypeAlias = Callable[[dns.message.Message, bool], Sequence[bytes]]
"""What a name server sends for a question, which came over TCP or not."""


def reply(
    asked: dns.message.Message,
    records: dict[tuple[str, str], Sequence[str]],
    flags: dns.flags.Flag = dns.flags.AA,
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR,
) -> bytes:
    """Give the answer of a server that has *records*, by name and type."""
    message = dns.message.make_response(asked)
    message.flags |= flags
    message.set_rcode(rcode)
    (question,) = asked.question
    found = records.get((question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)), ())
    if found:
        message.answer.append(dns.rrset.from_text(question.name, 60, "IN", question.rdtype, *found))
    return message.to_wire(max_size=65535)


class _Datagrams(DatagramProtocol):
    """A name server over UDP."""

    noisy = False

    def __init__(self, server: "NameServer") -> None:
        self._server = server

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Answer."""
        for each in self._server.answers(datagram, tcp=False):
            self.transport.write(each, addr)  # type: ignore[union-attr]


class _Stream(Protocol):
    """A name server over TCP."""

    def dataReceived(self, data: bytes) -> None:
        """Answer a question that comes in one piece, as those here do."""
        for each in self.factory.server.answers(data[2:], tcp=True):  # type: ignore[union-attr, attr-defined, unused-ignore]
            self.transport.write(len(each).to_bytes(2, "big") + each)  # type: ignore[union-attr]


class NameServer:
    """Answers as *answering* has it, and counts."""

    def __init__(self, answering: Answering) -> None:
        self.answering = answering
        self.asked: list[tuple[str, bool]] = []

    def answers(self, wire: bytes, *, tcp: bool) -> Sequence[bytes]:
        """Give what is sent for a question."""
        message = dns.message.from_wire(wire)
        self.asked.append((message.question[0].to_text(), tcp))
        return self.answering(message, tcp)

    def listen(self, reactor: Any, host: str, port: int) -> list[Any]:
        """Listen over UDP and TCP; port 0 is one that both have."""
        factory: Any = Factory.forProtocol(_Stream)
        factory.server, factory.noisy = self, False
        stream = reactor.listenTCP(port, factory, interface=host)
        try:
            datagrams = reactor.listenUDP(stream.getHost().port, _Datagrams(self), interface=host, maxPacketSize=65535)
        except CannotListenError:
            stream.stopListening()
            raise
        return [stream, datagrams]


class Page(Resource):
    """A web server that does the same at every path. *answer* gives the body, or None for none, ever."""

    isLeaf = True  # noqa: N815 -- Twisted's name

    def __init__(self, answer: Callable[[str, str], bytes | None], code: int = 200, location: str = "") -> None:
        super().__init__()
        self.answer = answer
        self.code = code
        self.location = location
        self.asked = 0

    def render_GET(self, request: Any) -> Any:
        """Answer."""
        self.asked += 1
        host = request.getHeader("host").partition(":")[0]
        body = self.answer(host, request.path.decode().rpartition("/")[2])
        request.setResponseCode(self.code)
        if self.location:
            request.setHeader("location", self.location)
        return NOT_DONE_YET if body is None else body

    def listen(self, reactor: Any, host: str, port: int) -> list[Any]:
        """Listen."""
        # No timers, which tests would have to wait for.
        site = Site(self, timeout=None)
        site.noisy = False
        return [reactor.listenTCP(port, site, interface=host)]


class World:
    """Servers by the addresses that they listen on, all at one port."""

    def __init__(self, reactor: Any, servers: dict[str, Any]) -> None:
        self._ports: list[Any] = []
        for _ in range(20):
            try:
                self.port = self._listen(reactor, servers)
            except CannotListenError:
                # Another address has it taken.
                self.close()
            else:
                return
        raise RuntimeError("no port is free on all addresses")

    def _listen(self, reactor: Any, servers: dict[str, Any]) -> int:
        port = 0
        for host, server in servers.items():
            self._ports += server.listen(reactor, host, port)
            port = port or self._ports[0].getHost().port
        return port

    def close(self) -> Any:
        """Listen no more."""
        ports, self._ports = self._ports, []
        return gatherResults([each for each in (port.stopListening() for port in ports) if each is not None])
