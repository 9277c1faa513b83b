"""From a request target to a file of one manifest."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.routing import Malformed, NotFound, Redirect, Serve, Verdict, route
from couchpages.testing.strategies import hostile_targets, manifest_paths, manifests, percent_encoded

SITE = {
    "index.html": "1",
    "404.html": "2",
    "docs/index.html": "3",
    "docs/404.html": "4",
    "docs/deep/page.html": "5",
    "both": "6",
    "both/index.html": "7",
    "café/index.html": "8",
    "a b?#%/index.html": "9",
    "e\u0301": "10",
    "odd/index.html/index.html": "11",
}
ROOT_404 = NotFound(Serve("404.html", "2"))
DOCS_404 = NotFound(Serve("docs/404.html", "4"))

VERDICTS: dict[bytes, Verdict] = {
    b"/": Serve("index.html", "1"),
    b"/?q": Serve("index.html", "1"),
    b"/index.html": Serve("index.html", "1"),
    b"http://other.example/": Serve("index.html", "1"),
    b"/404.html": Serve("404.html", "2"),
    b"/docs/": Serve("docs/index.html", "3"),
    b"/docs": Redirect(b"/docs/"),
    b"/docs?a=/b%20c&d": Redirect(b"/docs/?a=/b%20c&d"),
    b'/docs?"<>\xc3\xa9': Redirect(b"/docs/?%22%3C%3E%C3%A9"),
    b"/d%6Fcs": Redirect(b"/docs/"),
    b"/both": Serve("both", "6"),
    b"/both/": Serve("both/index.html", "7"),
    b"/caf%c3%a9": Redirect(b"/caf%C3%A9/"),
    b"/a%20b%3F%23%25": Redirect(b"/a%20b%3F%23%25/"),
    b"/e%CC%81": Serve("e\u0301", "10"),
    b"/%C3%A9": ROOT_404,
    b"/Docs/": ROOT_404,
    b"/nothing": ROOT_404,
    b"/docs/nothing": DOCS_404,
    b"/docs/nothing/": DOCS_404,
    b"/docs/no/such/page": DOCS_404,
    b"/docs/deep": DOCS_404,
    b"/docs/deep/": DOCS_404,
    b"/docs/deep/page.html/": DOCS_404,
    b"/docs//x": DOCS_404,
    b"/docs/..": DOCS_404,
    b"/odd/": ROOT_404,
    b"//": Serve("index.html", "1"),
    b"//docs": Redirect(b"/docs/"),
    b"/docs//": Serve("docs/index.html", "3"),
    b"//evil.example/": ROOT_404,
    b"//evil.example/%2e%2e": ROOT_404,
    b"/docs%2F": ROOT_404,
    b"/\\docs": ROOT_404,
    b"/docs/../index.html": DOCS_404,
}


class CountingMapping(Mapping[str, str]):
    """A manifest that counts the lookups in it and refuses to be walked."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files
        self.keys_asked: list[str] = []

    def __getitem__(self, key: str) -> str:
        self.keys_asked.append(key)
        return self.files[key]

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("walked")

    def __len__(self) -> int:
        raise AssertionError("counted")


