"""Documents of the first system, written into the databases of a name server past its API."""

import uuid
from typing import Any

from tests.integration.cases import OnApacheCouchDB
from tests.integration.dns_case import DnsCase
from tests.integration.node import wait_until

#: What the first system writes beside what means something.
ZONE = {"type": "NATIVE", "notified_serial": 0, "last_check": 0, "masters": []}


class Documents(DnsCase):
    """A zone whose documents are the first system's."""

    def setUp(self) -> None:
        """Write them: ids are UUIDs at random, names have no dot at their end, there is no field of ours."""
        super().setUp()
        self.zone_number = uuid.uuid4().int % 2**32
        self.assertTrue(self.zones().put(self.zone, {"zoneId": self.zone_number, **ZONE}))
        soa = f"ns1.{self.zone} hostmaster.{self.zone} 2022010101 10800 3600 604800 300"
        self.write("SOA", self.zone, soa, ttl=3600)
        self.write("NS", self.zone, f"ns1.{self.zone}")
        self.ns = self.write("A", f"ns1.{self.zone}", "192.0.2.53")
        self.www = self.write("A", f"www.{self.zone}", "192.0.2.1", ttl=60)
        self.until(("192.0.2.1",), f"www.{self.zone}")

    def write(self, type_: str, name: str, content: str, ttl: int = 300, **more: Any) -> str:
        """Write a record; give its id."""
        doc_id = str(uuid.uuid4())
        self.change(doc_id, {"type": type_, "name": name, "content": content, "ttl": ttl, **more})
        return doc_id

    def change(self, doc_id: str, members: dict[str, Any]) -> None:
        """Write a document."""
        members = {"zone_id": self.zone_number, "auth": True, "disabled": False, **members}
        self.assertTrue(self.records().put(doc_id, members))

    def delete(self, doc_id: str, purpose: str = "dns_records") -> None:
        """Delete as the first system does: nothing of the document is left in its tombstone."""
        past = self.records() if purpose == "dns_records" else self.zones()
        self.node.store.access(self.node.data).call("DELETE", f"{past.database}/{doc_id}?rev={past.rev(doc_id)}")

    def test_answered(self) -> None:
        """They are answered as they are, with the SOA's serial as the least; flags are kept and not acted on."""
        self.write("MX", self.zone, f"10 mail.{self.zone}")
        self.write("SRV", f"_sip._tcp.{self.zone}", f"0 5 5060 sip.{self.zone}")
        self.write("CNAME", f"cname.{self.zone}", f"www.{self.zone}")
        self.write("TXT", f"txt.{self.zone}", '"with \\"quotes\\" and ; in it"')
        self.write("A", f"*.wild.{self.zone}", "192.0.2.8")
        self.write("A", f"flagged.{self.zone}", "192.0.2.9", flag="Geo=US,CA")
        last = self.write("AAAA", f"UPPER.{self.zone.upper()}", "2001:DB8::1")
        self.until(("2001:db8::1",), f"upper.{self.zone}", "AAAA")
        for name, type_, data in (
            ("", "MX", f"10 mail.{self.zone}."),
            ("_sip._tcp.", "SRV", f"0 5 5060 sip.{self.zone}."),
            ("txt.", "TXT", '"with \\"quotes\\" and ; in it"'),
            ("any.wild.", "A", "192.0.2.8"),
            ("flagged.", "A", "192.0.2.9"),
        ):
            self.assertEqual(self.data(f"{name}{self.zone}", type_), (data,))
        self.assertEqual(self.data(f"cname.{self.zone}"), ("192.0.2.1", f"CNAME www.{self.zone}."))
        self.assertGreater(self.serial(), 2022010101)
        listed = {each["id"]: each for each in self.changed("GET", f"/{self.zone}/records").json()["records"]}
        self.assertEqual(listed[last]["type"], "AAAA")
        self.assertIn("Geo=US,CA", [each["flag"] for each in listed.values()])

    def test_disabled(self) -> None:
        """A disabled record is not answered, as if it were not there, and is when it is enabled."""
        doc_id = self.write("A", f"off.{self.zone}", "192.0.2.2", disabled=True)
        self.write("A", f"on.{self.zone}", "192.0.2.3")
        self.until(("192.0.2.3",), f"on.{self.zone}")
        self.assertEqual(self.ask(f"off.{self.zone}").rcode, "NXDOMAIN")
        before = self.serial()
        enabled = {"type": "A", "name": f"off.{self.zone}", "content": "192.0.2.2", "ttl": 300, "disabled": False}
        self.change(doc_id, enabled)
        self.until(("192.0.2.2",), f"off.{self.zone}")
        self.assertGreater(self.serial(), before)

    def test_edited(self) -> None:
        """Content, TTL and name of a document may change; each time the serial rises."""
        record = {"type": "A", "name": f"www.{self.zone}", "content": "192.0.2.1", "ttl": 60}
        for change, name, data in (
            ({"content": "192.0.2.4"}, "www", "192.0.2.4"),
            ({"ttl": 61}, "www", "192.0.2.4"),
            ({"name": f"moved.{self.zone}"}, "moved", "192.0.2.4"),
        ):
            before = self.serial()
            record.update(change)
            self.change(self.www, record)
            wait_until(lambda least=before: self.serial() > least, f"{change} to be answered")
            self.assertEqual(self.data(f"{name}.{self.zone}"), (data,))
            (rrset,) = self.ask(f"{name}.{self.zone}").message.answer
            self.assertEqual(rrset.ttl, record["ttl"])
        self.assertEqual(self.ask(f"www.{self.zone}").rcode, "NXDOMAIN")

    def test_deleted(self) -> None:
        """A document that was deleted without a word about its zone is answered no more, and the serial rises; so is its zone's."""
        before = self.serial()
        self.delete(self.www)
        wait_until(lambda: self.ask(f"www.{self.zone}").rcode == "NXDOMAIN", "the deletion")
        self.assertGreater(self.serial(), before)
        self.delete(self.zone, "dns_zones")
        wait_until(lambda: self.ask(self.zone, "SOA").rcode == "REFUSED", "the zone's end")
        self.assertTrue(self.zones().put(self.zone, {"zoneId": self.zone_number, **ZONE}))
        wait_until(lambda: self.ask(self.zone, "SOA").rcode == "NOERROR", "the zone again")
        self.assertGreater(self.serial(), before)
        self.assertEqual(self.data(f"ns1.{self.zone}"), ("192.0.2.53",))

    def test_soa_deleted(self) -> None:
        """When the SOA is deleted so that its serial is lost, the node answers with one of its own, and the serial rises all the same."""
        (soa,) = (
            each for each in self.changed("GET", f"/{self.zone}/records").json()["records"] if each["type"] == "SOA"
        )
        before = self.serial()
        self.delete(soa["id"])
        wait_until(lambda: self.serial() > before, "the serial to rise")
        after = self.ask(self.zone, "SOA")
        self.assertEqual((after.rcode, after.data[0].split()[0]), ("NOERROR", "ns1.example.net."))
        self.assertLess(after.serial, before + 1000)

    def test_our_calls(self) -> None:
        """Our commands change and delete what the first system wrote, and leave its other fields as they are."""
        self.add("www", "A", "192.0.2.2", ttl=77)
        self.assertEqual(self.data(f"www.{self.zone}"), ("192.0.2.1", "192.0.2.2"))
        document = self.records().read(self.www)
        self.assertEqual((document["ttl"], document["auth"], document["content"]), (77, True, "192.0.2.1"))
        self.delete_record(self.www)
        self.assertEqual(self.data(f"www.{self.zone}"), ("192.0.2.2",))
        self.changed("DELETE", f"/{self.zone}")
        self.assertEqual((self.ask(self.zone).rcode, self.records().rev(self.ns)), ("REFUSED", None))


class DocumentsOnApacheCouchDB(OnApacheCouchDB, Documents):
    """The same on Apache CouchDB."""
