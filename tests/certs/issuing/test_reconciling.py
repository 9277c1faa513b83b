"""Conflicting documents of issuers are brought back to one, the same everywhere, in whatever order they come."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from couchpages.certs.issuing import accounts
from couchpages.certs.issuing.accounts import Account
from couchpages.certs.issuing.challenges import documents as challenges
from couchpages.certs.issuing.challenges.documents import Answer, Challenge, Where
from couchpages.certs.issuing.lease import Lease
from couchpages.certs.issuing.lease import to_document as lease_document
from couchpages.certs.issuing.orders.book import OrderBook, OrderStore
from couchpages.certs.issuing.orders.order import Order, State, asked, to_document
from couchpages.certs.issuing.reconciling import IssuersRule, is_issuers
from couchpages.conflicts import Reconciler
from couchpages.metrics import Metrics
from couchpages.ports import Json
from couchpages.testing.memory_database import MemoryDatabase
from couchpages.testing.node import MemoryReactor
from tests.certs.issuing.working import ONE, WorkingCase
from tests.certs.made import KEY, NONCE, OTHER_KEY

DIRECTORY = "https://ca.test/directory"
ACCOUNT, ORDER = accounts.document_id(DIRECTORY), "order-example.org"
CHALLENGE = Challenge(Where.DNS, ONE, "_acme-challenge.example.org", (Answer("", "value", 5),))


def documents(number: int) -> dict[str, Json]:
    """Give what a node wrote: other things for another *number*."""
    order = Order(
        "example.org", ("example.org",), State.FAILED, changed=100 + number, issued=(number,), failures=number
    )
    if number == 1:
        order = asked(order, ("example.org", "www.example.org"), 100)
    answer = replace(CHALLENGE, answers=(Answer("", f"value{number}", 5),))
    return {
        "lease": lease_document(Lease(str(number) * 16, f"web{number}", 300.0)),
        ORDER: to_document(order),
        ACCOUNT: accounts.to_document(Account(DIRECTORY, b"key%d" % number), KEY, NONCE),
        CHALLENGE.doc_id: challenges.to_document(answer, KEY),
    }


class Nodes(WorkingCase):
    """Nodes with a CouchDB each."""

    def node(self, keys: tuple[Any, ...] = (KEY,)) -> tuple[MemoryDatabase, OrderBook]:
        """Give a node's database, and the orders that it knows."""
        database = MemoryDatabase("secrets")
        book = OrderBook(OrderStore(database))
        rule = IssuersRule(database, lambda: keys)
        database.follow(Reconciler(MemoryReactor(), database, book, rule, Metrics(), chance=lambda: 0.5))
        return database, book

    @given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 3)), max_size=25))
    @settings(deadline=None)
    def test_converge(self, deliveries: list[tuple[int, int, int]]) -> None:
        """Three nodes wrote the same documents while they were cut off: all end with one of each, and nothing that counts is lost."""
        nodes = [self.node() for _ in range(3)]
        for number, (database, _) in enumerate(nodes):
            for doc_id, body in documents(number).items():
                database.seed(doc_id, body)
        names = sorted(documents(0))
        for source, target, which in deliveries:
            nodes[source][0].replicate_to(nodes[target][0], [names[which]])
        for _ in range(6):
            for from_, _ in nodes:
                for to, _ in nodes:
                    from_.replicate_to(to)
        first = nodes[0][0]
        for database, book in nodes:
            self.assertEqual(database.documents_now(), first.documents_now())
            for doc_id in names:
                self.assertEqual(len(database.stored[doc_id].living), 1, doc_id)
            order = book.of("example.org")
            self.assertEqual((order.changed, order.failures, order.issued), (102, 2, (0, 1, 2)))
            self.assertEqual((order.requested, order.names), (100, ("example.org",)))

    def both(self, doc_id: str, one: Json, other: Json, keys: tuple[Any, ...] = (KEY,)) -> MemoryDatabase:
        """Give a node's database in which two revisions competed."""
        (database, _), far = self.node(keys), MemoryDatabase("secrets")
        database.seed(doc_id, one)
        far.seed(doc_id, {"nothing": 1})
        far.seed(doc_id, other)
        far.replicate_to(database)
        return database

    def test_tampered(self) -> None:
        """What nobody with a key wrote does not win by having more edits: neither an account nor a challenge nor an order is lost so."""
        good = documents(1)
        for doc_id in (ACCOUNT, CHALLENGE.doc_id, ORDER):
            for bad in ({"changed": 10**15}, {**good[doc_id], "mark": "00", "box": "AAAA", "names": 5}):
                database = self.both(doc_id, good[doc_id], bad)
                self.assertEqual(len(database.stored[doc_id].living), 1)
                self.assertEqual(database.documents_now()[doc_id], good[doc_id])

    def test_other_keys(self) -> None:
        """What other keys may open is left to those that have them."""
        mine, other = documents(1)[ACCOUNT], accounts.to_document(Account(DIRECTORY, b"key"), OTHER_KEY, NONCE)
        self.assertEqual(len(self.both(ACCOUNT, mine, other).stored[ACCOUNT].living), 2)
        self.assertEqual(len(self.both(ACCOUNT, mine, other, (KEY, OTHER_KEY)).stored[ACCOUNT].living), 1)
        self.assertEqual(len(self.both(ACCOUNT, mine, other, ()).stored[ACCOUNT].living), 2)

    def test_request_while_it_is_ordered(self) -> None:
        """Defect: what somebody asked for on one node was lost when the issuer wrote to the same order on another."""
        order = Order("example.org", ("example.org",), State.ORDERING, changed=200)
        request = replace(asked(Order("example.org"), ("example.org", "a.example.org"), 100), by_hand=True)
        database = self.both(ORDER, to_document(request), to_document(order))
        found = self.done(OrderStore(database).get("example.org"))
        self.assertTrue(found.is_asked_for and found.by_hand)
        self.assertEqual((found.asked, found.state), (request.asked, State.ORDERING))

    def test_whose(self) -> None:
        """Certificates and API keys are not the issuers'."""
        for doc_id in ("lease", ORDER, ACCOUNT, CHALLENGE.doc_id):
            self.assertTrue(is_issuers(doc_id))
        for doc_id in ("certificate-ecdsa-example.org", "apikey-1", "leases", "ApiKey"):
            self.assertFalse(is_issuers(doc_id))
