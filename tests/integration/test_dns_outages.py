"""A name server whose CouchDB is stopped, frozen or failing, at any time, and comes back (laws 1 and 3)."""

from collections.abc import Callable
from random import Random

from tests.integration.cases import OnApacheCouchDB
from tests.integration.dns_outage_case import DnsOutageCase
from tests.integration.node import wait_until
from tests.integration.test_kill import SEED
from tests.integration.visitor import call_api

KILLS = 5


class DnsOutages(DnsOutageCase):
    """With the embedded store of another node."""

    def outage(self, begin: Callable[[], None]) -> None:
        """Go through an outage that *begin* begins."""
        before = self.serial()
        with self.asking() as questions:
            begin()
            self.publish(2)
            answer = call_api(
                self.tested.api, self.tested.key, "POST", f"/api/v2/zones/{self.zone}/records",
                {"name": "new", "type": "A", "content": "192.0.2.1"},
            )  # fmt: skip
            self.assertEqual(answer.status, 503, answer.body)
            self.assertEqual((self.version(), self.serial()), (('"1"',), before))
            self.assertEqual(
                self.rcodes(self.www, f"nowhere.{self.zone}", "www.foreign.test"), ["NOERROR", "NXDOMAIN", "REFUSED"]
            )
            self.relay.heal()
            self.until(('"2"',), self.www, "TXT")
        self.assertEqual((questions.wrong, questions.answers > 0), ([], True))
        self.assertEqual(self.serial(), self.serial(node=self.other))
        self.assertGreater(self.serial(), before)
        self.assert_serving(self.tested)

    def test_stopped(self) -> None:
        """While CouchDB is stopped, answers go on as they were, of all kinds; afterwards the change is answered, with a greater serial."""
        self.outage(self.relay.refuse)

    def test_frozen(self) -> None:
        """The same while CouchDB takes everything and says nothing."""
        self.outage(self.relay.freeze)

    def test_failing(self) -> None:
        """The same while CouchDB answers 500 to everything: nothing of what it says is taken for a no."""
        self.outage(self.relay.fail)

    def test_databases_deleted(self) -> None:
        """Databases that are deleted take no zone away, and no record out of one."""
        before = self.serial()
        access, names = self.other.store.access(self.other.data), self.other.store.databases
        with self.asking() as questions:
            for purpose in ("dns_records", "dns_zones"):
                access.call("DELETE", names[purpose])
            wait_until(lambda: not self.tested.is_ready(without_troubles=True), "the trouble to be noticed")
            self.assertEqual((self.version(), self.serial()), (('"1"',), before))
        self.assertEqual(questions.wrong, [])

    def test_restarted_while_away(self) -> None:
        """Started while CouchDB is away, it answers as before with the same serial, what is foreign with SERVFAIL; all is well later."""
        self.until_loaded()
        before = self.serial()
        self.tested.stop()
        self.relay.refuse()
        self.publish(2)
        self.start_away()
        with self.asking() as questions:
            self.assertEqual((self.version(), self.serial()), (('"1"',), before))
            self.assertEqual(self.rcodes(self.www, f"nowhere.{self.zone}"), ["NOERROR", "NXDOMAIN"])
            self.assert_not_ready("www.foreign.test", "test", "com")
            self.relay.heal()
            self.until(('"2"',), self.www, "TXT")
            self.until_loaded()
        self.assertEqual(questions.wrong, [])
        self.assertEqual(self.serial(), self.serial(node=self.other))
        self.assertGreater(self.serial(), before)
        self.tested.wait_until_ready()
        self.assert_serving(self.tested)

    def test_restarted_after_more(self) -> None:
        """The same after changes of all kinds, a deleted record and a deleted zone among them, and after several restarts."""
        gone = f"gone-{self.zone}"
        self.create(gone, node=self.other)
        self.until(self.data(gone, "NS", node=self.other), gone, "NS")
        doomed = self.add("doomed", "A", "192.0.2.9", node=self.other)
        self.add("*.wild", "A", "192.0.2.8", node=self.other)
        self.until(("192.0.2.8",), f"x.wild.{self.zone}")
        self.delete_record(doomed, node=self.other)
        self.changed("DELETE", f"/{gone}", node=self.other)
        self.publish(3)
        self.until(('"3"',), self.www, "TXT")
        wait_until(lambda: self.ask(gone, "SOA").rcode == "REFUSED", "the zone's end")
        before = self.serial()
        self.assertEqual(before, self.serial(node=self.other))
        self.tested.stop()
        self.relay.refuse()
        for _ in range(3):
            self.start_away()
            self.assertEqual((self.version(), self.serial()), (('"3"',), before))
            self.assertEqual(self.data(f"x.wild.{self.zone}"), ("192.0.2.8",))
            self.assertEqual(self.rcodes(f"doomed.{self.zone}"), ["NXDOMAIN"])
            self.assert_not_ready(gone)
            self.tested.kill()

    def test_first_start_while_away(self) -> None:
        """A node that never read its zones answers everything with SERVFAIL, and says why (EDE 14); never NXDOMAIN, never REFUSED."""
        self.tested.stop()
        self.tested = self.new_tested()
        self.relay.refuse()
        self.start_away()
        self.assert_not_ready(self.www, self.zone, f"nowhere.{self.zone}", "www.foreign.test", "test")
        self.assertFalse(self.tested.is_ready())
        self.relay.heal()
        self.until(('"1"',), self.www, "TXT")
        self.until_loaded()
        self.assertEqual(self.serial(), self.serial(node=self.other))
        self.assertEqual(self.rcodes(f"nowhere.{self.zone}", "www.foreign.test"), ["NXDOMAIN", "REFUSED"])

    def test_zones_away_only(self) -> None:
        """A node that could read one of the two databases only says SERVFAIL, not what follows from half of what there is."""
        access, zones = self.other.store.access(self.other.data), self.other.store.databases["dns_zones"]
        self.tested.stop()
        kept = self.zones(self.other).read(self.zone)
        access.call("DELETE", zones)
        self.tested = self.new_tested()
        self.start_away()
        wait_until(lambda: "dns_zones" in self.tested.log(), "the trouble to be noticed")
        self.assert_not_ready(self.www, "www.foreign.test")
        access.call("PUT", zones)
        self.assertTrue(self.zones(self.other).put(self.zone, kept))
        self.until(('"1"',), self.www, "TXT")

    def test_killed(self) -> None:
        """Killed while records change, and started while CouchDB is away: the zone is whole, of a state that it had, with its serial."""
        random = Random(SEED)  # noqa: S311 -- moments, not secrets
        states: dict[int, str] = {}
        version = 1
        self.until_kept()
        for _ in range(KILLS):
            for _ in range(random.randint(1, 8)):
                version += 1
                self.add(f"v{version}", "A", "192.0.2.1", node=self.other)
                self.publish(version)
                self.note_state(states)
            self.tested.kill()
            self.relay.refuse()
            self.start_away()
            self.note_state(states)
            self.assert_whole()
            self.relay.heal()
            self.until((f'"{version}"',), self.www, "TXT")
            wait_until(lambda: self.serial() == self.serial(node=self.other), "the same serial on both")
            self.note_state(states)
            self.assertEqual(self.serial(), max(states))
        self.assertNotIn("Traceback", self.tested.log())

    def note_state(self, states: dict[int, str]) -> None:
        """Note which version the node answers with which serial, where it stays the same meanwhile."""
        before, answer, after = self.serial(), self.ask(self.www, "TXT"), self.serial()
        # Between two calls of a replacement both versions are there.
        if before == after and len(answer.data) == 1:
            self.assertEqual(states.setdefault(before, answer.data[0]), answer.data[0], f"serial {before}")

    def assert_whole(self) -> None:
        """Assert that every name that was there when the version was written is there."""
        reply = self.ask(self.www, "TXT")
        self.assertEqual(reply.rcode, "NOERROR")
        version = max(int(text.strip('"')) for text in reply.data)
        names = [f"v{number}.{self.zone}" for number in range(2, version + 1)]
        self.assertEqual(set(self.rcodes(self.zone, *names)), {"NOERROR"})


class DnsOutagesOnApacheCouchDB(OnApacheCouchDB, DnsOutages):
    """The same on Apache CouchDB."""
