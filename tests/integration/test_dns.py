"""A zone that the first system's commands and calls make, asked for with clients that nobody here wrote."""

from typing import Any

import dns.resolver

from tests.integration.cases import OnApacheCouchDB
from tests.integration.dns_case import HOSTS, NAMESERVERS, DnsCase
from tests.integration.dns_clients import CLIENTS, Seen, run
from tests.integration.node import lines
from tests.integration.visitor import Answer, call_api

AA = frozenset({"qr", "aa"})


class FirstSystemsCommands(DnsCase):
    """``create-zone``, ``add-record``, ``list-zone``, ``delete-record`` as the first system had them."""

    needs = ("dig", "kdig", "drill")

    def make(self) -> None:
        """Make the zone."""
        self.dns("create-zone", self.zone)
        for words in (
            ("@", "A", "192.0.2.1"),
            ("@", "A", "192.0.2.2", "--ttl", "60"),
            ("@", "MX", f"10 mail.{self.zone}"),
            ("@", "TXT", '"v=spf1 -all" "second part"'),
            ("www", "CNAME", self.zone),
            ("mail", "AAAA", "2001:db8::25", "--flag", "Geo=US,CA"),
            (f"sub.{self.zone}", "NS", f"ns.sub.{self.zone}"),
            ("ns.sub", "A", "192.0.2.53"),
            ("*.wild", "A", "192.0.2.9"),
        ):
            self.dns("add-record", self.zone, *words)

    def expected(self) -> dict[tuple[str, str], Seen]:
        """Give what must be answered."""
        zone = self.zone
        addresses = ("A 192.0.2.1", "A 192.0.2.2")
        return {
            (zone, "A"): Seen("NOERROR", AA, addresses),
            (zone, "NS"): Seen("NOERROR", AA, tuple(f"NS {each}." for each in NAMESERVERS)),
            (zone, "MX"): Seen("NOERROR", AA, (f"MX 10 mail.{zone}.",)),
            (zone, "TXT"): Seen("NOERROR", AA, ('TXT "v=spf1 -all" "second part"',)),
            (f"www.{zone}", "A"): Seen("NOERROR", AA, (*addresses, f"CNAME {zone}.")),
            (f"WWW.{zone.upper()}", "CNAME"): Seen("NOERROR", AA, (f"CNAME {zone}.",)),
            (f"mail.{zone}", "AAAA"): Seen("NOERROR", AA, ("AAAA 2001:db8::25",)),
            (f"mail.{zone}", "A"): Seen("NOERROR", AA, ()),
            (f"a.b.wild.{zone}", "A"): Seen("NOERROR", AA, ("A 192.0.2.9",)),
            (f"wild.{zone}", "A"): Seen("NOERROR", AA, ()),
            (f"x.sub.{zone}", "A"): Seen("NOERROR", frozenset({"qr"}), ()),
            (f"nowhere.{zone}", "A"): Seen("NXDOMAIN", AA, ()),
            ("www.not-ours.test", "A"): Seen("REFUSED", frozenset({"qr"}), ()),
        }

    def test_answers(self) -> None:
        """dig, kdig and drill get the right answers, over UDP and TCP, IPv4 and IPv6."""
        self.make()
        for (name, type_), wanted in self.expected().items():
            for client in CLIENTS:
                for host in HOSTS:
                    for tcp in (False, True):
                        command = client(host, self.node.dns, name, type_, tcp=tcp)
                        found = run(command)
                        data = tuple(sorted(each.lower() for each in found.data))
                        self.assertEqual(
                            (found.rcode, found.flags, data),
                            (wanted.rcode, wanted.flags, tuple(sorted(each.lower() for each in wanted.data))),
                            command,
                        )

    def test_resolver(self) -> None:
        """A resolver's library finds addresses, and tells what does not exist from what has no such data."""
        self.make()
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = list(HOSTS), self.node.dns
        for tcp in (False, True):
            answer = resolver.resolve(f"www.{self.zone}", "A", tcp=tcp)
            self.assertEqual(sorted(str(each) for each in answer), ["192.0.2.1", "192.0.2.2"])
            self.assertEqual(
                (answer.rrset.ttl if answer.rrset else None, str(answer.canonical_name)), (60, f"{self.zone}.")
            )
            self.assertRaises(dns.resolver.NXDOMAIN, resolver.resolve, f"nowhere.{self.zone}", "A", tcp=tcp)
            self.assertRaises(dns.resolver.NoAnswer, resolver.resolve, f"mail.{self.zone}", "A", tcp=tcp)

    def test_listed_and_deleted(self) -> None:
        """``list-zone`` shows the ids that ``delete-record`` takes; what was deleted is answered no more, nor is a deleted zone."""
        self.make()
        before = self.serial()
        listed = lines(self.dns("list-zone", self.zone).out)
        (row,) = (line for line in listed if "192.0.2.2" in line)
        self.assertEqual(self.data(self.zone), ("192.0.2.1", "192.0.2.2"))
        self.dns("delete-record", row.split()[0])
        self.assertEqual(self.data(self.zone), ("192.0.2.1",))
        self.assertGreater(self.serial(), before)
        self.assertIn(self.zone, self.dns("list-zones").out)
        self.dns("delete-zone", self.zone, "--yes")
        self.assertNotIn(f"{self.zone} ", self.dns("list-zones").out)
        self.assertEqual(self.ask(self.zone).rcode, "REFUSED")
        self.assertEqual(self.node.run("dns", "list-zone", self.zone).code, 1)

    def test_again(self) -> None:
        """A zone that was deleted and made again has none of its old records, and a serial above the one that it had."""
        self.make()
        before = self.serial()
        self.dns("delete-zone", self.zone, "--yes")
        self.dns("create-zone", self.zone)
        self.assertEqual((self.ask(self.zone).data, self.ask(f"www.{self.zone}").rcode), ((), "NXDOMAIN"))
        self.assertGreater(self.serial(), before)

    def test_refused(self) -> None:
        """What cannot stand is refused with the reason in one line, exit code 1, and changes nothing."""
        self.make()
        before = self.serial()
        for words, reason in (
            (("@", "MX", "mail.example.org"), "MX content needs a priority and a host name"),
            (("www", "A", "192.0.2.1"), "CNAME"),
            (("@", "CNAME", "example.org"), "CNAME"),
            (("x", "A", "192.0.2.256"), "IPv4 address"),
            (("y" * 64, "A", "192.0.2.1"), "63"),
            (("x.example.org.", "A", "192.0.2.1"), self.zone),
            (("x", "CNAME", "mail"), "no full name"),
            (("x", "NOTYPE", "1"), "NOTYPE"),
        ):
            ended = self.node.run("dns", "add-record", self.zone, *words)
            self.assertEqual((ended.code, ended.out, len(lines(ended.err))), (1, "", 1), (words, ended))
            self.assertIn(reason, ended.err)
        self.assertEqual(self.serial(), before)
        self.assertEqual(self.node.run("dns", "create-zone", self.zone).code, 1)


