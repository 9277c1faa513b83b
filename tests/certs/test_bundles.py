"""The certificates that a node has, as its CouchDB changes, goes away, and comes back."""

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs import bundles as module
from couchpages.certs.boxes import SealingKey
from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.first_system import compatible_documents
from couchpages.certs.first_system_shelf import Named
from couchpages.certs.pem import read_certificate
from couchpages.certs.sealing import document_id, seal
from couchpages.ports import Change, Unavailable
from couchpages.testing.memory_database import MemoryDatabase
from tests.certs.made import DAY, KEY, NONCE, NOW, OTHER_KEY, authority, certificate, pems
from tests.certs.node import CertificatesOfANode

EXAMPLE = ("example.org", Kind.ECDSA)
ID = document_id(*EXAMPLE)


class BundlesCase(SynchronousTestCase):
    """A database and a node that follows it."""

    def setUp(self) -> None:
        """Have both, and listen to the log."""
        self.folder = Path(self.mktemp())
        self.database = MemoryDatabase("secrets")
        self.node = CertificatesOfANode(self.database, self.folder)
        self.database.follow(self.node.bundles)
        self.events: list[LogEvent] = []
        listener: Any = self.events.append
        globalLogPublisher.addObserver(listener)
        self.addCleanup(globalLogPublisher.removeObserver, listener)

    def write(self, sealed: Certificate, key: SealingKey = KEY, nonce: bytes = NONCE) -> None:
        """Write a certificate into the database."""
        self.database.seed(document_id(sealed.name, sealed.kind), seal(sealed, key, nonce))

    def restarted(self, keys: tuple[SealingKey, ...] = (KEY,)) -> CertificatesOfANode:
        """Give the node after a restart, while its CouchDB is away."""
        return CertificatesOfANode(self.database, self.folder, keys)

    def said(self) -> list[str]:
        """Give what was warned of."""
        return [formatEvent(event) for event in self.events if event["log_level"].name == "warn"]


