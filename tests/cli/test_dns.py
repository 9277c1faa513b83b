"""``couchpages dns``: wrong calls in this process, the others in one of their own, against the fake on loopback."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.cli.fake_api import answer, problem
from tests.cli.test_command import CommandCase
from tests.cli.test_main import RunCase

ZONE = "example.org"
RECORD = {
    "id": "640cf275-5fa2-80f9-b118-28fae6dbe829",
    "name": "www.example.org.",
    "type": "A",
    "ttl": 60,
    "content": "192.0.2.1",
    "flag": None,
    "disabled": False,
}
CHANGE = {"zone": ZONE, "serial": 9, "added": 1, "changed": 0, "removed": 0, "warnings": []}
FINDING = {"severity": "warning", "name": "example.org.", "type": "MX", "reason": "its target is an alias (RFC 2181)"}
FILE = (
    "$TTL 300\n@ SOA ns1.example.net. h.example.org. 1 3600 900 1209600 300\n@ NS ns1.example.net.\nwww A 192.0.2.1\n"
)


class WrongCallTests(RunCase):
    """Wrong calls end with 2 and one line, and nothing is sent."""

    def setUp(self) -> None:
        """Make a folder."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.key = {"COUCHPAGES_API_KEY": "cpk_secret"}

    def file(self, text: str) -> str:
        """Make a zone file."""
        path = self.folder / "zone"
        path.write_text(text)
        return str(path)

    def test_arguments(self) -> None:
        """Names that are none, and missing arguments."""
        for arguments, told in (
            (("list-zone", "a..b"), "a label is empty"),
            (("list-zone", "."), "example.org"),
            (("create-zone",), "--help"),
            (("add-record", ZONE, "www", "A"), "--help"),
            (("add-record", ZONE, "www", "A", "192.0.2.1", "--ttl", "-1"), "--help"),
            (("delete-zone", ZONE), "--yes"),
            (("nonsense",), "--help"),
        ):
            with patch("sys.stdin.isatty", return_value=False, create=True):
                self.assertIn(told, self.wrong("dns", *arguments, environ=self.key))

    def test_a_file_with_errors(self) -> None:
        """Nothing is sent of a file that cannot be read, or in which something is wrong; both tell the line."""
        for text, told in (
            ("$TTL 5\nwww MX mail", "zone:2: MX content needs a priority and a host name"),
            (FILE + "@ CNAME x.example.net.", "zone:5: example.org CNAME: a CNAME stands alone"),
            (FILE.replace("@ NS", "x NS"), "has no NS records"),
        ):
            code, out, err = self.ended("dns", "import-zone", ZONE, self.file(text), environ=self.key)
            self.assertEqual((code, out), (2, ""))
            self.assertIn(told, err)
        self.assertIn("nowhere", self.wrong("dns", "import-zone", ZONE, str(self.folder / "nowhere"), environ=self.key))

    def test_checking_a_file(self) -> None:
        """A file is checked without a server or a key: 0 with warnings alone, 1 with errors."""
        self.assertEqual(
            self.ended("dns", "check-zone", ZONE, self.file(FILE)), (0, "example.org: nothing is wrong\n", "")
        )
        code, out, _ = self.ended("dns", "check-zone", ZONE, self.file(FILE + "@ MX 10 mail"))
        self.assertEqual(code, 0)
        self.assertRegex(out, r"\Awarning: [^\n]+zone:5: example.org MX: its target mail.example.org has no address")
        code, out, err = self.ended("dns", "check-zone", ZONE, self.file(FILE + "www CNAME x.example.net."), "--json")
        self.assertEqual(code, 1)
        found = json.loads(out)
        self.assertEqual((found["ok"], found["findings"][0]["severity"]), (False, "error"))
        self.assertIn("has errors", err)
        self.assertEqual(self.ended("dns", "check-zone", ZONE, self.file("x"))[0], 1)


