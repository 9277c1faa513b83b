"""The ring of keys that a node knows."""

from typing import Any

from twisted.logger import LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from couchpages.access.keyring import Keyring
from couchpages.access.keys import document_id, from_document, new_key, sealed, to_document
from couchpages.ports import Change
from couchpages.web.problem import Problem


class Rings(SynchronousTestCase):
    """``Keyring``."""

    def setUp(self) -> None:
        """Make a ring of one key, and listen to the log."""
        self.ring = Keyring()
        self.text, self.record = new_key(b"12345", b"x" * 32, name="ci", sites=["*.example.org"], zones=[], created="")
        self.doc_id = document_id(self.record.key_id)
        self.ring.apply(Change(self.doc_id, to_document(self.record)))
        self.events: list[LogEvent] = []
        listener: Any = self.events.append
        globalLogPublisher.addObserver(listener)
        self.addCleanup(globalLogPublisher.removeObserver, listener)

    def refused(self, key: str | None) -> Problem:
        """Give the problem of a key that does not open."""
        problem: Problem = self.assertRaises(Problem, self.ring.identify, key)
        return problem

    def opened(self, key: str) -> Any:
        """Give what a key is."""
        return self.ring.identify(key)

    def test_not_loaded(self) -> None:
        """Before the keys were read nobody is turned away for good: 503, also with a right key or none (law 3)."""
        for key in (self.text, "wrong", None):
            problem = self.refused(key)
            self.assertEqual((problem.status, problem.headers), (503, ((b"retry-after", b"5"),)))

    def test_identify(self) -> None:
        """A right key tells its name and scope."""
        self.ring.loaded()
        grant = self.opened(self.text)
        self.assertEqual(
            (grant.name, grant.reaches("www.example.org"), grant.reaches("example.org")), ("ci", True, False)
        )

    def test_wrong(self) -> None:
        """No key, a wrong secret and an unknown id are 401 with a challenge, and the answer does not tell which."""
        self.ring.loaded()
        other, _ = new_key(b"54321", b"x" * 32, name="", sites=["*"], zones=[], created="")
        details = set()
        for key in (self.text[:-1] + "!", self.text + " ", other, "nonsense", "cpk_", "cpk__", "\udcff", "ü" * 1000):
            problem = self.refused(key)
            self.assertEqual((problem.status, problem.headers[0][0]), (401, b"www-authenticate"))
            details.add(problem.detail)
        self.assertEqual(len(details), 1)
        for nothing in (None, ""):
            self.assertEqual(self.refused(nothing).status, 401)

    def test_revoked(self) -> None:
        """A key whose document is deleted opens nothing any more."""
        self.ring.loaded()
        self.ring.apply(Change(self.doc_id, None))
        self.assertEqual(self.refused(self.text).status, 401)

    def test_malformed(self) -> None:
        """A key whose document becomes unreadable opens nothing any more, and the others go on."""
        self.ring.loaded()
        other, record = new_key(b"54321", b"y" * 32, name="", sites=["*"], zones=[], created="")
        self.ring.apply(Change(document_id(record.key_id), to_document(record)))
        self.assertRaises(ValueError, self.ring.apply, Change(self.doc_id, {"version": 99}))
        self.assertEqual(self.refused(self.text).status, 401)
        self.assertTrue(self.opened(other))

    def test_narrowed(self) -> None:
        """A key whose scope was changed has the new one."""
        self.ring.loaded()
        doc = {**to_document(self.record), "sites": ["only.example"]}
        self.ring.apply(Change(self.doc_id, doc))
        self.assertFalse(self.opened(self.text).reaches("www.example.org"))

    def test_other_documents(self) -> None:
        """Certificates and designs are none of its business, deleted or not."""
        for doc_id in ("privkey.pem", "_design/x"):
            self.ring.apply(Change(doc_id, {"Secret": "x"}))
            self.ring.apply(Change(doc_id, None))

    def test_first_system(self) -> None:
        """The first system's clear key works, with a warning that does not show it."""
        self.ring.loaded()
        self.ring.apply(Change("ApiKey", {"Secret": "s3cret"}))
        self.assertTrue(self.opened("s3cret").reaches("any.example"))
        (warning,) = [event for event in self.events if event["log_level"].name == "warn"]
        self.assertIn("clear text", warning["log_format"])
        self.assertNotIn("s3cret", repr(warning))
        self.assertEqual(self.refused("S3CRET").status, 401)

    def test_sealing(self) -> None:
        """While it is sealed there is no moment without it, in whatever order the changes come; nobody is warned."""
        self.ring.loaded()
        clear = {"Secret": "s3cret"}
        seal = Change(document_id("first-system"), to_document(sealed(from_document("ApiKey", clear))))
        for changes in ([seal, Change("ApiKey", None)], [Change("ApiKey", None), seal]):
            ring = Keyring()
            ring.loaded()
            for change in changes:
                ring.apply(change)
            self.assertTrue(ring.identify("s3cret").reaches("any.example"))
        self.assertEqual([event for event in self.events if event["log_level"].name == "warn"], [])
