"""Paths of requests and of manifests."""

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages import paths
from couchpages.pages.paths import (
    LONGEST_PATH,
    NOWHERE,
    BadTarget,
    InvalidPath,
    case_collisions,
    check_manifest_path,
    decode_target,
    normalisation_collisions,
)
from couchpages.testing.strategies import hostile_targets, manifest_paths, percent_encoded
from couchpages.web.targets import target_host

DECODED = {
    b"/": ("", b""),
    b"/index.html": ("index.html", b""),
    b"/dir/": ("dir/", b""),
    b"/dir/page.html?a=b&c": ("dir/page.html", b"?a=b&c"),
    b"/?": ("", b"?"),
    # Debian's handbook links to images//image_left.png.
    b"/a//b": ("a/b", b""),
    b"/a///": ("a/", b""),
    b"//": ("", b""),
    b"//evil.example/?//": ("evil.example/", b"?//"),
    b"/a?b?c/../d%00%zz": ("a", b"?b?c/../d%00%zz"),
    b"/a?\xc3\xa9": ("a", b"?\xc3\xa9"),
    b"/caf%C3%A9": ("café", b""),
    b"/caf%c3%a9": ("café", b""),
    b"/caf\xc3\xa9": ("café", b""),
    b"/e%CC%81": ("e\u0301", b""),
    b"/a%20b": ("a b", b""),
    b"/a+b": ("a+b", b""),
    b"/a%2Bb": ("a+b", b""),
    b"/%41": ("A", b""),
    b"/100%25": ("100%", b""),
    b"/%252e%252e/x": ("%2e%2e/x", b""),
    b"/a%3Fb%23c": ("a?b#c", b""),
    b"/.well-known/x": (".well-known/x", b""),
    b"/...": ("...", b""),
    b"/a;p=1/b,c": ("a;p=1/b,c", b""),
    b"http://example.org/a/b?c": ("a/b", b"?c"),
    b"HTTPS://example.org": ("", b""),
    b"http://example.org?c": ("", b"?c"),
    b"http:///a": ("a", b""),
}

NOWHERE_IN_A_MANIFEST = {
    b"//.": NOWHERE,
    b"/.": NOWHERE,
    b"/..": NOWHERE,
    b"/../etc/passwd": NOWHERE,
    b"/%2e%2e/etc": NOWHERE,
    b"/%2E./x": NOWHERE,
    b"/a/./b": f"a/{NOWHERE}",
    b"/a/..": f"a/{NOWHERE}",
    b"/a/../": f"a/{NOWHERE}",
    b"/a//..//b": f"a/{NOWHERE}",
    b"/a/b%2Fc": f"a/{NOWHERE}",
    b"/a%2f..%2fb/x": NOWHERE,
    b"/a\\b": NOWHERE,
    b"/\\evil.example": NOWHERE,
    b"/a/%5cb": f"a/{NOWHERE}",
}

BAD = (
    b"", b"*", b"index.html", b"a/b", b"?a", b"ftp://h/a", b"example.org:443", b"http:/a", b"\\a",
    b"/a\0", b"/a%00", b"/%0d%0aX: y", b"/a\r\nb", b"/a\tb", b"/a b", b"/a?b c", b"/a?\x00", b"/%1f", b"/%7F", b"/\x7f", b"/%C2%80",
    b"/a#b", b"/a?b#c", b"/%", b"/%4", b"/%zz", b"/a%", b"/%%41", b"/%+1", b"/%ff", b"/\xff", b"/%C3", b"/%C3/%A9", b"/%c0%af",
    b"/%ed%a0%80", b"/../%00", b"//%ff", b"http://h/%00",
)  # fmt: skip

REFUSED_PATHS = {
    "": "empty",
    "/etc/passwd": "absolute",
    "//x": "absolute",
    "/": "absolute",
    "../etc/passwd": 'climbs; write paths without ".."',
    "a/..": "climbs",
    "a/../b": "climbs",
    "./a": 'segment "."',
    "a/.": 'segment "."',
    "a//b": "empty segment",
    "a/": 'ends in "/"',
    "a\\b": "backslash",
    "a\0b": "control character",
    "a\nb": "control character",
    "a\x7f": "control character",
    "a\x85": "control character",
    "a\ud800": "not UTF-8",
    "a" * 1025: "1024 octets",
    "é" * 513: "1024 octets",
    "cdn-cgi/trace": "cdn-cgi/",
    "cdn-cgi": "cdn-cgi/",
}


