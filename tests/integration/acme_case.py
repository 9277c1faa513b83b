"""Test cases with nodes that have certificates issued by pebble (start processes)."""

import hashlib
import json
import re
import socket
import ssl
import time
import urllib.error
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from tests.integration.cases import NodeCase
from tests.integration.curl import curl
from tests.integration.https_case import Secured
from tests.integration.node import Node, free_ports, merged, wait_until, write_files
from tests.integration.past_the_api import PastTheApi
from tests.integration.pebble import Pebble
from tests.integration.public_dns import PublicDns
from tests.integration.stores import Settings
from tests.integration.test_outages import Elsewhere
from tests.integration.visitor import call_api, fetch

#: Seconds in which a certificate is here: pebble needs one or two, and machines may be busy.
ISSUED_IN = 45.0
#: A zone, and the one above it: CAA records are looked for up to there.
ZONE, PARENT = "example.org", "org"
#: Where nodes answer.
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")


class AcmeCase(NodeCase):
    """Nodes whose name servers are the only public DNS there is, and pebble, which asks them.

    The first node answers at 127.0.0.1, the second at 127.0.0.2, both at the same ports, as the public's are the same everywhere.
    """

    needs = ("pebble",)
    #: What pebble is started with.
    authority: dict[str, Any] = {}  # noqa: RUF012 -- never changed

    def setUp(self) -> None:
        """Choose ports, and start pebble."""
        super().setUp()
        self.http, self.dns = free_ports(2, HOSTS, (socket.SOCK_STREAM, socket.SOCK_DGRAM))
        self.resolver = self.new_resolver()
        self.pebble: Pebble = self.new_pebble(**self.authority)

    def new_resolver(self) -> str:
        """Give what everybody asks."""
        return f"127.0.0.1:{self.dns}"

    def new_pebble(self, **options: Any) -> Pebble:
        """Start pebble."""
        options = {"dns": self.resolver, "http_port": self.http, **options}
        pebble = Pebble(self.new_folder(), options.pop("dns"), **options)
        self.addCleanup(pebble.stop)
        return pebble

    # Nodes.

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
                "resolvers": [self.resolver],
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

    def beside(self, first: Node, number: int = 2, **more: Any) -> Node:
        """Start another node on the databases of *first*, as after replication, with its key file."""
        (port,) = free_ports(1)
        settings = self.acme(number, **more)
        settings["http"]["listen"].append(f"tcp:{port}:interface=127.0.0.1")
        settings["certs"] = {"key_files": [str(first.data / "certs.key")]}
        store = Elsewhere(first.store.access(first.data), first.store.databases)
        node = Node(self.new_folder() / f"node{number}", store, settings)
        self.addCleanup(node.remove)
        node.http, node.dns, node.key = port, self.dns, first.key
        return node.start()

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

    def deploy(self, node: Node, *sites: str) -> None:
        """Deploy sites."""
        for site in sites:
            node.deploy(write_files(self.new_folder(), {"index.html": site}), site)

    # Certificates.

    def listed(self, node: Node) -> list[dict[str, Any]]:
        """Give what ``certs list`` tells."""
        ended = node.run("certs", "list", "--json", "--config", str(node.config))
        found: list[dict[str, Any]] = ended.json()["certificates"]
        return found

    def certificate(self, node: Node, name: str) -> dict[str, Any]:
        """Wait for a certificate, and give what is listed of it."""
        found: list[dict[str, Any]] = []

        def is_there() -> bool:
            found[:] = [each for each in self.listed(node) if each["name"] == name and each["state"] == "ok"]
            return bool(found)

        self.until(is_there, node, f"a certificate for {name}", name)
        return found[0]

    def issued(self, node: Node, name: str, before: str | None = None) -> str:
        """Wait until a node serves a certificate of pebble's for *name*, another than *before*; give its SHA-256."""
        found: list[str] = []

        def is_there() -> bool:
            served = self.served(node, name)
            found[:] = [served] if served else []
            return served is not None and served != before

        self.until(is_there, node, f"a certificate for {name}", name)
        return found[0]

    def served(self, node: Node, name: str, root: bytes | None = None) -> str | None:
        """Give the SHA-256 of the certificate that a visitor gets who trusts pebble's root, None where the visitor gets none."""
        context = ssl.create_default_context(cadata=(root or self.pebble.root()).decode())
        try:
            with Secured(node.https, name, context) as visitor:
                return hashlib.sha256(visitor.socket.getpeercert(binary_form=True) or b"").hexdigest()
        except OSError:
            return None

    def assert_curl(self, node: Node, host: str, body: bytes, root: bytes | None = None) -> None:
        """Assert that curl, which trusts pebble's root alone, gets *body* from a node."""
        file = self.folder / "root.pem"
        file.write_bytes(root or self.pebble.root())
        options = ("--cacert", str(file), "--resolve", f"{host}:{node.https}:127.0.0.1")
        answer = curl(f"https://{host}:{node.https}/", *options)
        self.assertEqual((answer.status, answer.body), (200, body))

    # Orders.

    def order(self, node: Node, name: str) -> dict[str, Any]:
        """Give the document about an order, an empty one where there is none."""
        try:
            return PastTheApi(node, "secrets").read(f"order-{name}")
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise
            return {}

    def ask_for(self, node: Node, name: str) -> int:
        """Have a certificate issued at once, as ``certs renew`` does; give the request's moment."""
        access = node.store.access(node.data)
        path = f"{node.store.databases['secrets']}/order-{name}"
        while True:
            try:
                order = access.call("GET", path)
            except urllib.error.HTTPError as error:
                assert error.code == HTTPStatus.NOT_FOUND, error.code
                order = {"type": "order", "version": 1, "names": []}
            moment = max(int(time.time() * 1000), int(order.get("handled", 0)) + 1)
            try:
                access.call("PUT", path, {**order, "requested": moment, "next_try": 0})
            except urllib.error.HTTPError as error:
                # The issuer wrote it meanwhile.
                assert error.code == HTTPStatus.CONFLICT, error.code
            else:
                return moment

    def renewed(self, node: Node, name: str) -> str:
        """Have a certificate renewed at once, and wait until a node serves the new one."""
        before = self.issued(node, name)
        self.ask_for(node, name)
        return self.issued(node, name, before)

    def failed(self, node: Node, name: str, cause: str, since: int = 0) -> str:
        """Wait until an order has failed for *cause*, after a request's moment; give the reason that is told."""

        def is_so() -> bool:
            order = self.order(node, name)
            return order.get("state") == "failed" and order["cause"] == cause and order["handled"] >= since

        self.until(is_so, node, f"{name} to fail for {cause}", name)
        return str(self.order(node, name)["reason"])

    def until(
        self, condition: Callable[[], bool], node: Node, what: str = "what the issuer does", name: str = ""
    ) -> None:
        """Wait for something that takes as long as a certificate; tell what *node* wrote, and of an order, when it does not come."""
        try:
            wait_until(condition, what, ISSUED_IN)
        except AssertionError as error:
            order = self.order(node, name) if name else ""
            raise AssertionError(f"{error}: {order}\n{node.log()}\n{self.pebble.log()}") from None

    def metric(self, node: Node, sample: str) -> float:
        """Give a sample of a node's metrics, 0 where there is none."""
        text = fetch(node.api, "127.0.0.1", "/metrics").body.decode()
        found = re.search(rf"^couchpages_{re.escape(sample)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def assert_told(self, node: Node, name: str, cause: str, reason: str) -> None:
        """Assert that why a certificate cannot be had stands in the log and in ``certs list``, and is counted."""
        self.assertTrue(reason.startswith((f"{name}: ", f"*.{name}: ")), reason)
        self.assertIn(reason, node.log())
        self.assertGreater(self.metric(node, f'acme_failures_total{{cause="{cause}"}}'), 0)
        self.assertGreater(self.metric(node, "acme_failing"), 0)
        orders = {each["order"]["cause"]: each["order"] for each in self.listed(node) if each["name"] == name}
        self.assertEqual(orders[cause]["reason"], reason)

    def troubles(self, node: Node) -> list[str]:
        """Give what ``/readyz`` tells."""
        found: list[str] = json.loads(fetch(node.api, "127.0.0.1", "/readyz").body)["troubles"]
        return found

    def assert_no_defect(self, *nodes: Node) -> None:
        """Assert that nothing was logged that is a defect."""
        for node in nodes:
            for word in ("Traceback", "Unhandled", "#critical", "a defect"):
                self.assertNotIn(word, node.log())

    # What pebble was asked.

    def orders_made(self) -> int:
        """Give how many orders reached pebble, its whole log through."""
        return self.pebble.log().count("POST /order-plz")

    def accounts_made(self) -> int:
        """Give how many accounts pebble has made, its whole log through."""
        return len(re.findall(r"There are now \d+ accounts in memory", self.pebble.log()))


class PublicCase(AcmeCase):
    """Names are looked up in a public DNS in which our zone is one of many; *public* is it."""

    public: PublicDns

    def new_resolver(self) -> str:
        """See :meth:`AcmeCase.new_resolver`."""
        self.public = self.new_public()
        return self.public.address

    def new_public(self) -> PublicDns:
        """Make a public DNS in which the first node is the name server of our zone."""
        public = PublicDns(self.dns)
        public.delegated[ZONE] = ["127.0.0.1"]
        self.addCleanup(public.close)
        return public
