"""Importing, listing, deleting and sealing anew."""

from collections.abc import Coroutine
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.administration import HANDED_OVER, Administration, ImportedError, Listed, Rotated
from couchpages.certs.boxes import sealed_with
from couchpages.certs.certificates import Kind
from couchpages.certs.dating import AHEAD
from couchpages.certs.first_system import compatible_documents
from couchpages.certs.key_files import Keys, read_keys
from couchpages.certs.sealing import document_id, open_sealed, seal
from couchpages.ports import Conflict, Unavailable
from couchpages.testing.memory_database import MemoryDatabase, Turns
from tests.certs.made import KEY, NONCE, OTHER_KEY, certificate
from tests.certs.node import CertificatesOfANode

ID = document_id("example.org", Kind.ECDSA)


class Administering(SynchronousTestCase):
    """``Administration``."""

    def setUp(self) -> None:
        """Have a database, at the millisecond 5000."""
        self.database = MemoryDatabase("secrets")
        self.now = 5000
        self.drawn = 0

    def entropy(self, count: int) -> bytes:
        """Give bytes, others each time."""
        self.drawn += 1
        return sha256(str(self.drawn).encode()).digest()[:count]

    def with_keys(self, *keys: Any) -> Administration:
        """Give it with these keys, of which the first seals."""
        return Administration(self.database, Keys(keys), self.entropy, lambda: self.now)

    def done(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Give what comes of *work*."""
        return self.successResultOf(Deferred.fromCoroutine(work))

    def put(self, *names: str, number: int = 0, key: Any = KEY) -> Any:
        """Import one."""
        return self.done(self.with_keys(key).put(certificate(*names, number=number)))

    def test_handed_over(self) -> None:
        """What was imported, and is handed over, stays as it is until what is issued takes its place; what was issued is left alone."""
        imported, _ = self.put()
        administration = self.with_keys(KEY)
        self.assertEqual(self.done(administration.hand_over("example.org")), [Kind.ECDSA])
        handed = open_sealed(ID, self.database.documents_now()[ID], [KEY])
        self.assertEqual(
            (handed.issued_by, handed.chain, handed.made > imported.made), (HANDED_OVER, imported.chain, True)
        )
        self.assertEqual(self.done(administration.hand_over("example.org")), [])
        self.assertEqual(self.done(administration.hand_over("other.test")), [])
        issued = replace(certificate(number=1), issued_by="https://ca.test/directory")
        stored, is_new = self.done(administration.put(issued))
        self.assertEqual((stored.fingerprint, is_new), (issued.fingerprint, True))

    def test_imported_again(self) -> None:
        """What was handed over is imported again when the same files are, and then no longer replaced."""
        imported, _ = self.put()
        administration = self.with_keys(KEY)
        self.done(administration.hand_over("example.org"))
        node = CertificatesOfANode(self.database, Path(self.mktemp()))
        self.database.follow(node.bundles)
        self.now = 6000
        again, is_new = self.put()
        self.assertTrue(is_new)
        self.assertEqual(replace(again, made=imported.made), imported)
        self.assertEqual(list(node.certificates.values()), [again])
        issued = replace(certificate(number=1), issued_by="https://ca.test/directory")
        self.failureResultOf(Deferred.fromCoroutine(administration.put(issued)), ImportedError)

    def test_put(self) -> None:
        """It is sealed, dated now, and written once."""
        stored, is_new = self.put()
        self.assertEqual((stored.made, is_new), (5000, True))
        self.assertEqual(open_sealed(ID, self.database.documents_now()[ID], [KEY]), stored)
        rev = self.database.stored[ID].rev
        self.now = 6000
        self.assertEqual(self.put(), (stored, False))
        self.assertEqual(self.database.stored[ID].rev, rev)
        again, is_new = self.put(number=1)
        self.assertEqual((again.made, is_new), (6000, True))

    def test_later_than_what_is_there(self) -> None:
        """On a node whose clock is behind it is dated later than the one that it replaces, on whichever leaf that stands."""
        self.put()
        self.now = 10
        self.assertEqual(self.put(number=1)[0].made, 5001)
        other = MemoryDatabase("secrets")
        other.seed(ID, seal(certificate(made=9000), KEY, NONCE))
        other.replicate_to(self.database)
        self.assertEqual(len(self.database.stored[ID].living), 2)
        self.assertEqual(self.put(number=1)[0].made, 9001)

    def test_import_after_delete_on_a_node_whose_clock_is_behind(self) -> None:
        """Defect: it was dated before what was deleted, and refused as replayed by every node that had had that."""
        self.put()
        other = CertificatesOfANode(self.database, Path(self.mktemp()))
        self.database.follow(other.bundles)
        self.assertEqual(len(other.certificates), 1)
        self.done(self.with_keys().delete("example.org", list(Kind)))
        self.assertEqual(other.certificates, {})
        (remains,) = (leaf.remains for leaf in self.database.stored[ID].leaves)
        self.assertEqual(remains, {"name": "example.org", "kind": "ecdsa", "made": 5000})
        self.now = 10
        stored, _ = self.put()
        self.assertEqual(stored.made, 5001)
        self.assertEqual((list(other.certificates.values()), other.refused("replayed")), ([stored], 0.0))

    def test_what_was_brought_back_is_wanted(self) -> None:
        """Of one that was deleted and brought back the message says what to do, and that helps."""
        self.put()
        node = CertificatesOfANode(self.database, Path(self.mktemp()))
        self.database.follow(node.bundles)
        self.assertEqual(len(node.certificates), 1)
        sealed = self.database.documents_now()[ID]
        self.done(self.with_keys().delete("example.org", list(Kind)))
        self.assertEqual(node.certificates, {})
        self.database.seed(ID, sealed)
        self.assertEqual((node.certificates, node.refused("replayed")), ({}, 1.0))
        self.assertIn("delete it and import it anew", node.bundles.troubles()[0])
        self.done(self.with_keys().delete("example.org", list(Kind)))
        self.put()
        self.assertEqual(len(node.certificates), 1)

    def test_later_than_what_does_not_open(self) -> None:
        """Defect: one that was sealed with another key was replaced by one that was dated earlier, which its nodes refused."""
        self.now = 9000
        self.put(key=OTHER_KEY)
        self.now = 10
        self.assertEqual(self.put()[0].made, 9001)

    def test_a_moment_that_is_forged(self) -> None:
        """What no clock can have written is passed over, in documents and in tombstones; what opens is believed whatever it says."""
        forged = [2**53 - 1, 2**53, 10**400, self.now + AHEAD + 1, -1, True, 1.5, "9000", None, [9000]]
        for number, made in enumerate(forged):
            name = f"{number}.example"
            doc_id = document_id(name, Kind.ECDSA)
            self.database.seed(doc_id, {**seal(certificate(name), KEY, NONCE), "made": made})
            self.assertEqual(self.put(name)[0].made, 5000, made)
            self.database.remove(doc_id, {"made": made})
            self.assertEqual(self.put(name, number=1)[0].made, 5000, made)
        self.database.seed(ID, seal(certificate(made=self.now + 9 * AHEAD), KEY, NONCE))
        self.assertEqual(self.put(number=1)[0].made, self.now + 9 * AHEAD + 1)

    def test_two_imports_at_once(self) -> None:
        """Defect: the second was written over the first unseen, and could be dated earlier; now it conflicts and is dated anew."""
        for before in (False, True):
            database = self.database = MemoryDatabase("secrets")
            if before:
                self.put(number=9)
            turns = Turns()
            database.pause = turns.wait
            ahead = Administration(database, Keys((KEY,)), self.entropy, lambda: 9000)
            behind = self.with_keys(KEY)
            first = Deferred.fromCoroutine(ahead.put(certificate(number=1)))
            second = Deferred.fromCoroutine(behind.put(certificate(number=2)))
            # Both read; then the first writes, then the second.
            for _ in range(2):
                turns.go(0)
                turns.go(0)
            while turns.waiting:
                turns.go(0)
            self.assertEqual(self.successResultOf(first)[0].made, 9000)
            self.assertEqual(self.successResultOf(second)[0].made, 9001)
            self.assertEqual(len(database.stored[ID].living), 1)

    def test_conflicting_revisions_are_replaced(self) -> None:
        """Whatever competes when one is imported is replaced, also what cannot be opened."""
        self.put()
        for made, key in ((9000, OTHER_KEY), (8000, KEY)):
            other = MemoryDatabase("secrets")
            other.seed(ID, seal(certificate(made=made), key, NONCE))
            other.replicate_to(self.database)
        self.assertEqual(len(self.database.stored[ID].living), 3)
        self.assertEqual(self.put(number=1)[0].made, 9001)
        self.assertEqual(len(self.database.stored[ID].living), 1)

    def test_rotate_against_delete(self) -> None:
        """When one node rotates and another deletes, what counts when they converge is the same on both: the living leaf (law 7)."""
        other = MemoryDatabase("secrets")
        nodes = [CertificatesOfANode(each, Path(self.mktemp()), (KEY, OTHER_KEY)) for each in (self.database, other)]
        self.put()
        self.database.replicate_to(other)
        for database, node in zip((self.database, other), nodes, strict=True):
            database.follow(node.bundles)
            self.assertEqual(len(node.certificates), 1)
        self.done(self.with_keys(OTHER_KEY, KEY).rotate())
        there = Administration(other, Keys((KEY,)), self.entropy, lambda: self.now)
        self.done(there.delete("example.org", list(Kind)))
        self.assertEqual([len(node.certificates) for node in nodes], [1, 0])
        self.database.replicate_to(other)
        other.replicate_to(self.database)
        found = [list(node.certificates.values()) for node in nodes]
        self.assertEqual(found[0], found[1])
        self.assertEqual([each.made for each in found[0]], [5001])
        self.assertEqual([node.refused("replayed") for node in nodes], [0.0, 0.0])

    def test_another_key(self) -> None:
        """The same certificate is sealed anew when another key seals; one that cannot be opened is replaced by a later one."""
        self.put(key=OTHER_KEY)
        stored, is_new = self.put()
        self.assertEqual((stored.made, is_new, sealed_with(self.database.documents_now()[ID])), (5001, True, KEY.id))

    def test_no_key(self) -> None:
        """Without a key nothing is written, and it is said what to do."""
        administration = Administration(
            self.database, read_keys([Path("/nonexistent/certs.key")]), self.entropy, lambda: 0
        )
        for work in (administration.put(certificate()), administration.rotate()):
            failure = self.failureResultOf(Deferred.fromCoroutine(work), ValueError)
            self.assertIn("/nonexistent/certs.key", str(failure.value))
        self.assertEqual(self.database.stored, {})

    def test_contended(self) -> None:
        """Somebody else who writes at the same time is tried again after, but not for ever; each try has a nonce of its own."""
        self.database.fail("put", Conflict("x"), times=2)
        self.assertTrue(self.put()[1])
        self.assertEqual(self.drawn, 3)
        self.database.fail("put", Conflict("x"), times=9)
        self.failureResultOf(Deferred.fromCoroutine(self.with_keys(KEY).put(certificate(number=1))), Unavailable)

    def test_list(self) -> None:
        """Ours and the first system's, those that are refused among them with the reason; no keys, no other documents."""
        self.put()
        self.put("*.b.example", key=OTHER_KEY)
        self.database.seed("certificate-what", {})
        self.database.seed("apikey-1", {"x": 1})
        self.database.seed("whatever", {"Secret": "x"})
        for doc_id, doc in compatible_documents(certificate("c.example"), KEY, (NONCE, bytes(24))).items():
            self.done(self.database.put(doc_id, doc))
        for doc_id, doc in compatible_documents(certificate("d.example"), OTHER_KEY, (NONCE, bytes(24))).items():
            self.done(self.database.put("d" + doc_id, doc))
        listed: list[Listed] = self.done(self.with_keys(KEY).all())
        self.assertEqual(
            [(each.name, each.kind, each.certificate is not None, each.first_system) for each in listed],
            [
                ("*.b.example", "ecdsa", False, False),
                ("c.example", "ecdsa", True, True),
                ("certificate-what", "", False, False),
                ("dfullchain.pem", "", False, True),
                ("dprivkey.pem", "", False, True),
                ("example.org", "ecdsa", True, False),
            ],
        )
        self.assertIn(OTHER_KEY.id, listed[0].refused)

    def test_delete(self) -> None:
        """All revisions of the kinds that are named go; what was not there is said."""
        self.put()
        other = MemoryDatabase("secrets")
        other.seed(ID, seal(certificate(made=9000), KEY, NONCE))
        other.replicate_to(self.database)
        administration = self.with_keys()
        self.assertEqual(self.done(administration.delete("example.org", [Kind.RSA])), [])
        self.assertEqual(self.done(administration.delete("example.org", list(Kind))), [Kind.ECDSA])
        self.assertEqual(self.database.documents_now(), {})
        self.put()
        self.database.fail("bulk", Unavailable("away"))
        self.failureResultOf(Deferred.fromCoroutine(administration.delete("example.org", list(Kind))), Unavailable)

    def test_rotate(self) -> None:
        """What another key sealed is sealed with the first, with another nonce and a millisecond newer; what does not open is told."""
        self.put(key=OTHER_KEY)
        self.put("b.example")
        self.put("c.example", key=OTHER_KEY)
        self.database.seed("certificate-ecdsa-d.example", {})
        before = self.database.documents_now()[ID]
        self.database.fail("put", Conflict("x"), doc_id="certificate-ecdsa-c.example")
        rotated: Rotated = self.done(self.with_keys(KEY, OTHER_KEY).rotate())
        self.assertEqual(rotated.sealed, [("example.org", Kind.ECDSA)])
        self.assertEqual(rotated.unchanged, [("b.example", Kind.ECDSA)])
        self.assertEqual(set(rotated.failed), {"certificate-ecdsa-c.example", "certificate-ecdsa-d.example"})
        after = self.database.documents_now()[ID]
        self.assertEqual((after["sealed_with"], after["made"]), (KEY.id, before["made"] + 1))
        self.assertNotEqual(after["nonce"], before["nonce"])
        self.database.remove("certificate-ecdsa-d.example")
        self.done(self.with_keys(KEY, OTHER_KEY).rotate())
        again: Rotated = self.done(self.with_keys(KEY).rotate())
        self.assertEqual((len(again.unchanged), again.sealed, again.failed), (3, [], {}))

    def test_write_compatible(self) -> None:
        """The first system's documents are written, and replaced, whole in one revision."""
        for number in range(2):
            sealed = certificate(number=number, made=0)
            written = self.done(self.with_keys(KEY).write_compatible(sealed))
            self.assertEqual(written, ["fullchain.pem", "privkey.pem"])
            (listed,) = self.done(self.with_keys(KEY).all())
            self.assertEqual((listed.certificate, listed.first_system), (sealed, True))
        self.assertTrue(self.database.stored["privkey.pem"].rev.startswith("2-"))

    def test_nonces(self) -> None:
        """No nonce is used twice."""
        self.put()
        self.put(number=1)
        self.done(self.with_keys(OTHER_KEY, KEY).rotate())
        self.done(self.with_keys(KEY).write_compatible(certificate()))
        self.assertEqual(self.drawn, 5)
