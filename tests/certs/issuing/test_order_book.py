"""Orders, as CouchDB tells of them and as they are written."""

from dataclasses import replace

from couchpages.certs.issuing.orders.book import OrderBook, OrderStore
from couchpages.certs.issuing.orders.order import Order, document_id, to_document
from couchpages.ports import Change, Conflict, Unavailable
from couchpages.testing.memory_database import MemoryDatabase, Turns
from tests.certs.issuing.working import WorkingCase

NAME = "example.org"


class Booked(WorkingCase):
    """``OrderBook`` and ``OrderStore``."""

    def setUp(self) -> None:
        """Have a node's."""
        self.database = MemoryDatabase("secrets")
        self.store = OrderStore(self.database)
        self.book = OrderBook(self.store)
        self.database.follow(self.book)

    @staticmethod
    def by(node: str) -> Order:
        """Give an order that a node wrote."""
        return Order(NAME, by=node)

    def test_changed(self) -> None:
        """What is written is known, and read; what changes nothing is not written."""
        for _ in range(2):
            self.assertEqual(self.done(self.book.change(NAME, lambda _: self.by("web1"))), self.by("web1"))
        self.assertEqual(self.done(self.store.all()), {NAME: self.by("web1")})
        self.assertEqual(self.book.orders, {NAME: self.by("web1")})
        self.assertEqual(self.database.stored[document_id(NAME)].rev[:2], "1-")

    def test_conflicts(self) -> None:
        """What others write meanwhile is altered, not lost; who writes again and again is given up on."""
        self.database.fail("put", Conflict("written"), times=3)
        self.done(self.book.change(NAME, lambda order: replace(order, failures=order.failures + 1)))
        self.database.fail("put", Conflict("written"), times=9)
        self.fails(self.book.change(NAME, lambda order: replace(order, failures=9)), Unavailable)
        self.assertEqual(self.book.of(NAME).failures, 1)

    def test_nonsense(self) -> None:
        """What is no order is replaced by what is written, and known as it was before."""
        self.done(self.book.change(NAME, lambda _: self.by("web1")))
        self.database.seed(document_id(NAME), {"type": "x"})
        self.assertEqual(self.book.of(NAME), self.by("web1"))
        self.assertIsNone(self.done(self.store.get(NAME)))
        self.assertEqual(self.done(self.store.all()), {})
        with self.assertRaises(ValueError):
            self.book.apply(Change(document_id(NAME), {"type": "x"}))
        self.done(self.book.change(NAME, lambda order: replace(order, by="web2")))
        self.assertEqual(self.done(self.store.get(NAME)), self.by("web2"))

    def test_newer_comes_before_the_answer(self) -> None:
        """Defect: what somebody wrote after us was forgotten, where CouchDB told of it before it answered us."""
        turns = Turns()
        self.database.pause = turns.wait
        changing = self.begun(self.book.change(NAME, lambda _: self.by("web1")))
        while "put order-example.org: the answer" not in turns.waiting:
            turns.go()
        self.database.seed(document_id(NAME), to_document(self.by("web2")))
        turns.go()
        self.successResultOf(changing)
        self.assertEqual(self.book.of(NAME), self.by("web2"))

    def test_supposed(self) -> None:
        """What could not be written is known here until CouchDB tells otherwise."""
        self.book.suppose(NAME, lambda order: replace(order, failures=3))
        self.assertEqual(self.book.of(NAME).failures, 3)
        self.database.seed(document_id(NAME), to_document(self.by("web2")))
        self.assertEqual(self.book.of(NAME), self.by("web2"))

    def test_forgotten(self) -> None:
        """What is deleted is gone, here or elsewhere, all revisions of it."""
        for forget in (lambda: self.done(self.book.forget(NAME)), lambda: self.database.remove(document_id(NAME))):
            self.done(self.book.change(NAME, lambda _: self.by("web1")))
            forget()
            self.assertEqual((self.book.orders, self.database.documents_now()), ({}, {}))
        self.assertFalse(self.done(self.store.delete(NAME)))
