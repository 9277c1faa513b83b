"""Our account at pebble: one for all nodes and restarts, made anew where the CA forgot it, bound to a customer where it asks for that."""

import json
import re
from pathlib import Path

from tests.integration.acme_case import PublicCase
from tests.integration.node import Node
from tests.integration.pebble import ACCOUNTS, EXTERNAL_KEY

FOREIGN = "blog.example.net"


class Accounts(PublicCase):
    """Accounts."""

    def setUp(self) -> None:
        """Let a name of others lead to the node."""
        super().setUp()
        self.public.set(FOREIGN, "A", "127.0.0.1")

    def test_one_for_all(self) -> None:
        """A node that was started again uses the same account, and so does another that takes over; a CA that forgot it makes one."""
        first = self.issuing(issuers=["node1", "node2"])
        self.deploy(first, FOREIGN)
        self.issued(first, FOREIGN)
        first.stop()
        first.start()
        self.renewed(first, FOREIGN)
        second = self.beside(first, issuers=["node2"])
        self.assertEqual(self.accounts_made(), 1)
        # The first may issue no longer, and has the lease end.
        self.configured(first, issuers=["node2"])
        self.renewed(first, FOREIGN)
        self.until(lambda: self.order(first, FOREIGN)["by"] == "node2", second, "the second node to issue", FOREIGN)
        self.assertEqual(self.accounts_made(), 1)
        self.pebble.restart()
        # The order tells that the account is gone, another one is made, and the order goes on.
        self.ask_for(first, FOREIGN)
        self.issued(first, FOREIGN)
        self.issued(second, FOREIGN)
        # A certificate is served before its order is written.
        self.until(lambda: self.order(first, FOREIGN)["state"] == "issued", second, "the order to end", FOREIGN)
        self.assertEqual(self.order(first, FOREIGN)["failures"], 0)
        self.assertEqual(self.accounts_made(), 2)
        self.assert_no_defect(first, second)

    def configured(self, node: Node, **acme: list[str]) -> None:
        """Start a node again with other settings."""
        text = node.config.read_text()
        for name, value in acme.items():
            text = re.sub(rf"^{name} = .*$", f"{name} = {json.dumps(value)}", text, flags=re.MULTILINE)
        node.stop()
        node.config.write_text(text)
        node.start()


class BoundAccounts(PublicCase):
    """A CA whose accounts belong to customers."""

    authority = {"accounts": ACCOUNTS}  # noqa: RUF012 -- never changed

    def setUp(self) -> None:
        """Let a name of others lead to the node."""
        super().setUp()
        self.public.set(FOREIGN, "A", "127.0.0.1")

    def test_missing(self) -> None:
        """Without the customer's key there is no account, and the reason names the settings."""
        node = self.issuing()
        self.deploy(node, FOREIGN)
        reason = self.failed(node, FOREIGN, "external_account")
        self.assert_told(node, FOREIGN, "external_account", reason)
        self.assertIn("eab_key", reason)
        self.assertEqual(self.orders_made(), 0)
        self.assert_no_defect(node)

    def test_wrong_and_right(self) -> None:
        """With a wrong key neither; with the right one everything is well."""
        key = Path(self.folder / "eab-key")
        key.write_text("A" * len(EXTERNAL_KEY) + "\n")
        node = self.issuing(eab_key_id="kid-1", eab_key_file=str(key))
        self.deploy(node, FOREIGN)
        reason = self.failed(node, FOREIGN, "external_account")
        self.assert_told(node, FOREIGN, "external_account", reason)
        self.assertIn("[acme] eab_key_id and eab_key_file", reason)
        key.write_text(EXTERNAL_KEY + "\n")
        node.stop()
        node.start()
        self.ask_for(node, FOREIGN)
        self.issued(node, FOREIGN)
        self.assert_no_defect(node)