class FirstSystemsCommandsOnApacheCouchDB(OnApacheCouchDB, FirstSystemsCommands):
    """The same on Apache CouchDB."""


class FirstSystemsCalls(DnsCase):
    """``/v1/dnsapi``, with a key."""

    def call(self, method: str, path: str, body: Any = None, key: str | None = None) -> Answer:
        """Call as the first system's clients do."""
        return call_api(self.node.api, key or self.node.key, method, f"/v1/dnsapi/{path}", body)

    def post(self, path: str, body: Any) -> Any:
        """Write; give the document."""
        answer = self.call("POST", path, body)
        self.assertEqual(answer.status, 202, answer.body)
        return answer.json()["data"]

    def test_zone_and_records(self) -> None:
        """A zone with the number that its client chose, and records that name it, are answered, listed, found, and deleted."""
        number = 4_000_000_000 + int(self.zone.removeprefix("zone").removesuffix(".test"))
        made = self.post("Zone", {"_id": self.zone, "zoneId": number, "type": "NATIVE", "masters": []})
        self.assertEqual((made["_id"], made["zoneId"]), (self.zone, number))
        record = {"type": "A", "name": f"www.{self.zone}", "content": "192.0.2.7", "ttl": 60, "zone_id": number}
        doc = self.post("Record", {**record, "auth": True, "disabled": False})
        self.assertEqual(self.data(f"www.{self.zone}"), ("192.0.2.7",))
        for path in (f"Record/www.{self.zone}/A", f"Record/www.{self.zone}/ANY"):
            self.assertEqual(self.call("GET", path).json()["data"], [doc])
        self.assertEqual(self.call("GET", f"Record/ID/{doc['_id']}").json()["data"], doc)
        self.assertIn(doc, self.call("GET", f"Record/{number}").json()["data"])
        self.assertIn(self.zone, [each["_id"] for each in self.call("GET", "Zone/List").json()["data"]])
        self.assertEqual(self.call("GET", f"Zone/{self.zone}").json()["data"]["zoneId"], number)
        self.assertEqual(self.call("DELETE", "Record", doc).status, 202)
        self.assertEqual(self.ask(f"www.{self.zone}").rcode, "NXDOMAIN")
        self.assertEqual(self.call("DELETE", "Zone", made).status, 202)
        self.assertEqual(self.ask(self.zone, "SOA").rcode, "REFUSED")

    def test_refused(self) -> None:
        """Without a key 401, what is wrong 4xx with the field; nothing is changed."""
        self.post("Zone", {"_id": self.zone})
        before = self.serial()
        record = {"type": "A", "name": f"www.{self.zone}", "content": "192.0.2.7", "ttl": 60}
        for body, status, field in (
            ({**record, "content": "no address"}, 422, "content"),
            ({**record, "name": "www.elsewhere.test"}, 422, "name"),
            ({**record, "zone_id": 1}, 404, "zone_id"),
            ({**record, "ttl": -1}, 422, "ttl"),
            ({**record, "type": 5}, 400, "type"),
        ):
            answer = self.call("POST", "Record", body)
            self.assertEqual((answer.status, answer.json().get("field")), (status, field), answer.body)
        for method, path in (("GET", "Zone/List"), ("POST", "Record"), ("DELETE", "Zone")):
            self.assertEqual(self.call(method, path, record, key="wrong").status, 401)
        self.assertEqual(self.serial(), before)


