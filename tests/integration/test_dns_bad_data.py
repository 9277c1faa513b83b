"""Malformed, huge and foreign documents of zones and records: left out, logged by name, counted; all else is answered (law 4)."""

import os
from typing import Any

from couchpages.quoting import named
from tests.integration.cases import OnApacheCouchDB
from tests.integration.dns_case import DnsCase
from tests.integration.node import lines, wait_until
from tests.integration.past_the_api import PastTheApi

HUGE = 7_900_000
LABEL = "x" * 64
DEEP = '{"a":[' * 5000 + "]}" * 5000
#: What takes the place of members of a good record, and further members as JSON.
BAD_RECORDS: dict[str, tuple[dict[str, Any], str]] = {
    "no type": ({"type": None}, ""),
    "a type that is a number": ({"type": 1}, ""),
    "an unknown type": ({"type": "NOSUCHTYPE"}, ""),
    "a type that no record has": ({"type": "ANY"}, ""),
    "a type that is only asked for": ({"type": "AXFR"}, ""),
    "an empty type": ({"type": ""}, ""),
    "no name": ({"name": None}, ""),
    "a name that is a list": ({"name": ["www"]}, ""),
    "a label of 64 octets": ({"name": f"{LABEL}.@"}, ""),
    "a name of 300 octets": ({"name": "abcdefghi." * 30 + "@"}, ""),
    "an empty label": ({"name": "a..@"}, ""),
    "a name that breaks off": ({"name": "a\\"}, ""),
    "a name with a wrong escape": ({"name": "\\999.@"}, ""),
    "a name with half a character": ({"name": "\udc80.@"}, ""),
    "a name in another zone": ({"name": "www.elsewhere.example"}, ""),
    "no content": ({"content": None}, ""),
    "content that is a number": ({"content": 3221225985}, ""),
    "garbage": ({"content": "\x00\xff(((\n\"'"}, ""),
    "an address that is none": ({"content": "192.0.2.256"}, ""),
    "two addresses": ({"content": "192.0.2.1 192.0.2.2"}, ""),
    "an include": ({"content": "$INCLUDE /etc/passwd"}, ""),
    "MX without a priority": ({"type": "MX", "content": "mail.example.org"}, ""),
    "a target with a label of 64 octets": ({"type": "CNAME", "content": f"{LABEL}.example.org"}, ""),
    "a text of 256 octets": ({"type": "TXT", "content": f'"{"x" * 256}"'}, ""),
    "a text without an end": ({"type": "TXT", "content": '"x'}, ""),
    "an unknown type without its form": ({"type": "TYPE65280", "content": "abc"}, ""),
    "more data than a record has": ({"type": "TYPE65280", "content": f"\\# 70000 {'00' * 70000}"}, ""),
    "a ttl that is too large": ({"ttl": 2**31}, ""),
    "a huge ttl": ({}, f',"ttl":1{"0" * 300}'),
    "a negative ttl": ({"ttl": -1}, ""),
    "a ttl that is a text": ({"ttl": "300"}, ""),
    "a ttl that is a fraction": ({"ttl": 0.5}, ""),
    "a ttl that is true": ({"ttl": True}, ""),
    "a number of a zone as text": ({"zone_id": "@"}, ""),
    "no number of a zone": ({"zone_id": None}, ""),
    "a negative number": ({"zone_id": -1}, ""),
    "a number of 33 bits": ({"zone_id": 2**32}, ""),
    "7.9 MB of content": ({"content": "x" * HUGE}, ""),
    "7.9 MB of a text": ({"type": "TXT", "content": '"' + "x" * HUGE + '"'}, ""),
    "7.9 MB of a name": ({"name": "x" * HUGE}, ""),
    "nested deeply": ({"content": None}, f',"content":{DEEP}'),
    "a zone_id that is nested deeply": ({"zone_id": None}, f',"zone_id":{DEEP}'),
}
#: Those that are read all the same: what is wrong with them means nothing.
STRANGE_RECORDS: dict[str, tuple[dict[str, Any], str]] = {
    "disabled that is a text": ({"disabled": "yes"}, ""),
    "a flag that is a list": ({"flag": ["Geo=US"]}, ""),
    "members of the future": ({"colour": "blue", "couchpages": {"version": 99}}, ""),
    "members that are nested": ({}, ',"more":' + '{"a":[' * 100 + "]}" * 100),
}
BAD_ZONES: dict[str, tuple[dict[str, Any], str]] = {
    "no number": ({}, ""),
    "a number as text": ({"zoneId": "5"}, ""),
    "a number of 33 bits": ({"zoneId": 2**32}, ""),
    "a fraction": ({"zoneId": 1.5}, ""),
    "true": ({"zoneId": True}, ""),
    "nested deeply": ({}, f',"zoneId":{DEEP}'),
    "7.9 MB": ({"foo": "x" * HUGE}, ""),
}


