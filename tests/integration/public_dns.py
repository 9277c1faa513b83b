"""The public DNS as a resolver shows it: zones of others, and those that are delegated to nodes (threads)."""

import socket
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

#: Seconds in which a name server on this machine answers, if it runs.
PATIENCE = 1.0
MOST_STEPS = 8


class PublicDns:
    """Listens on :attr:`port` of 127.0.0.1 over UDP, and offers recursion.

    *records* are those of others, texts by name and type, which count before what a zone has. *delegated* are the addresses of
    zones' name servers, at *port*; all of them are asked, and what any has is answered, as if resolvers all over the world were
    asked at once. *asked* has all names and types.
    """

    def __init__(self, port: int) -> None:
        self._servers_port = port
        self.records: dict[tuple[str, str], list[str]] = {}
        self.delegated: dict[str, Sequence[str]] = {}
        self.asked: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._pool = ThreadPoolExecutor(8)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it is asked."""
        return f"127.0.0.1:{self.port}"

    def set(self, name: str, type_: str, *texts: str) -> None:
        """Give a name of others these records of a type, or none."""
        self.records[name, type_] = list(texts)

    def close(self) -> None:
        """Answer no more."""
        self._over.set()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._pool.shutdown()
        self._socket.close()

    def _listen(self) -> None:
        while not self._over.is_set():
            wire, client = self._socket.recvfrom(65_535)
            if not self._over.is_set():
                self._pool.submit(self._serve, wire, client)

    def _serve(self, wire: bytes, client: tuple[str, int]) -> None:
        with suppress(dns.exception.DNSException, OSError):
            query = dns.message.from_wire(wire)
            (question,) = query.question
            name, type_ = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
            self.asked.append((name, type_))
            response = dns.message.make_response(query, recursion_available=True)
            response.flags &= ~dns.flags.AA
            self._resolve(name, type_, response)
            self._socket.sendto(response.to_wire(), client)

    def _resolve(self, name: str, type_: str, response: dns.message.Message) -> None:
        """Answer, and follow aliases to their end."""
        for _ in range(MOST_STEPS):
            rcode, found = self._known(name, type_)
            response.set_rcode(rcode)
            response.answer += found
            aliases = [each for each in found if each.rdtype == dns.rdatatype.CNAME]
            if not aliases or type_ == "CNAME" or any(each.rdtype != dns.rdatatype.CNAME for each in found):
                return
            name = aliases[-1][0].target.to_text(omit_final_dot=True).lower()

    def _known(self, name: str, type_: str) -> tuple[dns.rcode.Rcode, list[dns.rrset.RRset]]:
        if texts := self.records.get((name, type_)):
            return dns.rcode.NOERROR, [dns.rrset.from_text_list(f"{name}.", 0, "IN", type_, texts)]
        zones = [zone for zone in self.delegated if name == zone or name.endswith(f".{zone}")]
        if zones:
            return self._of_servers(self.delegated[max(zones, key=len)], name, type_)
        if texts := self.records.get((name, "CNAME")):
            return dns.rcode.NOERROR, [dns.rrset.from_text_list(f"{name}.", 0, "IN", "CNAME", texts)]
        there = any(each == name or each.endswith(f".{name}") for (each, _), texts in self.records.items() if texts)
        return dns.rcode.NOERROR if there else dns.rcode.NXDOMAIN, []

    def _of_servers(
        self, servers: Sequence[str], name: str, type_: str
    ) -> tuple[dns.rcode.Rcode, list[dns.rrset.RRset]]:
        rcodes, found = [], dict[tuple[str, int], dns.rrset.RRset]()
        for server in servers:
            try:
                answer = _ask(server, self._servers_port, name, type_)
            except (OSError, dns.exception.DNSException):
                continue
            rcodes.append(answer.rcode())
            for each in answer.answer:
                key = each.name.to_text(), int(each.rdtype)
                found[key] = found[key].union(each) if key in found else each
        return min(rcodes, default=dns.rcode.SERVFAIL), list(found.values())


def _ask(server: str, port: int, name: str, type_: str) -> dns.message.Message:
    """Ask on a socket that hears when nobody listens there."""
    query = dns.message.make_query(dns.name.from_text(name), type_, flags=0, use_edns=0, payload=1232)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(PATIENCE)
        asking.connect((server, port))
        asking.send(query.to_wire())
        return dns.message.from_wire(asking.recv(65_535))
