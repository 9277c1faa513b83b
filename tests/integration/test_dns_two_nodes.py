"""Two name servers, cut off from each other and joined: the same serial and the same answers on both, whatever was done (law 7)."""

import random

from tests.integration.dns_pair_case import DNS_DATABASES, DnsPairCase
from tests.integration.node import wait_until
from tests.integration.stores import ApacheCouchDB, EmbeddedStore
from tests.integration.test_kill import SEED
from tests.integration.two_nodes import BACK, THERE

STEPS = 40


class Together(DnsPairCase):
    """Healed all the time."""

    def test_changes_in_turn(self) -> None:
        """What one node takes, the other answers, record by record, and both come to the same serial."""
        for number, node in enumerate(self.nodes * 3, 2):
            self.add(f"n{number}", "A", f"192.0.2.{number}", node=node)
            other = self.nodes[number % 2 == 0]
            self.until((f"192.0.2.{number}",), f"n{number}.{self.zone}", node=other)
        self.join()

    def test_deleted_and_made_again(self) -> None:
        """A zone that one node deletes goes on the other; made again there, it has a greater serial on both, and no old record."""
        before = self.serial(node=self.second)
        self.changed("DELETE", f"/{self.zone}", node=self.first)
        wait_until(lambda: self.ask(self.zone, "SOA", node=self.second).rcode == "REFUSED", "the deletion")
        self.join()
        self.create(node=self.second)
        wait_until(lambda: self.ask(self.zone, "SOA", node=self.first).rcode == "NOERROR", "the zone again")
        self.join()
        self.assertGreater(self.serial(node=self.first), before)
        self.assertEqual(self.rcodes("www"), ["NXDOMAIN"] * 2)


