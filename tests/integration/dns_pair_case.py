"""Test cases with two name servers and CouchDB's replication between them (start processes)."""

import atexit
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import dns.exception

from tests.integration.cases import OnApacheCouchDB
from tests.integration.dns_case import NAMESERVERS, DnsCase
from tests.integration.node import Node, wait_until
from tests.integration.requirements import COUCHDB_2
from tests.integration.resolving import Reply, ask
from tests.integration.stores import ApacheCouchDB, Store
from tests.integration.two_nodes import TwoNodes

SHARED = {"dns": {"nameservers": NAMESERVERS, "hostmaster": "hostmaster@example.net"}}
DNS_DATABASES = ("dns_records", "dns_zones")
_shared: dict[type[Store], TwoNodes] = {}


class Watching(threading.Thread):
    """Asks a node for a zone's SOA, some of its records, and the SOA again, without a pause.

    *wrong* has what broke a promise: a serial that went back, or stayed while answers changed.
    """

    def __init__(self, node: Node, zone: str, *names: str) -> None:
        super().__init__(daemon=True)
        self._port, self._zone, self._names = node.dns, zone, names
        self._ended = threading.Event()
        self._known: dict[int, tuple[tuple[str, tuple[str, ...]], ...]] = {}
        self._last = 0
        self.wrong: list[str] = []
        self.looks = 0

    def run(self) -> None:
        """Watch until told to end."""
        while not self._ended.is_set():
            try:
                self._look()
            except (dns.exception.DNSException, OSError) as error:
                self.wrong.append(repr(error))
            time.sleep(0.002)

    def _look(self) -> None:
        before = self._serial()
        seen = tuple((reply.rcode, _answer(reply)) for reply in (ask(self._port, name, "ANY") for name in self._names))
        if before is None or self._serial() != before:
            return
        self.looks += 1
        if self._known.setdefault(before, seen) != seen:
            self.wrong.append(f"with serial {before}: {self._known[before]}, and then {seen}")

    def _serial(self) -> int | None:
        reply = ask(self._port, self._zone, "SOA")
        if reply.rcode != "NOERROR" or not reply.data:
            return None
        if reply.serial < self._last:
            self.wrong.append(f"after serial {self._last} came {reply.serial}")
        self._last = reply.serial
        return reply.serial

    def end(self) -> None:
        """End it."""
        self._ended.set()
        self.join()


def _answer(reply: Reply) -> tuple[str, ...]:
    return tuple(sorted(f"{rrset.ttl} {rdata}" for rrset in reply.message.answer for rdata in rrset))


class DnsPairCase(OnApacheCouchDB, DnsCase):
    """Two nodes that all tests of the run share, each with zones of its own; they begin healed. The second has a *second_store*."""

    second_store: ClassVar[type[Store]] = ApacheCouchDB

    def setUp(self) -> None:
        """Make the zone on the first, with a record, and wait until both answer alike."""
        super().setUp()
        if self.second_store not in _shared:
            _shared[self.second_store] = _made(self.second_store)
        self.pair = _shared[self.second_store]
        self.first, self.second = (side.node for side in self.pair.sides)
        self.nodes = self.first, self.second
        self.pair.heal()
        self.addCleanup(self.pair.heal)
        self.create(node=self.first)
        self.www = self.add("www", "A", "192.0.2.1", node=self.first)
        self.until(("192.0.2.1",), f"www.{self.zone}", node=self.second)

    @contextmanager
    def apart(self, *names: str) -> Iterator[None]:
        """Cut the nodes off from each other, let something be done, join them, wait until nothing changes, and see what was promised.

        Each node is watched: its serial never goes back, and rises with every change of *names* of the zone.
        """
        for database in DNS_DATABASES:
            self.pair.settle(database)
        self.pair.cut(*DNS_DATABASES)
        every = {"", "www.", *(f"{name}." for name in names)}
        watching = [Watching(node, self.zone, *(f"{name}{self.zone}" for name in sorted(every))) for node in self.nodes]
        for each in watching:
            each.start()
        try:
            yield
            self.join()
        finally:
            for each in watching:
                each.end()
        for each in watching:
            self.assertEqual(each.wrong, [])
            self.assertGreater(each.looks, 0)

    def join(self) -> None:
        """Join the nodes, and wait until nothing changes."""
        self.pair.heal(*DNS_DATABASES)
        for database in DNS_DATABASES:
            self.pair.settle(database)
        wait_until(lambda: self.told(self.first) == self.told(self.second), "the same on both")
        self.assertEqual([self.records(node).malformed() for node in self.nodes], [0, 0])

    def told(self, node: Node, zone: str | None = None) -> tuple[str, str]:
        """Give the zone as a node has it: the SOA as it is answered, and every record; nothing where there is no zone."""
        zone = zone or self.zone
        reply = self.ask(zone, "SOA", node=node)
        if reply.rcode != "NOERROR":
            return reply.rcode, ""
        return str(reply.message.answer), self.dns("export-zone", zone, node=node).out

    def assert_same(self, name: str, *data: str, type_: str = "A") -> None:
        """Assert what both nodes answer."""
        for node in self.nodes:
            self.assertEqual(self.data(f"{name}.{self.zone}", type_, node=node), data)

    def rcodes(self, name: str) -> list[str]:
        """Give both nodes' rcodes for an address of a name."""
        return [self.ask(f"{name}.{self.zone}", node=node).rcode for node in self.nodes]


def _made(second: type[Store]) -> TwoNodes:
    folder = Path(tempfile.mkdtemp(prefix="couchpages-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    pair = TwoNodes(folder, store=ApacheCouchDB(COUCHDB_2) if second is ApacheCouchDB else second(), shared=SHARED)
    atexit.register(pair.remove)
    return pair
