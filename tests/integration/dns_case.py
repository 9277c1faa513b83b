"""Test cases with a node that answers for zones (start processes)."""

import atexit
import itertools
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.integration.cases import NodeCase
from tests.integration.node import Ended, Node, free_ports, wait_until
from tests.integration.past_the_api import PastTheApi
from tests.integration.resolving import Reply, ask
from tests.integration.stores import Settings, Store
from tests.integration.visitor import Answer, call_api

NAMESERVERS = ["ns1.example.net", "ns2.example.net"]
HOSTS = ("127.0.0.1", "::1")
_shared: dict[type[Store], Node] = {}
_numbers = itertools.count(1)


def dns_settings(port: int, **more: Any) -> Settings:
    """Give the settings of a node that answers on *port*, over IPv4 and IPv6."""
    listen = [f"127.0.0.1:{port}", f"[::1]:{port}"]
    return {"dns": {"listen": listen, "nameservers": NAMESERVERS, "hostmaster": "hostmaster@example.net", **more}}


class DnsCase(NodeCase):
    """Tests on a name server that all tests of the run share; each test has the name of a zone of its own, which is not made yet."""

    def setUp(self) -> None:
        """Choose a name."""
        super().setUp()
        self.zone = f"zone{next(_numbers)}.test"

    @property
    def node(self) -> Node:
        """The shared node."""
        if self.store not in _shared:
            folder = Path(tempfile.mkdtemp(prefix="couchpages-test-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            node = _answering(folder / "node", self.store())
            atexit.register(node.remove)
            node.init()
            _shared[self.store] = node.start()
        return _shared[self.store]

    def new_name_server(self, folder: Path | None = None, **more: Any) -> Node:
        """Make a name server of this test's own, with databases and a key, not started."""
        node = _answering(folder or self.new_folder() / "node", self.store(), **more)
        self.addCleanup(node.remove)
        node.init()
        return node

    # Changing.

    def dns(self, *words: str, node: Node | None = None) -> Ended:
        """Run a command, which must succeed."""
        node = node or self.node
        ended = node.run("dns", *words)
        self.assertEqual(ended.code, 0, f"{words}: {ended.err}{ended.out}")
        return ended

    def create(self, zone: str | None = None, node: Node | None = None) -> None:
        """Make a zone."""
        self.changed("POST", "", {"name": zone or self.zone}, node=node)

    def add(
        self, name: str, type_: str, content: str, ttl: int = 300, *, zone: str | None = None, node: Node | None = None
    ) -> str:
        """Add a record; give its id."""
        body = {"name": name, "type": type_, "content": content, "ttl": ttl}
        return str(self.changed("POST", f"/{zone or self.zone}/records", body, node=node).json()["id"])

    def changed(self, method: str, path: str, body: Any = None, node: Node | None = None) -> Answer:
        """Make a call about zones that must succeed."""
        node = node or self.node
        answer = call_api(node.api, node.key, method, f"/api/v2/zones{path}", body)
        self.assertIn(answer.status, (200, 201, 204), f"{method} {path}: {answer.body!r}")
        return answer

    def delete_record(self, doc_id: str, node: Node | None = None) -> None:
        """Delete a record."""
        node = node or self.node
        answer = call_api(node.api, node.key, "DELETE", f"/api/v2/records/{doc_id}")
        self.assertEqual(answer.status, 204, answer.body)

    # Past the API.

    def records(self, node: Node | None = None) -> PastTheApi:
        """Give the database of records."""
        return PastTheApi(node or self.node, "dns_records")

    def zones(self, node: Node | None = None) -> PastTheApi:
        """Give the database of zones."""
        return PastTheApi(node or self.node, "dns_zones")

    def number(self, zone: str | None = None, node: Node | None = None) -> int:
        """Give a zone's number."""
        return int(self.zones(node).read(zone or self.zone)["zoneId"])

    # Asking.

    def ask(self, name: str, type_: str = "A", *, tcp: bool = False, node: Node | None = None) -> Reply:
        """Ask the node."""
        return ask((node or self.node).dns, name, type_, tcp=tcp)

    def data(self, name: str, type_: str = "A", node: Node | None = None) -> tuple[str, ...]:
        """Give the data of an answer, the same over UDP and TCP."""
        node = node or self.node
        udp, tcp = (ask(node.dns, name, type_, tcp=each) for each in (False, True))
        self.assertEqual((udp.rcode, udp.data), (tcp.rcode, tcp.data))
        return udp.data

    def serial(self, zone: str | None = None, node: Node | None = None) -> int:
        """Give a zone's serial."""
        return self.ask(zone or self.zone, "SOA", node=node).serial

    def until(self, data: tuple[str, ...], name: str, type_: str = "A", node: Node | None = None) -> None:
        """Wait until a question is answered with *data*, by NOERROR or NXDOMAIN."""
        node = node or self.node
        wait_until(lambda: self.ask(name, type_, node=node).data == data, f"{name} {type_} {data}; {node.log()}")


def _answering(folder: Path, store: Store, **more: Any) -> Node:
    """Make a name server on a port that is free on both addresses."""
    (port,) = free_ports(1)
    node = Node(folder, store, dns_settings(port, **more))
    node.dns = port
    return node