class Following(BundlesCase):
    """Ours."""

    def test_comes_and_goes(self) -> None:
        """A certificate is here when it was written, a newer one takes its place, and it goes when it is deleted."""
        first, second, rsa = certificate(made=1), certificate(made=2, number=1), certificate(kind=Kind.RSA)
        for sealed in (first, second):
            self.write(sealed)
            self.assertEqual(self.node.certificates, {EXAMPLE: sealed})
            self.assertEqual(self.node.expiry(), sealed.not_after)
        self.write(rsa)
        self.assertEqual(set(self.node.certificates), {EXAMPLE, ("example.org", Kind.RSA)})
        self.database.remove(ID)
        self.assertEqual(self.node.certificates, {("example.org", Kind.RSA): rsa})
        self.assertIsNone(self.node.expiry())
        changes = [each for each in self.node.told if each]
        self.assertEqual(changes, [{EXAMPLE}, {EXAMPLE}, {("example.org", Kind.RSA)}, {EXAMPLE}])

    def test_sealed_anew(self) -> None:
        """Rotating keys changes nothing that anybody must hear of."""
        self.write(certificate())
        told = len(self.node.told) if self.node.certificates else 0
        self.node.bundles.use((KEY, OTHER_KEY))
        self.write(certificate(), OTHER_KEY, bytes(24))
        self.assertEqual(len(self.node.certificates), 1)
        self.assertEqual(len(self.node.told), told)
        self.assertEqual(self.restarted((OTHER_KEY,)).certificates, {EXAMPLE: certificate()})

    def test_rotated(self) -> None:
        """Nobody hears of a certificate that is a little newer and otherwise the same; it is the one that is known all the same."""
        self.write(certificate(made=10))
        told = len(self.node.told) if self.node.certificates else 0
        self.write(certificate(made=11), KEY, bytes(24))
        self.assertEqual((self.node.certificates[EXAMPLE].made, len(self.node.told)), (11, told))

    def test_refused(self) -> None:
        """What is tampered with, renamed, replayed, sealed with another key or no document is counted; the last good one stays."""
        good = certificate(made=10)
        self.write(good)
        self.assertEqual(self.node.certificates, {EXAMPLE: good})
        doc = seal(good, KEY, NONCE)
        for cause, bad in (
            ("tampered", {**doc, "made": 11}),
            ("renamed", {**doc, "name": "other.example"}),
            ("replayed", seal(certificate(made=9), KEY, NONCE)),
            ("no_key", seal(certificate(made=11), OTHER_KEY, NONCE)),
            ("malformed", {}),
            ("version", {**doc, "version": 2}),
        ):
            self.database.seed(ID, bad)
            self.assertEqual(self.node.certificates, {EXAMPLE: good}, cause)
            self.assertEqual(self.node.refused(cause), 1.0, cause)
            self.assertIn(f"secrets/{ID} is refused ({cause}): ", self.said()[-1])
            self.assertTrue(self.said()[-1].endswith("; the one before stays"), cause)
            # It comes again when the follower connects anew: nobody is told twice.
            self.node.bundles.apply(self.database.change(ID))
            self.assertEqual(self.node.certificates, {EXAMPLE: good})
            self.assertEqual(self.node.refused(cause), 1.0, cause)
        self.assertEqual(self.node.bundles.troubles(), [])
        self.assertEqual(self.restarted().certificates, {EXAMPLE: good})

    def test_refused_without_another(self) -> None:
        """Where there is no good one, that is a trouble, and never an obstacle; it ends with the key, which may come later."""
        self.write(certificate(), OTHER_KEY)
        self.assertEqual(self.node.certificates, {})
        (trouble,) = self.node.bundles.troubles()
        self.assertIn(f"secrets/{ID} is refused: it is sealed with the key {OTHER_KEY.id}", trouble)
        self.assertEqual(self.node.bundles.obstacles(), [])
        self.node.bundles.use((KEY, OTHER_KEY))
        self.assertEqual(self.node.certificates, {EXAMPLE: certificate()})
        self.assertEqual(self.node.bundles.troubles(), [])

    def test_others(self) -> None:
        """API keys, designs and anybody's documents are none of its business."""
        for doc_id in ("ApiKey", "apikey-1", "_design/x", "whatever"):
            self.node.bundles.apply(Change(doc_id, {"Secret": "x"}))
            self.node.bundles.apply(Change(doc_id, None))
        self.assertEqual(self.node.certificates, {})
        self.assertEqual((self.said(), self.node.bundles.troubles()), ([], []))

    def test_troubles(self) -> None:
        """Certificates that expired or end within a week are troubles, but stay; key files that are none are troubles."""
        self.write(certificate())
        self.assertEqual(len(self.node.certificates), 1)
        for days, words in ((81, None), (83, "expires in 6 days"), (90, "expired on 2027-02-20")):
            self.node.now = NOW + days * DAY - 1
            troubles = self.node.bundles.troubles()
            self.assertEqual([words in each for each in troubles] if words else troubles, [True] if words else [])
        self.assertEqual(len(self.node.certificates), 1)
        self.node.bundles.use((), ["the file is open to others"])
        self.assertEqual(self.node.bundles.troubles()[0], "the file is open to others")

    def test_many_troubles(self) -> None:
        """Hundreds of troubles are not all told."""
        for number in range(100):
            self.database.seed(f"certificate-ecdsa-{number}.example", {})
        self.assertEqual(self.node.certificates, {})
        self.assertEqual(len(self.node.bundles.troubles()), 21)
        self.assertEqual(self.node.bundles.troubles()[-1], "and 80 more troubles with certificates")

    def test_in_slices(self) -> None:
        """Many that come at once are opened in turns of the reactor, the newest state of each."""
        self.patch(module, "SLICE", 0.0)
        for number in range(5):
            self.write(certificate(f"{number}.example"))
        self.write(certificate("0.example", made=2000))
        self.assertEqual(self.node.bundles.certificates, {})
        self.assertEqual(self.node.certificates["0.example", Kind.ECDSA].made, 2000)
        self.assertEqual([len(each) for each in self.node.told], [0, 1, 1, 1, 1, 1])

    def test_a_listener_that_fails(self) -> None:
        """It keeps nobody else from hearing."""

        def fails(changed: set[Named]) -> None:
            raise RuntimeError(str(changed))

        self.node.bundles.tell(fails)
        later: list[set[Named]] = []
        self.node.bundles.tell(later.append)
        self.write(certificate())
        self.assertEqual(len(self.node.certificates), 1)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(later, [{EXAMPLE}])

    def test_loaded(self) -> None:
        """That everything is loaded is told once, when what came is opened."""
        database = MemoryDatabase("secrets")
        database.seed(ID, seal(certificate(), KEY, NONCE))
        node = CertificatesOfANode(database, Path(self.mktemp()))
        database.follow(node.bundles)
        self.assertFalse(node.bundles.is_loaded)
        self.assertEqual(len(node.certificates), 1)
        self.assertTrue(node.bundles.is_loaded)
        node.bundles.loaded()
        self.assertEqual(node.told, [{EXAMPLE}, set()])

    def test_stop(self) -> None:
        """Stopped with work left, it leaves no timer."""
        self.write(certificate())
        self.successResultOf(self.node.bundles.stop())
        self.assertEqual(self.node.reactor.getDelayedCalls(), [])


