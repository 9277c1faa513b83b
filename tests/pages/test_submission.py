"""What somebody asks to be deployed, read and checked."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.submission import (
    Limits,
    Submission,
    check_document,
    read_commit,
    read_hashes,
    read_json,
    read_object,
    read_sha256,
    read_site,
    read_submission,
)
from couchpages.testing.strategies import manifests
from couchpages.web.problem import Problem

HASH = "ab" * 32
LIMITS = Limits(file_size=1000, files=5, document_size=10_000)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=8), each, max_size=3),
    max_leaves=6,
)


def body(**changes: Any) -> dict[str, Any]:
    """Give a good submission with *changes*."""
    return {"commit": "ABCDEF0", "branch": "main", "files": {"index.html": {"sha256": HASH, "size": 5}}, **changes}


def files(path: str = "index.html", **entry: Any) -> dict[str, Any]:
    """Give a submission of one file."""
    return body(files={path: {"sha256": HASH, "size": 5, **entry}})


class SubmissionTests(SynchronousTestCase):
    """``read_submission``."""

    def refused(self, value: dict[str, Any], status: int, field: str) -> str:
        """Check that *value* is refused as it should be, and give why."""
        with self.assertRaises(Problem) as caught:
            read_submission(value, LIMITS)
        problem: Problem = caught.exception
        self.assertEqual((problem.status, problem.field), (status, field), (value, problem.detail))
        self.assertTrue(problem.response().length)
        return problem.detail

    def test_good(self) -> None:
        """Hashes and commits are taken in lower case, sizes added up."""
        value = body(files={"a": {"sha256": HASH.upper(), "size": 5}, "b/c": {"sha256": HASH, "size": 6, "more": 1}})
        self.assertEqual(read_submission(value, LIMITS), Submission("abcdef0", "main", {"a": HASH, "b/c": HASH}, 11))

    def test_left_out(self) -> None:
        """Without a branch it is main; without a commit there is none; empty and null are as left out."""
        for missing in (None, ""):
            found = read_submission(body(commit=missing, branch=missing), LIMITS)
            self.assertEqual((found.commit, found.branch), (None, "main"))
        self.assertEqual(read_submission({"files": files()["files"]}, LIMITS).branch, "main")

    def test_wrong_types(self) -> None:
        """A member that is missing or of the wrong type is 400 and names the member."""
        wrong: Any
        for wrong in (None, [], "x", 5):
            self.refused(body(files=wrong), 400, "files")
            self.refused(body(files={"a": wrong}), 400, "files")
        self.refused({}, 400, "files")
        for wrong in (5, [], {}, True):
            self.refused(body(commit=wrong), 400, "commit")
            self.refused(body(branch=wrong), 400, "branch")
        for wrong in (None, "5", 5.0, True, [], float("nan")):
            self.refused(files(size=wrong), 400, "files")
        for wrong in (None, 5, [HASH]):
            self.refused(files(sha256=wrong), 400, "files")

    def test_wrong_content(self) -> None:
        """What has the right type and a wrong content is 422 and names the member."""
        self.refused(files(size=-1), 422, "files")
        for wrong in ("", "zz", HASH + "0", HASH[1:]):
            self.refused(files(sha256=wrong), 422, "files")
        for wrong in ("abc", "g" * 40, "a" * 65, "../../etc"):
            self.refused(body(commit=wrong), 422, "commit")
        for wrong in ("x" * 256, "a\nb", "\ud800"):
            self.refused(body(branch=wrong), 422, "branch")
        self.refused(body(files={}), 422, "files")

    def test_paths(self) -> None:
        """Paths that climb, are absolute, contain NUL, are not UTF-8, too long or the node's own are refused, quoted."""
        for path in (
            "../x",
            "a/../b",
            "/etc/passwd",
            "a\x00b",
            "\ud800",
            "a\\b",
            "",
            "a//b",
            "x" * 1025,
            "cdn-cgi/trace",
        ):
            detail = self.refused(files(path), 422, "files")
            self.assertTrue(detail.startswith("files: "))
            self.assertLess(len(detail), 400)

    def test_paths_that_look_the_same(self) -> None:
        """Two paths that differ in Unicode normalisation are refused; in case alone they are two files."""
        entry = {"sha256": HASH, "size": 5}
        self.refused(body(files={"\xe9": entry, "e\u0301": entry}), 422, "files")
        self.assertEqual(len(read_submission(body(files={"A": entry, "a": entry}), LIMITS).files), 2)

    def test_limits(self) -> None:
        """Exactly at a limit is taken, one more is 413 and says both figures."""
        entry = {"sha256": HASH, "size": 5}
        read_submission(body(files={str(number): entry for number in range(5)}), LIMITS)
        self.assertIn("6 files", self.refused(body(files={str(n): entry for n in range(6)}), 413, "files"))
        read_submission(files(size=1000), LIMITS)
        self.assertIn("1,001 bytes", self.refused(files(size=1001), 413, "files"))
        self.refused(files(size=10**400), 413, "files")
        check_document(10_000, LIMITS)
        with self.assertRaises(Problem) as caught:
            check_document(10_001, LIMITS)
        self.assertEqual(caught.exception.status, 413)

    @given(manifests(max_size=5))
    @settings(deadline=None)
    def test_any_manifest(self, listed: dict[str, str]) -> None:
        """Any good paths are taken as they are, or refused for what the rules name."""
        value = body(files={path: {"sha256": each, "size": 1} for path, each in listed.items()})
        try:
            self.assertEqual(read_submission(value, LIMITS).files, listed)
        except Problem as problem:
            self.assertTrue(not listed or "normalisation" in problem.detail)

    @given(st.dictionaries(st.sampled_from(["files", "commit", "branch"]), JSON), JSON, JSON)
    @settings(deadline=None)
    def test_anything(self, value: dict[str, Any], size: Any, sha256: Any) -> None:
        """Whatever stands in the members, the answer is a submission or a problem of the caller's that can be written."""
        for each in (value, {**value, "files": {"a": {"size": size, "sha256": sha256}}}):
            try:
                read_submission(each, LIMITS)
            except Problem as problem:
                self.assertIn(problem.status, (400, 413, 422))
                json.loads(problem.response().body)  # type: ignore[arg-type]  # it is bytes