class RouteTests(SynchronousTestCase):
    """``route``."""

    def test_verdicts(self) -> None:
        """Each kind of target gets its verdict."""
        for target, verdict in VERDICTS.items():
            self.assertEqual(route(SITE, target), verdict, target)

    def test_malformed(self) -> None:
        """What is malformed says why."""
        for target in (b"*", b"/%00", b"/%zz", b"/%ff", b"/a\r\nb"):
            verdict = route(SITE, target)
            assert isinstance(verdict, Malformed)
            self.assertTrue(verdict.detail)

    def test_no_error_page(self) -> None:
        """A site without an error page has none, and an empty site finds nothing."""
        self.assertEqual(route({"docs/404.html": "1"}, b"/other/x"), NotFound(None))
        self.assertEqual(route({}, b"/"), NotFound(None))

    def test_a_manifest_never_checked(self) -> None:
        """Even where a manifest holds absolute paths, no redirect names another host."""
        self.assertEqual(route({"/evil.example/index.html": "1"}, b"//evil.example"), NotFound(None))

    def test_bounded_lookups(self) -> None:
        """The lookups grow with the depth alone, the manifest is not walked, and a path longer than any adds no depth."""
        files = CountingMapping({"404.html": "1"})
        route(files, b"/a/b/c/d")
        self.assertEqual(
            files.keys_asked,
            ["a/b/c/d", "a/b/c/d/index.html", "a/b/c/404.html", "a/b/404.html", "a/404.html", "404.html"],
        )
        files.keys_asked.clear()
        self.assertEqual(route(files, b"/a" * 30_000), NotFound(Serve("404.html", "1")))
        self.assertLess(sum(map(len, files.keys_asked)), 400_000)

    @settings(deadline=None)
    @given(manifests(), st.data())
    def test_nothing_but_the_manifest(self, files: dict[str, str], data: st.DataObject) -> None:
        """Any target gets a file of the manifest, the one that it names, or none; and always from a valid reason."""
        target = data.draw(st.one_of(hostile_targets(), st.sampled_from([*files, "x"]).flatmap(percent_encoded)))
        match route(files, target):
            case Serve(path, blob):
                self.assertEqual(files[path], blob)
                named = unquote(target.removeprefix(b"http://h").partition(b"?")[0], "utf-8", "strict")
                self.assertIn(re.sub("/+", "/", named).removeprefix("/"), {path, path.removesuffix("index.html")})
            case Redirect(location):
                self.assertRegex(location, rb"\A/[!-~]+\Z")
                self.assertFalse(location.startswith(b"//"))
            case NotFound(Serve(path, blob)):
                self.assertEqual(files[path], blob)
                self.assertEqual(path.rpartition("/")[2], "404.html")
            case NotFound(page):
                self.assertIs(page, None)
            case Malformed(detail):
                self.assertTrue(detail)

    @settings(deadline=None)
    @given(manifests(), st.data())
    def test_everything_of_the_manifest(self, files: dict[str, str], data: st.DataObject) -> None:
        """Every file is served under each percent-encoded form of its path, whatever the query says."""
        assume(files)
        path = data.draw(st.sampled_from(sorted(files)))
        target = data.draw(percent_encoded(path))
        self.assertEqual(route(files, target + b"?/../%00"), Serve(path, files[path]))

    @settings(deadline=None)
    @given(manifest_paths(), st.data())
    def test_redirect_leads_to_the_index(self, folder: str, data: st.DataObject) -> None:
        """The location of a folder is one slash and the folder's path, keeps the query, and leads to its index."""
        files = {f"{folder}/index.html": "1"}
        target = data.draw(percent_encoded(folder)) + data.draw(st.sampled_from([b"", b"?", b"?a=b"]))
        verdict = route(files, target)
        assert isinstance(verdict, Redirect)
        self.assertEqual(unquote(verdict.location.partition(b"?")[0]), f"/{folder}/")
        self.assertEqual(verdict.location.partition(b"?")[1:], target.partition(b"?")[1:])
        self.assertFalse(verdict.location.startswith(b"//"))
        self.assertEqual(route(files, verdict.location), Serve(f"{folder}/index.html", "1"))

    @settings(deadline=None)
    @given(manifests(), manifest_paths())
    def test_nearest_error_page(self, files: dict[str, str], path: str) -> None:
        """The error page is the one with the longest folder among those that contain the path."""
        assume(path not in files and f"{path}/index.html" not in files)
        pages = [page for page in files if page.rpartition("/")[2] == "404.html"]
        around = [page for page in pages if path.startswith(page.removesuffix("404.html"))]
        nearest = max(around, key=len, default=None)
        verdict = route(files, encoded(path))
        self.assertEqual(verdict, NotFound(None if nearest is None else Serve(nearest, files[nearest])))


def encoded(path: str) -> bytes:
    """Encode every octet but the slashes."""
    return b"/" + b"".join(b"/" if octet == ord("/") else b"%%%02X" % octet for octet in path.encode())
