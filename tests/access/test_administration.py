"""Making, listing, sealing and revoking keys."""

from collections.abc import Coroutine, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.access.administration import Administration
from couchpages.access.keyring import Keyring
from couchpages.access.keys import KeyRecord
from couchpages.ports import Unavailable
from couchpages.testing.memory_database import MemoryDatabase


class Keys(SynchronousTestCase):
    """``Administration``."""

    def setUp(self) -> None:
        """Make a database that a ring of keys follows."""
        self.database = MemoryDatabase("secrets")
        self.ring = Keyring()
        self.database.follow(self.ring)
        self.ring.loaded()
        numbers: Iterator[int] = iter(range(1, 200))
        self.administration = Administration(self.database, lambda length: bytes([next(numbers)]) * length)

    def done(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Give what comes of *work*."""
        return self.successResultOf(Deferred.fromCoroutine(work))

    def create(self, name: str = "ci", created: str = "2026-01-01") -> tuple[str, KeyRecord]:
        """Make a key."""
        made: tuple[str, KeyRecord] = self.done(
            self.administration.create(name=name, sites=["*"], zones=["*"], created=created)
        )
        return made

    def test_create(self) -> None:
        """A key works once it is made, and its text lies nowhere in the database."""
        text, record = self.create()
        self.assertEqual(self.ring.identify(text), record)
        self.assertNotIn(text.split("_", 2)[2], repr(self.database.stored))

    def test_id_that_is_taken(self) -> None:
        """A key whose id is taken gets another; the other key stays."""
        first, _ = self.create()
        parts = iter([b"\x01" * 5, b"a" * 32, b"\x02" * 5, b"b" * 32])
        again = Administration(self.database, lambda _: next(parts))
        second, _ = self.done(again.create(name="", sites=[], zones=[], created=""))
        self.assertNotEqual(first.split("_")[1], second.split("_")[1])
        self.assertEqual(len(self.done(self.administration.all())), 2)
        self.ring.identify(first)

    def test_list(self) -> None:
        """Keys are listed by their moment, the first system's among them, without what is malformed or no key."""
        self.create("later", "2026-02-02")
        self.create("earlier", "2026-01-01")
        self.database.seed("apikey-bad", {})
        self.done(self.database.put("ApiKey", {"Secret": "s3cret", "Secret_Name": "old"}))
        self.done(self.database.put("privkey.pem", {"Secret": "nonce"}))
        self.assertEqual([each.name for each in self.done(self.administration.all())], ["old", "earlier", "later"])

    def test_revoke(self) -> None:
        """A revoked key is gone; revoking what is not there says so."""
        _, record = self.create()
        self.assertTrue(self.done(self.administration.revoke(record.key_id)))
        self.assertFalse(self.done(self.administration.revoke(record.key_id)))
        self.assertEqual(self.done(self.administration.all()), [])

    def test_revoke_first_system(self) -> None:
        """The first system's key is revoked by its name, clear or sealed."""
        self.done(self.database.put("ApiKey", {"Secret": "s3cret"}))
        self.assertTrue(self.done(self.administration.revoke("ApiKey")))
        self.done(self.database.put("ApiKey2", {}))
        self.assertFalse(self.done(self.administration.seal()))

    def test_seal(self) -> None:
        """Sealing removes the clear text, and the key goes on working; there is nothing to seal twice."""
        self.done(self.database.put("ApiKey", {"Secret": "s3cret"}))
        self.assertTrue(self.done(self.administration.seal()))
        self.assertNotIn("s3cret", repr(self.database.stored["apikey-first-system"]))
        self.assertTrue(self.ring.identify("s3cret"))
        self.assertFalse(self.done(self.administration.seal()))

    def test_seal_again(self) -> None:
        """A first system that wrote another clear key has that one sealed in the old one's place."""
        for secret in ("one", "two"):
            self.done(self.database.put("ApiKey", {"Secret": secret}))
            self.assertTrue(self.done(self.administration.seal()))
        self.assertTrue(self.ring.identify("two"))
        self.assertTrue(self.done(self.administration.revoke("first-system")))

    def test_seal_interrupted(self) -> None:
        """When CouchDB goes away between the two writes, the key works before and after, and sealing may be repeated."""
        self.done(self.database.put("ApiKey", {"Secret": "s3cret"}))
        self.database.fail("bulk", Unavailable("away"))
        self.failureResultOf(Deferred.fromCoroutine(self.administration.seal()), Unavailable)
        self.assertTrue(self.ring.identify("s3cret"))
        self.assertTrue(self.done(self.administration.seal()))
        self.assertTrue(self.ring.identify("s3cret"))

    def test_unavailable(self) -> None:
        """What cannot be read is not told to be missing."""
        self.database.fail("leaves", Unavailable("away"))
        self.failureResultOf(Deferred.fromCoroutine(self.administration.revoke("x")), Unavailable)