class Restarting(BundlesCase):
    """After a restart, with CouchDB away (law 1)."""

    def test_there_at_once(self) -> None:
        """Certificates are there before anything is heard, and lie on disk sealed."""
        for kind in Kind:
            self.write(certificate(kind=kind))
        self.assertEqual(len(self.node.certificates), 2)
        again = self.restarted()
        self.assertEqual(again.bundles.certificates, self.node.certificates)
        self.assertEqual(sorted(again.bundles.known()), sorted(self.database.stored))
        self.assertEqual(again.expiry(), certificate().not_after)
        for file in self.folder.iterdir():
            self.assertNotIn(b"PRIVATE KEY", file.read_bytes())
        work = again.reactor.getDelayedCalls()
        self.database.follow(again.bundles)
        self.assertEqual((len(again.certificates), work), (2, []))

    def test_deleted(self) -> None:
        """What is deleted is gone after a restart too, and an old one is still refused then."""
        self.write(certificate(made=10))
        self.assertEqual(len(self.node.certificates), 1)
        self.database.remove(ID)
        self.assertEqual(self.node.certificates, {})
        again = self.restarted()
        self.assertEqual((again.certificates, again.bundles.known()), ({}, []))
        again.bundles.apply(Change(ID, {**seal(certificate(made=9), KEY, NONCE), "_rev": "5-x"}))
        self.assertEqual((again.certificates, again.refused("replayed")), ({}, 1.0))
        again.bundles.apply(Change(ID, {**seal(certificate(made=11), KEY, NONCE), "_rev": "6-x"}))
        self.assertEqual(len(again.certificates), 1)

    def test_brought_back_after_it_was_deleted(self) -> None:
        """Defect: the very revision that was deleted counted again, also after a restart, when somebody brought it back."""
        self.write(certificate(made=10))
        self.assertEqual(len(self.node.certificates), 1)
        self.database.remove(ID)
        self.assertEqual(self.node.certificates, {})
        back = Change(ID, {**seal(certificate(made=10), KEY, NONCE), "_rev": "5-x"})
        for node in (self.node, self.restarted(), self.restarted()):
            node.bundles.apply(back)
            self.assertEqual((node.certificates, node.refused("replayed")), ({}, 1.0))

    def test_a_database_made_anew(self) -> None:
        """What is gone because CouchDB lost everything counts again when replication brings it back."""
        self.write(certificate(made=10))
        self.assertEqual(len(self.node.certificates), 1)
        for node in (self.node, self.restarted()):
            node.bundles.apply(Change(ID, None))
            self.assertEqual(node.certificates, {})
            node.bundles.apply(self.database.change(ID))
            self.assertEqual(len(node.certificates), 1)

    def test_a_floor_that_is_none(self) -> None:
        """Defect: a kept file whose floor was no number raised out of the service's start."""
        self.write(certificate(made=10))
        self.assertEqual(len(self.node.certificates), 1)
        (file,) = self.folder.iterdir()
        for floor in ("Infinity", "-Infinity", "NaN", "1e400", "true", "9" * 400):
            file.write_text(f'{{"floor": [{floor}, "x"]}}')
            self.assertEqual(self.restarted().certificates, {})
            self.assertEqual(list(self.folder.iterdir()), [])
            self.assertIn("is refused", self.said()[-1])

    def test_deleted_while_it_was_down(self) -> None:
        """A follower that does not see a known document again says that it is gone."""
        self.write(certificate())
        self.assertEqual(len(self.node.certificates), 1)
        again = self.restarted()
        for doc_id in again.bundles.known():
            again.bundles.apply(Change(doc_id, None))
        self.assertEqual(again.certificates, {})

    def test_without_the_key(self) -> None:
        """A node whose key is gone keeps what it cannot open, and opens it when the key is back."""
        self.write(certificate())
        self.assertEqual(len(self.node.certificates), 1)
        again = self.restarted(())
        self.assertEqual((again.certificates, again.refused("no_key")), ({}, 1.0))
        again.bundles.use((KEY,))
        self.assertEqual(again.certificates, {EXAMPLE: certificate()})

    def test_altered_on_disk(self) -> None:
        """Kept files that somebody altered are refused, every one, and the daemon starts."""
        self.write(certificate())
        self.assertEqual(len(self.node.certificates), 1)
        (file,) = self.folder.iterdir()
        whole = file.read_bytes()
        for content in (
            b"{}",
            b"",
            whole[:-1],
            whole.replace(b'"floor": [1000', b'"floor": [[]'),
            whole.replace(b'"box": "', b'"box": "A'),
        ):
            file.write_bytes(content)
            self.assertEqual(self.restarted().certificates, {}, content[:40])
        again = self.restarted()
        self.database.follow(again.bundles)
        self.assertEqual(again.certificates, {EXAMPLE: certificate()})
        self.assertEqual(self.restarted().certificates, {EXAMPLE: certificate()})


