"""What docs/dns.md has people type, typed as it stands there; only addresses are others."""

import re
import shlex
from typing import Any

from tests.integration.cases import OnApacheCouchDB
from tests.integration.dns_case import DnsCase, dns_settings
from tests.integration.dns_clients import Seen, run
from tests.integration.node import ROOT, Node, free_ports
from tests.integration.test_outages import Elsewhere

ZONE = "example.com"
NAMESERVERS = ["ns1.example.com", "ns2.example.com"]
#: The nodes of the text.
ADDRESSES = ("192.0.2.1", "198.51.100.1")


def section(number: int) -> str:
    """Give a section of the text."""
    text = (ROOT / "docs" / "dns.md").read_text()
    return text.partition(f"## {number}. ")[2].partition("\n## ")[0]


def typed(text: str, program: str) -> list[list[str]]:
    """Give what is to be typed, in lines of its own and then within sentences, as words."""
    lines = re.findall(rf"^    ({program} .*)$", text, re.MULTILINE)
    return [shlex.split(each) for each in [*lines, *re.findall(rf"`({program} [^`]*)`", text)]]


class Documented(DnsCase):
    """Two nodes on the same databases, as after replication."""

    needs = ("dig",)

    def setUp(self) -> None:
        """Start both."""
        super().setUp()
        names: dict[str, Any] = {"nameservers": NAMESERVERS, "hostmaster": f"hostmaster@{ZONE}"}
        first = self.new_name_server(**names).start()
        (port,) = free_ports(1)
        elsewhere = Elsewhere(first.store.access(first.data), first.store.databases)
        second = Node(self.new_folder() / "node", elsewhere, dns_settings(port, **names))
        second.dns = port
        self.addCleanup(second.remove)
        self.nodes = dict(zip(ADDRESSES, (first, second.start()), strict=True))
        self.first = first

    def test_typed(self) -> None:
        """The zone is made, checked, exported and imported, and asked for, by the commands as they stand there; all do what is said."""
        self.make_key()
        commands = [words for words in typed(section(2), "couchpages") if words[1] == "dns"]
        self.assertGreaterEqual(len(commands), 11)
        (self.folder / f"{ZONE}.zone").write_text(
            "$TTL 300\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 198.51.100.1\n"
            "@ A 192.0.2.1\n* CNAME @\n"
        )
        checked = False
        for words in commands:
            if "import-zone" in words and not checked:
                self.assert_asked()
                checked = True
            # Records are removed by importing another file, which is asked about.
            more = ["--yes"] if "import-zone" in words else []
            ended = self.first.run(*words[1:], *more, cwd=self.folder)
            self.assertEqual(ended.code, 0, f"{words}: {ended.err}")
        self.assertTrue(checked)
        self.assert_asked()

    def make_key(self) -> None:
        """Make the key, as it is told."""
        (words,) = (each for each in typed(section(2), "couchpages") if each[1] == "keys")
        made = self.first.run(*words[1:], "--json", "--config", str(self.first.config))
        self.first.key = made.json()["api_key"]

    def assert_asked(self) -> None:
        """Ask as it is told, and see what is told to be seen."""
        serials: set[str] = set()
        for words in typed(section(3), "dig"):
            seen = self.dig(words)
            self.assertEqual((seen.rcode, "aa" in seen.flags), ("NOERROR", True), words)
            self.assertTrue(seen.data, words)
            serials.update(each.split()[3] for each in seen.data if each.startswith("SOA "))
        self.assertEqual(len(serials), 1)
        foreign = self.dig(["dig", "@192.0.2.1", "nothere.example.net", "A", "+norecurse"])
        self.assertEqual((foreign.rcode, "aa" in foreign.flags), ("REFUSED", False))

    def dig(self, words: list[str]) -> Seen:
        """Run dig, on the ports that are in the addresses' places."""
        server = words[1].removeprefix("@")
        return run(["dig", "@127.0.0.1", "-p", str(self.nodes[server].dns), *words[2:]])


class DocumentedOnApacheCouchDB(OnApacheCouchDB, Documented):
    """The same on Apache CouchDB."""
