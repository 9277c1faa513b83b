import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.cli.errors import WrongCallError
from couchpages.cli.files import FoundFile, HashedFile, Version
from couchpages.cli.plan import check_paths, deployment_body, to_upload


def hashed(path: str, content: int, size: int = 1) -> HashedFile:
    """Make a file with made-up content."""
    return HashedFile(path, f"/{path}", f"{content:064x}", Version(size, 0, 0, 0))


class PathTests(SynchronousTestCase):
    """Paths are checked and brought into one form before anything is read."""

    def test_refused(self) -> None:
        """What no manifest can hold is refused with the rule's own words."""
        for path in ("a\\b", "a\nb", "cdn-cgi/x", "caf\udce9", "x" * 2000):
            with self.assertRaises(WrongCallError) as caught:
                check_paths([FoundFile("index.html", ""), FoundFile(path, "")])
            self.assertNotIn("\n", str(caught.exception))

    def test_normal_form(self) -> None:
        """Paths are sent in form C, as links are written."""
        checked = check_paths([FoundFile("cafe\u0301.html", "/x")])
        self.assertEqual(checked.files, (FoundFile("caf\u00e9.html", "/x"),))

    def test_look_alikes(self) -> None:
        """Two paths that differ only in normalisation are refused, with both in a form that can be told apart."""
        with self.assertRaisesRegex(WrongCallError, r"caf\\xe9.*cafe\\u0301|cafe\\u0301.*caf\\xe9"):
            check_paths([FoundFile("caf\u00e9", ""), FoundFile("cafe\u0301", "")])

    def test_case(self) -> None:
        """Two paths that differ only in case are published, and told."""
        checked = check_paths([FoundFile("A.html", ""), FoundFile("a.html", "")])
        self.assertEqual(checked.differ_in_case, (("A.html", "a.html"),))


class BodyTests(SynchronousTestCase):
    """The body is the one of docs/api.md."""

    def test_members(self) -> None:
        """Branch, files, and the commit only if there is one."""
        files = {"a": {"sha256": f"{1:064x}", "size": 5}}
        body = deployment_body([hashed("a", 1, 5)], "main", None)
        self.assertEqual(json.loads(body), {"branch": "main", "files": files})
        body = deployment_body([hashed("a", 1, 5)], "main", "abcdef0")
        self.assertEqual(json.loads(body), {"branch": "main", "commit": "abcdef0", "files": files})

    @given(
        st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers(0, 9)), st.text(st.characters(codec="utf-8"))
    )
    @settings(deadline=None)
    def test_anything(self, contents: dict[str, int], branch: str) -> None:
        """Every path and branch arrives as it is."""
        body = json.loads(deployment_body([hashed(*each) for each in contents.items()], branch, None).decode())
        self.assertEqual(body["branch"], branch)
        self.assertEqual({path: int(file["sha256"], 16) for path, file in body["files"].items()}, contents)


class UploadTests(SynchronousTestCase):
    """What is uploaded."""

    @given(st.lists(st.integers(0, 20)), st.sets(st.integers(0, 30)))
    @settings(deadline=None)
    def test_each_once(self, contents: list[int], missing: set[int]) -> None:
        """Each missing content once, others not, large ones first, and nothing that the folder does not have."""
        files = [hashed(f"{place}", content, content) for place, content in enumerate(contents)]
        uploads = to_upload(files, {f"{content:064x}" for content in missing})
        self.assertEqual([file.size for file in uploads], sorted(set(contents) & missing, reverse=True))
