"""Documents of ``secrets`` that are not the keys that they should be: read, or refused with ValueError, and nothing else (law 4)."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.access.keys import from_document, is_key
from tests.pages.test_manifest_malformed import ANYTHING, nested

DIGEST = "ab" * 32


def key(**changes: Any) -> dict[str, Any]:
    """Give a key's document, with *changes*."""
    return {"type": "apikey", "version": 1, "sha256": DIGEST, "name": "x", "sites": ["*"], "zones": [], **changes}


REFUSED: dict[str, Any] = {
    "a list": [],
    "nothing": None,
    "foreign": {"foo": 1},
    "a future version": key(version=2),
    "a version as a text": key(version="1"),
    "a version that is true": key(version=True),
    "no digest": key(sha256=None),
    "a short digest": key(sha256="ab" * 31),
    "a digest with spaces": key(sha256="ab " * 32),
    "a digest of no digits": key(sha256="zz" * 32),
    "a digest in other digits": key(sha256="٣" * 64),
    "a huge digest": key(sha256="ab" * 4_000_000),
    "sites as a text": key(sites="*"),
    "a number among the sites": key(sites=["a.example", 5]),
    "no sites": key(sites=None),
    "zones as a text": key(zones="*"),
    "zones that are null": key(zones=None),
}
FIRST_SYSTEM_REFUSED: dict[str, Any] = {
    "no secret": {},
    "an empty secret": {"Secret": ""},
    "a number": {"Secret": 5},
    "half of a pair": {"Secret": "\ud800"},
}


class MalformedTests(SynchronousTestCase):
    """``from_document``."""

    def test_refused(self) -> None:
        """Each is refused, with a reason that is short and can be written."""
        cases = [("apikey-00", REFUSED), ("ApiKey", FIRST_SYSTEM_REFUSED), ("ApiKey", {"a list": []})]
        for doc_id, docs in cases:
            for what, doc in docs.items():
                with self.subTest(what):
                    with self.assertRaises(ValueError) as caught:
                        from_document(doc_id, doc)
                    self.assertLess(len(str(caught.exception).encode()), 300)

    def test_taken(self) -> None:
        """What opens nothing by itself may be anything: names that are none are left out, long ones shortened."""
        for value in (5, None, nested(900), ["x"]):
            self.assertEqual(from_document("apikey-00", key(name=value, created=value)).name, "")
            self.assertEqual(
                from_document("ApiKey", {"Secret": "s", "Secret_Name": value, "Owner": value}).name, "ApiKey"
            )
        self.assertEqual(len(from_document("apikey-00", key(name="x" * 1_000_000)).name), 255)

    def test_name_of_the_first_system(self) -> None:
        """A key of ours that would take the place of the first system's is no key."""
        self.assertFalse(is_key("apikey-ApiKey"))
        self.assertTrue(is_key("apikey-first-system"))

    @given(ANYTHING, st.sampled_from([*key(), "created", "Secret", "Secret_Name", "Owner"]), st.integers(0, 1500))
    @settings(deadline=None, max_examples=400)
    def test_anything(self, value: Any, member: str, depth: int) -> None:
        """Anything in place of a document or of a member, nested as deep as may be, is read, or a ValueError."""
        for doc_id in ("apikey-00", "apikey-", "ApiKey"):
            for doc in (
                value,
                {**key(), member: value},
                {"Secret": "s", member: value},
                key(**{member: nested(depth)}),
            ):
                try:
                    record = from_document(doc_id, doc)
                except ValueError:
                    continue
                self.assertEqual(len(record.digest), 32)
