"""What API keys are."""

import hashlib
import hmac
import re

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.access import keys
from couchpages.access.keys import (
    KeyRecord,
    document_id,
    from_document,
    id_of,
    is_key,
    key_id_of,
    matches,
    new_key,
    sealed,
    to_document,
)
from couchpages.testing.strategies import site_names

patterns = st.one_of(st.just("*"), site_names(), site_names().map("*.{}".format))


def made(**more: object) -> tuple[str, KeyRecord]:
    """Make a key."""
    parts: dict[str, object] = {"name": "n", "sites": ["*"], "zones": [], "created": "", **more}
    return new_key(b"\x01" * 5, b"\xff" * 32, **parts)  # type: ignore[arg-type]  # what a test says is right


class Making(SynchronousTestCase):
    """``new_key``."""

    def test_form(self) -> None:
        """A key is its id and 256 bits, in characters that every shell and header takes; only its hash is kept."""
        text, record = made()
        self.assertTrue(re.fullmatch(r"cpk_0101010101_[A-Za-z0-9_-]{43}", text), text)
        self.assertEqual(record.digest, hashlib.sha256(text.encode()).digest())
        self.assertNotIn(text.split("_", 2)[2], repr(record) + repr(to_document(record)))
        self.assertTrue(record.opens(text))
        self.assertFalse(record.opens(text.swapcase()))

    def test_too_little_chance(self) -> None:
        """A key of fewer random bits is not made."""
        for id_bytes, secret in ((4, 32), (5, 31), (0, 0)):
            with self.assertRaises(ValueError):
                new_key(bytes(id_bytes), bytes(secret), name="", sites=[], zones=[], created="")

    @settings(deadline=None)
    @given(
        st.binary(min_size=5, max_size=5), st.binary(min_size=32, max_size=32), st.lists(patterns), st.text(), st.text()
    )
    def test_round_trip(self, id_bytes: bytes, secret: bytes, sites: list[str], name: str, created: str) -> None:
        """What is kept of a key is read back from its document, and its id from its text."""
        text, record = new_key(id_bytes, secret, name=name, sites=sites, zones=sites, created=created)
        self.assertEqual(from_document(document_id(record.key_id), to_document(record)), record)
        self.assertEqual(id_of(text), record.key_id)
        self.assertEqual(key_id_of(document_id(record.key_id)), record.key_id)

    def test_constant_time(self) -> None:
        """Keys are compared in constant time."""
        compared = []

        def compare(one: bytes, other: bytes) -> bool:
            compared.append((one, other))
            return False

        text, record = made()
        self.patch(hmac, "compare_digest", compare)
        self.assertFalse(record.opens(text))
        self.assertEqual(compared, [(record.digest, record.digest)])

    def test_id_of_others(self) -> None:
        """What has no key's form has no id."""
        for text in ("", "cpk", "cpk_x", "abc_x_y", "first system's key", "CPK_x_y"):
            self.assertIsNone(id_of(text))


class Scopes(SynchronousTestCase):
    """``matches`` and ``reaches``."""

    def test_table(self) -> None:
        """What each pattern covers."""
        for pattern, site, covers in [
            ("*", "example.org", True),
            ("example.org", "example.org", True),
            ("example.org", "www.example.org", False),
            ("example.org", "notexample.org", False),
            ("*.example.org", "www.example.org", True),
            ("*.example.org", "a.b.example.org", True),
            ("*.example.org", "example.org", False),
            ("*.example.org", ".example.org", False),
            ("*.example.org", "notexample.org", False),
            ("*.example.org", "example.org.evil", False),
            ("", "example.org", False),
            ("*.", "example.org", False),
        ]:
            with self.subTest(pattern=pattern, site=site):
                self.assertEqual(matches(pattern, site), covers)

    @settings(deadline=None)
    @given(site_names(), site_names())
    def test_names(self, one: str, other: str) -> None:
        """A name covers itself alone; a star before it covers what ends in it behind a dot."""
        self.assertEqual(matches(one, other), one == other)
        self.assertTrue(matches("*." + one, other + "." + one))
        self.assertFalse(matches("*." + one, one))

    def test_several(self) -> None:
        """A key reaches what any of its patterns covers, and nothing without patterns."""
        record = made(sites=["a.example", "*.b.example"])[1]
        self.assertEqual(
            [record.reaches(each) for each in ("a.example", "x.b.example", "b.example")], [True, True, False]
        )
        self.assertFalse(made(sites=[])[1].reaches("a.example"))


