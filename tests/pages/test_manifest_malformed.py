"""Documents of ``manifests`` that are not what they should be: read, or refused with ValueError, and nothing else (law 4)."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.manifest import from_document

HASH = "ab" * 32
OTHER = "cd" * 32
TEXTS = st.text(st.characters(exclude_categories=[])) | st.sampled_from(
    ["", "a.example", "a" * 300, "..", "\ud800", "\x00", HASH, "2026-11-23T14:00:00.000Z", "0001-01-01T00:00+23:59"]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(TEXTS, each, max_size=3),
    max_leaves=12,
)


def ours(**changes: Any) -> dict[str, Any]:
    """Give a deployment's document of ours, with *changes* in our field."""
    field = {"version": 1, "id": "gggggggggggg", "site": "a.example", "created": "2026-11-23T14:00:00.000Z", **changes}
    return {"_id": "gggggggggggg.a.example", "URLHashDictionary": {"index.html": HASH}, "couchpages": field}


def live(doc_id: str = "a.example", **changes: Any) -> dict[str, Any]:
    """Give a live document of ours, with *changes* in our field."""
    return {**ours(**{"activated": "2026-11-23T14:00:00.000Z", **changes}), "_id": doc_id}


def first(doc_id: str = "a.example", **changes: Any) -> dict[str, Any]:
    """Give a live document of the first system, with *changes*."""
    return {"_id": doc_id, "GitHash": "abcdef0", "URLHashDictionary": {"index.html": HASH}, "Preview": False, **changes}


def nested(depth: int, within: Any = None) -> Any:
    """Give lists and objects in each other."""
    for level in range(depth):
        within = [within] if level % 2 else {"a": within}
    return within


REFUSED: dict[str, Any] = {
    "a list": [],
    "a text": "manifest",
    "nothing": None,
    "empty": {"_id": "a.example"},
    "foreign": {"_id": "a.example", "foo": 1},
    "files as a list": first(URLHashDictionary=[HASH]),
    "files as a text": first(URLHashDictionary=HASH),
    "files in each other": first(URLHashDictionary={"a": {"b": HASH}}),
    "a number for a hash": first(URLHashDictionary={"a": 5}),
    "a short hash": first(URLHashDictionary={"a": HASH[1:]}),
    "a hash in other digits": first(URLHashDictionary={"a": "٣" * 64}),
    "a path twice": first(URLHashDictionary={"/a": HASH, "a": OTHER}),
    "a path three times": first(URLHashDictionary={"a": HASH, "/a": HASH, "//a": OTHER}),
    "a path that stands for none": first(URLHashDictionary={"\0": HASH}),
    "NUL in a path": first(URLHashDictionary={"a/\0": HASH}),
    "a number for a commit": first(GitHash=5),
    "a huge commit": first(GitHash="a" * 8_000_000),
    "a text for a preview": first(Preview="no"),
    "our field as a list": {**live(), "couchpages": [1]},
    "our field as a text": {**live(), "couchpages": "1"},
    "our field empty": {**live(), "couchpages": {}},
    "a future version": live(version=2),
    "a huge version": live(version=10**4000),
    "a version as a text": live(version="1"),
    "a version that is true": live(version=True),
    "no site": live(site=None),
    "a site as a list": live(site=["a.example"]),
    "another site": live(site="b.example"),
    "a site in capitals": live("A.EXAMPLE", site="A.EXAMPLE"),
    "a site in capitals within": live(site="A.example"),
    "a site in other letters": live("bücher.example", site="bücher.example"),
    "an address": live("192.0.2.1", site="192.0.2.1"),
    "an id of two labels": {**ours(id="ggg.ggg"), "_id": "ggg.ggg.a.example"},
    "an empty id": {**ours(id=""), "_id": ".a.example"},
    "a huge id": live(id="g" * 1_000_000),
    "a number for a moment": live(created=5),
    "no moment": live(created=None),
    "a moment without a zone": live(created="2026-11-23T14:00:00"),
    "a moment in 9999": live(activated="9999-12-31T23:59:59.999Z"),
    "a moment in 9999 elsewhere": live(activated="9999-12-31T23:59:59.999-23:59"),
    "a moment before 1970": live(created="1969-12-31T23:59:59Z"),
    "a moment in the year 1": live(created="0001-01-01T00:00:00+23:59"),
    "a negative moment": live(created="-0001-01-01T00:00:00Z"),
    "a huge moment": live(created="2" * 1_000_000),
    "a number for activated": live(activated=5),
    "not activated": live(activated=None),
    "a name in capitals": first("A.example"),
    "a name in other letters": first("bücher.example"),
    "a name with a slash": first("a.example/b"),
    "a name with a space": first("a example"),
    "a name with a port": first("a.example:80"),
    "a name with a dot behind": first("a.example."),
    "a name with a line's end": first("a.example\n"),
    "a name with NUL": first("a\x00.example"),
    "half of a pair for a name": first("\ud800"),
    "a name of 10 kB": first("a." * 5000 + "example"),
    "a name of 254": first("a." * 127),
    "no name": first(""),
    "a number for a name": first(5),  # type: ignore[arg-type]  # that is what is wrong
}
TAKEN: dict[str, Any] = {
    "ours": live(),
    "a deployment": ours(),
    "the first system's": first(),
    "no files": first(URLHashDictionary={}),
    "the same path twice": first(URLHashDictionary={"/a": HASH, "a": HASH.upper()}),
    "a file and a folder": first(URLHashDictionary={"a": HASH, "a/b": OTHER}),
    "paths that nobody can ask for": first(URLHashDictionary=dict.fromkeys(["", "..", "a\\b", "\x01", "\ud800", "a" * 9000], HASH)),
    "100,000 paths": first(URLHashDictionary={f"{number}.html": HASH for number in range(100_000)}),
    "deep elsewhere": {**live(foo=nested(900)), "foo": nested(900), "Hostname": nested(900)},
    "a deep branch": live(branch=nested(900), commit=nested(900), bytes=nested(900)),
    "a huge size": live(bytes=10**4000),
    "fields of the future": {**live(colour="blue"), "colour": "blue"},
}  # fmt: skip


