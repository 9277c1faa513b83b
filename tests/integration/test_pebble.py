"""The CA that other tests issue certificates with is what they take it for."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, ClassVar

from cryptography import x509

from tests.integration.cases import NodeCase
from tests.integration.certbot_case import ZONE, CertbotCase
from tests.integration.node import free_ports
from tests.integration.pebble import ACCOUNTS, Pebble


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
        bound = self.pebble(accounts=ACCOUNTS)
        self.assertTrue(self.directory(bound)["meta"]["externalAccountRequired"])
        self.assertFalse(self.directory(self.pebble())["meta"]["externalAccountRequired"])


class Issuing(CertbotCase):
    """A CA that binds accounts, and whose certificates are short-lived and have long chains."""

    authority: ClassVar[Mapping[str, Any]] = {"accounts": ACCOUNTS, "validity": 3600, "roots": 1, "length": 2}

    def test_issued(self) -> None:
        """A client with that account gets the chain of its choice, valid so long, and revokes it; one without gets none."""
        ended = self.certonly(ZONE)
        self.assertEqual(ended.code, 1, ended.out)
        self.assertIn("external account", (ended.out + ended.err).lower())
        other = x509.load_pem_x509_certificate(self.pebble.root(1))
        (common,) = other.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        (account,) = ACCOUNTS.items()
        words = ["--eab-kid", account[0], "--eab-hmac-key", account[1], "--preferred-chain", str(common.value)]
        self.assert_well(self.certonly(ZONE, more=words))
        folder = self.folder / "config" / "live" / ZONE
        leaf, first, second = x509.load_pem_x509_certificates((folder / "fullchain.pem").read_bytes())
        self.assertIn((leaf.not_valid_after_utc - leaf.not_valid_before_utc).total_seconds(), (3599, 3600))
        self.assertEqual(first, x509.load_pem_x509_certificate(self.pebble.intermediate(1)))
        leaf.verify_directly_issued_by(first)
        first.verify_directly_issued_by(second)
        second.verify_directly_issued_by(other)
        self.assertEqual(self.pebble.status(leaf.serial_number), "Valid")
        self.assertEqual(self.certbot("revoke", "--cert-name", ZONE).code, 0)
        self.assertEqual(self.pebble.status(leaf.serial_number), "Revoked")
