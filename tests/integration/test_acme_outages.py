"""A CA that is not there, or slow, or that sees something else than we do: sites are served all the time, and the reason helps."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.integration.acme_case import ZONE, PublicCase
from tests.integration.node import Node, free_ports, wait_until
from tests.integration.traffic import Traffic
from tests.integration.visitor import fetch

FOREIGN = "blog.example.net"


class Away(PublicCase):
    """Pebble is stopped, or hangs."""

    def setUp(self) -> None:
        """Let a name of others lead to the node."""
        super().setUp()
        self.public.set(FOREIGN, "A", "127.0.0.1")

    def test_down_at_start(self) -> None:
        """A CA that is down when the node starts: the site is served, the reason is told, troubles too after a while; then it is issued."""
        self.pebble.stop()
        node = self.issuing()
        self.deploy(node, FOREIGN)
        with Traffic(node.http, FOREIGN, "/") as visitor:
            reason = self.failed(node, FOREIGN, "unreachable")
            self.assert_told(node, FOREIGN, "unreachable", reason)
            self.assertIn(f"{self.pebble.directory}", reason)
            self.assertIn("refused", reason)
            self.assertEqual(self.order(node, FOREIGN)["failures"], 0)
        self.assertEqual(visitor.failures, [])
        self.pebble.restart()
        self.ask_for(node, FOREIGN)
        self.issued(node, FOREIGN)
        wait_until(lambda: self.metric(node, "acme_failing") == 0, "nothing that fails")
        self.assert_no_defect(node)

    def test_slow(self) -> None:
        """A CA that does not answer for a while holds one renewal up, and nothing else; when it goes on, so does the renewal."""
        node = self.issuing()
        self.deploy(node, FOREIGN)
        before = self.issued(node, FOREIGN)
        root = self.pebble.root()
        self.pebble.hang()
        try:
            self.ask_for(node, FOREIGN)
            wait_until(lambda: self.order(node, FOREIGN)["state"] == "ordering", "the order")
            self.deploy(node, f"other.{FOREIGN}")
            self.assertEqual(self.served(node, FOREIGN, root), before)
            self.assertEqual(fetch(node.http, f"other.{FOREIGN}", "/").status, 200)
            # Nobody gets impatient with the lease meanwhile.
            self.assertEqual(self.metric(node, "acme_lease"), 1)
        finally:
            self.pebble.go_on()
        self.issued(node, FOREIGN, before)
        self.assert_no_defect(node)


class _Others(BaseHTTPRequestHandler):
    """Has nothing."""

    def do_GET(self) -> None:
        """Say so."""
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class SeenFromElsewhere(PublicCase):
    """What the CA sees is not what we see."""

    def refused(self, node: Node, name: str, cause: str, *words: str) -> None:
        """Assert that an order fails for *cause* with all *words*, and that it is told."""
        reason = self.failed(node, name, cause)
        self.assert_told(node, name, cause, reason)
        for word in words:
            self.assertIn(word, reason)
        # What the CA says of its ways is of no help.
        for word in ("urn:ietf", ":: ", "Fetching http", 'Get "http', "\n"):
            self.assertNotIn(word, reason)
        self.assertEqual(len(self.order(node, name)["refused"]), 1)

    def test_port_closed(self) -> None:
        """The CA finds the port closed."""
        self.pebble = self.new_pebble(http_port=free_ports(1)[0])
        self.public.set(FOREIGN, "A", "127.0.0.1")
        node = self.issuing()
        self.deploy(node, FOREIGN)
        self.refused(
            node,
            FOREIGN,
            "connection",
            f"{FOREIGN}: the CA could not fetch http://{FOREIGN}/.well-known/acme-challenge/…: ",
            "connection refused",
        )

    def test_other_dns(self) -> None:
        """The CA asks other name servers: one name has no address there, another leads elsewhere, a third's zone has other records."""
        theirs = self.new_public()
        self.pebble = self.new_pebble(dns=theirs.address)
        nowhere, elsewhere, zoned = f"nowhere.{FOREIGN}", f"elsewhere.{FOREIGN}", f"www.{ZONE}"
        self.public.set(nowhere, "A", "127.0.0.1")
        self.public.set(elsewhere, "A", "127.0.0.1")
        theirs.set(elsewhere, "A", "127.0.0.2")
        theirs.delegated.clear()
        theirs.set(f"_acme-challenge.{zoned}", "TXT", '"other"')
        node = self.issuing()
        self.serve_others()
        self.make_zone(node)
        self.deploy(node, nowhere, elsewhere, zoned)
        self.refused(node, nowhere, "dns", f"{nowhere}: the CA could not resolve {nowhere}")
        self.refused(
            node, elsewhere, "unauthorized", f"{elsewhere}: the CA did not accept what it got from http://{elsewhere}/"
        )
        self.refused(
            node, zoned, "unauthorized", f"{zoned}: the CA did not accept the TXT record at _acme-challenge.{zoned}: "
        )

    def serve_others(self) -> None:
        """Have a server of others at the other address."""
        server = ThreadingHTTPServer(("127.0.0.2", self.http), _Others)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