class BadData(DnsCase):
    """A zone with two records, one of which is spoilt."""

    def setUp(self) -> None:
        """Make it."""
        super().setUp()
        self.spoilt = self.new_name_server().start()
        self.create(node=self.spoilt)
        self.zone_number = self.number(node=self.spoilt)
        self.add("good", "A", "192.0.2.1", node=self.spoilt)
        self.past = self.records(self.spoilt)
        self.record = {
            "type": "A", "name": f"www.{self.zone}", "content": "192.0.2.7", "ttl": 60, "zone_id": self.zone_number,
            "auth": True, "disabled": False,
        }  # fmt: skip

    @property
    def node(self) -> Any:
        """What is asked."""
        return self.spoilt

    def spoil(self, what: str, past: PastTheApi, doc_id: str, doc: dict[str, Any], more: str = "") -> bool:
        """Put a bad document; if the store takes it, see that it is counted once, and named in one line. Tell whether it did."""
        since, before = self.spoilt.log_size(), past.malformed()
        if not past.put(doc_id, doc, more):
            return False
        wait_until(lambda: past.malformed() > before, f"{what} to be counted")
        self.assertEqual(past.malformed(), before + 1, what)
        said = [line for line in lines(self.spoilt.log(since)) if "malformed" in line]
        self.assertEqual(len(said), 1, f"{what}: {said}")
        self.assertIn(f"{past.database}/{named(doc_id)} ", said[0])
        self.assertLess(len(said[0]), 2000, what)
        self.assertNotIn("Traceback", self.spoilt.log(since))
        return True

    def spoilt_record(self, change: dict[str, Any]) -> dict[str, Any]:
        """Give the record with changes, in which ``@`` stands for what is this test's own."""
        found = {**self.record, **change}
        found = {name: value for name, value in found.items() if value is not None}
        if found.get("zone_id") == "@":
            found["zone_id"] = str(self.zone_number)
        if isinstance(found.get("name"), str):
            found["name"] = found["name"].replace("@", self.zone)
        return found

    def assert_good(self, what: str, *www: str) -> None:
        """Assert that the zone is answered, its other record, and the spoilt one's name with what was good last."""
        self.assertEqual(self.ask(f"good.{self.zone}").data, ("192.0.2.1",), what)
        self.assertEqual((self.ask(self.zone, "SOA").rcode, self.ask(self.zone, "NS").rcode), ("NOERROR", "NOERROR"))
        self.assertEqual(self.ask(f"www.{self.zone}").data, www, what)

    def test_new(self) -> None:
        """A bad record that never was good is left out; its name does not exist, everything else does."""
        taken, before = 0, self.past.malformed()
        for place, (what, (change, more)) in enumerate(BAD_RECORDS.items()):
            taken += self.spoil(what, self.past, f"bad-{place}", self.spoilt_record(change), more)
            self.assert_good(what)
        self.assertGreater(taken, 35)
        self.add("last", "A", "192.0.2.1", node=self.spoilt)
        self.assertEqual(self.past.malformed(), before + taken)
        self.assertEqual(self.dns("check-zone", self.zone).code, 0)
        self.assert_serving(self.spoilt)

    def test_last_good_state(self) -> None:
        """Whatever becomes of a record's document, what was good last is answered, also after a restart; a good one is taken at once."""
        for place, (what, (change, more)) in enumerate(BAD_RECORDS.items()):
            good = f"192.0.2.{place + 10}"
            self.assertTrue(self.past.put("www", {**self.record, "content": good}))
            self.until((good,), f"www.{self.zone}")
            if self.spoil(what, self.past, "www", self.spoilt_record(change), more) and "another zone" not in what:
                self.assert_good(what, good)
        self.assertTrue(self.past.put("www", self.record))
        self.until(("192.0.2.7",), f"www.{self.zone}")
        self.assertTrue(self.spoil("the last one", self.past, "www", {"foo": 1}))
        # When this is answered, so is what came before it.
        self.add("last", "A", "192.0.2.1", node=self.spoilt)
        before = self.serial()
        self.spoilt.stop()
        self.spoilt.start()
        self.assert_good("restarted", "192.0.2.7")
        self.assertEqual(self.serial(), before)
        self.assertNotIn("Traceback", self.spoilt.log())

    def test_strange(self) -> None:
        """What is strange only where it means nothing is answered, and not counted."""
        before = self.past.malformed()
        for place, (what, (change, more)) in enumerate(STRANGE_RECORDS.items()):
            content = f"192.0.2.{place + 10}"
            self.assertTrue(self.past.put("www", {**self.record, "content": content, **change}, more))
            wait_until(lambda now=content: self.ask(f"www.{self.zone}").data == (now,), what)
        self.assertEqual(self.past.malformed(), before)

    def test_zones(self) -> None:
        """A bad document of a zone leaves the zone as it was, also after a restart; one that never was good is no zone."""
        zones = self.zones(self.spoilt)
        good = zones.read(self.zone)
        for what, (doc, more) in BAD_ZONES.items():
            if self.spoil(what, zones, self.zone, doc, more):
                self.assert_good(what)
                self.assertTrue(zones.put(self.zone, {**good, "mended": what}))
        self.assertTrue(self.spoil("the last one", zones, self.zone, {"foo": 1}))
        for doc_id in ("a..b", f"{LABEL}.test", "x" * 300, "\\", "\x00\\"):
            self.assertTrue(self.spoil(doc_id, zones, doc_id, {"zoneId": 5}), doc_id)
        self.spoilt.stop()
        self.spoilt.start()
        self.assert_good("restarted")
        self.assertEqual(self.ask("never-good.test", "SOA").rcode, "REFUSED")

    def test_not_ours(self) -> None:
        """Design documents and local ones are none of our business, in either database."""
        validate = "function(doc) { if (doc.forbidden) { throw({forbidden: 'no'}); } }"
        for past in (self.past, self.zones(self.spoilt)):
            before = past.malformed()
            self.assertTrue(past.put("_design/rules", {"validate_doc_update": validate, "language": "javascript"}))
            self.assertTrue(past.put("_local/note", {"foo": 1}))
            self.add(f"after-{past.purpose.replace('_', '-')}", "A", "192.0.2.1", node=self.spoilt)
            self.assertEqual(past.malformed(), before)
        self.assert_good("design documents")

    def test_many(self) -> None:
        """Thousands of bad documents at once are counted, named or summed up, and answers go on."""
        before = self.past.malformed()
        docs = [{"_id": f"many-{number}", **self.record, "content": os.urandom(4).hex()} for number in range(3000)]
        self.spoilt.store.access(self.spoilt.data).call("POST", f"{self.past.database}/_bulk_docs", {"docs": docs})
        wait_until(lambda: self.past.malformed() == before + 3000, "all to be counted")
        self.add("last", "A", "192.0.2.1", node=self.spoilt)
        self.assertEqual(self.past.malformed(), before + 3000)
        self.assert_good("many")
        self.assert_serving(self.spoilt)


class BadDataOnApacheCouchDB(OnApacheCouchDB, BadData):
    """The same on Apache CouchDB."""