class Documents(SynchronousTestCase):
    """``from_document``."""

    def test_first_system(self) -> None:
        """The first system's key is its text, reaches everything, and is marked as clear."""
        record = from_document("ApiKey", {"Secret": "s3cret", "Secret_Name": "ApiKey", "Owner": "me"})
        self.assertTrue(record.opens("s3cret"))
        self.assertFalse(record.opens("S3CRET"))
        self.assertTrue(record.reaches("any.example") and record.clear)
        self.assertEqual(from_document("ApiKey", {"Secret": "x", "Owner": "me"}).name, "me")

    def test_sealed(self) -> None:
        """Sealed, it opens as before, and its document holds no secret."""
        record = sealed(from_document("ApiKey", {"Secret": "s3cret"}))
        doc = to_document(record)
        self.assertNotIn("s3cret", repr(doc))
        self.assertEqual(from_document(document_id(record.key_id), doc), record)
        self.assertTrue(record.opens("s3cret") and not record.clear)

    def test_which(self) -> None:
        """Certificates, which live in the same database, are no keys."""
        self.assertEqual(
            [is_key(each) for each in ("ApiKey", "apikey-1", "fullchain.pem", "_design/x")], [True, True, False, False]
        )

    def test_malformed(self) -> None:
        """What is no key's document is a ValueError that does not show what is in it."""
        good = to_document(made()[1])
        for doc_id, doc in [
            ("ApiKey", {}),
            ("ApiKey", {"Secret": ""}),
            ("ApiKey", {"Secret": 7}),
            ("ApiKey", {"Secret": "half \ud800"}),
            ("apikey-1", {}),
            ("apikey-1", {**good, "version": 2}),
            ("apikey-1", {**good, "sha256": "zz"}),
            ("apikey-1", {**good, "sha256": "00"}),
            ("apikey-1", {**good, "sha256": 7}),
            ("apikey-1", {**good, "sites": "*"}),
            ("apikey-1", {**good, "sites": [7]}),
            ("apikey-1", {**good, "zones": "*"}),
            ("apikey-1", {**good, "zones": None}),
        ]:
            with self.subTest(doc=doc):
                self.assertRaises(ValueError, from_document, doc_id, doc)

    @settings(deadline=None)
    @given(
        st.sampled_from(["ApiKey", "apikey-1"]),
        st.dictionaries(
            st.sampled_from(["version", "sha256", "sites", "zones", "name", "created", "Secret", "Owner"]),
            st.one_of(
                st.none(),
                st.booleans(),
                st.just(1),
                st.text(max_size=3),
                st.just("0" * 64),
                st.lists(st.text(max_size=3), max_size=2),
            ),
        ),
    )
    def test_any_document(self, doc_id: str, doc: dict[str, object]) -> None:
        """Whatever the document, it is a key or a ValueError."""
        try:
            record = from_document(doc_id, doc)
        except ValueError:
            return
        self.assertIsInstance(record, KeyRecord)
        self.assertEqual(len(record.digest), 32)

    def test_no_clear_secret_in_the_module(self) -> None:
        """A record's text form, which may get into logs, holds no secret."""
        self.assertNotIn("s3cret", repr(from_document("ApiKey", {"Secret": "s3cret"})))

    def test_whose(self) -> None:
        """Keys of the first system, whose texts have no id, are told by the names of their documents."""
        for key_id, expected in (
            ("ApiKey", True),
            ("first-system", True),
            ("first-system-1a", True),
            ("0a1b2c3d4e", False),
        ):
            self.assertEqual(keys.is_first_system(key_id), expected, key_id)
