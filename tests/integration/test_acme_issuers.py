"""Several nodes may issue, and one of them does: when it is gone, the next renews."""

import signal

from tests.integration.acme_case import ZONE, PublicCase
from tests.integration.node import Node, wait_until

SITE = f"www.{ZONE}"
ISSUERS = ["node2", "node3"]


class LosingTheIssuer(PublicCase):
    """Two issuers and a third node that does not issue: it is the zone's name server and what visitors come to."""

    def setUp(self) -> None:
        """Start all three, with a site that has a certificate."""
        super().setUp()
        self.public_node = self.issuing(issuers=ISSUERS)
        self.make_zone(self.public_node)
        self.both = {f"node{number}": self.beside(self.public_node, number, issuers=ISSUERS) for number in (2, 3)}
        self.deploy(self.public_node, SITE)
        self.issued(self.public_node, SITE)

    def holder(self) -> str:
        """Name the node that issued last."""
        return str(self.order(self.public_node, SITE)["by"])

    def other(self, name: str) -> str:
        """Name the other issuer."""
        (other,) = (each for each in ISSUERS if each != name)
        return other

    def ordering(self) -> str:
        """Have pebble hang, and an order be made of it; give who makes it."""
        self.pebble.hang()
        self.addCleanup(self.pebble.go_on)
        self.ask_for(self.public_node, SITE)
        wait_until(lambda: self.order(self.public_node, SITE)["state"] == "ordering", "the order to begin")
        return self.holder()

    def assert_taken_over(self, before: str, by: str) -> str:
        """Assert that another certificate comes, by the node that is named; give it."""
        found = self.issued(self.public_node, SITE, before)
        self.until(lambda: self.order(self.public_node, SITE)["state"] == "issued", self.public_node)
        self.assertEqual(self.holder(), by)
        return found

    def nodes(self) -> list[Node]:
        """Give all nodes."""
        return [self.public_node, *self.both.values()]

    def test_killed(self) -> None:
        """The issuer is killed while idle, and the next one amid an order; each time the other renews, and the first comes back."""
        before = self.issued(self.public_node, SITE)
        first = self.holder()
        second = self.other(first)
        self.both[first].kill()
        self.ask_for(self.public_node, SITE)
        before = self.assert_taken_over(before, second)
        self.both[first].start()
        root = self.pebble.root()
        self.assertEqual(self.ordering(), second)
        self.both[second].kill()
        self.assertEqual(self.served(self.public_node, SITE, root), before)
        self.pebble.go_on()
        self.assert_taken_over(before, first)
        self.both[second].start()
        self.renewed(self.public_node, SITE)
        self.assert_no_defect(*self.nodes())

    def test_paused(self) -> None:
        """An issuer that sleeps in the midst of an order, longer than the lease, does no harm when it wakes; one issues, and all works."""
        before = self.issued(self.public_node, SITE)
        sleeper = self.ordering()
        self.both[sleeper].send(signal.SIGSTOP)
        try:
            self.pebble.go_on()
            before = self.assert_taken_over(before, self.other(sleeper))
        finally:
            self.both[sleeper].send(signal.SIGCONT)
        awake = self.both.values()
        self.until(lambda: sum(self.metric(each, "acme_lease") for each in awake) == 1, self.public_node, "one holder")
        for node in self.nodes():
            self.assertIsNotNone(self.served(node, SITE))
        # What the sleeper went on with, if it did, ended, and renewals happen.
        self.until(lambda: self.order(self.public_node, SITE)["state"] == "issued", self.public_node)
        found = self.renewed(self.public_node, SITE)
        self.assertIsNotNone(found)
        for node in self.nodes():
            wait_until(
                lambda node=node: self.served(node, SITE) == self.served(self.public_node, SITE), "the same on all"
            )
        self.assertEqual(self.accounts_made(), 1)
        self.assert_no_defect(*self.nodes())
