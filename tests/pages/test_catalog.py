"""What sites there are, and which document answers for a host."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.catalog import Catalog
from couchpages.pages.manifest import Activation, Deployment, Manifest, to_document
from couchpages.ports import Change, Json

HASH = "ab" * 32
FILES = {"index.html": HASH}


def deployment(id_: str, created: int = 1, commit: str | None = None, site: str = "a.example") -> Deployment:
    """Make a deployment."""
    return Deployment(site, id_, commit, "main", created, 1, 1, preview=False)


def own(entry: Deployment) -> Change:
    """Give the change that brings a deployment."""
    return Change(entry.document_id, to_document(Manifest(entry, FILES)))


def live(entry: Deployment, activated: int = 9) -> Change:
    """Give the change that makes a deployment live."""
    return Change(entry.site, to_document(Manifest(Activation(entry, activated), FILES)))


def state(catalog: Catalog) -> tuple[Any, ...]:
    """Give everything that a catalog knows, to compare."""
    return catalog.sites, catalog._entries, catalog._by_commit


class CatalogTests(SynchronousTestCase):
    """``Catalog``."""

    def setUp(self) -> None:
        """Begin with nothing."""
        self.catalog = Catalog()

    def test_hosts(self) -> None:
        """A site's own name, a deployment's id and a commit answer; nothing else does."""
        one = deployment("one", commit="abcdef0")
        self.catalog.apply(own(one))
        self.catalog.apply(live(one))
        for host, doc_id in (
            ("a.example", "a.example"),
            ("one.a.example", "one.a.example"),
            ("abcdef0.a.example", "one.a.example"),
            ("two.a.example", None),
            ("example", None),
            ("", None),
        ):
            self.assertEqual(self.catalog.documents_for(host)[:1], [doc_id] if doc_id else [])

    def test_newest_of_a_commit(self) -> None:
        """A commit deployed several times answers with the newest, by moment and then id; when that goes, with the one before."""
        for entry in (deployment("m", 5, "abcdef0"), deployment("a", 7, "abcdef0"), deployment("z", 7, "abcdef0")):
            self.catalog.apply(own(entry))
        for expected in ("z", "a", "m"):
            self.assertEqual(self.catalog.documents_for("abcdef0.a.example")[0], f"{expected}.a.example")
            found = self.catalog.find("a.example", "ABCDEF0")
            self.assertEqual(found and found.id, expected)
            self.catalog.apply(Change(f"{expected}.a.example", None))
        self.assertEqual(self.catalog.documents_for("abcdef0.a.example"), [])
        self.assertEqual(self.catalog.sites, {})

    def test_find(self) -> None:
        """By id or commit within the site, also the live one whose own document is gone."""
        one = deployment("one", commit="abcdef0")
        self.catalog.apply(live(one))
        self.assertEqual(self.catalog.find("a.example", "one"), one)
        self.assertEqual(self.catalog.find("a.example", "abcdef0"), one)
        self.assertIsNone(self.catalog.find("a.example", "abcdef"))
        self.assertIsNone(self.catalog.find("a.example", ""))
        self.assertIsNone(self.catalog.find("b.example", "one"))

    def test_malformed_changes_nothing(self) -> None:
        """A malformed document is refused and the last good state stays (law 4)."""
        one = deployment("one")
        self.catalog.apply(own(one))
        self.catalog.apply(live(one))
        before = repr(state(self.catalog))
        doc: Json = {"URLHashDictionary": 5}
        for doc_id in ("a.example", "one.a.example", "new.example"):
            with self.assertRaises(ValueError):
                self.catalog.apply(Change(doc_id, doc))
        self.assertEqual(repr(state(self.catalog)), before)

    def test_design_documents(self) -> None:
        """Design documents are not manifests."""
        self.assertIsNone(self.catalog.apply(Change("_design/x", {"views": {}})))
        self.assertEqual(self.catalog.sites, {})

    def test_site_that_becomes_a_preview(self) -> None:
        """When another program makes a site's document into a deployment's, nothing of the old remains."""
        self.catalog.apply(live(deployment("x", site="g.a.example")))
        self.catalog.apply(own(deployment("g")))
        self.assertEqual(list(self.catalog.names()), ["a.example"])
        self.assertEqual(self.catalog.documents_for("g.a.example"), ["g.a.example"])

    @given(st.data())
    @settings(deadline=None)
    def test_order_does_not_matter(self, data: st.DataObject) -> None:
        """After any changes in any order, it knows what a fresh catalog learns from the newest state of each document."""
        entries = [
            deployment("one", 1, "abcdef0"), deployment("two", 2, "abcdef0"), deployment("three", 3, "abcdef1"),
            deployment("four", 4, site="b.example"),
        ]  # fmt: skip
        changes = [make(entry) for entry in entries for make in (own, live)]
        changes += [Change(each.doc_id, None) for each in changes]
        applied = data.draw(st.lists(st.sampled_from(changes), max_size=30))
        newest = {}
        for change in applied:
            self.catalog.apply(change)
            newest[change.doc_id] = change
        fresh = Catalog()
        for change in newest.values():
            fresh.apply(change)
        self.assertEqual(state(self.catalog), state(fresh))
        for change in newest.values():
            self.catalog.apply(Change(change.doc_id, None))
        self.assertEqual(state(self.catalog), ({}, {}, {}))
        self.catalog = Catalog()