class MalformedTests(SynchronousTestCase):
    """``from_document``."""

    def test_refused(self) -> None:
        """Each is refused, with a reason that is short, on one line, and can be written."""
        for what, doc in REFUSED.items():
            with self.subTest(what):
                with self.assertRaises(ValueError) as caught:
                    from_document(doc)
                reason = str(caught.exception)
                self.assertLess(len(reason), 500)
                self.assertTrue(reason.encode().decode().isprintable(), reason)

    def test_taken(self) -> None:
        """What is understood is taken, whatever else stands in the document; sizes and texts that are none are left out."""
        for what, doc in TAKEN.items():
            with self.subTest(what):
                manifest = from_document(doc)
                self.assertIsInstance(manifest.deployment.commit_host, str | None)
                self.assertTrue(all(not path.startswith("/") for path in manifest.files))
        odd = from_document(live(branch=5, commit=["x"], bytes=-1)).deployment
        self.assertEqual((odd.branch, odd.commit, odd.size), (None, None, None))

    @given(ANYTHING, st.sampled_from(sorted({*first(), *live(), "Hostname"})))
    @settings(deadline=None, max_examples=400)
    def test_anything(self, value: Any, member: str) -> None:
        """Anything in place of a document, of a member, or of all of our field is read, or a ValueError."""
        for doc in (
            value,
            {**first(), member: value},
            {**live(), member: value},
            {"_id": value, "URLHashDictionary": {str(value): HASH}, "couchpages": live()["couchpages"]},
        ):
            self.read(doc)

    @given(ANYTHING, st.sampled_from(["version", "id", "site", "commit", "branch", "created", "bytes", "activated"]))
    @settings(deadline=None, max_examples=400)
    def test_anything_in_our_field(self, value: Any, member: str) -> None:
        """The same for each member of our field, in a live document and in a deployment's."""
        for doc in (live(**{member: value}), ours(**{member: value})):
            self.read(doc)

    @given(st.sampled_from([*first(), "couchpages"]), st.integers(1, 2000))
    @settings(deadline=None, max_examples=60)
    def test_depth(self, member: str, depth: int) -> None:
        """However deep a member is nested, that is no other error than ValueError."""
        self.read({**first(), member: nested(depth)})

    def test_from_json(self) -> None:
        """What JSON can say and Python's texts cannot be encoded as is refused or taken too."""
        self.read(json.loads('{"_id": "\\ud800", "GitHash": "\\udfff", "URLHashDictionary": {"\\ud800": "\\ud800"}}'))

    def read(self, doc: Any) -> None:
        """Read a document; every error but ValueError fails the test."""
        try:
            manifest = from_document(doc)
        except ValueError as error:
            str(error).encode()
            return
        self.assertIsInstance(manifest.deployment.commit_host, str | None)
