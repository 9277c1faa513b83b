"""Conflicting keys."""

from hashlib import sha256
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.access.administration import Administration
from couchpages.access.keyring import Keyring
from couchpages.access.keys import KeyRecord, to_document
from couchpages.access.reconciling import KeyRule
from couchpages.conflicts import Reconciler
from couchpages.metrics import Metrics
from couchpages.testing.memory_database import MemoryDatabase
from couchpages.web.problem import Problem

SEALED = "apikey-first-system"


class Node:
    """What a node has of keys."""

    def __init__(self) -> None:
        self.secrets = MemoryDatabase("secrets")
        self.ring = Keyring()
        rule = KeyRule(self.secrets, self.ring.knows)
        self.secrets.follow(Reconciler(Clock(), self.secrets, self.ring, rule, Metrics()))
        self.administration = Administration(self.secrets, lambda count: sha256(b"%d" % id(self)).digest()[:count])

    def opens(self, text: str) -> bool:
        """Tell whether a key is accepted."""
        try:
            self.ring.identify(text)
        except Problem:
            return False
        return True


class KeyConflictTests(SynchronousTestCase):
    """Two nodes, cut off from each other."""

    def setUp(self) -> None:
        """Make two nodes."""
        self.one, self.other = Node(), Node()

    def done(self, work: Any) -> Any:
        """Give what a coroutine gives at once."""
        return self.successResultOf(Deferred.fromCoroutine(work))

    def heal(self) -> None:
        """Replicate both ways until nothing is new, and check that both agree without a living conflict."""
        for _ in range(4):
            self.one.secrets.replicate_to(self.other.secrets)
            self.other.secrets.replicate_to(self.one.secrets)
        self.assertEqual(self.one.secrets.documents_now(), self.other.secrets.documents_now())

    def conflicts(self) -> int:
        """Count what still is in conflict."""
        return sum(len(document.living) > 1 for document in self.one.secrets.stored.values())

    def key(self, secret: str, **changes: Any) -> dict[str, Any]:
        """Give the document of a sealed key."""
        record = KeyRecord("x", sha256(secret.encode()).digest(), "name", ("*",), ("*",), **changes)
        return to_document(record)

    def test_sealed_on_both(self) -> None:
        """The same key sealed on both nodes is one document, which opens on both; the clear text is gone on both."""
        self.one.secrets.seed("ApiKey", {"Secret": "s3cret"})
        self.one.secrets.replicate_to(self.other.secrets)
        for node in (self.one, self.other):
            self.assertTrue(self.done(node.administration.seal()))
        self.heal()
        self.assertEqual((list(self.one.secrets.documents_now()), self.conflicts()), ([SEALED], 0))
        self.assertTrue(self.one.opens("s3cret") and self.other.opens("s3cret"))

    def test_revoked_and_sealed_again(self) -> None:
        """A key that one node revokes stays revoked though the other seals it anew meanwhile: sealing what is sealed writes nothing."""
        self.one.secrets.seed("ApiKey", {"Secret": "s3cret"})
        self.done(self.one.administration.seal())
        self.one.secrets.replicate_to(self.other.secrets)
        self.assertTrue(self.done(self.one.administration.revoke("first-system")))
        self.other.secrets.seed("ApiKey", {"Secret": "s3cret"})
        self.done(self.other.administration.seal())
        self.heal()
        self.assertFalse(self.one.opens("s3cret") or self.other.opens("s3cret"))

    def test_two_keys_of_the_first_system(self) -> None:
        """Different keys sealed under one name both go on working, the losing one under a name of its own."""
        for node, secret in ((self.one, "one"), (self.other, "other")):
            node.secrets.seed("ApiKey", {"Secret": secret})
            self.done(node.administration.seal())
        self.heal()
        self.assertEqual(self.conflicts(), 0)
        for node in (self.one, self.other):
            self.assertTrue(node.opens("one") and node.opens("other"))
        listed = self.done(self.one.administration.all())
        self.assertEqual(len(listed), 2)
        for record in listed:
            self.assertTrue(self.done(self.one.administration.revoke(record.key_id)))
        self.heal()
        self.assertFalse(self.other.opens("one") or self.other.opens("other"))

    def test_revoked_loser(self) -> None:
        """A losing key that was revoked under its own name does not open again on a node that still has the conflict."""
        for node, secret in ((self.one, "one"), (self.other, "other")):
            node.secrets.seed("ApiKey", {"Secret": secret})
            self.done(node.administration.seal())
        late = Node()
        for source in (self.one, self.other):
            source.secrets.replicate_to(late.secrets, ["apikey-first-system"])
        (place,) = (name for name in late.secrets.documents_now() if name.startswith("apikey-first-system-"))
        self.done(late.administration.revoke(place.removeprefix("apikey-")))
        late.secrets.replicate_to(self.one.secrets, [place])
        self.other.secrets.replicate_to(self.one.secrets, ["apikey-first-system"])
        self.assertNotIn(place, self.one.secrets.documents_now())
        self.assertEqual([self.one.opens("one"), self.one.opens("other")].count(True), 1)

    def test_same_key_twice(self) -> None:
        """Of two documents that say the same of a key the later one stays."""
        for node, created in ((self.one, "2026-01-01"), (self.other, "2026-02-02")):
            node.secrets.seed("apikey-0a", self.key("k", created=created))
        self.heal()
        self.assertEqual(self.conflicts(), 0)
        self.assertEqual(self.one.secrets.documents_now()["apikey-0a"]["created"], "2026-02-02")

    def test_another_key_of_ours(self) -> None:
        """What can stand nowhere else stays where it is: every node takes the later one, and revoking removes both."""
        for node, secret, created in ((self.one, "cpk_0a_a", "2026-01-01"), (self.other, "cpk_0a_b", "2026-02-02")):
            node.secrets.seed("apikey-0a", self.key(secret, created=created))
        self.heal()
        for node in (self.one, self.other):
            self.assertEqual((node.opens("cpk_0a_a"), node.opens("cpk_0a_b")), (False, True))
        self.assertTrue(self.done(self.one.administration.revoke("0a")))
        self.heal()
        self.assertEqual(self.other.secrets.documents_now(), {})
        self.assertFalse(self.other.opens("cpk_0a_b") or self.other.opens("cpk_0a_a"))

    def test_not_ours(self) -> None:
        """Documents of others, the first system's clear key among them, are not touched; all nodes take the same key."""
        for node, secret in ((self.one, "one"), (self.other, "other")):
            node.secrets.seed("ApiKey", {"Secret": secret})
            node.secrets.seed("privkey.pem", {"Secret": secret})
        self.heal()
        self.assertEqual(self.conflicts(), 2)
        self.assertEqual(self.one.opens("one"), self.other.opens("one"))
        self.assertNotEqual(self.one.opens("one"), self.one.opens("other"))
