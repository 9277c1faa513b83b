"""certbot's own program proves our domains with the hooks of ``plugins/certbot``."""

import re

from cryptography import x509

from tests.integration.certbot_case import BELOW, HOOK, ZONE, CertbotCase
from tests.integration.node import BIN, free_ports


class Issued(CertbotCase):
    """What works."""

    def test_wildcard_and_apex(self) -> None:
        """One certificate for a wildcard, its apex and names in a zone below, then its renewal; no value is left but a foreign one."""
        self.add(f"_acme-challenge.www.{ZONE}", "TXT", '"foreign"', zone=ZONE, node=self.first)
        names = [f"www.{ZONE}", f"*.www.{ZONE}", f"*.{BELOW}", BELOW]
        self.assert_well(self.certonly(*names))
        first = self.certificate(f"www.{ZONE}")
        found = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual(sorted(found.get_values_for_type(x509.DNSName)), sorted(names))
        self.assert_well(self.certbot("renew", "--force-renewal", "--no-random-sleep-on-renew"))
        self.assertNotEqual(self.certificate(f"www.{ZONE}").serial_number, first.serial_number)
        self.assertEqual(self.texts(), [f'_acme-challenge.www.{ZONE}. "foreign"'])

    def test_alias(self) -> None:
        """A value goes where an alias leads, into another zone of ours; the alias stays."""
        self.add(f"_acme-challenge.{ZONE}", "CNAME", f"proofs.{BELOW}.", zone=ZONE, node=self.first)
        self.assert_well(self.certonly(f"*.{ZONE}", ZONE))
        self.assertEqual(self.texts(), [])
        self.assertEqual(self.data(f"_acme-challenge.{ZONE}", "CNAME", node=self.first), (f"proofs.{BELOW}.",))

    def test_deploy_hook(self) -> None:
        """The deploy hook of the text brings the certificate to the node."""
        text = HOOK.with_name("README.md").read_text()
        (words,) = re.findall(r"--deploy-hook '(.*) --config FILE'", text)
        config = ["--config", str(self.first.config)]
        self.assertEqual(self.first.run("certs", "key", "new", *config).code, 0)
        self.assert_well(self.certonly(ZONE, more=["--deploy-hook", f"{BIN}/{words} {' '.join(config)}"]))
        self.assertIn(ZONE, self.first.run("certs", "list", *config).out)

    def test_one_name_server_away(self) -> None:
        """A name server that does not answer is named, and keeps nobody from a certificate."""
        self.second.stop()
        ended = self.certonly(f"*.{ZONE}", ZONE)
        self.assertEqual(ended.code, 0, f"{ended.out}{ended.err}{self.pebble.log()}")
        self.assertIn(f"the name server ns2.{ZONE} (127.0.0.2) does not answer", ended.out + ended.err)
        self.assertEqual(self.texts(), [])


class Refused(CertbotCase):
    """What does not work: it is told in one line, nothing is written, and certbot gives up by itself."""

    def test_wrong_key(self) -> None:
        """A key that nobody made."""
        self.install("cpk_" + "a" * 40)
        self.assert_refused("check COUCHPAGES_API_KEY")

    def test_zone_of_others(self) -> None:
        """A key for the zone below, which the name is not in."""
        made = self.first.run("keys", "create", "--zone", BELOW, "--json", "--config", str(self.first.config))
        self.install(made.json()["api_key"])
        self.assert_refused(f"_acme-challenge.{ZONE} is in none of the zones that this API key reaches")

    def test_api_away(self) -> None:
        """Nobody listens where the API should be."""
        (port,) = free_ports(1)
        self.install(self.first.key, f"http://127.0.0.1:{port}")
        self.assert_refused(f"http://127.0.0.1:{port}: cannot be reached")

    def assert_refused(self, words: str) -> None:
        """Assert that certbot ends with a failure, of which the hook tells so."""
        ended = self.certonly(ZONE)
        told = ended.out + ended.err
        self.assertEqual(ended.code, 1, told)
        self.assertIn("couchpages: ", told)
        self.assertIn(words, told)
        self.assertNotIn("Traceback", told)
        self.assertEqual(self.texts(), [])
