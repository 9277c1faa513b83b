"""Conflicting revisions of a certificate, and how nodes agree on one."""

from dataclasses import replace
from itertools import permutations
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.certificates import Certificate
from couchpages.certs.reconciling import CertificateRule
from couchpages.certs.rivals import judge
from couchpages.certs.sealing import seal
from couchpages.certs.shelf import Shelf
from couchpages.conflicts import Reconciler
from couchpages.metrics import Metrics
from couchpages.ports import Change, Json
from couchpages.testing.memory_database import MemoryDatabase
from couchpages.testing.node import MemoryReactor
from tests.certs.made import KEY, NONCE, OTHER_KEY, certificate

ID = "certificate-ecdsa-example.org"


def leaf(sealed: Certificate, rev: str, key: Any = KEY) -> Json:
    """Give a revision."""
    return {**seal(sealed, key, NONCE), "_id": ID, "_rev": rev}


class Judging(SynchronousTestCase):
    """``judge``."""

    def test_rank(self) -> None:
        """The later wins, then the greater fingerprint, then more edits and the greater revision; in whatever order they stand."""
        pair = sorted((certificate(made=2, number=number) for number in range(2)), key=lambda each: each.fingerprint)
        ranked = [
            leaf(certificate(made=3), "1-a"),
            leaf(pair[1], "10-a"),
            leaf(pair[1], "9-z"),
            leaf(pair[1], "9-b"),
            leaf(pair[0], "99-a"),
        ]
        for leaves in permutations(ranked):
            judgement = judge(ID, leaves, [KEY])
            assert judgement is not None
            self.assertEqual([judgement.winner, *judgement.losers], ranked)

    def test_those_that_do_not_open(self) -> None:
        """They neither win nor are removed; where none opens, there is no judgement."""
        mine, other = leaf(certificate(made=2), "1-a"), leaf(certificate(made=9), "1-b", OTHER_KEY)
        tampered = {**leaf(certificate(made=9), "1-c"), "box": "AAAA"}
        judgement = judge(ID, [other, tampered, mine], [KEY])
        assert judgement is not None
        self.assertEqual((judgement.winner, judgement.losers), (mine, ()))
        self.assertIsNone(judge(ID, [other, tampered], [KEY]))
        self.assertIsNone(judge(ID, [mine, other], []))


class Sink:
    """Opens what it is told of."""

    def __init__(self) -> None:
        self.shelf = Shelf()
        self.keys = [KEY]

    def apply(self, change: Change) -> None:
        """Take a change."""
        if change.doc is not None:
            self.shelf.take(change.doc_id, change.doc, self.keys)

    def loaded(self) -> None:
        """Nothing."""


class Reconciled(SynchronousTestCase):
    """Two nodes that imported while they were cut off from each other."""

    def node(self, keys: list[Any]) -> tuple[MemoryDatabase, Sink]:
        """Give a node's database and sink."""
        database, sink = MemoryDatabase("secrets"), Sink()
        rule = CertificateRule(lambda doc_id: doc_id in sink.shelf.good, lambda: keys, database)
        database.follow(Reconciler(MemoryReactor(), database, sink, rule, Metrics(), chance=lambda: 0.5))
        return database, sink

    def test_converge(self) -> None:
        """Both end with the later one, and no conflict; a node without the key leaves it to them."""
        (first, one), (second, other), (third, _) = self.node([KEY]), self.node([KEY]), self.node([])
        first.seed(ID, seal(certificate(made=5), KEY, NONCE))
        second.seed(ID, seal(certificate(made=6, number=1), KEY, NONCE))
        first.replicate_to(third)
        second.replicate_to(third)
        self.assertEqual(len(third.stored[ID].living), 2)
        first.replicate_to(second)
        second.replicate_to(first)
        first.replicate_to(second)
        for sink, database in ((one, first), (other, second)):
            self.assertEqual(sink.shelf.good[ID].made, 6)
            self.assertEqual(len(database.stored[ID].living), 1)
        first.replicate_to(third)
        self.assertEqual(len(third.stored[ID].living), 1)

    def test_imported_while_another_issues(self) -> None:
        """An import that the issuer had not heard of wins, though what it issued is later; nodes that had this take it too, for good."""
        (first, one), (second, other) = self.node([KEY]), self.node([KEY])
        first.seed(ID, seal(certificate(made=5), KEY, NONCE))
        second.seed(ID, seal(replace(certificate(made=9, number=1), issued_by="https://ca.test"), KEY, NONCE))
        for _ in range(3):
            first.replicate_to(second)
            second.replicate_to(first)
        for sink, database in ((one, first), (other, second)):
            self.assertEqual((sink.shelf.good[ID].issued_by, sink.shelf.good[ID].made), ("", 10))
            self.assertFalse(sink.shelf.refused)
            self.assertEqual(len(database.stored[ID].living), 1)
        self.assertEqual(first.stored[ID].rev, second.stored[ID].rev)

    def test_old_import_brought_back(self) -> None:
        """An import that the issuer had heard of was deleted then, and wins nothing when somebody brings it back."""
        (first, one), attacker = self.node([KEY]), MemoryDatabase("secrets")
        first.seed(ID, seal(replace(certificate(made=9, number=1), issued_by="https://ca.test", since=5), KEY, NONCE))
        attacker.seed(ID, seal(certificate(made=5), KEY, NONCE))
        attacker.replicate_to(first)
        self.assertEqual((one.shelf.good[ID].made, len(first.stored[ID].living)), (9, 1))

    def test_a_key_that_comes_later(self) -> None:
        """Defect: a conflict that came before the key file was never judged, though SIGHUP brought the key."""
        for keys in ([], [KEY], [OTHER_KEY]):
            database, sink, now = MemoryDatabase("secrets"), Sink(), list(keys)
            rule = CertificateRule(lambda doc_id, sink=sink: doc_id in sink.shelf.good, lambda now=now: now, database)  # type: ignore[misc]
            reconciler = Reconciler(MemoryReactor(), database, sink, rule, Metrics(), chance=lambda: 0.5)
            database.follow(reconciler)
            for made, key in ((6, OTHER_KEY), (5, KEY)):
                other = MemoryDatabase("secrets")
                other.seed(ID, seal(certificate(made=made), key, NONCE))
                other.replicate_to(database)
            self.assertEqual(len(database.stored[ID].living), 2)
            now[:] = [KEY, OTHER_KEY]
            sink.keys = now
            reconciler.judge_again()
            self.assertEqual((sink.shelf.good[ID].made, len(database.stored[ID].living)), (6, 1))
            calls = len(database.calls)
            reconciler.judge_again()
            self.assertEqual(len(database.calls), calls)

    def test_first_systems(self) -> None:
        """The first system's documents are left to their writers."""
        rule = CertificateRule(lambda _: False, lambda: [KEY], MemoryDatabase("secrets"))
        self.assertIsNone(rule.judge("fullchain.pem", [{"_rev": "1-a"}, {"_rev": "1-b"}]))
