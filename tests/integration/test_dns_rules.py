"""The table of rules, asked of a daemon whose zones were imported from zone files; and zone files, out and in again."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from couchpages.dns.names import from_text
from couchpages.dns.records import document_id, to_document
from tests.dns import own
from tests.dns.rules import ALL, asking, checking, endless, row, zone_files
from tests.dns.rules.sockets import over_sockets
from tests.integration.cases import OnApacheCouchDB
from tests.integration.dns_case import DnsCase
from tests.integration.node import wait_until
from tests.integration.requirements import program_path
from tests.integration.test_zone_files import ZONE as EVERY_KIND

#: A zone that our checks refuse, because nobody is answered with what is occluded in it; the documents may say so all the same.
REFUSED = "occluded.test"


class Rules(DnsCase):
    """A name server with all zones of the table."""

    def test_every_rule(self) -> None:
        """Every question of the table gets the answer that its RFC asks for, by sockets, when it is worked out and when it is ready."""
        node = self.new_name_server(identity="node", version="couchpages").start()
        self.node_under_test = node
        for name in zone_files.NAMES:
            self.bring(name)
        ask = over_sockets(node.dns, patience=10)
        with self.serials():
            for turn in ("worked out", "ready"):
                self.assertEqual(checking.report(ALL, ask), [], turn)
            self.assertEqual(endless.faults(ask), [])
        self.assert_serving(node)

    def bring(self, name: str) -> None:
        """Import a zone of the table."""
        file = self.folder / "zone"
        node = self.node_under_test
        if name != REFUSED:
            file.write_text(zone_files.text(name))
            told = self.dns("import-zone", name, str(file), "--yes", "--json", node=node).json()
            self.assertEqual((told["created"], told["removed"]), (True, 0))
            return
        lines = [line for line in zone_files.text(name).splitlines() if ".d " not in line]
        file.write_text("\n".join(lines) + "\n")
        self.dns("import-zone", name, str(file), "--yes", node=node)
        number, before = self.number(name, node), self.serial(name, node)
        apex = from_text(name)
        occluded = [each for each in own.records_of(zone_files.text(name), name) if each.owner.endswith(b"\1d" + apex)]
        for each in occluded:
            if each.owner != b"\1d" + apex:
                self.assertTrue(self.records(node).put(document_id(each), {**to_document(each), "zone_id": number}))
        wait_until(lambda: self.serial(name, node) > before, "the occluded records")

    @contextmanager
    def serials(self) -> Iterator[None]:
        """Have the table expect the serials that the node made, in place of 1."""
        node = self.node_under_test
        serials = {name: self.serial(name, node) for name in zone_files.NAMES}
        read = asking.read_record

        def read_with_serial(record: row.Record) -> asking.RR:
            owner, ttl, rdtype, data = record.split(" ", 3)
            if rdtype == "SOA":
                words = data.split(" ")
                self.assertEqual(words[2], "1", record)
                words[2] = str(serials[owner.removesuffix(".").lower()])
                data = " ".join(words)
            return read(f"{owner} {ttl} {rdtype} {data}")

        with patch.object(checking, "read_record", read_with_serial):
            yield


class RulesOnApacheCouchDB(OnApacheCouchDB, Rules):
    """The same on Apache CouchDB."""


class ZoneFiles(DnsCase):
    """``import-zone``, ``export-zone`` and ``check-zone`` with a node."""

    def canonical(self, path: Path, zone: str) -> list[str]:
        """Have named-checkzone load a file; give the zone as BIND writes it, without the serial."""
        program = program_path("named-checkzone") or ""
        done = subprocess.run(
            [program, "-D", "-o", "-", zone, str(path)], capture_output=True, text=True, timeout=60, check=False
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        rows = [line.split() for line in done.stdout.splitlines() if "\tIN" in line or " IN " in line]
        return sorted(" ".join([*each[:6], *each[7:]] if each[3] == "SOA" else each) for each in rows)

    def test_out_and_in(self) -> None:
        """What is exported, BIND reads as it reads what was imported; imported into another node's zone it is the same again."""
        if program_path("named-checkzone") is None:
            self.skipTest("named-checkzone is not there")
        zone, first, second = self.zone, self.folder / "first", self.folder / "second"
        source = self.folder / "source"
        source.write_text(EVERY_KIND.replace("example.org.", f"{zone}."))
        self.dns("import-zone", zone, str(source))
        self.dns("export-zone", zone, str(first))
        wanted = self.canonical(source, zone)
        self.assertEqual(self.canonical(first, zone), wanted)
        again = self.dns("import-zone", zone, str(first), "--json").json()
        self.assertEqual((again["added"], again["changed"], again["removed"]), (0, 0, 0))
        other = self.new_name_server().start()
        self.dns("import-zone", zone, str(first), node=other)
        self.dns("export-zone", zone, str(second), node=other)
        self.assertEqual(self.canonical(second, zone), wanted)
        self.assertGreater(self.serial(node=other), self.serial())

    def test_large(self) -> None:
        """The table's largest zones go out and in, to the same answers."""
        zone = "big.test"
        node, other = (self.new_name_server().start() for _ in range(2))
        file = self.folder / "zone"
        file.write_text(zone_files.text(zone))
        self.dns("import-zone", zone, str(file), node=node)
        self.dns("export-zone", zone, str(self.folder / "out"), node=node)
        self.dns("import-zone", zone, str(self.folder / "out"), node=other)
        found = [self.dns("export-zone", zone, "--json", node=each).json()["rrsets"] for each in (node, other)]
        self.assertGreater(len(found[0]), 5)
        but_soa = [[each for each in sets if each["type"] != "SOA"] for sets in found]
        self.assertEqual(but_soa[0], but_soa[1])

    def test_replaced(self) -> None:
        """An import makes the zone what the file says: what is gone is gone, with --keep it stays, a dry run changes nothing."""
        head = "$TTL 300\n@ SOA ns.example.net. host.example.net. 1 7200 900 1209600 300\n@ NS ns.example.net.\n"
        file = self.folder / "zone"
        file.write_text(head + "a A 192.0.2.1\nb A 192.0.2.2\n")
        self.dns("import-zone", self.zone, str(file))
        before = self.serial()
        file.write_text(head + "a A 192.0.2.3\n")
        dry = self.dns("import-zone", self.zone, str(file), "--dry-run", "--json").json()
        self.assertEqual((dry["added"], dry["changed"], dry["removed"], self.serial()), (1, 0, 2, before))
        self.dns("import-zone", self.zone, str(file), "--keep", "--yes")
        self.assertEqual((self.data(f"a.{self.zone}"), self.data(f"b.{self.zone}")), (("192.0.2.3",), ("192.0.2.2",)))
        refused = self.node.run("dns", "import-zone", self.zone, str(file))
        self.assertNotEqual(refused.code, 0, "records would be removed, and nobody can be asked")
        self.assertEqual(self.data(f"b.{self.zone}"), ("192.0.2.2",))
        self.dns("import-zone", self.zone, str(file), "--yes")
        self.assertEqual(self.ask(f"b.{self.zone}").rcode, "NXDOMAIN")
        file.write_text(head + "a A 192.0.2.3\na CNAME b\n")
        bad = self.node.run("dns", "import-zone", self.zone, str(file), "--yes")
        self.assertEqual((bad.code, bad.out), (2, ""), bad.err)
        self.assertEqual(self.data(f"a.{self.zone}"), ("192.0.2.3",))

    def test_checked(self) -> None:
        """``check-zone`` finds nothing in a sound zone, and tells of what was written past our checks, with exit code 1."""
        self.create()
        self.add("www", "A", "192.0.2.1")
        self.assertIn("nothing is wrong", self.dns("check-zone", self.zone).out)
        document = {"type": "CNAME", "name": f"www.{self.zone}", "content": "x.example.net", "ttl": 60}
        before = self.serial()
        self.assertTrue(self.records().put("a-cname", {**document, "zone_id": self.number()}))
        wait_until(lambda: self.serial() > before, "the CNAME")
        ended = self.node.run("dns", "check-zone", self.zone)
        self.assertEqual(ended.code, 1, ended.out)
        self.assertIn(f"www.{self.zone}", ended.out)
        self.assertEqual(self.data(f"www.{self.zone}"), ("192.0.2.1",))


class ZoneFilesOnApacheCouchDB(OnApacheCouchDB, ZoneFiles):
    """The same on Apache CouchDB."""