class CommandTests(CommandCase):
    """Each command as it should go, for people and for machines."""

    def dns(self, *arguments: str) -> str:
        """Run a command that succeeds; give what it says on stdout."""
        code, out, err = self.ended("dns", *arguments)
        self.assertEqual(code, 0, err)
        return out

    def sent(self, place: int = -1) -> Any:
        """Give the JSON of a call's body."""
        return json.loads(self.fake.calls[place].body)

    def test_zones(self) -> None:
        """create-zone, list-zones, delete-zone."""
        self.fake.answers["POST /zones"] = answer(201, {"zone": ZONE, "serial": 1, "findings": [FINDING]})
        self.fake.answers["GET /zones"] = answer(
            200, {"zones": [{"zone": ZONE, "serial": 1}, {"zone": "b.example", "serial": None}]}
        )
        self.fake.answers[f"DELETE /zones/{ZONE}"] = answer(204, {})
        code, out, err = self.ended(
            "dns", "create-zone", "Example.ORG.", "--nameserver", "a.example", "--hostmaster", "h@x.example"
        )
        self.assertEqual((code, out), (0, "created the zone example.org\n"))
        self.assertIn("warning: example.org MX: its target is an alias", err)
        self.assertEqual(self.sent(), {"name": ZONE, "nameservers": ["a.example"], "hostmaster": "h@x.example"})
        self.assertEqual(self.dns("list-zones"), "example.org\t1\nb.example\t-\n")
        self.assertEqual(len(json.loads(self.dns("list-zones", "--json"))["zones"]), 2)
        self.assertEqual(self.dns("delete-zone", ZONE, "--yes"), "deleted the zone example.org\n")

    def test_records(self) -> None:
        """add-record, list-zone, delete-record."""
        self.fake.answers[f"POST /zones/{ZONE}/records"] = answer(201, {**RECORD, **CHANGE})
        self.fake.answers[f"GET /zones/{ZONE}/records"] = answer(
            200, {"records": [{**RECORD, "flag": "Geo=US", "disabled": True}]}
        )
        self.fake.answers[f"DELETE /records/{RECORD['id']}"] = answer(204, {})
        out = self.dns("add-record", ZONE, "www", "A", "192.0.2.1", "--ttl", "60", "--flag", "Geo=US")
        self.assertEqual(out, f"{RECORD['id']} added: www.example.org. 60 A 192.0.2.1\n")
        self.assertEqual(self.sent(), {"name": "www", "type": "A", "content": "192.0.2.1", "ttl": 60, "flag": "Geo=US"})
        self.assertEqual(
            self.dns("list-zone", ZONE), f"{RECORD['id']}\twww.example.org.\t60\tA\t192.0.2.1\tGeo=US disabled\n"
        )
        self.assertEqual(
            json.loads(self.dns("delete-record", str(RECORD["id"]), "--json")), {"deleted": {"id": RECORD["id"]}}
        )

    def test_refused(self) -> None:
        """What the API refuses ends with 1 and its reason."""
        self.fake.answers[f"POST /zones/{ZONE}/records"] = problem(422, "MX content needs a priority and a host name")
        code, out, err = self.ended("dns", "add-record", ZONE, "@", "MX", "mail.example.org")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("MX content needs a priority and a host name", err)

    def test_strange_answers(self) -> None:
        """An answer that is not the API's is told in one line."""
        self.fake.answers["GET /zones"] = answer(200, {"zones": [3]})
        code, _, err = self.ended("dns", "list-zones")
        self.assertEqual(code, 1)
        self.assertRegex(err, r"\Acouchpages: [^\n]+\n\Z")

    def zone_file(self, text: str = FILE) -> str:
        """Make a zone file."""
        (self.folder / "zone").write_text(text)
        return str(self.folder / "zone")

    def test_import(self) -> None:
        """What would be done is asked first, and then done; the sets arrive whole."""
        path = f"PUT /zones/{ZONE}/rrsets"
        self.fake.answers[f"{path}?dry_run=1"] = self.fake.answers[path] = answer(200, CHANGE)
        self.assertEqual(
            self.dns("import-zone", ZONE, self.zone_file()), "example.org: 1 added, 0 changed, 0 removed\n"
        )
        sets = self.sent()["rrsets"]
        self.assertEqual([each["type"] for each in sets], ["SOA", "NS", "A"])
        self.assertEqual(sets[2], {"name": "www.example.org.", "type": "A", "ttl": 300, "records": ["192.0.2.1"]})
        self.assertEqual(
            [each.path for each in self.fake.calls], [f"/zones/{ZONE}/rrsets?dry_run=1", f"/zones/{ZONE}/rrsets"]
        )

    def test_import_that_removes(self) -> None:
        """Where records would go, nobody who is not asked loses any: --yes, or nothing is changed."""
        path = f"PUT /zones/{ZONE}/rrsets"
        self.fake.answers[f"{path}?dry_run=1"] = self.fake.answers[path] = answer(200, {**CHANGE, "removed": 3})
        code, _, err = self.ended("dns", "import-zone", ZONE, self.zone_file())
        self.assertEqual(code, 2)
        self.assertIn("3 removed); add --yes", err)
        self.assertEqual(len(self.fake.calls), 1)
        self.assertIn("would be", self.dns("import-zone", ZONE, self.zone_file(), "--dry-run"))
        self.assertEqual(json.loads(self.dns("import-zone", ZONE, self.zone_file(), "--yes", "--json"))["removed"], 3)

    def test_import_of_a_new_zone(self) -> None:
        """A zone that is not there is created with all its sets at once."""
        self.fake.answers["POST /zones?dry_run=1"] = self.fake.answers["POST /zones"] = answer(201, CHANGE)
        self.assertIn("created, 1 added", self.dns("import-zone", ZONE, self.zone_file()))
        self.assertEqual((self.sent()["name"], len(self.sent()["rrsets"])), (ZONE, 3))

    def test_import_of_a_part(self) -> None:
        """--keep changes only the sets in the file, which need not be a whole zone."""
        path = f"PATCH /zones/{ZONE}/rrsets"
        self.fake.answers[f"{path}?dry_run=1"] = self.fake.answers[path] = answer(200, CHANGE)
        self.dns("import-zone", ZONE, self.zone_file("$TTL 5\nwww A 192.0.2.1"), "--keep")
        self.assertEqual(len(self.sent()["rrsets"]), 1)

    def test_export(self) -> None:
        """A zone file on stdout or in a file, with the serial that is served; it can be imported again."""
        soa = "ns1.example.net. h.example.org. 1 3600 900 1209600 300"
        sets = [
            {"name": "example.org.", "type": "NS", "ttl": 5, "records": ["ns1.example.net."]},
            {"name": "example.org.", "type": "SOA", "ttl": 5, "records": [soa]},
        ]
        self.fake.answers[f"GET /zones/{ZONE}/rrsets"] = answer(200, {"zone": ZONE, "serial": 77, "rrsets": sets})
        wanted = f"; zone example.org\nexample.org.\t5\tIN\tSOA\t{soa.replace(' 1 ', ' 77 ')}\nexample.org.\t5\tIN\tNS\tns1.example.net.\n"
        self.assertEqual(self.dns("export-zone", ZONE), wanted)
        path = self.folder / "exported"
        self.assertEqual(json.loads(self.dns("export-zone", ZONE, str(path), "--json"))["records"], 2)
        self.assertEqual(path.read_text(), wanted)
        self.assertEqual(self.dns("check-zone", ZONE, str(path)), "example.org: nothing is wrong\n")
        self.assertEqual(json.loads(self.dns("export-zone", ZONE, "--json"))["serial"], 77)
        self.assertEqual(self.ended("dns", "export-zone", ZONE, str(self.folder / "no" / "where"))[0], 1)

    def test_checking_the_nodes_zone(self) -> None:
        """Findings come from the API: 0 with warnings alone, 1 with errors."""
        self.fake.answers[f"GET /zones/{ZONE}"] = answer(200, {"findings": [FINDING]})
        self.assertIn("warning: example.org MX:", self.dns("check-zone", ZONE))
        self.fake.answers[f"GET /zones/{ZONE}"] = answer(200, {"findings": [{**FINDING, "severity": "error"}]})
        self.assertEqual(self.ended("dns", "check-zone", ZONE)[0], 1)
