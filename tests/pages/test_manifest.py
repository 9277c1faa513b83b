"""Deployments and their documents."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.activation import ID_LETTERS
from couchpages.pages.manifest import (
    Activation,
    Deployment,
    Manifest,
    document_size,
    from_document,
    is_sha256,
    to_document,
)
from couchpages.testing.strategies import manifests, site_names

HASH = "ab" * 32
COMMIT = "5f3c0de" + "0" * 33
MOMENTS = st.integers(0, 2**42)
ENTRIES = st.builds(
    Deployment,
    site_names(),
    st.text(ID_LETTERS, min_size=12, max_size=12),
    st.none() | st.text("0123456789abcdef", min_size=7, max_size=64),
    st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    MOMENTS,
    st.just(0),
    st.none() | st.integers(0, 2**50),
    st.booleans(),
)


def legacy(**changes: Any) -> dict[str, Any]:
    """Give a live document as the first system wrote it, with *changes*."""
    return {
        "_id": "example.org",
        "_rev": "7-x",
        "GitHash": COMMIT,
        "Hostname": "example.org",
        "URLHashDictionary": {"index.html": HASH.upper(), "/css/a.css": HASH},
        "Preview": False,
        **changes,
    }


def ours(**changes: Any) -> dict[str, Any]:
    """Give a live document of ours, with *changes* of our own member."""
    deployment = Deployment("example.org", "g" * 12, COMMIT, "main", 5, 1, 10, preview=False)
    doc = to_document(Manifest(Activation(deployment, 6), {"index.html": HASH}))
    return {**doc, "_id": "example.org", "couchpages": {**doc["couchpages"], **changes}}


class DocumentTests(SynchronousTestCase):
    """``to_document`` and ``from_document``."""

    @given(ENTRIES, manifests(), st.none() | MOMENTS)
    @settings(deadline=None)
    def test_round_trip(self, deployment: Deployment, files: dict[str, str], activated: int | None) -> None:
        """What is written is read, through JSON, as a deployment and as what is live."""
        counted = Deployment(
            deployment.site, deployment.id, deployment.commit, deployment.branch, deployment.created,
            len(files), deployment.size, deployment.preview,
        )  # fmt: skip
        entry = counted if activated is None else Activation(counted, activated)
        doc_id = counted.document_id if activated is None else counted.site
        manifest = Manifest(entry, files)
        doc = json.loads(json.dumps({**to_document(manifest), "_id": doc_id}))
        self.assertEqual(from_document(doc), manifest)
        self.assertEqual(manifest.deployment, counted)

    @given(ENTRIES, manifests(), MOMENTS)
    @settings(deadline=None)
    def test_size(self, deployment: Deployment, files: dict[str, str], activated: int) -> None:
        """The size that is checked is never below that of the document as it is sent."""
        doc = to_document(Manifest(Activation(deployment, activated), files))
        sent = {**doc, "_id": deployment.site, "_rev": f"99999-{'f' * 32}"}
        encoded = json.dumps(sent, ensure_ascii=False, separators=(",", ":")).encode()
        self.assertGreaterEqual(document_size(Manifest(Activation(deployment, activated), files)), len(encoded))

    def test_for_the_first_system(self) -> None:
        """What we write has the first system's members, with a text for GitHash also without a commit."""
        doc = to_document(Manifest(Deployment("a.b", "g" * 12, None, "dev", 5, 1, 1, preview=True), {"x": HASH}))
        self.assertEqual(
            {name: doc[name] for name in ("GitHash", "Hostname", "URLHashDictionary", "Preview")},
            {"GitHash": "g" * 12, "Hostname": "a.b", "URLHashDictionary": {"x": HASH}, "Preview": True},
        )

    @given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda each: st.lists(each, max_size=2)))
    @settings(deadline=None)
    def test_anything_in_place_of_a_member(self, value: Any) -> None:
        """Whatever stands in a member, the document is read or refused with ValueError, never another error (law 4)."""
        for doc in (
            *({**legacy(), name: value} for name in (*legacy(), "couchpages")),
            *(ours(**{name: value}) for name in ("version", "id", "site", "commit", "created", "bytes", "activated")),
        ):
            try:
                manifest = from_document(doc)
            except ValueError:
                continue
            self.assertIsInstance(manifest.deployment.commit_host, str | None)

    def test_refused(self) -> None:
        """What is neither ours nor the first system's says what is wrong."""
        for doc, reason in (
            ({**legacy(), "_id": 5}, "_id"),
            (legacy(URLHashDictionary=None), "URLHashDictionary is not an object"),
            (legacy(URLHashDictionary={"a": "zz"}), '"a" has no SHA-256'),
            (legacy(URLHashDictionary={"a": None}), '"a" has no SHA-256'),
            (legacy(Preview="yes"), "Preview"),
            (legacy(GitHash=""), "GitHash"),
            (ours(version=2), 'version "2" is not known'),
            (ours(site="other.org"), "called neither"),
            (ours(activated=None), "activated is not a text"),
            (ours(created="2026-11-23"), "time zone"),
            (ours(activated="9999-12-31T23:59:59.999Z"), "9998"),
            (ours(id=None), "id is not a text"),
        ):
            with self.assertRaises(ValueError) as caught:
                from_document(doc)
            self.assertIn(reason, str(caught.exception))


class FirstSystemDocumentTests(SynchronousTestCase):
    """Documents that the first system wrote."""

    def test_live(self) -> None:
        """``manifests/HOST`` is live since no known moment; hashes are in lower case, paths relative."""
        manifest = from_document(legacy())
        deployment = Deployment("example.org", COMMIT, COMMIT, None, 0, 2, None, preview=False)
        self.assertEqual(manifest.entry, Activation(deployment, 0))
        self.assertEqual(manifest.files, {"index.html": HASH, "css/a.css": HASH})

    def test_deployment(self) -> None:
        """``manifests/COMMIT.HOST`` is a deployment whose id is the commit, so it needs no second preview host."""
        manifest = from_document(legacy(_id=f"{COMMIT}.example.org", GitHash=COMMIT.upper(), Preview=True))
        self.assertEqual(manifest.entry, Deployment("example.org", COMMIT, COMMIT, None, 0, 2, None, preview=True))
        self.assertEqual(manifest.deployment.document_id, f"{COMMIT}.example.org")
        self.assertIsNone(manifest.deployment.commit_host)

    def test_without_preview(self) -> None:
        """A document from before previews is none."""
        doc = legacy()
        del doc["Preview"]
        self.assertFalse(from_document(doc).deployment.preview)


class HostTests(SynchronousTestCase):
    """The hosts that a deployment has."""

    def test_commit_host(self) -> None:
        """A commit's preview has one label, of a SHA-256 commit its first 40 digits; what is no commit has none."""
        for commit, host in (
            ("ABCDEF0", "abcdef0.a.b"),
            ("a" * 64, "a" * 40 + ".a.b"),
            (None, None),
            ("g" * 12, None),
            ("not a commit", None),
            ("", None),
        ):
            self.assertEqual(Deployment("a.b", "g" * 12, commit, None, 0, 0, 0, preview=False).commit_host, host)

    def test_is_sha256(self) -> None:
        """64 hexadecimal digits in lower case, and nothing around them."""
        self.assertTrue(is_sha256(HASH))
        for text in ("", HASH[1:], HASH + "0", HASH.upper(), HASH + "\n", "g" * 64, "٣" * 64):
            self.assertFalse(is_sha256(text))
