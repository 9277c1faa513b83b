"""API keys on two nodes: what one side does to a key holds on both once they are joined."""

from typing import Any

from tests.integration.node import Ended, wait_until
from tests.integration.two_nodes import Side
from tests.integration.two_nodes_case import TwoNodesCase
from tests.integration.visitor import call_api

CLEAR = "first-system-secret-of-two-nodes"


class KeysApart(TwoNodesCase):
    """Keys are made and revoked with the command, on the machine of each node."""

    def keys(self, side: Side, *arguments: str) -> Ended:
        """Run ``couchpages keys`` on the machine of a node."""
        return side.node.run("keys", *arguments, "--json", "--config", str(side.node.config))

    def status(self, side: Side, key: str) -> int:
        """Try a key on a node."""
        return call_api(side.node.api, key, "GET", "/api/v2/sites").status

    def until_both(self, key: str, status: int) -> None:
        """Wait until both nodes answer a key so."""
        for side in self.pair.sides:
            wait_until(lambda side=side: self.status(side, key) == status, f"{status} for the key")

    def new_key(self) -> Any:
        """Make a key on the first side, and wait until both know it."""
        made = self.keys(self.first, "create", "--site", "*").json()
        self.until_both(made["api_key"], 200)
        return made

    def test_revoked_on_one_side(self) -> None:
        """A key that is revoked on one side, while they are cut off, opens nothing once they are joined, also after a restart."""
        made = self.new_key()
        self.pair.cut()
        self.assertEqual(self.keys(self.first, "revoke", made["id"]).code, 0)
        wait_until(lambda: self.status(self.first, made["api_key"]) == 401, "the key's end on the first side")
        self.assertEqual(self.status(self.second, made["api_key"]), 200)
        self.pair.heal()
        self.until_both(made["api_key"], 401)
        self.pair.settle("secrets")
        self.second.node.stop()
        self.second.node.start()
        self.until_both(made["api_key"], 401)

    def test_revoked_on_both_sides(self) -> None:
        """A key that both sides revoke is gone on both, and comes back on neither."""
        made = self.new_key()
        self.pair.cut()
        for side in self.pair.sides:
            self.assertEqual(self.keys(side, "revoke", made["id"]).code, 0)
        self.pair.heal()
        self.pair.settle("secrets")
        self.until_both(made["api_key"], 401)

    def test_sealed_on_both_sides(self) -> None:
        """The first system's key, sealed on both sides at once, goes on working on both, in clear text on neither, without conflicts."""
        self.first.write("secrets", {"_id": "ApiKey", "Secret": CLEAR, "Secret_Name": "deployer"})
        self.until_both(CLEAR, 200)
        self.pair.cut("secrets")
        for side in self.pair.sides:
            self.assertEqual(self.keys(side, "seal").json(), {"sealed": True})
        self.pair.heal()
        self.pair.settle("secrets")
        for side in self.pair.sides:
            self.assertEqual(self.status(side, CLEAR), 200)
            self.assertIsNone(side.document("secrets", "ApiKey"))
            self.assertNotIn("_conflicts", side.document("secrets", "apikey-first-system"))
            self.assertNotIn(CLEAR, str(side.document("secrets", "apikey-first-system")))
        self.assertEqual(self.keys(self.second, "revoke", "first-system").code, 0)
        self.until_both(CLEAR, 401)

    def test_other_keys_sealed_on_both_sides(self) -> None:
        """Two keys of the first system, one on each side, both go on working on both, however often they are sealed."""
        secrets = [f"{CLEAR}-{number}" for number in range(2)]
        self.pair.cut("secrets")
        for side, secret in zip(self.pair.sides, secrets, strict=True):
            side.write("secrets", {"_id": "ApiKey", "Secret": secret, "Secret_Name": "deployer"})
            wait_until(lambda side=side, secret=secret: self.status(side, secret) == 200, "the key")
            self.assertEqual(self.keys(side, "seal").json(), {"sealed": True})
        self.pair.heal()
        for secret in secrets:
            self.until_both(secret, 200)
        self.pair.settle("secrets")
        for secret in secrets:
            self.until_both(secret, 200)
        for side in self.pair.sides:
            self.assertNotIn("_conflicts", side.document("secrets", "apikey-first-system"))
        for each in self.keys(self.first, "list").json()["keys"]:
            if each["id"].startswith("first-system"):
                self.assertEqual(self.keys(self.first, "revoke", each["id"]).code, 0)
        for secret in secrets:
            self.until_both(secret, 401)