class Apart(DnsPairCase):
    """Changes on both sides of a cut."""

    def test_changes_on_both(self) -> None:
        """Records that were added on either side are there, and those that were deleted are gone."""
        doomed = [self.add(f"doomed{number}", "A", "192.0.2.9", node=self.first) for number in range(2)]
        self.until(("192.0.2.9",), f"doomed1.{self.zone}", node=self.second)
        with self.apart("a", "b", "doomed0", "doomed1"):
            for number, node in enumerate(self.nodes):
                self.add("ab"[number], "A", f"192.0.2.{number + 2}", node=node)
                self.delete_record(doomed[number], node=node)
                self.add("www", "TXT", f'"{number}"', node=node)
            self.assertEqual(self.rcodes("a"), ["NOERROR", "NXDOMAIN"])
        self.assert_same("a", "192.0.2.2")
        self.assert_same("b", "192.0.2.3")
        self.assert_same("www", '"0"', '"1"', type_="TXT")
        self.assertEqual([self.rcodes(f"doomed{number}") for number in range(2)], [["NXDOMAIN"] * 2] * 2)

    def test_same_record(self) -> None:
        """The same record added on both sides is one record; the same one deleted on both is gone."""
        with self.apart("same"):
            ids = {self.add("same", "A", "192.0.2.2", node=node) for node in self.nodes}
            for node in self.nodes:
                self.delete_record(self.www, node=node)
        self.assertEqual(len(ids), 1)
        self.assert_same("same", "192.0.2.2")
        self.assertEqual(self.rcodes("www"), ["NXDOMAIN"] * 2)

    def test_ttl_on_both(self) -> None:
        """Of two TTLs that the same record got, one counts, the same on both; another change, on either side, ends that."""
        with self.apart():
            for number, node in enumerate(self.nodes):
                self.add("www", "A", "192.0.2.1", ttl=111 * (number + 1), node=node)
        ttls = {self.ask(f"www.{self.zone}", node=node).message.answer[0].ttl for node in self.nodes}
        self.assertIn(ttls, ({111}, {222}))
        with self.apart():
            self.add("www", "A", "192.0.2.1", ttl=333, node=self.second)
        for node in self.nodes:
            self.assertEqual(self.ask(f"www.{self.zone}", node=node).message.answer[0].ttl, 333)

    def test_deleted_and_edited(self) -> None:
        """A record that one side deletes while the other changes its TTL stays, with that TTL; deleted then, it is gone."""
        with self.apart():
            self.delete_record(self.www, node=self.first)
            self.add("www", "A", "192.0.2.1", ttl=77, node=self.second)
        self.assert_same("www", "192.0.2.1")
        self.assertEqual(self.ask(f"www.{self.zone}", node=self.first).message.answer[0].ttl, 77)
        with self.apart():
            self.delete_record(self.www, node=self.first)
        self.assertEqual(self.rcodes("www"), ["NXDOMAIN"] * 2)

    def test_soa_on_both(self) -> None:
        """Of two SOAs that were written on both sides the one with the greater serial is answered; writing one anew leaves one."""
        with self.apart():
            for number, node in enumerate(self.nodes):
                self.add(
                    "@",
                    "SOA",
                    f"ns{number}.example.net host.example.net {number + 5000} 7200 900 1209600 300",
                    node=node,
                )
        for node in self.nodes:
            soa = self.ask(self.zone, "SOA", node=node)
            self.assertEqual(soa.data[0].split()[0], "ns1.example.net.")
            self.assertGreater(soa.serial, 5001)
        with self.apart():
            self.add("@", "SOA", "ns9.example.net host.example.net 1 7200 900 1209600 300", node=self.first)
        for node in self.nodes:
            listed = self.changed("GET", f"/{self.zone}/records?type=SOA", node=node).json()["records"]
            self.assertEqual([each["content"].split()[0] for each in listed], ["ns9.example.net."])
            self.assertGreater(self.serial(node=node), 5001)

    def test_same_zone_on_both(self) -> None:
        """A zone that both sides create is one zone with the records of both; equal documents are no conflict where their revisions are."""
        zone = f"both-{self.zone}"
        with self.apart():
            for number, node in enumerate(self.nodes):
                self.create(zone, node=node)
                self.add(f"n{number}", "A", f"192.0.2.{number}", zone=zone, node=node)
        wait_until(lambda: self.told(self.first, zone) == self.told(self.second, zone), "the same on both")
        for node in self.nodes:
            for number in range(2):
                self.assertEqual(self.data(f"n{number}.{zone}", node=node), (f"192.0.2.{number}",))
            self.assertEqual(len(self.data(zone, "SOA", node=node)), 1)
        for side in self.pair.sides:
            document = side.document("dns_zones", zone)
            # Our store names a revision otherwise than CouchDB: the same document written on both then competes with itself, to no harm.
            if self.second_store is ApacheCouchDB:
                self.assertNotIn("_conflicts", document)
        self.changed("DELETE", f"/{zone}", node=self.first)
        for side in self.pair.sides:
            wait_until(lambda side=side: side.document("dns_zones", zone) is None, "its end on both, whatever competed")

    def test_zone_deleted_and_record_added(self) -> None:
        """A zone that one side deletes while the other adds to it is deleted on both; deleted once more and made again, it is empty."""
        with self.apart("late"):
            self.changed("DELETE", f"/{self.zone}", node=self.first)
            late = self.add("late", "A", "192.0.2.2", node=self.second)
            self.assertEqual(self.rcodes("late"), ["REFUSED", "NOERROR"])
        self.assertEqual(self.rcodes("late"), ["REFUSED"] * 2)
        # The record lies in both databases, and in no zone.
        self.assertEqual([side.document("dns_records", late)["type"] for side in self.pair.sides], ["A"] * 2)
        again = self.second.run("dns", "create-zone", self.zone)
        self.assertEqual(again.code, 1)
        self.assertIn("delete that zone once more", again.err)
        self.dns("delete-zone", self.zone, "--yes", node=self.second)
        self.dns("create-zone", self.zone, node=self.second)
        wait_until(lambda: self.rcodes("late") == ["NXDOMAIN"] * 2, "the zone again")
        self.join()
        for side in self.pair.sides:
            self.assertIsNone(side.document("dns_records", late))

    def test_zone_made_again_and_changed(self) -> None:
        """A zone that one side deletes and makes again while the other adds to it is the new one, with what was added."""
        with self.apart("late", "early"):
            self.changed("DELETE", f"/{self.zone}", node=self.first)
            self.create(node=self.first)
            self.add("early", "A", "192.0.2.3", node=self.first)
            self.add("late", "A", "192.0.2.2", node=self.second)
        self.assert_same("late", "192.0.2.2")
        self.assert_same("early", "192.0.2.3")
        self.assertEqual(self.rcodes("www"), ["NXDOMAIN"] * 2)

    def test_one_direction(self) -> None:
        """What is brought in one direction only makes no serial go back, in neither."""
        with self.apart("a", "b"):
            for number, node in enumerate(self.nodes):
                self.add("ab"[number], "A", "192.0.2.2", node=node)
            self.pair.heal(*DNS_DATABASES, directions=(THERE,))
            self.until(("192.0.2.2",), f"a.{self.zone}", node=self.second)
            self.assertEqual(self.rcodes("b"), ["NXDOMAIN", "NOERROR"])
            self.pair.heal(*DNS_DATABASES, directions=(BACK,))
            self.until(("192.0.2.2",), f"b.{self.zone}", node=self.first)

    def test_whatever_people_do(self) -> None:
        """Additions, deletions and edits at random on both sides, with cuts at random: the same in the end, and watched all the way."""
        chance = random.Random(SEED)  # noqa: S311 -- the same course each time
        names = [f"n{number}" for number in range(5)]
        with self.apart(*names):
            for _ in range(STEPS):
                node, name = chance.choice(self.nodes), chance.choice(names)
                match chance.randrange(8):
                    case 0 | 1 | 2:
                        self.add(name, "A", f"192.0.2.{chance.randrange(4)}", ttl=chance.choice((60, 300)), node=node)
                    case 3 | 4:
                        path = f"/{self.zone}/rrsets"
                        self.changed("PATCH", path, {"rrsets": [{"name": name, "type": "A", "records": []}]}, node=node)
                    case 5:
                        serial = self.serial(node=node) + chance.randrange(5)
                        self.add(
                            "@", "SOA", f"ns.example.net host.example.net {serial} 7200 900 1209600 300", node=node
                        )
                    case 6:
                        self.pair.heal(*DNS_DATABASES, directions=(chance.choice((THERE, BACK)),))
                    case _:
                        self.pair.cut(chance.choice(DNS_DATABASES))
        for node in self.nodes:
            self.assertNotIn("Traceback", node.log())


class ApartBesideEmbeddedStore(Apart):
    """The same, where the second node has the embedded store."""

    second_store = EmbeddedStore
