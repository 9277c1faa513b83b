"""The CA that other tests issue certificates with is what they take it for."""

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from cryptography import x509

from tests.integration.cases import NodeCase
from tests.integration.node import free_ports
from tests.integration.pebble import Pebble


class Harness(NodeCase):
    """A CA that nobody asks for certificates."""

    needs = ("pebble",)

    def pebble(self, **more: Any) -> Pebble:
        """Start one."""
        made = Pebble(self.new_folder() / "pebble", free_ports(1)[0], **more)
        self.addCleanup(made.stop)
        return made

    def directory(self, pebble: Pebble) -> Any:
        """Read its directory as a client does that trusts *ca_file* alone."""
        context = ssl.create_default_context(cafile=pebble.ca_file)
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        with urllib.request.build_opener(*handlers).open(pebble.directory, timeout=10) as answer:
            return json.load(answer)

    def test_restarted(self) -> None:
        """Stopped it does not answer; started again it does at the same address, with another root."""
        pebble = self.pebble()
        self.assertIn("newOrder", self.directory(pebble))
        before = pebble.root()
        pebble.stop()
        self.assertRaises(urllib.error.URLError, self.directory, pebble)
        pebble.restart()
        self.assertIn("newOrder", self.directory(pebble))
        self.assertNotEqual(pebble.root(), before)

    def test_roots(self) -> None:
        """Every chain has a root of its own, and without alternates there is one."""
        pebble = self.pebble(roots=2, length=2)
        roots = [x509.load_pem_x509_certificate(pebble.root(number)) for number in range(3)]
        self.assertEqual(len({root.fingerprint(root.signature_hash_algorithm) for root in roots}), 3)  # type: ignore[arg-type]
        self.assertRaises(urllib.error.HTTPError, self.pebble().root, 1)

    def test_external_accounts(self) -> None:
        """It says that accounts need a key from elsewhere exactly when it was given such keys."""
        bound = self.pebble(accounts={"kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"})
        self.assertTrue(self.directory(bound)["meta"]["externalAccountRequired"])
        self.assertFalse(self.directory(self.pebble())["meta"]["externalAccountRequired"])