class FirstSystemsCallsOnApacheCouchDB(OnApacheCouchDB, FirstSystemsCalls):
    """The same on Apache CouchDB."""


class Keys(DnsCase):
    """Keys that are for one zone."""

    def test_one_zone(self) -> None:
        """A key for one zone reads and changes it, and gets 403 for every call about another, which stays as it was, and is not listed."""
        other = f"other-{self.zone}"
        self.create()
        self.create(other)
        doc_id = self.add("www", "A", "192.0.2.1", zone=other)
        before = self.serial(other)
        made = self.node.run("keys", "create", "--zone", self.zone, "--json", "--config", str(self.node.config)).json()
        key, api = made["api_key"], self.node.api
        self.assertEqual(call_api(api, key, "GET", f"/api/v2/zones/{self.zone}").status, 200)
        record = {"name": "www", "type": "A", "content": "192.0.2.2"}
        self.assertEqual(call_api(api, key, "POST", f"/api/v2/zones/{self.zone}/records", record).status, 201)
        document = {
            "type": "A",
            "name": f"www.{other}",
            "content": "192.0.2.3",
            "ttl": 60,
            "zone_id": self.number(other),
        }
        for method, path, body in (
            ("GET", f"/api/v2/zones/{other}", None),
            ("DELETE", f"/api/v2/zones/{other}", None),
            ("POST", "/api/v2/zones", {"name": f"below.{other}"}),
            ("POST", "/api/v2/zones", {"name": "test"}),
            ("GET", f"/api/v2/zones/{other}/rrsets", None),
            ("PUT", f"/api/v2/zones/{other}/rrsets", {"rrsets": []}),
            ("PATCH", f"/api/v2/zones/{other}/rrsets", {"rrsets": []}),
            ("GET", f"/api/v2/zones/{other}/records", None),
            ("POST", f"/api/v2/zones/{other}/records", record),
            ("GET", f"/api/v2/records/{doc_id}", None),
            ("DELETE", f"/api/v2/records/{doc_id}", None),
            ("GET", f"/v1/dnsapi/Zone/{other}", None),
            ("DELETE", "/v1/dnsapi/Zone", {"_id": other}),
            ("GET", f"/v1/dnsapi/Record/www.{other}/A", None),
            ("GET", f"/v1/dnsapi/Record/{self.number(other)}", None),
            ("GET", f"/v1/dnsapi/Record/ID/{doc_id}", None),
            ("POST", "/v1/dnsapi/Record", document),
            ("DELETE", "/v1/dnsapi/Record", {"_id": doc_id}),
            ("POST", "/v1/dnsapi/Zone", {"_id": f"below.{other}"}),
            ("GET", "/api/v2/sites/a.example/deployments", None),
        ):
            answer = call_api(api, key, method, path, body)
            self.assertEqual((answer.status, answer.headers["content-type"]), (403, "application/problem+json"), path)
        for listed in (
            [each["zone"] for each in call_api(api, key, "GET", "/api/v2/zones").json()["zones"]],
            [f"{each['_id']}." for each in call_api(api, key, "GET", "/v1/dnsapi/Zone/List").json()["data"]],
        ):
            self.assertEqual([each.removesuffix(".") for each in listed], [self.zone])
        self.assertEqual((self.data(f"www.{other}"), self.serial(other)), (("192.0.2.1",), before))


class KeysOnApacheCouchDB(OnApacheCouchDB, Keys):
    """The same on Apache CouchDB."""
