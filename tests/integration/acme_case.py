"""Test cases with nodes that have certificates issued by pebble (start processes)."""

from collections.abc import Callable
from typing import Any

from tests.integration.cases import NodeCase
from tests.integration.node import Node, free_ports, merged, wait_until, write_files
from tests.integration.pebble import Pebble
from tests.integration.stores import Settings
from tests.integration.visitor import call_api

#: Seconds in which a certificate is here: pebble needs one or two, and machines may be busy.
ISSUED_IN = 60.0
#: A zone, and the one above it: CAA records are looked for up to there.
ZONE, PARENT = "example.org", "org"


class AcmeCase(NodeCase):
    """Nodes whose name servers are the only public DNS there is, and pebble, which asks them.

    The first node answers at 127.0.0.1, the second at 127.0.0.2, both at the same ports, as the public's are the same everywhere.
    """

    needs = ("pebble",)

    def setUp(self) -> None:
        """Choose ports."""
        super().setUp()
        self.http, self.dns = free_ports(2)
        self.pebble: Pebble = self.new_pebble()

    def new_pebble(self, **options: Any) -> Pebble:
        """Start pebble."""
        pebble = Pebble(self.new_folder(), self.dns, http_port=self.http, **options)
        self.addCleanup(pebble.stop)
        return pebble

    def acme(self, number: int = 1, **more: Any) -> Settings:
        """Give the settings of the node with a number."""
        host = f"127.0.0.{number}"
        return {
            "http": {"listen": [f"tcp:{self.http}:interface={host}"]},
            "dns": {"listen": [f"{host}:{self.dns}"], "nameservers": [f"ns1.{ZONE}", f"ns2.{ZONE}"]},
            "node": {"name": f"node{number}"},
            "acme": {
                "directory": self.pebble.directory,
                "ca_file": str(self.pebble.ca_file),
                "terms_agreed": True,
                "resolvers": [f"127.0.0.1:{self.dns}"],
                "http_port": self.http,
                "dns_port": self.dns,
                "check_interval": 0.2,
                "propagation_timeout": 10,
                "lease": 3,
                **more,
            },
        }

    def issuing(self, settings: Settings | None = None, **more: Any) -> Node:
        """Start a node that issues, with a zone whose name server it is."""
        node = Node(self.new_folder() / "node", self.store(), merged(self.acme(**more), settings or {}))
        self.addCleanup(node.remove)
        node.http, node.dns = self.http, self.dns
        node.init()
        ended = node.run("certs", "key", "new", "--config", str(node.config))
        assert ended.code == 0, ended.err
        node.start()
        return node

    def make_zone(self, node: Node, *addresses: str) -> None:
        """Make the zone of which these are the name servers, and the addresses of every name in it; and the zone above."""
        addresses = addresses or ("127.0.0.1",)
        servers = [f"ns{n}.{ZONE}" for n in range(1, 1 + len(addresses))]
        for zone in (PARENT, ZONE):
            self.changed(node, "POST", "", {"name": zone, "nameservers": servers})
        for number, address in enumerate(addresses, 1):
            self.add(node, f"ns{number}.{ZONE}", "A", address)
            self.add(node, f"*.{ZONE}", "A", address)

    def add(self, node: Node, name: str, type_: str, content: str) -> None:
        """Add a record."""
        self.changed(node, "POST", f"/{ZONE}/records", {"name": name, "type": type_, "content": content, "ttl": 1})

    def changed(self, node: Node, method: str, path: str, body: Any) -> None:
        """Make a call about zones that must succeed."""
        answer = call_api(node.api, node.key, method, f"/api/v2/zones{path}", body)
        assert answer.status in (200, 201, 204), f"{method} {path}: {answer.body!r}"

    def deploy(self, node: Node, site: str) -> None:
        """Deploy a site."""
        node.deploy(write_files(self.new_folder(), {"index.html": site}), site)

    def listed(self, node: Node) -> list[dict[str, Any]]:
        """Give what ``certs list`` tells."""
        ended = node.run("certs", "list", "--json", "--config", str(node.config))
        found: list[dict[str, Any]] = ended.json()["certificates"]
        return found

    def until(self, condition: Callable[[], bool], node: Node) -> None:
        """Wait for something that takes as long as a certificate; tell what the node wrote when it does not come."""
        try:
            wait_until(condition, "what the issuer does", ISSUED_IN)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.listed(node)}\n{node.log()}\n{self.pebble.log()}") from None

    def certificate(self, node: Node, name: str) -> dict[str, Any]:
        """Wait for a certificate."""
        found: list[dict[str, Any]] = []

        def is_there() -> bool:
            found[:] = [each for each in self.listed(node) if each["name"] == name and each["state"] == "ok"]
            return bool(found)

        self.until(is_there, node)
        return found[0]
