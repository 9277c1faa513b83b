"""Challenges: as documents, as they are written, and as every node answers them."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock

from couchpages.certs.boxes import LATEST, Refused, sign
from couchpages.certs.issuing.challenges.answers import Answers
from couchpages.certs.issuing.challenges.documents import (
    Answer,
    Challenge,
    Where,
    _signed,
    from_document,
    named_by,
    to_document,
)
from couchpages.certs.issuing.challenges.writer import LASTS, ChallengeWriter
from couchpages.metrics import Metrics
from couchpages.ports import Change, Conflict, Unavailable
from couchpages.testing.memory_database import MemoryDatabase, Turns
from couchpages.testing.zones import MemoryZones
from tests.certs.issuing.surroundings import Records
from tests.certs.issuing.working import ONE, TWO, WorkingCase, keys
from tests.certs.made import KEY, NOW, OTHER_KEY

NOW_MS = int(NOW * 1000)
HTTP = Challenge(Where.HTTP, ONE, "www.example.org", (Answer("token", "token.key", NOW_MS + 60_000),))
DNS = Challenge(Where.DNS, ONE, "_acme-challenge.example.org", (Answer("", "value", NOW_MS + 60_000),))


class Documents(WorkingCase):
    """``from_document``."""

    def test_written_and_read(self) -> None:
        """What was written is read, by who has the key."""
        for challenge in (HTTP, DNS, replace(DNS, answers=())):
            doc = to_document(challenge, KEY)
            self.assertEqual(from_document(challenge.doc_id, doc, [OTHER_KEY, KEY]), challenge)
            self.assertEqual(named_by(challenge.doc_id), replace(challenge, answers=()))

    def test_by_others(self) -> None:
        """What is not signed, signed with another key, altered, or moved to another name, kind or issuer is refused."""
        doc = to_document(HTTP, KEY)
        moved = [replace(HTTP, name="evil.test"), replace(HTTP, issuer=TWO), replace(HTTP, where=Where.DNS)]
        for doc_id in [*(each.doc_id for each in moved), "challenge-http-x-a", "challenge-ftp-" + ONE + "-a", "lease"]:
            with self.assertRaises(Refused):
                from_document(doc_id, doc, [KEY])
        later = [{**doc["answers"][0], "until": LATEST}]
        changes: list[dict[str, Any]] = [
            {"mark": "0" * 64},
            {"mark": 5},
            {"answers": later},
            {"version": 2},
            {"type": "x"},
            {"sealed_with": "é"},
        ]
        for change in changes:
            with self.assertRaises(Refused):
                from_document(HTTP.doc_id, {**doc, **change}, [KEY])
        for them in ([], [OTHER_KEY]):
            with self.assertRaises(Refused):
                from_document(HTTP.doc_id, doc, them)

    def test_nothing(self) -> None:
        """What says nothing need not be signed by anybody who is known: there is nothing to believe, and its key may be gone."""
        self.assertEqual(from_document(HTTP.doc_id, {**to_document(HTTP, KEY), "answers": []}, []).answers, ())

    def test_malformed(self) -> None:
        """Also what is signed has to be one: no line breaks, no token that is a path, no numbers without end."""
        good = HTTP.answers[0]
        bad = [replace(good, token="../x"), replace(good, value="a\nb"), replace(good, value=""),
               replace(good, until=-1),
               replace(good, token=""), replace(good, value="x" * 513), replace(good, value="é"),
               replace(good, until=LATEST + 1)]  # fmt: skip
        for each in bad:
            challenge = replace(HTTP, answers=(each,))
            doc = {**to_document(challenge, KEY), **sign(_signed(challenge), KEY)}
            with self.assertRaises(Refused):
                from_document(HTTP.doc_id, doc, [KEY])
        with self.assertRaises(Refused):
            from_document(HTTP.doc_id, to_document(replace(HTTP, answers=HTTP.answers * 33), KEY), [KEY])

    @given(
        st.dictionaries(
            st.sampled_from(["type", "version", "answers", "mark", "sealed_with"]),
            st.none()
            | st.integers()
            | st.text()
            | st.lists(
                st.integers() | st.dictionaries(st.sampled_from(["token", "value", "until"]), st.text() | st.integers())
            ),
        )
    )
    @settings(deadline=None)
    def test_anything(self, change: dict[str, Any]) -> None:
        """Whatever is altered is refused, unless it answers nothing, and nothing else is raised."""
        doc = {**to_document(HTTP, KEY), **change}
        try:
            found = from_document(HTTP.doc_id, doc, [KEY])
        except Refused:
            return
        self.assertIn(found.answers, ((), HTTP.answers))
        self.assertEqual(found.answers != (), doc == to_document(HTTP, KEY))


class Answering(WorkingCase):
    """``Answers`` and ``ChallengeWriter``."""

    def setUp(self) -> None:
        """Have a node that answers, and an issuer."""
        self.database, self.clock, self.records = MemoryDatabase("secrets"), Clock(), Records()
        self.clock.advance(NOW)
        self.metrics = Metrics()
        self.answers = Answers(self.clock, self.records, self.metrics, self.clock.seconds)
        self.answers.use([KEY])
        self.database.follow(self.answers)
        self.writer = self.of(ONE)

    def of(self, issuer: str, *them: Any) -> ChallengeWriter:
        """Give the writer of an issuer."""
        return ChallengeWriter(self.database, issuer, lambda: keys(*them), lambda: int(self.clock.seconds() * 1000))

    def test_http(self) -> None:
        """A file is answered for its host and token alone, until it is taken back."""
        self.done(self.writer.add(Where.HTTP, "www.example.org", "token", "token.key"))
        self.assertEqual(self.answers.file("www.example.org", "token"), b"token.key")
        self.assertIsNone(self.answers.file("example.org", "token"))
        self.assertIsNone(self.answers.file("www.example.org", "other"))
        self.done(self.writer.remove(Where.HTTP, "www.example.org", "token.key"))
        self.assertIsNone(self.answers.file("www.example.org", "token"))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_one_token_of_two_documents(self) -> None:
        """What two issuers of one account answer for the same token is answered until neither does, whichever ends first, and however."""
        name = HTTP.name
        other = self.of(TWO)
        for first, second in ((self.writer, other), (other, self.writer)):
            self.done(self.writer.add(Where.HTTP, name, "token", "token.key"))
            self.done(other.add(Where.HTTP, name, "token", "token.key"))
            self.done(first.remove(Where.HTTP, name, "token.key"))
            self.assertEqual(self.answers.file(name, "token"), b"token.key")
            self.done(second.remove(Where.HTTP, name, "token.key"))
            self.assertIsNone(self.answers.file(name, "token"))
        for first, second in ((self.writer, other), (other, self.writer)):
            self.done(first.add(Where.HTTP, name, "token", "token.key"))
            self.clock.advance(60.0)
            self.done(second.add(Where.HTTP, name, "token", "token.key"))
            self.clock.pump([60.0] * 59 + [30.0])
            self.assertEqual(self.answers.file(name, "token"), b"token.key")
            self.clock.advance(60.0)
            self.assertIsNone(self.answers.file(name, "token"))
        for doc_id in (HTTP.doc_id, replace(HTTP, issuer=TWO).doc_id):
            self.database.remove(doc_id)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_several_values(self) -> None:
        """A wildcard and its parent, and two issuers, are answered at one name at once; generations grow, to none as well."""
        name = "_acme-challenge.example.org"
        self.done(self.writer.add(Where.DNS, name, "", "one"))
        written = self.done(self.writer.add(Where.DNS, name, "", "two"))
        self.assertEqual(written.generation, 2)
        self.done(self.of(TWO).add(Where.DNS, name, "", "three"))
        self.assertEqual(self.records.at(name), ["one", "three", "two"])
        self.done(self.writer.remove(Where.DNS, name, "one"))
        self.done(self.writer.remove(Where.DNS, name, "two"))
        self.assertEqual(self.records.at(name), ["three"])
        self.assertEqual(self.records.texts[written.doc_id], (name, (), 4))
        self.answers.stop()

    def test_ends(self) -> None:
        """What nobody takes back ends by itself, also where the clock is set right meanwhile."""
        self.done(self.writer.add(Where.DNS, DNS.name, "", "value"))
        self.done(self.writer.add(Where.HTTP, HTTP.name, "token", "x"))
        self.clock.pump([60.0] * 59)
        self.assertEqual(self.records.at(DNS.name), ["value"])
        self.clock.pump([30.0] * 3)
        self.assertEqual(self.records.at(DNS.name), [])
        self.assertIsNone(self.answers.file(HTTP.name, "token"))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_ends_with_one_serial(self) -> None:
        """When an issuer is gone for good, nodes that answered for it have the serial then that a node has which is started later."""
        zones = MemoryZones()
        zones.create("example.org")
        zones.follow()
        zones.settle()
        before = zones.serial("example.org") or 0
        self.follow(zones)
        self.done(self.writer.add(Where.DNS, DNS.name, "", "value"))
        zones.settle()
        self.assertEqual(zones.answers("example.org"), {DNS.name: {"TXT": ['"value"']}})
        self.clock.pump([60.0] * 62)
        zones.settle()
        late = MemoryZones(None, zones.zone_database, zones.record_database)
        late.follow()
        self.follow(late)
        late.settle()
        for node in (zones, late):
            self.assertEqual((node.answers("example.org"), node.serial("example.org")), ({}, before + 1))
            self.assertEqual(node.sample("dns_guarded_zones"), 0)

    def follow(self, zones: MemoryZones) -> None:
        """Answer in *zones* too."""
        answers = Answers(self.clock, zones.zones.challenges, Metrics(), self.clock.seconds)
        answers.use([KEY])
        self.database.follow(answers)

    def test_replayed(self) -> None:
        """An old revision that is brought back is answered no longer than it was meant to be; one that ended is not."""
        self.done(self.writer.add(Where.HTTP, HTTP.name, "token", "x"))
        doc_id, old = HTTP.doc_id, self.database.documents_now()[HTTP.doc_id]
        self.done(self.writer.remove(Where.HTTP, HTTP.name, "x"))
        self.clock.advance(LASTS / 1000)
        self.database.seed(doc_id, old)
        self.assertIsNone(self.answers.file(HTTP.name, "token"))

    def test_by_others(self) -> None:
        """What others wrote is not answered, and what was answered of the same document no longer; it is counted."""
        self.done(self.writer.add(Where.DNS, DNS.name, "", "value"))
        self.database.seed(DNS.doc_id, to_document(replace(DNS, answers=(Answer("", "evil", LATEST),)), OTHER_KEY))
        self.assertEqual(self.records.at(DNS.name), [])
        name = "couchpages_acme_challenges_refused_total"
        self.assertEqual(self.metrics.registry.get_sample_value(name, {"cause": "no_key"}), 1.0)
        self.answers.use([OTHER_KEY, KEY])
        self.assertEqual(self.records.at(DNS.name), ["evil"])
        self.database.remove(DNS.doc_id)
        self.assertEqual(self.records.at(DNS.name), [])
        self.answers.stop()
        with self.assertRaises(ValueError):
            self.answers.apply(Change(HTTP.doc_id, {"type": "x"}))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_writing_over_others(self) -> None:
        """What somebody altered is written anew; conflicts are met anew; CouchDB's absence is raised."""
        self.database.seed(DNS.doc_id, {"type": "x"})
        self.database.fail("put", Conflict("written"), times=2)
        self.done(self.writer.add(Where.DNS, DNS.name, "", "value"))
        self.assertEqual(self.records.at(DNS.name), ["value"])
        self.database.fail("put", Conflict("written"), times=9)
        self.fails(self.writer.add(Where.DNS, DNS.name, "", "other"), Unavailable)
        self.answers.stop()

    def test_nothing_to_take_back(self) -> None:
        """Taking back what never was written writes nothing."""
        self.done(self.writer.remove(Where.DNS, DNS.name, "value"))
        self.assertEqual(self.database.stored, {})

    def test_at_once(self) -> None:
        """Answers that are added at once are all there; one that is cancelled keeps nobody."""
        turns = Turns()
        self.database.pause = turns.wait
        adding = [self.begun(self.writer.add(Where.DNS, DNS.name, "", str(number))) for number in range(4)]
        adding[1].cancel()
        self.failureResultOf(adding[1])
        while turns.waiting:
            turns.go()
        self.assertEqual(self.records.at(DNS.name), ["0", "2", "3"])
        self.answers.stop()
