from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from couchpages.testing.node import MemoryNode

BASE = "/v1/dnsapi"
RECORD = {
    "type": "A",
    "name": "www.old.example",
    "content": "192.0.2.1",
    "ttl": 60,
    "zone_id": 7,
    "auth": True,
    "disabled": False,
}
CALLS = (
    ("GET", "/Record/www.old.example/A"),
    ("GET", "/Record/ID/old"),
    ("GET", "/Record/7"),
    ("POST", "/Record"),
    ("DELETE", "/Record"),
    ("GET", "/Zone/old.example"),
    ("POST", "/Zone"),
    ("DELETE", "/Zone"),
)


class FirstSystemTests(SynchronousTestCase):
    """``/v1/dnsapi``, on documents as the first system wrote them."""

    def setUp(self) -> None:
        """Make a node on such documents, and without name servers, as the first system had none to configure."""
        self.node = MemoryNode(Path(self.mktemp()), nameservers=())
        self.node.dns_zones.seed("old.example", {"zoneId": 7, "type": "NATIVE", "masters": []})
        self.node.dns_records.seed("old", RECORD)

    def call(self, method: str, path: str, body: object = b"", status: int = 200, **more: Any) -> Any:
        """Make a call; give what is in ``data``."""
        answer = self.node.call(method, BASE + path, body, **more)
        self.assertEqual(answer.status, status, answer.body)
        return answer.json.get("data", answer.json)

    def test_records(self) -> None:
        """Records are found by name and type, by id, and by the zone's number; documents are as CouchDB has them."""
        stored = {**RECORD, "_id": "old", "_rev": self.node.dns_records.stored["old"].rev}
        self.assertEqual(self.call("GET", "/Record/www.old.example/A"), [stored])
        self.assertEqual(self.call("GET", "/Record/WWW.old.example./any"), [stored])
        self.assertEqual(self.call("GET", "/Record/www.old.example/MX"), [])
        self.assertEqual(self.call("GET", "/Record/www.elsewhere.example/A"), [])
        self.assertEqual(self.call("GET", "/Record/ID/old"), stored)
        self.assertEqual(self.call("GET", "/Record/7"), [stored])
        for path, status in (
            ("/Record/ID/none", 404),
            ("/Record/8", 404),
            ("/Record/x", 422),
            ("/Record/www.old.example/FOO", 422),
        ):
            self.call("GET", path, status=status)

    def test_writing(self) -> None:
        """Members are matched without regard to case; writes are 202, and what was written is given."""
        made = self.call(
            "POST",
            "/Record",
            {"Type": "MX", "NAME": "old.example", "Content": "10 www.old.example", "TTL": 60, "Zone_ID": 7},
            202,
        )
        self.assertEqual((made["type"], made["name"], made["zone_id"], made["ttl"]), ("MX", "old.example", 7, 60))
        self.assertEqual(self.call("GET", f"/Record/ID/{made['_id']}"), made)
        self.assertEqual(self.call("DELETE", "/Record", made, 202), made)
        self.call("DELETE", "/Record", made, 404)

    def test_wrong_records(self) -> None:
        """A name is absolute there; what is wrong is told with its field, and nothing is written."""
        for change, status in (
            ({"name": "www.elsewhere.example"}, 422),
            ({"name": "www"}, 422),
            ({"name": ""}, 400),
            ({"zone_id": 8}, 404),
            ({"zone_id": "x"}, 422),
            ({"zone_id": 2**32}, 422),
            ({"content": "x"}, 422),
        ):
            self.call("POST", "/Record", {**RECORD, **change}, status)
        self.call("DELETE", "/Record", {}, 400)
        self.assertEqual(list(self.node.dns_records.documents_now()), ["old"])

    def test_zones(self) -> None:
        """Zones are listed, shown, made with the number that the client chose, and deleted with their records."""
        (listed,) = self.call("GET", "/Zone/List")
        self.assertEqual((listed["_id"], listed["zoneId"]), ("old.example", 7))
        self.assertEqual(self.call("GET", "/Zone/old.example"), listed)
        made = self.call("POST", "/Zone", {"_ID": "new.example", "ZoneId": 9, "type": "NATIVE"}, 202)
        self.assertEqual((made["_id"], made["zoneId"]), ("new.example", 9))
        self.call("POST", "/Zone", {"_id": "other.example", "zoneId": 9}, 409)
        self.call("POST", "/Record", {**RECORD, "name": "new.example", "zone_id": 9}, 202)
        self.assertEqual(self.call("DELETE", "/Zone", listed, 202), listed)
        self.assertNotIn("old", self.node.dns_records.documents_now())
        self.call("GET", "/Zone/old.example", status=404)

    def test_soa_and_ns(self) -> None:
        """The first system's client writes the zone, then SOA and NS; on a node with name servers, its SOA takes our one's place."""
        self.node = MemoryNode(Path(self.mktemp()))
        number = self.call("POST", "/Zone", {"_id": "new.example"}, 202)["zoneId"]
        soa = "ns.first.example host.new.example 2022010101 3600 900 1209600 300"
        self.call(
            "POST", "/Record", {"type": "SOA", "name": "new.example", "content": soa, "ttl": 60, "zone_id": number}, 202
        )
        docs = self.call("GET", "/Record/new.example/SOA")
        self.assertEqual([each["content"] for each in docs], [soa.replace("example ", "example. ")])

    def test_keys(self) -> None:
        """Every call needs a key that reaches the zone; the header may be the first system's."""
        other = self.node.add_key("*", zones=("other.example",))
        bodies = {"/Zone": {"_id": "old.example"}, "/Record": {**RECORD, "_id": "old"}}
        for method, path in CALLS:
            body = bodies.get(path, b"")
            self.call(method, path, body, 401, headers={"Authorization": ""})
            self.call(method, path, body, 403, key=other)
        self.assertEqual(self.call("GET", "/Zone/List", key=other), [])
        self.assertEqual(len(self.call("GET", "/Zone/List", headers={"Authorization": "", "ApiKey": self.node.key})), 1)
        self.assertEqual(list(self.node.dns_records.documents_now()), ["old"])

    def test_not_loaded(self) -> None:
        """503 before this node has read its zones (law 3)."""
        self.node.catalogue.is_loaded = False
        for method, path in CALLS:
            self.call(method, path, {"_id": "old"}, 503)
