"""Test cases with certbot's own program, the hooks of ``plugins/certbot``, a CA that validates, and our name servers (start processes)."""

import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

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


class CertbotCase(DnsCase):
    """Two nodes on the same databases, as after replication, that answer on two addresses; and certbot on a third machine."""

    needs = ("pebble", "certbot")
    #: How the CA differs from others.
    authority: ClassVar[Mapping[str, Any]] = {}

    def setUp(self) -> None:
        """Start both nodes and the CA, and make the zones, one of which lies below the other."""
        super().setUp()
        self.first, self.second = self.name_servers()
        for zone in (ZONE, BELOW):
            self.create(zone, node=self.first)
            for number, address in enumerate(ADDRESSES, 1):
                self.add(f"ns{number}.{ZONE}", "A", address, zone=ZONE, node=self.first)
        # certbot repeats what failed for its nonce once only, and then gives up.
        self.pebble = Pebble(self.folder / "pebble", self.first.dns, rejected=0, **self.authority)
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

    def certonly(self, *names: str, more: Sequence[str] = ()) -> Ended:
        """Ask for one certificate for all names; *more* are more of certbot's words."""
        hooks = ["--manual-auth-hook", f"{self.hook} auth", "--manual-cleanup-hook", f"{self.hook} cleanup"]
        account = ["--agree-tos", "--register-unsafely-without-email"]
        domains = [word for name in names for word in ("-d", name)]
        return self.certbot("certonly", "--manual", "--preferred-challenges", "dns", *hooks, *account, *domains, *more)

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
