"""certbot's own program, with the hooks of ``plugins/certbot``, a CA that validates, and our name servers."""

import subprocess
from typing import Any

from cryptography import x509

from tests.integration.dns_case import DnsCase, dns_settings
from tests.integration.node import ROOT, Ended, Node, environment, free_ports, write_files
from tests.integration.pebble import Pebble
from tests.integration.test_outages import Elsewhere

HOOK = ROOT / "plugins" / "certbot" / "couchpages_hook.py"
ZONE, BELOW = "example.co.uk", "sub.example.co.uk"
ADDRESSES = ("127.0.0.1", "127.0.0.2")
#: Seconds for a run of certbot: far more than one takes.
PATIENCE = 240


class Certbot(DnsCase):
    """Two nodes on the same databases, as after replication, whose name servers differ in their addresses; and certbot on a third machine."""

    needs = ("pebble", "certbot")

    def setUp(self) -> None:
        """Start both nodes and the CA, and make the zones, one of which lies below the other."""
        super().setUp()
        self.first, self.second = self.name_servers()
        for zone in (ZONE, BELOW):
            self.create(zone, node=self.first)
            for number, address in enumerate(ADDRESSES, 1):
                self.add(f"ns{number}.{ZONE}", "A", address, zone=ZONE, node=self.first)
        # certbot repeats what failed for its nonce once only, and then gives up.
        self.pebble = Pebble(self.folder / "pebble", self.first.dns, rejected=0)
        self.addCleanup(self.pebble.stop)
        self.install(self.first.key)

    def name_servers(self) -> tuple[Node, Node]:
        """Start nodes on one port of two addresses."""
        (port,) = free_ports(1)
        first = Node(self.new_folder() / "node", self.store(), self.settings(ADDRESSES[0], port))
        self.addCleanup(first.remove)
        first.init()
        elsewhere = Elsewhere(first.start().store.access(first.data), first.store.databases)
        second = Node(self.new_folder() / "node", elsewhere, self.settings(ADDRESSES[1], port))
        self.addCleanup(second.remove)
        first.dns = second.dns = port
        return first, second.start()

    def settings(self, address: str, port: int) -> dict[str, dict[str, Any]]:
        """Give a node's settings."""
        names = [f"ns{number}.{ZONE}" for number in (1, 2)]
        return dns_settings(port, listen=[f"{address}:{port}"], nameservers=names)

    def install(self, key: str, server: str | None = None) -> None:
        """Copy the hook, and write its settings beside it, as the text says."""
        self.hook = self.folder / "etc" / "couchpages_hook.py"
        lines = {
            "COUCHPAGES_SERVER": server or self.first.server,
            "COUCHPAGES_API_KEY_FILE": str(self.folder / "etc" / "key"),
            "COUCHPAGES_DNS_PORT": f"{self.first.dns}",
            "COUCHPAGES_TIMEOUT": "4",
            "COUCHPAGES_WAIT": "20",
        }
        configuration = "# certbot\n" + "".join(f"{name}={value}\n" for name, value in lines.items())
        write_files(self.hook.parent, {"couchpages_hook.py": HOOK.read_bytes(), "key": key + "\n"})
        self.hook.with_suffix(".conf").write_text(configuration)
        self.hook.chmod(0o755)

    def certbot(self, *words: str) -> Ended:
        """Run certbot to its end."""
        folders = [word for name in ("config", "work", "logs") for word in (f"--{name}-dir", str(self.folder / name))]
        done = subprocess.run(
            ["certbot", *words, *folders, "--non-interactive", "--server", self.pebble.directory],
            env=environment({"REQUESTS_CA_BUNDLE": str(self.pebble.ca_file)}),
            cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    def certonly(self, *names: str) -> Ended:
        """Ask for one certificate for all names."""
        hooks = ["--manual-auth-hook", f"{self.hook} auth", "--manual-cleanup-hook", f"{self.hook} cleanup"]
        account = ["--agree-tos", "--register-unsafely-without-email"]
        domains = [word for name in names for word in ("-d", name)]
        return self.certbot("certonly", "--manual", "--preferred-challenges", "dns", *hooks, *account, *domains)

    def certificate(self, name: str) -> x509.Certificate:
        """Read the newest certificate."""
        return x509.load_pem_x509_certificate((self.folder / "config" / "live" / name / "cert.pem").read_bytes())

    def texts(self) -> list[str]:
        """Give all texts in both zones, as the API has them."""
        found: list[str] = []
        for zone in (ZONE, BELOW):
            listed = self.changed("GET", f"/{zone}/records?type=TXT", node=self.first).json()["records"]
            found += [f"{each['name']} {each['content']}" for each in listed]
        return found

    def assert_well(self, ended: Ended) -> None:
        """Assert that certbot got its certificate, and that the hooks had nothing to complain of."""
        self.assertEqual(ended.code, 0, f"{ended.out}{ended.err}{self.pebble.log()}")
        self.assertNotIn("error", ended.out + ended.err)


class Issued(Certbot):
    """What works."""

    def test_wildcard_and_apex(self) -> None:
        """One certificate for a wildcard, its apex and names in a zone below, then its renewal; no value is left but a foreign one."""
        self.add(f"_acme-challenge.www.{ZONE}", "TXT", '"foreign"', zone=ZONE, node=self.first)
        names = [f"www.{ZONE}", f"*.www.{ZONE}", f"*.{BELOW}", BELOW]
        self.assert_well(self.certonly(*names))
        first = self.certificate(f"www.{ZONE}")
        found = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual(sorted(found.get_values_for_type(x509.DNSName)), sorted(names))
        self.assert_well(self.certbot("renew", "--force-renewal"))
        self.assertNotEqual(self.certificate(f"www.{ZONE}").serial_number, first.serial_number)
        self.assertEqual(self.texts(), [f'_acme-challenge.www.{ZONE}. "foreign"'])

    def test_alias(self) -> None:
        """A value goes where an alias leads, into another zone of ours; the alias stays."""
        self.add(f"_acme-challenge.{ZONE}", "CNAME", f"proofs.{BELOW}.", zone=ZONE, node=self.first)
        self.assert_well(self.certonly(f"*.{ZONE}", ZONE))
        self.assertEqual(self.texts(), [])
        self.assertEqual(self.data(f"_acme-challenge.{ZONE}", "CNAME", node=self.first), (f"proofs.{BELOW}.",))

    def test_one_name_server_away(self) -> None:
        """A name server that does not answer is named, and keeps nobody from a certificate."""
        self.second.stop()
        ended = self.certonly(f"*.{ZONE}", ZONE)
        self.assertEqual(ended.code, 0, f"{ended.out}{ended.err}{self.pebble.log()}")
        self.assertIn(f"the name server ns2.{ZONE} (127.0.0.2) does not answer", ended.out + ended.err)
        self.assertEqual(self.texts(), [])


class Refused(Certbot):
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