class FirstSystem(BundlesCase):
    """The first system's documents, whose attachments are brought afterwards."""

    def write_first(self, sealed: Certificate, key: SealingKey = KEY) -> None:
        """Write a certificate as the first system does."""
        for doc_id, doc in compatible_documents(sealed, key, (NONCE, bytes(24))).items():
            before = self.database.stored.get(doc_id)
            rev = before.rev if before is not None and before.body is not None else None
            self.done(self.database.put(doc_id, doc, rev))

    def done(self, work: Any) -> Any:
        """Give what a coroutine gives at once."""
        return self.successResultOf(Deferred.fromCoroutine(work))

    def test_comes_and_goes(self) -> None:
        """It is read, kept for a restart, replaced, and goes with a half of it."""
        first = certificate(made=0)
        self.write_first(first)
        self.assertEqual(self.node.certificates, {EXAMPLE: first})
        self.assertEqual(self.restarted().bundles.certificates, {EXAMPLE: first})
        newer = certificate_of(authority().issue("example.org", not_before=NOW))
        self.write_first(newer)
        self.assertEqual(self.node.certificates, {EXAMPLE: newer})
        self.database.remove("privkey.pem")
        self.assertEqual(self.node.certificates, {})
        self.assertEqual(self.restarted().certificates, {})

    def test_ours_beat_them(self) -> None:
        """A certificate of ours for the same name and kind is the one that counts, whichever came first."""
        ours, theirs = certificate(number=1), certificate(made=0)
        self.write(ours)
        self.write_first(theirs)
        self.assertEqual(self.node.certificates, {EXAMPLE: ours})
        self.database.remove(ID)
        self.assertEqual(self.node.certificates, {EXAMPLE: theirs})
        self.write(certificate(made=2000, number=1))
        self.assertEqual(self.node.certificates[EXAMPLE].made, 2000)

    def test_couchdb_away(self) -> None:
        """What cannot be brought now is brought when CouchDB is back, or after a pause; until then the last good one stays."""
        self.write_first(certificate(made=0))
        self.assertEqual(len(self.node.certificates), 1)
        self.database.fail("read_attachment", Unavailable("away"), times=2)
        newer = certificate_of(authority().issue("example.org", not_before=NOW))
        self.write_first(newer)
        self.assertEqual(self.node.certificates, {EXAMPLE: certificate(made=0)})
        self.assertTrue(self.node.reactor.getDelayedCalls())
        self.node.bundles.loaded()
        self.assertEqual(self.node.certificates, {EXAMPLE: newer})

    def test_half_brought(self) -> None:
        """An attachment that breaks off is brought again."""
        self.database.fail("read_attachment", Unavailable("broke off"), happened=True)
        self.write_first(certificate(made=0))
        self.assertEqual(self.node.certificates, {})
        self.node.reactor.advance(10)
        self.assertEqual(len(self.node.certificates), 1)

    def test_another_key(self) -> None:
        """What no key opens is a trouble, and is tried again with other keys, without CouchDB."""
        self.write_first(certificate(made=0), OTHER_KEY)
        self.assertEqual(self.node.certificates, {})
        self.assertEqual((self.node.refused("tampered"), len(self.node.bundles.troubles())), (2.0, 2))
        self.database.fail("read_attachment", Unavailable("away"), times=99)
        self.node.bundles.use((KEY, OTHER_KEY))
        self.assertEqual((len(self.node.certificates), self.node.bundles.troubles()), (1, []))

    def test_too_large(self) -> None:
        """An attachment above the bound is refused, also when CouchDB does not tell its length."""
        doc = compatible_documents(certificate(), KEY, (NONCE, bytes(24)))["fullchain.pem"]
        self.database.seed("large", {"Secret": doc["Secret"]})
        self.database.seed_attachment("large", "data", bytes(2**20 + 1))
        self.assertEqual((self.node.certificates, self.node.refused("malformed")), ({}, 1.0))
        change = self.database.change("large")
        assert change.doc is not None
        change.doc["_attachments"]["data"]["length"] = 5
        change.doc["_rev"] = "9-x"
        self.node.bundles.apply(change)
        self.assertEqual((self.node.certificates, self.node.refused("malformed")), ({}, 2.0))

    def test_superseded(self) -> None:
        """A file whose document changed while it was brought is not judged: the newer one is."""
        doc = compatible_documents(certificate(made=0), KEY, (NONCE, bytes(24)))["fullchain.pem"]
        self.database.seed("fullchain.pem", {"Secret": doc["Secret"]})
        rev = self.database.seed_attachment("fullchain.pem", "data", pems("example.org")[0])
        stale = self.database.change("fullchain.pem")
        self.assertEqual((self.node.certificates, self.node.refused("tampered")), ({}, 1.0))
        assert stale.doc is not None
        self.node.bundles.apply(Change("fullchain.pem", {**stale.doc, "_rev": f"0-{rev}"}))
        self.assertEqual((self.node.certificates, self.node.refused("tampered")), ({}, 1.0))

    def test_stop(self) -> None:
        """Stopped while it waits for CouchDB, it leaves nothing behind."""
        self.database.fail("read_attachment", Unavailable("away"), times=9)
        self.write_first(certificate(made=0))
        self.assertEqual(self.node.certificates, {})
        self.successResultOf(self.node.bundles.stop())
        self.assertEqual(self.node.reactor.getDelayedCalls(), [])


def certificate_of(pair: tuple[bytes, bytes]) -> Certificate:
    """Read a certificate of the first system, which does not say when it was made."""
    return read_certificate(*pair)