class DecodeTargetTests(SynchronousTestCase):
    """``decode_target``, and ``target_host`` of the edge."""

    def test_decoded(self) -> None:
        """Each segment is decoded once, and the query is left as it is."""
        for target, parts in DECODED.items():
            self.assertEqual(decode_target(target), parts, target)

    def test_nowhere(self) -> None:
        """A path that no manifest can hold ends in what no manifest holds, behind the folders before it."""
        for target, path in NOWHERE_IN_A_MANIFEST.items():
            self.assertEqual(decode_target(target), (path, b""), target)
            self.assertRaises(InvalidPath, check_manifest_path, path)

    def test_bad(self) -> None:
        """Control characters, white space, broken encoding and other forms of target are malformed."""
        for target in BAD:
            self.assertRaises(BadTarget, decode_target, target)

    def test_absolute_form_names_the_host(self) -> None:
        """The authority of an absolute target is given, also an empty one; other forms have none."""
        hosts = {
            b"http://example.org:80/a": b"example.org:80",
            b"HTTP://Example.org": b"Example.org",
            b"https://u@h?x": b"u@h",
            b"http:///a": b"",
            b"/http://h/": None,
            b"//h/": None,
            b"*": None,
        }
        for target, host in hosts.items():
            self.assertEqual(target_host(target), host, target)

    @settings(deadline=None)
    @given(st.one_of(hostile_targets(), manifest_paths().flatmap(percent_encoded)))
    def test_short_cut_agrees(self, target: bytes) -> None:
        """The short cut for plain targets never says anything else than the long way."""
        if paths._PLAIN.fullmatch(target):
            short = decode_target(target)
            raw, mark, query = paths._origin_form(target).partition(b"?")
            self.assertFalse(paths._NOT_IN_TARGET.search(target))
            self.assertFalse(paths._BAD_ESCAPE.search(raw))
            self.assertEqual(short, (paths._decoded_path(raw), mark + query))

    @settings(deadline=None)
    @given(hostile_targets())
    def test_structure(self, target: bytes) -> None:
        """Any octets are malformed, or give a path that is valid, names a folder, or holds NOWHERE once and last."""
        try:
            path, query = decode_target(target)
        except BadTarget:
            return
        self.assertTrue(query == b"" or query.startswith(b"?"))
        if path.endswith(NOWHERE):
            path = path.removesuffix(NOWHERE)
        names = path.removesuffix("/").split("/") if path else []
        for name in names:
            self.assertNotIn(name, {"", ".", ".."})
            self.assertFalse([c for c in name if c == "\\" or unicodedata.category(c) == "Cc"])


class CheckManifestPathTests(SynchronousTestCase):
    """``check_manifest_path``."""

    def test_refused(self) -> None:
        """A path that nobody could ask for is refused with its text and advice, in a short sentence."""
        for path, advice in REFUSED_PATHS.items():
            message = str(self.assertRaises(InvalidPath, check_manifest_path, path))
            self.assertIn(advice, message)
            self.assertTrue(message.startswith('"'))
            self.assertTrue(message.isprintable())
            self.assertLess(len(message.encode("utf-8")), 300)

    def test_message_quotes_readably(self) -> None:
        """Letters stand in the message as themselves, what cannot be printed stands escaped."""
        self.assertIn('"../café"', str(self.assertRaises(InvalidPath, check_manifest_path, "../café")))
        self.assertIn('"a\\u0000b"', str(self.assertRaises(InvalidPath, check_manifest_path, "a\0b")))

    def test_accepted(self) -> None:
        """What is odd and can be asked for is accepted."""
        for path in (
            "a", "index.html", ".well-known/x", "...", "..a/b..", "a b", "a%2Fb", "a?b#c", "é", "e\u0301", "CDN-CGI/a", "a/cdn-cgi/b",
            "cdn-cgi.html", "C:/x", "~", "*", "a" * LONGEST_PATH, "é" * (LONGEST_PATH // 2), "\u2028", "\ufeff", "\u202e",
        ):  # fmt: skip
            check_manifest_path(path)

    @settings(deadline=None)
    @given(st.data())
    def test_reachable(self, data: st.DataObject) -> None:
        """Every accepted path is what each percent-encoded form of it decodes to."""
        path = data.draw(st.one_of(manifest_paths(), st.text(), st.text("a./\\%é")))
        try:
            check_manifest_path(path)
        except InvalidPath:
            return
        self.assertEqual(decode_target(data.draw(percent_encoded(path))), (path, b""))

    @settings(deadline=None)
    @given(hostile_targets())
    def test_nothing_more_is_reachable(self, target: bytes) -> None:
        """A path that a request can name and that names no folder is accepted, unless reserved, too long or NOWHERE."""
        try:
            path, _ = decode_target(target)
        except BadTarget:
            return
        if path and not path.endswith(("/", NOWHERE)):
            check_manifest_path(path)


class CollisionTests(SynchronousTestCase):
    """``normalisation_collisions`` and ``case_collisions``."""

    def test_normalisation(self) -> None:
        """Paths that differ only in composition collide, each with the first of its kind."""
        names = ["a", "é", "b", "e\u0301", "É", "x/\u2126", "x/Ω"]
        self.assertEqual(normalisation_collisions(names), [("é", "e\u0301"), ("x/\u2126", "x/Ω")])

    def test_case(self) -> None:
        """Paths that differ in case collide separately, also across compositions, and never those that differ in composition alone."""
        names = ["Readme", "readme", "é", "e\u0301", "E\u0301", "straße", "STRASSE", "README"]
        self.assertEqual(
            case_collisions(names),
            [("Readme", "readme"), ("é", "E\u0301"), ("straße", "STRASSE"), ("Readme", "README")],
        )

    def test_none(self) -> None:
        """A path does not collide with itself, nor a file with a folder of its name."""
        for collisions in (normalisation_collisions, case_collisions):
            self.assertEqual(collisions(["a", "a", "a/b", "b", "\u017fx"]), [])

    @settings(deadline=None)
    @given(st.lists(st.text(st.sampled_from("aAéÉe\u0301ßs\u017fKk\u212a"), max_size=3), max_size=6))
    def test_free_of_collisions(self, names: list[str]) -> None:
        """Without the later ones of all pairs, no two of the paths left are equal in NFC."""
        later = {other for _, other in normalisation_collisions(names)}
        left = {name for name in names if name not in later}
        self.assertEqual(len({unicodedata.normalize("NFC", name) for name in left}), len(left))
        for one, other in case_collisions(names):
            self.assertNotEqual(unicodedata.normalize("NFC", one), unicodedata.normalize("NFC", other))
