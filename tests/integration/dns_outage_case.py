"""A case with a name server behind a relay to the CouchDB of another one (starts processes)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import dns.exception

from tests.integration.dns_case import DnsCase, dns_settings
from tests.integration.faulty_relay import FaultyRelay
from tests.integration.node import Node, free_ports, wait_until
from tests.integration.questions import Questions
from tests.integration.resolving import Reply, ask
from tests.integration.test_outages import Elsewhere

#: The extended error "Not Ready" (RFC 8914 section 4.15).
NOT_READY = 14


class DnsOutageCase(DnsCase):
    """*tested* is behind *relay*, *other* is not; through the other the zone has ``www`` with version 1."""

    def setUp(self) -> None:
        """Start both, and wait until both answer."""
        super().setUp()
        self.other = self.new_name_server().start()
        self.relay = FaultyRelay(urlsplit(self.other.store.access(self.other.data).url).port or 5984)
        self.addCleanup(self.relay.close)
        self.tested = self.new_tested().start()
        self.create(node=self.other)
        self.txt = self.add("www", "TXT", '"1"', node=self.other)
        self.until(('"1"',), self.www, "TXT", node=self.tested)

    @property
    def node(self) -> Node:
        """What is asked."""
        return self.tested

    @property
    def www(self) -> str:
        """The name that has a version."""
        return f"www.{self.zone}"

    def new_tested(self, folder: Path | None = None) -> Node:
        """Make a node behind the relay, not started."""
        (port,) = free_ports(1)
        access = replace(self.other.store.access(self.other.data), url=f"http://127.0.0.1:{self.relay.port}")
        elsewhere = Elsewhere(access, self.other.store.databases)
        node = Node(folder or self.new_folder() / "node", elsewhere, dns_settings(port))
        node.dns = port
        node.key = self.other.key
        self.addCleanup(node.remove)
        return node

    def start_away(self, node: Node | None = None) -> None:
        """Start the node while its CouchDB is away, and wait until it answers, whatever it says."""
        node = node or self.tested
        node.start(ready=False)
        wait_until(lambda: answers(node), f"an answer; {node.log()}")

    def publish(self, version: int) -> None:
        """Replace the version through the other node."""
        replaced = self.add("www", "TXT", f'"{version}"', node=self.other)
        self.delete_record(self.txt, node=self.other)
        self.txt = replaced

    def version(self) -> tuple[str, ...]:
        """Give what the node answers as the version."""
        return self.data(self.www, "TXT")

    def rcodes(self, *names: str) -> list[str]:
        """Give the rcodes of answers to questions for addresses, the same over TCP."""
        found = [self.ask(name).rcode for name in names]
        self.assertEqual([self.ask(name, tcp=True).rcode for name in names], found)
        return found

    def asking(self, is_right: Callable[[Reply], bool] | None = None) -> Questions:
        """Give what asks for the version meanwhile; each answer must be authoritative and one that exists."""
        return Questions(self.tested.dns, self.www, "TXT", is_right or _is_answer)

    def assert_not_ready(self, *names: str) -> None:
        """Assert that the node says that it cannot know yet."""
        for name in names:
            for tcp in (False, True):
                reply = self.ask(name, tcp=tcp)
                self.assertEqual((reply.rcode, reply.aa, reply.errors), ("SERVFAIL", False, [NOT_READY]), name)

    def until_kept(self, node: Node | None = None) -> None:
        """Wait until the zone lies on the node's disk."""
        folder = (node or self.tested).data / "zones"
        number = f"{self.number(node=self.other):08x}"
        wait_until(lambda: (folder / number).exists() and (folder / "zones").exists(), "the zone on disk")

    def until_loaded(self) -> None:
        """Wait until the node knows what is not in its zones."""
        wait_until(lambda: self.ask("www.foreign.test").rcode == "REFUSED", f"everything read; {self.tested.log()}")


def answers(node: Node) -> bool:
    """Whether the name server says anything."""
    try:
        ask(node.dns, "www.foreign.test", patience=1)
    except (OSError, dns.exception.Timeout):
        return False
    return True


def _is_answer(reply: Reply) -> bool:
    return reply.rcode == "NOERROR" and reply.aa and bool(reply.data)
