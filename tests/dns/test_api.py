"""The API of zones and records: every row of docs/api.md, on a node in memory."""

import json
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.names import from_text
from couchpages.dns.records import from_document, zone_id_of
from couchpages.dns.submission import read_sets
from couchpages.dns.zone_documents import zone_id_for
from couchpages.ports import Unavailable
from couchpages.testing.asking import Answer
from couchpages.testing.node import NAMESERVERS, MemoryNode

ZONE = "/api/v2/zones/example.org"
SOA = "ns1.provider.example. hostmaster.example.org. 1 3600 900 1209600 300"
CALLS = (
    ("GET", ZONE),
    ("DELETE", ZONE),
    ("GET", f"{ZONE}/rrsets"),
    ("PUT", f"{ZONE}/rrsets"),
    ("PATCH", f"{ZONE}/rrsets"),
    ("GET", f"{ZONE}/records"),
    ("POST", f"{ZONE}/records"),
)


class ApiCase(SynchronousTestCase):
    """A node with one zone."""

    def setUp(self) -> None:
        """Make both."""
        self.node = MemoryNode(Path(self.mktemp()))
        self.call("POST", "/api/v2/zones", {"name": "example.org"})

    def call(self, method: str, path: str, body: object = b"", status: int | None = None, **more: Any) -> Any:
        """Make a call that succeeds (with *status*); give its JSON."""
        answer = self.node.call(method, path, body, **more)
        self.assertEqual(answer.status // 100 if status is None else answer.status, status or 2, answer.body)
        return answer.json if answer.body else None

    def refused(self, answer: Answer, status: int, field: str | None, told: str = "") -> None:
        """Check that *answer* is a problem."""
        problem = answer.json
        self.assertEqual((answer.status, problem.get("field")), (status, field), answer.body)
        self.assertIn(told, problem["detail"])

    def add(self, name: str, type_: str, content: str, **more: Any) -> Any:
        """Add a record; give what the API tells of it."""
        return self.call("POST", f"{ZONE}/records", {"name": name, "type": type_, "content": content, **more})

    def contents(self, name: str, type_: str) -> list[str]:
        """Give the contents of a set."""
        sets = self.call("GET", f"{ZONE}/rrsets?name={name}&type={type_}")["rrsets"]
        return [content for each in sets for content in each["records"]]

    def whole(self, *more: dict[str, Any]) -> dict[str, Any]:
        """Give the body of a whole zone."""
        return {
            "rrsets": [
                {"name": "@", "type": "SOA", "ttl": 3600, "records": [SOA]},
                {"name": "@", "type": "NS", "ttl": 3600, "records": list(NAMESERVERS)},
                *more,
            ]
        }


class KeyTests(ApiCase):
    """Who may call what."""

    def test_keys(self) -> None:
        """No key: 401. A key for sites or for other zones: 403, and nothing is changed; its list is empty."""
        before = self.node.dns_records.documents_now()
        record = self.call("GET", f"{ZONE}/records")["records"][0]["id"]
        calls = (*CALLS, ("GET", f"/api/v2/records/{record}"), ("DELETE", f"/api/v2/records/{record}"))
        others = (self.node.add_key("*"), self.node.add_key(zones=("*.example.org", "example.net")))
        for method, path in calls:
            self.refused(self.node.call(method, path, headers={"Authorization": ""}), 401, "Authorization")
            for key in others:
                answer = self.node.call(method, path, self.whole(), key=key)
                self.refused(answer, 403, None, "keys create --zone example.org")
        for key in others:
            self.refused(self.node.call("POST", "/api/v2/zones", {"name": "example.com"}, key=key), 403, None)
            self.assertEqual(self.call("GET", "/api/v2/zones", key=key), {"zones": []})
        self.assertEqual(self.node.dns_records.documents_now(), before)

    def test_patterns(self) -> None:
        """A pattern reaches the zones below a name."""
        key = self.node.add_key(zones=("*.example.org",))
        self.call("POST", "/api/v2/zones", {"name": "sub.example.org"}, key=key)
        self.assertEqual(
            [each["zone"] for each in self.call("GET", "/api/v2/zones", key=key)["zones"]], ["sub.example.org"]
        )

    def test_not_loaded(self) -> None:
        """Before this node has read its zones, nothing is said to be or not to be there (law 3)."""
        self.node.catalogue.is_loaded = False
        for method, path in (
            *CALLS,
            ("GET", "/api/v2/zones"),
            ("GET", "/api/v2/records/x"),
            ("DELETE", "/api/v2/records/x"),
        ):
            self.assertEqual(self.node.call(method, path, self.whole()).status, 503, path)
        self.assertEqual(self.node.call("POST", "/api/v2/zones", {"name": "example.com"}).status, 503)


class ZoneTests(ApiCase):
    """Zones."""

    def test_underscore(self) -> None:
        """Defect: a zone whose name begins with an underscore could not be made, and its SOA and NS were left behind."""
        name = "_acme-challenge.example.org"
        self.call("POST", "/api/v2/zones", {"name": name})
        self.assertEqual(set(self.node.dns_zones.documents_now()), {"example.org", r"\095acme-challenge.example.org"})
        self.assertEqual(self.call("GET", f"/api/v2/zones/{name}")["zone"], name)
        self.call("DELETE", f"/api/v2/zones/{name}")
        self.assertEqual(list(self.node.dns_zones.documents_now()), ["example.org"])

    def test_promised(self) -> None:
        """A zone's document tells how many records it was written with, so that another node knows when they are all there."""
        more = [{"name": "www", "type": "A", "ttl": 60, "records": ["192.0.2.1", "192.0.2.2"]}]
        soa = {"name": "@", "type": "SOA", "ttl": 60, "records": [SOA.replace("example.org", "example.com")]}
        sets = [soa, *self.whole(*more)["rrsets"][1:]]
        self.call("POST", "/api/v2/zones", {"name": "example.com", "rrsets": sets})
        zones = self.node.dns_zones.documents_now()
        self.assertEqual([zones[name]["couchpages"]["records"] for name in ("example.org", "example.com")], [3, 5])

    def test_creation(self) -> None:
        """A new zone has SOA and NS of the configuration, its number follows from its name, and nothing is wrong with it."""
        self.assertEqual(self.contents("@", "SOA"), [SOA])
        self.assertEqual(self.contents("@", "NS"), [f"{each}." for each in NAMESERVERS])
        self.assertEqual(
            self.node.dns_zones.documents_now()["example.org"]["zoneId"], zone_id_for(from_text("example.org"))
        )
        shown = self.call("GET", ZONE)
        self.assertEqual(
            (shown["zone"], shown["records"], shown["names"], shown["findings"]), ("example.org", 3, 1, [])
        )

    def test_the_document_comes_last(self) -> None:
        """No node ever sees the zone without its records."""
        calls = [
            each for each in (*self.node.dns_records.calls, *self.node.dns_zones.calls) if each[0] in ("bulk", "put")
        ]
        self.assertEqual(calls, [("bulk", ""), ("put", "example.org")])

    def test_own_servers(self) -> None:
        """Name servers and mailbox of the call count before those of the configuration."""
        body = {"name": "Example.NET.", "nameservers": ["a.example.com"], "hostmaster": "dns.admin@example.com"}
        self.call("POST", "/api/v2/zones", body, 201)
        sets = self.call("GET", "/api/v2/zones/example.net/rrsets")["rrsets"]
        self.assertEqual(sets[0]["records"], ["a.example.com."])
        self.assertTrue(sets[1]["records"][0].startswith("a.example.com. dns\\.admin.example.com. 1 "))

    def test_no_servers(self) -> None:
        """Without any name server, creation is refused with what to do."""
        node = MemoryNode(Path(self.mktemp()), nameservers=())
        self.refused(
            node.call("POST", "/api/v2/zones", {"name": "example.org"}), 409, "nameservers", "[dns] nameservers"
        )
        self.assertEqual(node.dns_records.documents_now(), {})

    def test_existing(self) -> None:
        """A zone that is there is a 409, whatever its name's case."""
        self.refused(self.node.call("POST", "/api/v2/zones", {"name": "EXAMPLE.org"}), 409, "name", "exists")

    def test_wrong(self) -> None:
        """What is no zone is refused, with its field."""
        for body, status, field in (
            ({}, 400, "name"),
            ({"name": 1}, 400, "name"),
            ({"name": "."}, 422, "name"),
            ({"name": "a..b"}, 422, "name"),
            ({"name": "x" * 64 + ".org"}, 422, "name"),
            ({"name": "a.example", "nameservers": "x"}, 400, "nameservers"),
            ({"name": "a.example", "nameservers": ["ns1"]}, 422, "nameservers"),
            ({"name": "a.example", "nameservers": [1]}, 400, "nameservers"),
            ({"name": "a.example", "nameservers": []}, 409, "nameservers"),
            ({"name": "a.example", "hostmaster": 1}, 400, "hostmaster"),
            ({"name": "a.example", "hostmaster": "@x"}, 422, "hostmaster"),
            (b"[]", 400, None),
            (b"{", 400, None),
        ):
            self.refused(self.node.call("POST", "/api/v2/zones", body), status, field)
        self.assertEqual(list(self.node.dns_zones.documents_now()), ["example.org"])

    def test_creation_finished_later(self) -> None:
        """A creation that CouchDB's absence interrupted is finished by repeating it, also with other name servers."""
        self.node.dns_zones.fail("put", Unavailable("away"))
        body = {"name": "example.net", "nameservers": ["a.example.com"]}
        self.assertEqual(self.node.call("POST", "/api/v2/zones", body).status, 503)
        self.call("POST", "/api/v2/zones", {"name": "example.net"}, 201)
        names = [each["type"] for each in self.call("GET", "/api/v2/zones/example.net/records")["records"]]
        self.assertEqual(names, ["NS", "NS", "SOA"])

    def test_leftovers(self) -> None:
        """Where records of an earlier zone are still there, nothing is brought back to life: delete it once more first."""
        self.add("www", "A", "192.0.2.1")
        self.node.dns_zones.remove("example.org")
        self.refused(
            self.node.call("POST", "/api/v2/zones", {"name": "example.org"}), 409, "name", "delete that zone once more"
        )
        self.call("DELETE", ZONE, status=204)
        self.call("POST", "/api/v2/zones", {"name": "example.org"}, 201)
        self.assertEqual(self.contents("www", "A"), [])

    def test_deletion(self) -> None:
        """All records go with the zone, each leaving a tombstone that says whose it was; a second time it is a 404."""
        self.add("www", "A", "192.0.2.1")
        self.call("DELETE", ZONE, status=204)
        self.assertEqual(self.node.dns_records.documents_now(), {})
        self.assertEqual(self.node.dns_zones.documents_now(), {})
        for doc_id, document in self.node.dns_records.stored.items():
            self.assertEqual(document.winner.remains["zone_id"], zone_id_of(doc_id))
        soas = [
            each.winner.remains
            for each in self.node.dns_records.stored.values()
            if each.winner.remains["type"] == "SOA"
        ]
        self.assertEqual([each["content"] for each in soas], [SOA])
        self.refused(self.node.call("DELETE", ZONE), 404, "zone")

    def test_deletion_finished_later(self) -> None:
        """A deletion that was interrupted between the zone and its records is finished by repeating it."""
        self.node.dns_records.fail("bulk", Unavailable("away"), doc_id="")
        self.assertEqual(self.node.call("DELETE", ZONE).status, 503)
        self.assertEqual(self.node.dns_zones.documents_now(), {})
        self.call("DELETE", ZONE, status=204)
        self.assertEqual(self.node.dns_records.documents_now(), {})

    def test_first_systems_zone(self) -> None:
        """A zone and records of the first system's are deleted whole, whatever their ids are."""
        self.node.dns_zones.seed("old.example", {"zoneId": 7, "type": "NATIVE"})
        record = {"type": "A", "name": "www.old.example", "content": "192.0.2.1", "ttl": 60, "zone_id": 7}
        self.node.dns_records.seed("6ff9cd55-0fb5-4c6b-8f4d-c8a2b9b1b8a1", record)
        self.call("DELETE", "/api/v2/zones/old.example", status=204)
        self.assertNotIn("6ff9cd55-0fb5-4c6b-8f4d-c8a2b9b1b8a1", self.node.dns_records.documents_now())

    def test_created_whole(self) -> None:
        """A zone may be created with all its record sets at once; nothing is there if something is wrong with them."""
        soa = {"name": "@", "type": "SOA", "records": ["a.example.com. b.example.com. 5 3600 900 1209600 300"]}
        servers = {"name": "@", "type": "NS", "records": ["a.example.com"]}
        body = {"name": "example.net", "rrsets": [soa, servers]}
        self.refused(self.node.call("POST", "/api/v2/zones", {**body, "rrsets": [servers]}), 422, "records", "no SOA")
        self.assertEqual(self.call("POST", "/api/v2/zones?dry_run=1", body)["added"], 2)
        self.assertEqual(list(self.node.dns_zones.documents_now()), ["example.org"])
        self.assertEqual(self.call("POST", "/api/v2/zones", body, 201)["added"], 2)
        self.assertEqual(len(self.call("GET", "/api/v2/zones/example.net/rrsets")["rrsets"]), 2)

    def test_creation_repeated(self) -> None:
        """An interrupted creation is finished by the same sets, not by others; where only the answer was lost, the zone is there."""
        others = {"name": "example.net", **self.whole({"name": "www", "type": "A", "records": ["192.0.2.2"]})}
        body = {"name": "example.net", **self.whole({"name": "www", "type": "A", "records": ["192.0.2.1"]})}
        self.node.dns_zones.fail("put", Unavailable("away"))
        self.assertEqual(self.node.call("POST", "/api/v2/zones", body).status, 503)
        self.refused(self.node.call("POST", "/api/v2/zones", others), 409, "name", "delete that zone once more")
        self.call("POST", "/api/v2/zones", body, 201)
        self.refused(self.node.call("POST", "/api/v2/zones", body), 409, "name", "exists already")
        self.call("DELETE", "/api/v2/zones/example.net", status=204)
        self.node.dns_zones.fail("put", Unavailable("away"), happened=True)
        self.assertEqual(self.node.call("POST", "/api/v2/zones", others).status, 503)
        self.refused(self.node.call("POST", "/api/v2/zones", others), 409, "name", "exists already")

    def test_findings(self) -> None:
        """What other programs wrote is told of, and stands."""
        zone_id = zone_id_for(from_text("example.org"))
        for number, content in enumerate(("a.example.net", "b.example.net")):
            doc = {"type": "CNAME", "name": "www.example.org", "content": content, "ttl": 60, "zone_id": zone_id}
            self.node.dns_records.seed(f"foreign{number}", doc)
        (found,) = self.call("GET", ZONE)["findings"]
        self.assertEqual((found["severity"], found["name"], found["type"]), ("error", "www.example.org.", "CNAME"))
        self.assertIn("RFC 2181", found["reason"])
        self.add("other", "A", "192.0.2.1")


class RecordTests(ApiCase):
    """Single records."""

    def test_names(self) -> None:
        """With a dot at its end a name is absolute; @ is the zone; one that ends with the zone's is absolute; others are relative."""
        for name, wanted in (
            ("www", "www.example.org."),
            ("a.b", "a.b.example.org."),
            ("@", "example.org."),
            ("example.org", "example.org."),
            ("x.Example.org", "x.Example.org."),
            ("y.example.org.", "y.example.org."),
            ("z.example.com", "z.example.com.example.org."),
            ("*", "*.example.org."),
            ("münchen", "xn--mnchen-3ya.example.org."),
        ):
            self.assertEqual(self.add(name, "TXT", "x")["name"], wanted)
        for name in ("www.example.com.", "a..b", "x" * 64, ".", "a." * 122):
            answer = self.node.call("POST", f"{ZONE}/records", {"name": name, "type": "TXT", "content": "x"})
            self.refused(answer, 422, "name")

    def test_wrong(self) -> None:
        """What is wrong is told as a zone file's author would want it, and changes nothing."""
        before = self.node.dns_records.documents_now()
        good = {"name": "www", "type": "MX", "content": "10 mail.example.net", "ttl": 60}
        for change, status, field, told in (
            ({"content": "mail.example.net"}, 422, "content", "MX content needs a priority and a host name"),
            ({"content": "10 mail"}, 422, "content", '"mail" is no full name; write mail.example.org'),
            ({"content": ""}, 400, "content", "missing"),
            ({"content": 5}, 400, "content", "not a text"),
            ({"type": "A", "content": "192.0.2.256"}, 422, "content", "A content needs an IPv4 address"),
            ({"type": "FOO"}, 422, "type", "no type"),
            ({"type": "ANY"}, 422, "type", "messages only"),
            ({"type": None}, 400, "type", "missing"),
            ({"name": None}, 400, "name", "missing"),
            ({"ttl": -1}, 422, "ttl", "RFC 2181"),
            ({"ttl": 2**31}, 422, "ttl", "RFC 2181"),
            ({"ttl": "60"}, 422, "ttl", "seconds"),
            ({"ttl": True}, 422, "ttl", "seconds"),
            ({"flag": "a\nb"}, 422, "flag", "printable"),
            ({"disabled": "no"}, 400, "disabled", "true nor false"),
            ({"name": "@", "type": "CNAME", "content": "a.example.net"}, 422, "records", "stands alone"),
            ({"type": "SOA", "content": SOA}, 422, "records", "zone's own name"),
        ):
            answer = self.node.call("POST", f"{ZONE}/records", {**good, **change})
            self.refused(answer, status, field, told)
        self.refused(self.node.call("POST", "/api/v2/zones/example.com/records", good), 404, "zone", "create-zone")
        self.assertEqual(self.node.dns_records.documents_now(), before)

    def test_repeated(self) -> None:
        """A record that is there is not written again; with another TTL, that of its whole set is changed."""
        one = self.add("www", "A", "192.0.2.1", ttl=60)
        two = self.add("www", "A", "192.0.2.2", ttl=60)
        self.assertEqual((one["added"], two["added"], two["changed"]), (1, 1, 0))
        writes = len(self.node.dns_records.calls)
        again = self.call(
            "POST", f"{ZONE}/records", {"name": "WWW", "type": "A", "content": "192.0.2.1", "ttl": 60}, 200
        )
        self.assertEqual((again["id"], again["added"], again["changed"]), (one["id"], 0, 0))
        self.assertNotIn("bulk", [each[0] for each in self.node.dns_records.calls[writes:]])
        changed = self.call(
            "POST", f"{ZONE}/records", {"name": "www", "type": "A", "content": "192.0.2.1", "ttl": 90}, 200
        )
        self.assertEqual((changed["added"], changed["changed"]), (0, 2))
        self.assertEqual(
            {each["ttl"] for each in self.node.dns_records.documents_now().values() if each["type"] == "A"}, {90}
        )

    def test_brought_back(self) -> None:
        """A record that was deleted can be added again: the same document."""
        one = self.add("www", "A", "192.0.2.1")
        self.call("DELETE", f"/api/v2/records/{one['id']}", status=204)
        self.assertEqual(self.add("www", "A", "192.0.2.1")["id"], one["id"])
        self.assertEqual(self.contents("www", "A"), ["192.0.2.1"])

    def test_foreign_documents(self) -> None:
        """A record that the first system wrote is not written twice: its own document is changed, and keeps what else it has."""
        doc = {
            "type": "A",
            "name": "www.example.org",
            "content": "192.0.2.1",
            "ttl": 60,
            "zone_id": zone_id_for(from_text("example.org")),
            "mine": 1,
        }
        self.node.dns_records.seed("foreign", doc)
        changed = self.call(
            "POST", f"{ZONE}/records", {"name": "www", "type": "A", "content": "192.0.2.1", "ttl": 90}, 200
        )
        self.assertEqual(changed["id"], "foreign")
        self.assertEqual(self.node.dns_records.documents_now()["foreign"], {**doc, "ttl": 90, "disabled": False})

    def test_soa(self) -> None:
        """A new SOA takes the old one's place by a document of its own; one that is the same is no change."""
        (old,) = [each["id"] for each in self.call("GET", f"{ZONE}/records?type=SOA")["records"]]
        self.assertEqual(self.add("@", "SOA", SOA)["added"], 0)
        new = self.add("@", "SOA", SOA.replace(" 1 ", " 77 "))
        self.assertEqual((new["added"], new["changed"], new["removed"]), (1, 0, 1))
        self.assertEqual(self.contents("@", "SOA"), [SOA.replace(" 1 ", " 77 ")])
        self.assertEqual(self.node.dns_records.stored[old].winner.remains["content"], SOA)

    def test_serial(self) -> None:
        """A serial too far above the current one is refused, with the highest that may be written (RFC 1982)."""
        self.node.catalogue.serials[from_text("example.org")] = 10
        answer = self.node.call(
            "POST", f"{ZONE}/records", {"name": "@", "type": "SOA", "content": SOA.replace(" 1 ", f" {2**31 + 10} ")}
        )
        self.refused(answer, 422, "content", f"write at most {2**31 + 9}")
        self.add("@", "SOA", SOA.replace(" 1 ", f" {2**31 + 9} "))

    def test_what_a_zone_must_have(self) -> None:
        """The SOA and the last NS are not deleted."""
        for type_, lasting in (("SOA", 1), ("NS", 1)):
            ids = [each["id"] for each in self.call("GET", f"{ZONE}/records?type={type_}")["records"]]
            for each in ids[lasting:]:
                self.call("DELETE", f"/api/v2/records/{each}", status=204)
            self.refused(self.node.call("DELETE", f"/api/v2/records/{ids[0]}"), 422, "records", f"no {type_}")

    def test_what_is_felt_elsewhere(self) -> None:
        """A change is refused for the harm that it does at other names: to what lies below, and to what points there."""
        self.add("a.d", "A", "192.0.2.1")
        self.add("sub", "NS", "ns.example.org")
        self.add("ns", "A", "192.0.2.1")
        answer = self.node.call("POST", f"{ZONE}/records", {"name": "d", "type": "DNAME", "content": "x.example.net"})
        self.refused(answer, 422, "records", "a.d.example.org: nothing stands below the DNAME")
        sets = [
            {"name": "ns", "type": "A", "records": []},
            {"name": "ns", "type": "CNAME", "records": ["x.example.net"]},
        ]
        answer = self.node.call("PATCH", f"{ZONE}/rrsets", {"rrsets": sets})
        self.refused(answer, 422, "records", "sub.example.org NS: its target ns.example.org is an alias")

    def test_wildcards_are_felt_elsewhere(self) -> None:
        """Making the target of an MX an alias by a wildcard is told of when the wildcard is written."""
        mx = self.add("@", "MX", "10 mail.example.org")
        self.assertIn("no address", mx["warnings"][0]["reason"])
        self.assertIn("is an alias by", self.add("*", "CNAME", "example.org")["warnings"][0]["reason"])

    def test_many_findings(self) -> None:
        """What is wrong at very many names is counted, and of it is told what an answer has room for, errors first."""
        doubtful = [{"name": f"m{each:03}", "type": "MX", "records": ["1 nothing.example.org"]} for each in range(150)]
        self.assertEqual(len(self.call("PATCH", f"{ZONE}/rrsets", {"rrsets": doubtful})["warnings"]), 100)
        zone_id = zone_id_for(from_text("example.org"))
        for content in ("a.example.net", "b.example.net"):
            doc = {"type": "CNAME", "name": "z.example.org", "content": content, "ttl": 60, "zone_id": zone_id}
            self.node.dns_records.seed(content, doc)
        found = self.call("GET", ZONE)["findings"]
        self.assertEqual((len(found), found[-1]["severity"], found[-1]["name"]), (100, "error", "z.example.org."))
        wrong = [
            {"name": f"w{each:03}", "type": "DNAME", "records": ["a.example.net", "b.example.net"]}
            for each in range(150)
        ]
        refused = self.node.call("PATCH", f"{ZONE}/rrsets", {"rrsets": wrong})
        self.refused(refused, 422, "records", "w000.example.org DNAME: ")
        self.assertIn("; and 147 more", refused.json["detail"])
        # Those that are there keep nobody from writing others.
        self.add("www", "A", "192.0.2.1")

    def test_conflicts(self) -> None:
        """Every revision of a deleted record goes, also those that compete with the one that is seen."""
        one = self.add("www", "A", "192.0.2.1", ttl=60)
        other = MemoryNode(Path(self.mktemp()), dns_records=None)
        self.node.dns_records.replicate_to(other.dns_records)
        doc = self.node.dns_records.documents_now()[one["id"]]
        self.node.dns_records.seed(one["id"], {**doc, "ttl": 61})
        other.dns_records.seed(one["id"], {**doc, "ttl": 62})
        other.dns_records.replicate_to(self.node.dns_records)
        self.assertEqual(len(self.node.dns_records.stored[one["id"]].living), 2)
        self.call("DELETE", f"/api/v2/records/{one['id']}", status=204)
        self.assertEqual(self.node.dns_records.stored[one["id"]].living, [])
        self.assertEqual(
            [each.remains["zone_id"] for each in self.node.dns_records.stored[one["id"]].leaves], [doc["zone_id"]] * 2
        )

    def test_shown(self) -> None:
        """A record is shown with its zone; one that is not there is a 404."""
        one = self.add("www", "A", "192.0.2.1", ttl=60, flag="Geo=US,CA")
        shown = self.call("GET", f"/api/v2/records/{one['id']}")
        self.assertEqual((shown["zone"], shown["flag"], shown["content"]), ("example.org", "Geo=US,CA", "192.0.2.1"))
        self.refused(self.node.call("GET", "/api/v2/records/nothing"), 404, "id", "list-zone")

    def test_warnings(self) -> None:
        """What is doubtful is written, and told."""
        made = self.add("@", "MX", "10 mail.example.org")
        self.assertIn("no address", made["warnings"][0]["reason"])


class SetTests(ApiCase):
    """Record sets."""

    def test_replacing(self) -> None:
        """PUT makes the zone what the body says, and nothing else; what stays is not written."""
        self.add("old", "A", "192.0.2.1")
        kept = {"name": "www", "type": "A", "ttl": 60, "records": ["192.0.2.1", "192.0.2.2"]}
        done = self.call("PUT", f"{ZONE}/rrsets", self.whole(kept), 200)
        self.assertEqual((done["added"], done["changed"], done["removed"]), (2, 0, 1))
        again = self.call("PUT", f"{ZONE}/rrsets", self.whole({**kept, "ttl": 61, "records": ["192.0.2.2"]}))
        self.assertEqual((again["added"], again["changed"], again["removed"]), (0, 1, 1))
        sets = self.call("GET", f"{ZONE}/rrsets")["rrsets"]
        self.assertEqual(sets[-1], {"name": "www.example.org.", "type": "A", "ttl": 61, "records": ["192.0.2.2"]})
        self.assertEqual(len(sets), 3)

    def test_patching(self) -> None:
        """PATCH writes the sets in the body; one without records is deleted; all others stay."""
        self.add("old", "A", "192.0.2.1")
        self.add("stays", "A", "192.0.2.1")
        sets = [
            {"name": "old", "type": "A", "records": []},
            {"name": "new", "type": "TXT", "ttl": 5, "records": ["x", "y"]},
        ]
        done = self.call("PATCH", f"{ZONE}/rrsets", {"rrsets": sets})
        self.assertEqual((done["added"], done["changed"], done["removed"]), (2, 0, 1))
        self.assertEqual((self.contents("old", "A"), self.contents("stays", "A")), ([], ["192.0.2.1"]))

    def test_trying(self) -> None:
        """With dry_run=1, the answer is the same and nothing is written."""
        before = self.node.dns_records.documents_now()
        extra = {"name": "www", "type": "A", "ttl": 60, "records": ["192.0.2.1"]}
        done = self.call("PUT", f"{ZONE}/rrsets?dry_run=1", self.whole(extra))
        self.assertEqual((done["added"], done["removed"]), (1, 0))
        self.assertEqual(self.node.dns_records.documents_now(), before)

    def test_wrong(self) -> None:
        """One wrong record, and nothing is written of all of them (law 8)."""
        before = self.node.dns_records.documents_now()
        good = {"name": "www", "type": "A", "ttl": 60, "records": ["192.0.2.1"]}
        for body, status, field, told in (
            (
                self.whole(good, {**good, "name": "x", "records": ["192.0.2.1", "x"]}),
                422,
                "records",
                "x.example.org A: A content needs",
            ),
            (self.whole(good, good), 422, "rrsets", "twice"),
            (self.whole({**good, "records": "192.0.2.1"}), 400, "records", "no list"),
            (self.whole({**good, "name": "x.example.net."}), 422, "name", "outside"),
            (self.whole({"name": "@", "type": "CNAME", "records": ["x.example.net"]}), 422, "records", "stands alone"),
            ({"rrsets": [good]}, 422, "records", "no SOA"),
            ({"rrsets": ["x"]}, 400, "rrsets", "no object"),
            ({}, 400, "rrsets", "missing"),
            ({"rrsets": {}}, 400, "rrsets", "missing"),
            (json.dumps(self.whole(good)).encode()[:-1], 400, None, "not JSON"),
        ):
            self.refused(self.node.call("PUT", f"{ZONE}/rrsets", body), status, field, told)
        self.assertEqual(self.node.dns_records.documents_now(), before)
        self.refused(self.node.call("GET", f"{ZONE}/rrsets?type=FOO"), 422, "type")
        self.refused(self.node.call("GET", f"{ZONE}/rrsets?name=x.example.net."), 422, "name")

    def test_too_much(self) -> None:
        """More records than a message has room for, contents without end and members that nobody reads are refused with the bound."""
        many = {"name": "a", "type": "A", "records": [f"10.0.{each >> 8}.{each & 255}" for each in range(5462)]}
        texts = {"name": "a", "type": "TXT", "records": ["a " * 513]}
        grown = {"name": "a", "type": "TXT", "records": [f'"{chr(127) * 250}" ' * 40]}
        for sets, told in (
            ([many], "5,462 records, which fit into no answer (RFC 1035 section 4.2.2); at most 5,461"),
            ([texts], "513 words; at most 512"),
            ([grown], "at most 32,768 are read"),
        ):
            self.refused(self.node.call("PATCH", f"{ZONE}/rrsets", {"rrsets": sets}), 422, "records", told)
        others = b'{"rrsets": [], "x": [' + b"[]," * 1000
        for method, path in (("PATCH", f"{ZONE}/rrsets"), ("PUT", f"{ZONE}/rrsets"), ("POST", "/api/v2/zones")):
            self.refused(self.node.call(method, path, others), 400, "x", "nobody reads")
        body = {"name": "b.example", "nameservers": ["ns.example.net"] * 101}
        self.refused(self.node.call("POST", "/api/v2/zones", body), 422, "nameservers", "more than 100")
        long = {"name": "a", "type": "TXT", "content": " " * 2**18}
        self.assertEqual(self.node.call("POST", f"{ZONE}/records", long).status, 413)

    def test_edited(self) -> None:
        """What GET gives can be sent back."""
        body = self.call("GET", f"{ZONE}/rrsets")
        self.assertEqual(self.call("PUT", f"{ZONE}/rrsets", body)["changed"], 0)

    def test_one_large_set(self) -> None:
        """Other work has its turn between the contents of one set."""
        contents = [f"10.0.{each >> 8}.{each & 255}" for each in range(100)]
        reading = read_sets([{"name": "a", "type": "A", "records": contents}], from_text("example.org"), 1)
        self.assertEqual([each is None for each in reading], [True] * 100 + [False])

    def test_disabled_and_flagged(self) -> None:
        """Disabled records are no part of the sets and stay; those with flags stay where their data is wanted."""
        self.add("off", "A", "192.0.2.9", disabled=True)
        self.add("geo", "A", "192.0.2.1", flag="Geo=US", ttl=60)
        body = self.whole({"name": "geo", "type": "A", "ttl": 60, "records": ["192.0.2.1"]})
        done = self.call("PUT", f"{ZONE}/rrsets", body)
        self.assertEqual((done["added"], done["changed"], done["removed"]), (0, 0, 0))
        self.assertEqual(self.contents("off", "A"), [])
        self.assertEqual(self.call("GET", ZONE)["disabled"], 1)

    def test_serials_below(self) -> None:
        """An SOA that differs in a serial not above the current one is no change: a written serial is a floor."""
        self.node.catalogue.serials[from_text("example.org")] = 100
        for serial, added in ((99, 0), (100, 0), (101, 1)):
            body = self.whole()
            body["rrsets"][0]["records"] = [SOA.replace(" 1 ", f" {serial} ")]
            self.assertEqual(self.call("PUT", f"{ZONE}/rrsets?dry_run=1", body)["added"], added)

    def test_many(self) -> None:
        """Thousands of records are written in batches, all of them, and a second time none."""
        extra = [
            {"name": f"h{number}", "type": "A", "ttl": 60, "records": [f"10.0.{number // 256}.{number % 256}"]}
            for number in range(600)
        ]
        self.assertEqual(self.call("PUT", f"{ZONE}/rrsets", self.whole(*extra))["added"], 600)
        self.assertEqual(len(self.node.dns_records.documents_now()), 603)
        again = self.call("PUT", f"{ZONE}/rrsets", self.whole(*extra))
        self.assertEqual((again["added"], again["changed"], again["removed"]), (0, 0, 0))

    def test_documents(self) -> None:
        """What is written can be read as a document of the first system's."""
        self.add("www", "MX", "10 mail.example.net")
        docs = [each for each in self.node.dns_records.documents_now().values() if each["type"] == "MX"]
        self.assertEqual((docs[0]["name"], docs[0]["ttl"], docs[0]["auth"]), ("www.example.org", 3600, True))
        from_document(docs[0])


class InTurnTests(ApiCase):
    """Calls about one zone that come while others are under way."""

    def setUp(self) -> None:
        """Have CouchDB's answers wait."""
        super().setUp()
        self.waiting: list[Deferred[None]] = []
        for database in (self.node.dns_zones, self.node.dns_records):
            database.pause = self.pause

    async def pause(self, place: str) -> None:
        """Wait until :meth:`finish`."""
        del place
        waiting: Deferred[None] = Deferred()
        self.waiting.append(waiting)
        await waiting

    def together(self, *calls: tuple[str, str, object]) -> list[Answer]:
        """Begin calls one after the other, and then let them end."""
        begun = [self.node.start(*each) for each in calls]
        while self.waiting:
            self.waiting.pop(0).callback(None)
        return [self.successResultOf(each) for each in begun]

    def test_creations(self) -> None:
        """Of two creations of one zone with other records, one does it, and the other is told that the zone is there."""
        bodies = [
            {"name": "example.net", **self.whole({"name": "www", "type": "A", "records": [f"192.0.2.{each}"]})}
            for each in range(2)
        ]
        one, other = self.together(*(("POST", "/api/v2/zones", each) for each in bodies))
        self.assertEqual(one.status, 201)
        self.refused(other, 409, "name", "exists already")
        docs = self.node.dns_records.documents_now().values()
        self.assertEqual([each["content"] for each in docs if each["type"] == "A"], ["192.0.2.0"])

    def test_empty_zones(self) -> None:
        """The first system's creations take their turn too, so that one zone has one number."""
        node = MemoryNode(Path(self.mktemp()), nameservers=())
        node.dns_zones.pause = node.dns_records.pause = self.pause
        self.node = node
        calls = [("POST", "/v1/dnsapi/Zone", {"_id": "example.net", "zoneId": each}) for each in (7, 8)]
        self.assertEqual([each.status for each in self.together(*calls)], [202, 409])
        self.assertEqual(node.dns_zones.documents_now()["example.net"]["zoneId"], 7)

    def test_another_node(self) -> None:
        """Where another node wrote the zone meanwhile with another number, it is there already."""
        creation = self.node.start("POST", "/api/v2/zones", {"name": "example.net"})
        self.waiting.pop(0).callback(None)
        self.waiting.pop(0).callback(None)
        self.node.dns_zones.seed("example.net", {"zoneId": 7, "type": "NATIVE"})
        while self.waiting:
            self.waiting.pop(0).callback(None)
        self.refused(self.successResultOf(creation), 409, "name", "exists already")

    def test_behind_a_deletion(self) -> None:
        """What was to be written while the zone was being deleted is a 404, and leaves nothing behind."""
        record = {"name": "www", "type": "A", "content": "192.0.2.1"}
        soa = next(each for each, doc in self.node.dns_records.documents_now().items() if doc["type"] == "SOA")
        deleted, *others = self.together(
            ("DELETE", ZONE, b""),
            ("POST", f"{ZONE}/records", record),
            ("PUT", f"{ZONE}/rrsets", self.whole()),
            ("PATCH", f"{ZONE}/rrsets", {"rrsets": [{"name": "a", "type": "A", "records": ["192.0.2.1"]}]}),
            ("DELETE", f"/api/v2/records/{soa}", b""),
        )
        self.assertEqual(deleted.status, 204)
        for each in others:
            self.refused(each, 404, "zone")
        self.assertEqual(self.node.dns_records.documents_now(), {})

    def test_behind_a_deletion_and_a_creation(self) -> None:
        """A record goes to the zone that is there when it has its turn."""
        record = {"name": "www", "type": "A", "content": "192.0.2.1"}
        calls: list[tuple[str, str, object]] = [
            ("DELETE", ZONE, b""),
            ("POST", "/v1/dnsapi/Zone", {"_id": "example.org", "zoneId": 7}),
            ("POST", f"{ZONE}/records", record),
        ]
        self.assertEqual([each.status for each in self.together(*calls)], [204, 202, 201])
        docs = self.node.dns_records.documents_now().values()
        self.assertEqual({each["zone_id"] for each in docs}, {7})


class TwoNodeTests(SynchronousTestCase):
    """Two nodes that take writes at the same time."""

    def test_the_same_zone(self) -> None:
        """Both create the zone and add the same record: the same documents, without a conflict."""
        nodes = [MemoryNode(Path(self.mktemp()), name=name) for name in ("one", "two")]
        for node in nodes:
            node.call("POST", "/api/v2/zones", {"name": "example.org"})
            node.call("POST", f"{ZONE}/records", {"name": "www", "type": "A", "content": "192.0.2.1"})
        one, two = nodes
        for source, target in ((one, two), (two, one)):
            source.dns_zones.replicate_to(target.dns_zones)
            source.dns_records.replicate_to(target.dns_records)
        self.assertEqual(one.dns_records.documents_now(), two.dns_records.documents_now())
        self.assertEqual({len(each.leaves) for each in one.dns_records.stored.values()}, {1})
        self.assertEqual(len(one.dns_records.stored), 4)
