"""``couchpages certs issue``, ``renew``, ``revoke``, ``list`` and ``delete``, with pebble."""

from typing import Any

from tests.integration.acme_case import ZONE, AcmeCase
from tests.integration.node import Ended, Node


class Commands(AcmeCase):
    """What people do about certificates that are issued."""

    def certs(self, node: Node, *words: str) -> Ended:
        """Run a command."""
        return node.run("certs", *words, "--config", str(node.config))

    def done(self, node: Node, *words: str) -> Any:
        """Run a command, which must succeed, and give what ``--json`` says."""
        ended = self.certs(node, *words, "--json")
        self.assertEqual(ended.code, 0, f"{ended.err}{ended.out}\n{node.log()}")
        return ended.json()

    def test_life_of_one(self) -> None:
        """A certificate is issued by hand, renewed, revoked and so replaced, and deleted; wildcards too."""
        node = self.issuing(sites=False)
        self.make_zone(node)
        name = f"mail.{ZONE}"
        (order,) = self.done(node, "issue", name, f"*.{name}")["orders"]
        self.assertEqual(
            (order["name"], order["state"], order["by_hand"], order["node"]), (name, "issued", True, "node1")
        )
        first = self.certificate(node, name)
        self.assertEqual((first["source"], first["order"]["failures"]), ("issued", 0))
        self.assertEqual(first["issued_by"], self.pebble.directory)
        self.assertEqual(sorted(first["names"]), sorted([name, f"*.{name}"]))
        self.done(node, "renew", name)
        second = self.certificate(node, name)
        self.assertNotEqual(second["serial"], first["serial"])
        (revoked,) = self.done(node, "revoke", name, "--reason", "superseded")["certificates"]
        self.assertEqual(revoked["serial"], second["serial"])
        self.assertEqual(self.pebble.status(int(second["serial"], 16)), "Revoked")
        self.until(lambda: self.certificate(node, name)["serial"] not in (first["serial"], second["serial"]), node)
        self.until(lambda: self.order(node, name)["state"] == "issued", node)
        third = self.certificate(node, name)
        (revoked,) = self.done(node, "revoke", name, "--reason", "keycompromise", "--no-replace")["certificates"]
        self.assertEqual(self.pebble.status(int(third["serial"], 16)), "Revoked")
        self.assertEqual(self.done(node, "delete", name), {"deleted": name, "kinds": ["ecdsa"], "order": True})
        self.assertEqual(self.listed(node), [])

    def test_wrong(self) -> None:
        """What cannot be had is told with its reason, and listed with the next try; what is imported is not replaced."""
        node = self.issuing(sites=False)
        self.make_zone(node)
        ended = self.certs(node, "issue", "nowhere.invalid")
        self.assertEqual(ended.code, 1)
        self.assertIn("nowhere.invalid: ", ended.err)
        (listed,) = self.listed(node)
        self.assertEqual(
            (listed["name"], listed["state"], listed["order"]["state"]), ("nowhere.invalid", "missing", "failed")
        )
        self.assertIsNotNone(listed["order"]["next_try"])
        self.assertIn("tried again", self.certs(node, "list").out)
        ended = self.certs(node, "renew", f"other.{ZONE}")
        self.assertEqual(ended.code, 1)
        self.assertIn(f"no certificate other.{ZONE} was issued or ordered here", ended.err)
        self.assertEqual(self.certs(node, "renew").code, 2)
        self.assertEqual(self.certs(node, "issue", "no_such name").code, 2)
        self.assertIn("there is no certificate", self.certs(node, "revoke", f"other.{ZONE}").err)

    def test_nobody_issues(self) -> None:
        """Where no issuer runs, that is said."""
        node = self.issuing(sites=False)
        node.stop()
        ended = self.certs(node, "issue", f"mail.{ZONE}", "--wait", "1")
        self.assertEqual(ended.code, 1)
        self.assertIn("no issuer has taken it up", ended.err)
        self.assertEqual(self.certs(node, "issue", f"mail.{ZONE}", "--wait", "0").code, 0)
