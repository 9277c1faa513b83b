"""Documents on their way in and out, decided."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.embedded.documents import DOCUMENT_LIMIT, Inline, Stub, agreed_revision, compose, read_draft
from couchpages.couch.embedded.errors import ApiError
from couchpages.couch.embedded.json_text import read_json, write_json
from couchpages.couch.embedded.revisions import Revision

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=10,
)
members = st.dictionaries(texts.filter(lambda name: not name.startswith("_")), values)


class JsonTests(SynchronousTestCase):
    """JSON in and out."""

    @settings(deadline=None)
    @given(values)
    def test_round_trip(self, value: object) -> None:
        """What is written reads back."""
        self.assertEqual(read_json(write_json(value)), value)

    def test_refused(self) -> None:
        """What CouchDB does not take is refused with 400."""
        for text in (b"", b"{", b"NaN", b"[Infinity]", b"1e999", b'"\\ud800"', b'"\xff"', b"[" * 100_000, b"1 2"):
            with self.assertRaises(ApiError) as caught:
                read_json(text)
            self.assertEqual(caught.exception.reason, "invalid UTF-8 JSON")


class DraftTests(SynchronousTestCase):
    """Documents that come in."""

    @settings(deadline=None)
    @given(members)
    def test_body(self, fields: dict[str, object]) -> None:
        """The body is the document without its special members."""
        draft = read_draft({**fields, "_id": "a", "_rev": "1-a", "_deleted": True})
        self.assertEqual(json.loads(draft.body), fields)
        self.assertEqual((draft.name, draft.revision, draft.deleted), ("a", Revision(1, "a"), True))

    def test_history(self) -> None:
        """`_revisions` names the ancestors, the newest first; it must be well formed."""
        draft = read_draft({"_revisions": {"start": 3, "ids": ["c", "b"]}})
        self.assertEqual(draft.history, (Revision(3, "c"), Revision(2, "b")))
        for wrong in (7, {}, {"start": 1, "ids": ["b", "a"]}, {"start": 2, "ids": []}, {"start": 2, "ids": [7, ""]}):
            with self.assertRaises(ApiError):
                read_draft({"_revisions": wrong})

    def test_attachments(self) -> None:
        """Stubs and inline data are told apart; what is neither is refused."""
        draft = read_draft(
            {"_attachments": {"a": {"stub": True}, "b": {"data": "aGk=", "content_type": "x/y"}, "c": 7}}
        )
        self.assertEqual(draft.attachments, (Stub("a"), Inline("b", "x/y", b"hi")))

    def test_limit(self) -> None:
        """One byte above the limit is refused; attachments do not count."""
        read_draft({"a": "x" * (DOCUMENT_LIMIT - 8), "_attachments": {"a": {"data": "aGk="}}})
        with self.assertRaises(ApiError) as caught:
            read_draft({"_id": "name", "a": "x" * (DOCUMENT_LIMIT - 7)})
        self.assertEqual((caught.exception.status, caught.exception.reason), (413, "name"))


class AgreementTests(SynchronousTestCase):
    """Three places that name the parent."""

    def test_any_place(self) -> None:
        """One place is enough; If-Match may have quotes."""
        revision = Revision(1, "a")
        self.assertEqual(agreed_revision(revision, None, None), revision)
        self.assertEqual(agreed_revision(None, "1-a", None), revision)
        self.assertEqual(agreed_revision(None, None, '"1-a"'), revision)
        self.assertEqual(agreed_revision(revision, "1-a", "1-a"), revision)
        self.assertIsNone(agreed_revision(None, None, None))

    def test_disagreement(self) -> None:
        """Places that differ are refused."""
        for arguments in ((Revision(1, "a"), "1-b", None), (Revision(1, "a"), None, "1-b"), (None, "1-a", "1-b")):
            with self.assertRaises(ApiError):
                agreed_revision(*arguments)


class ComposeTests(SynchronousTestCase):
    """Documents that go out."""

    @settings(deadline=None)
    @given(texts.filter(bool), members)
    def test_parses(self, name: str, fields: dict[str, object]) -> None:
        """Id and revision come first, then the body as it was stored, then special members."""
        text = compose(name, Revision(2, "b"), write_json(fields), [("_deleted", True), ("_local_seq", 7)])
        told = json.loads(text)
        self.assertEqual(list(told), ["_id", "_rev", *fields, "_deleted", "_local_seq"])
        self.assertEqual(told, {"_id": name, "_rev": "2-b", **fields, "_deleted": True, "_local_seq": 7})
