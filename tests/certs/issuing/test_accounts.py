"""Accounts at authorities, sealed."""

from typing import Any

from couchpages.certs.boxes import Refused
from couchpages.certs.issuing.accounts import Account, AccountBook, document_id, from_document, to_document
from couchpages.ports import Conflict, Unavailable
from couchpages.testing.memory_database import MemoryDatabase
from tests.certs.issuing.working import WorkingCase, keys
from tests.certs.made import KEY, NONCE, OTHER_KEY

DIRECTORY = "https://ca.test/directory"
ID = document_id(DIRECTORY)


class Booked(WorkingCase):
    """``AccountBook``."""

    def setUp(self) -> None:
        """Have a database."""
        self.database = MemoryDatabase("secrets")
        self.made = 0

    def book(self, *them: Any) -> AccountBook:
        """Give one, of a node that has these keys."""

        def new_key() -> bytes:
            self.made += 1
            return b"key %d" % self.made

        return AccountBook(self.database, lambda: keys(*them), bytes, new_key)

    def test_one_for_all(self) -> None:
        """It is made once, used by every node, and its address is written down; another directory has another."""
        first = self.done(self.book().get_or_make(DIRECTORY))
        self.assertEqual((first, self.made), (Account(DIRECTORY, b"key 1"), 1))
        noted = self.done(self.book().note(first, "https://ca.test/1", ["a@b.c"]))
        self.assertEqual(self.done(self.book().get_or_make(DIRECTORY)), noted)
        self.assertEqual((noted.url, noted.contacts, self.made), ("https://ca.test/1", ("a@b.c",), 1))
        self.assertEqual(self.done(self.book().get_or_make(DIRECTORY + "2")).key, b"key 2")
        self.assertNotIn("key 1", str(self.database.documents_now()))
        calls = len(self.database.calls)
        self.done(self.book().note(noted, "https://ca.test/1", ["a@b.c"]))
        self.assertEqual(len(self.database.calls), calls)

    def test_another_was_first(self) -> None:
        """Where another node was first, its account is used, and ours is forgotten; nothing is noted for one that was replaced."""
        book = self.book()
        ours = self.done(book.get_or_make(DIRECTORY))
        theirs = to_document(Account(DIRECTORY, b"theirs"), KEY, NONCE)
        self.database.seed(ID, theirs)
        self.assertEqual(self.done(book.note(ours, "https://ca.test/1", [])).key, b"theirs")
        self.assertEqual(self.database.documents_now()[ID], theirs)

    def test_rotated(self) -> None:
        """All are sealed with the first key, and open with it alone; what cannot be is named."""
        ours = self.done(self.book(KEY).get_or_make(DIRECTORY))
        self.assertEqual(self.done(self.book(OTHER_KEY, KEY).rotate()), ([DIRECTORY], {}))
        self.assertEqual(self.done(self.book(OTHER_KEY).get(DIRECTORY)), ours)
        self.assertEqual(self.done(self.book(OTHER_KEY, KEY).rotate()), ([], {}))
        sealed, failed = self.done(self.book(KEY).rotate())
        self.assertEqual((sealed, list(failed)), ([], [ID]))
        self.database.fail("put", Conflict("written"))
        sealed, failed = self.done(self.book(KEY, OTHER_KEY).rotate())
        self.assertEqual((sealed, failed), ([], {ID: "somebody else wrote it just now; rotate again"}))

    def test_faults(self) -> None:
        """Conflicts are met anew; CouchDB's absence is raised, and no key is used that was not written."""
        self.database.fail("put", Conflict("written"), times=3)
        self.assertEqual(self.done(self.book().get_or_make(DIRECTORY)).key, b"key 1")
        self.database.fail("put", Conflict("written"), times=9)
        self.fails(self.book().get_or_make(DIRECTORY + "2"), Unavailable)

    def test_tampered(self) -> None:
        """Defect: an account that somebody altered kept everything from being issued for ever. Another is made in its place."""
        good = to_document(Account(DIRECTORY, b"key"), KEY, NONCE)
        nested = {**good, "box": "A" * 40}
        for bad in ({}, {"type": "x"}, {**good, "box": "AAAA"}, {**good, "directory": "https://evil.test"}, nested):
            self.database.seed(ID, bad)
            account = self.done(self.book().get_or_make(DIRECTORY))
            self.assertEqual(account.key, b"key %d" % self.made)
            self.assertEqual(self.done(self.book().get(DIRECTORY)), account)

    def test_other_keys(self) -> None:
        """One that others can open, or that a newer version wrote, is left alone."""
        good = to_document(Account(DIRECTORY, b"key"), OTHER_KEY, NONCE)
        for other in (good, {**good, "version": 2}):
            self.database.seed(ID, other)
            self.fails(self.book().get_or_make(DIRECTORY), Refused)
            self.assertEqual(self.database.documents_now()[ID], other)
        self.assertEqual(self.made, 0)

    def test_delete(self) -> None:
        """It is forgotten, whoever can open it; another one is made then."""
        self.database.seed(ID, to_document(Account(DIRECTORY, b"key"), OTHER_KEY, NONCE))
        self.assertTrue(self.done(self.book().delete(DIRECTORY)))
        self.assertFalse(self.done(self.book().delete(DIRECTORY)))
        self.assertEqual(self.done(self.book().get_or_make(DIRECTORY)).key, b"key 1")

    def test_rotate(self) -> None:
        """What another key sealed is sealed with the first, and stays the same account; what does not open is told, and left alone."""
        other = DIRECTORY + "2"
        self.database.seed(ID, to_document(Account(DIRECTORY, b"key", "https://ca.test/1"), OTHER_KEY, NONCE))
        self.database.seed(document_id(other), {"type": "acme-account"})
        self.done(self.book().get_or_make(DIRECTORY + "3"))
        sealed, failed = self.done(self.book(KEY, OTHER_KEY).rotate())
        self.assertEqual((sealed, set(failed)), ([DIRECTORY], {document_id(other)}))
        self.assertEqual(self.done(self.book(KEY).get(DIRECTORY)), Account(DIRECTORY, b"key", "https://ca.test/1"))
        self.assertEqual(self.database.documents_now()[document_id(other)], {"type": "acme-account"})
        self.assertEqual(self.done(self.book(KEY).rotate())[0], [])

    def test_rotate_against_others(self) -> None:
        """What somebody else writes at that moment is left to a second try."""
        self.database.seed(ID, to_document(Account(DIRECTORY, b"key"), OTHER_KEY, NONCE))
        self.database.fail("put", Conflict("written"))
        sealed, failed = self.done(self.book(KEY, OTHER_KEY).rotate())
        self.assertEqual((sealed, list(failed)), ([], [ID]))
        self.assertEqual(self.done(self.book(KEY, OTHER_KEY).rotate()), ([DIRECTORY], {}))

    def test_moved(self) -> None:
        """The account of one directory does not open as that of another."""
        doc = to_document(Account(DIRECTORY, b"key"), KEY, NONCE)
        with self.assertRaises(Refused):
            from_document(document_id("https://other.test"), {**doc, "directory": "https://other.test"}, [KEY])

    def test_no_key(self) -> None:
        """Without a key to seal with, none is made."""
        book = AccountBook(self.database, type(keys()), bytes, lambda: b"key")
        self.fails(book.get_or_make(DIRECTORY), ValueError)
        self.assertEqual(self.database.documents_now(), {})

    def test_secret(self) -> None:
        """A key is in no message."""
        self.assertNotIn("secret", repr(Account(DIRECTORY, b"secret")))
