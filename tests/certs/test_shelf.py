"""Which sealed certificates count."""

from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.boxes import Cause
from couchpages.certs.certificates import Certificate
from couchpages.certs.sealing import seal
from couchpages.certs.shelf import Refusal, Shelf, moment
from couchpages.ports import Json
from tests.certs.made import KEY, NONCE, OTHER_KEY, certificate

ID = "certificate-ecdsa-example.org"


def document(sealed: Certificate, rev: str = "1-a") -> Json:
    """Give a document as CouchDB has it."""
    return {**seal(sealed, KEY, NONCE), "_id": ID, "_rev": rev}


class Shelves(SynchronousTestCase):
    """``Shelf``."""

    def setUp(self) -> None:
        """Have one certificate on it."""
        self.shelf = Shelf()
        self.assertIsNone(self.shelf.take(ID, document(certificate(made=10)), [KEY]))

    def take(self, sealed: Certificate, rev: str = "2-b") -> Refusal | None:
        """Take another."""
        return self.shelf.take(ID, document(sealed, rev), [KEY])

    def assert_stays(self, made: int = 10) -> None:
        """Assert that the certificate is the one that was made then."""
        self.assertEqual(self.shelf.good[ID].made, made)

    def test_newer(self) -> None:
        """A newer one takes its place."""
        self.assertIsNone(self.take(certificate(made=11)))
        self.assert_stays(11)

    def test_replayed(self) -> None:
        """An older one is refused, before and after it was deleted, and the last good one stays."""
        refusal = self.take(certificate(made=9))
        assert refusal is not None
        self.assertEqual(refusal.cause, Cause.REPLAYED)
        self.assertIn("1970-01-01 00:00:00 UTC", refusal.words)
        self.assert_stays()
        self.shelf.remove(ID, deleted=True)
        self.assertEqual((self.shelf.good, self.shelf.refused), ({}, {}))
        self.assertIsNotNone(self.take(certificate(made=9)))
        self.assertEqual(self.shelf.good, {})
        self.assertIsNone(self.take(certificate(made=12), "3-c"))
        self.assert_stays(12)

    def test_brought_back_after_it_was_deleted(self) -> None:
        """Defect: what was deleted counted again when somebody brought the same revision back; now a newer one does, once."""
        for shelf in (self.shelf, Shelf()):
            if shelf is self.shelf:
                shelf.remove(ID, deleted=True)
                kept = shelf.record(ID, None)
            else:
                # After a restart.
                self.assertIsNone(shelf.recall(ID, kept))
            refusal = shelf.take(ID, document(certificate(made=10), "3-b"), [KEY])
            assert refusal is not None
            self.assertEqual((refusal.cause, shelf.good), (Cause.REPLAYED, {}))
            self.assertIn(
                "was deleted: somebody brought it back; if that was meant, delete it and import it anew", refusal.words
            )
            for rev in ("4-c", "5-d"):
                self.assertIsNone(shelf.take(ID, document(certificate(made=11), rev), [KEY]))
            self.assertEqual(shelf.record(ID, None), {"floor": [11, certificate(made=11).fingerprint]})

    def test_gone_without_being_deleted(self) -> None:
        """What is gone because CouchDB's database was made anew counts again when it comes back."""
        self.shelf.remove(ID, deleted=False)
        self.assertEqual(self.shelf.good, {})
        self.assertIsNone(self.take(certificate(made=10), "1-a"))
        self.assert_stays()

    def test_kept_records(self) -> None:
        """Records are believed only as they are written, to the type."""
        fingerprint = "ab" * 32
        shelf = Shelf()
        records: tuple[Json, ...] = (
            {}, {"floor": None}, {"floor": []}, {"floor": [1]}, {"floor": [1, "x", 2]}, {"floor": {"0": 1, "1": "x"}}, {"floor": "1x"},
            {"floor": [float("inf"), "x"]}, {"floor": [float("nan"), "x"]}, {"floor": [1.0, "x"]}, {"floor": [True, "x"]},
            {"floor": ["1", "x"]}, {"floor": [-1, "x"]}, {"floor": [2**53, "x"]}, {"floor": [1, 5]}, {"floor": [1, "x"], "doc": []},
            {"floor": [1, "x"], "doc": "x"}, {"floor": [1, "x"], "removed": 1}, {"floor": [1, "x"], "removed": None},
        )  # fmt: skip
        for damaged in records:
            self.assertRaises(ValueError, shelf.recall, ID, damaged)
        self.assertEqual((shelf.floors, shelf.removed), ({}, set()))
        self.assertEqual(shelf.recall(ID, {"floor": [1, fingerprint], "doc": {"a": 1}}), {"a": 1})
        self.assertEqual(shelf.floors, {ID: (1, fingerprint)})

    def test_sealed_anew(self) -> None:
        """The same certificate with another nonce and another key is taken: keys are rotated."""
        anew = {**seal(certificate(made=10), OTHER_KEY, bytes(24)), "_rev": "2-b"}
        self.assertIsNone(self.shelf.take(ID, anew, [KEY, OTHER_KEY]))
        self.assertEqual(self.shelf.refused, {})

    def test_same_moment(self) -> None:
        """Of two that were made in the same millisecond the greater fingerprint stays, in whatever order they come."""
        pair = sorted((certificate(made=10, number=number) for number in range(2)), key=lambda each: each.fingerprint)
        for order in (pair, pair[::-1]):
            shelf = Shelf()
            for number, each in enumerate(order):
                shelf.take(ID, document(each, f"{number}-x"), [KEY])
            self.assertEqual(shelf.good[ID], pair[1])

    def test_refused_once(self) -> None:
        """A refusal is told once for each revision and cause, and ends when a good one comes, or another key."""
        bad = {**document(certificate(made=11), "2-b"), "box": "AAAA"}
        refusal = self.shelf.take(ID, bad, [KEY])
        assert refusal is not None
        self.assertEqual(refusal.cause, Cause.TAMPERED)
        self.assertIsNone(self.shelf.take(ID, bad, [KEY]))
        self.assertIsNotNone(self.shelf.take(ID, {**bad, "_rev": "3-c"}, [KEY]))
        self.assertIsNotNone(self.shelf.take(ID, {**bad, "_rev": "3-c"}, []))
        self.assert_stays()
        self.take(certificate(made=12), "4-d")
        self.assertEqual(self.shelf.refused, {})

    def test_moment(self) -> None:
        """Moments that no calendar has are written too."""
        self.assertEqual(moment(1_795_442_400_000), "2026-11-23 14:00:00 UTC")
        self.assertIn("ms after 1970", moment(2**53 - 1))