class ReadingTests(SynchronousTestCase):
    """The smaller readers."""

    def problem(self, call: Any, *args: Any) -> Problem:
        """Give the problem that *call* raises."""
        with self.assertRaises(Problem) as caught:
            call(*args)
        problem: Problem = caught.exception
        return problem

    def test_json(self) -> None:
        """Not UTF-8, not JSON, nested without end, not an object: 400, each said."""
        for content, said in (
            (b"\xff{}", "UTF-8"),
            (b'{"a": "\xed\xa0\x80"}', "UTF-8"),
            ('{"a": 1}'.encode("utf-16"), "UTF-8"),
            (b"", "not JSON"),
            (b"{", "not JSON"),
            (b"{} {}", "not JSON"),
            (b"9" * 5000, "not JSON"),
            (b"[" * 200_000, "nested"),
            (b'{"a":' * 200_000, "nested"),
        ):
            problem = self.problem(read_json, content)
            self.assertEqual(problem.status, 400)
            self.assertIn(said, problem.detail, content[:20])
        for content in (b"[]", b"5", b"null", b'"x"'):
            self.assertEqual(self.problem(read_object, content).status, 400)
        self.assertEqual(read_object(b'\xef\xbb\xbf{"a": "\xc3\xa9"}'), {"a": "é"})

    def test_hashes(self) -> None:
        """Distinct, in lower case, sorted; limits and types as for files."""
        self.assertEqual(read_hashes([HASH.upper(), "00" * 32, HASH], LIMITS), ["00" * 32, HASH])
        self.assertEqual(read_hashes([], LIMITS), [])
        for value, status in ((None, 400), ({}, 400), (HASH, 400), ([5], 400), (["zz"], 422), ([HASH] * 6, 413)):
            problem = self.problem(read_hashes, value, LIMITS)
            self.assertEqual((problem.status, problem.field), (status, "hashes"), value)

    def test_names(self) -> None:
        """Sites, hashes and commits in one form; what is none is 422 and names the field."""
        self.assertEqual(read_site("WWW.Example.ORG."), "www.example.org")
        self.assertEqual(read_sha256(HASH.upper(), "x"), HASH)
        self.assertEqual(read_commit("ABCDEF0", "x"), "abcdef0")
        for host in ("", "192.0.2.1", "[::1]", "a b", "x" * 300, "-a", "*.example.org", "a..b", "example.org:80"):
            problem = self.problem(read_site, host)
            self.assertEqual((problem.status, problem.field), (422, "host"))
        for call in (read_sha256, read_commit):
            problem = self.problem(call, "\ud800" * 5000, "field")
            self.assertEqual((problem.status, problem.field), (422, "field"))
            self.assertLess(problem.response().length, 2000)
