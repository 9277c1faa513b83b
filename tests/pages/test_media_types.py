"""Media types of files by their names."""

import re

from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages import media_types
from couchpages.pages.media_types import UNKNOWN, media_type
from couchpages.testing.strategies import manifest_paths

TYPES = {
    "index.html": b"text/html; charset=utf-8",
    "a/b.HTM": b"text/html; charset=utf-8",
    "style.css": b"text/css; charset=utf-8",
    "app.js": b"text/javascript; charset=utf-8",
    "app.mjs": b"text/javascript; charset=utf-8",
    "app.min.js.map": b"application/json",
    "a.json": b"application/json",
    "a.wasm": b"application/wasm",
    "site.webmanifest": b"application/manifest+json",
    "a.svg": b"image/svg+xml",
    "a.PNG": b"image/png",
    "a.jpeg": b"image/jpeg",
    "a.avif": b"image/avif",
    "a.webp": b"image/webp",
    "favicon.ico": b"image/vnd.microsoft.icon",
    "a.woff2": b"font/woff2",
    "robots.txt": b"text/plain; charset=utf-8",
    "a.md": b"text/markdown; charset=utf-8",
    "sitemap.xml": b"application/xml",
    "feed.rss": b"application/rss+xml",
    "feed.atom": b"application/atom+xml",
    "a.pdf": b"application/pdf",
    "a.mp4": b"video/mp4",
    "a.webm": b"video/webm",
    "a.m4a": b"audio/mp4",
    "a.gz": b"application/gzip",
    "a.tar.gz": b"application/gzip",
    "a.svgz": UNKNOWN,
    "a.jsonld": b"application/ld+json",
    "a.ics": b"text/calendar; charset=utf-8",
    "a.vtt": b"text/vtt; charset=utf-8",
    "a.glb": b"model/gltf-binary",
    ".well-known/apple-app-site-association": b"application/json",
    "apple-app-site-association": b"application/json",
    ".well-known/acme-challenge/LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0": b"text/plain; charset=utf-8",
    ".well-known/acme-challenge/a.html": b"text/plain; charset=utf-8",
    "x/.well-known/acme-challenge/a": UNKNOWN,
    "LICENSE": UNKNOWN,
    "html": UNKNOWN,
    ".html": UNKNOWN,
    ".htaccess": UNKNOWN,
    "a.html/b": UNKNOWN,
    "a.": UNKNOWN,
    "a.html ": UNKNOWN,
    "a.unheard-of": UNKNOWN,
    "a.html.": UNKNOWN,
}


class MediaTypeTests(SynchronousTestCase):
    """``media_type``."""

    def test_types(self) -> None:
        """The extension, or one of the few known names, decides."""
        for path, kind in TYPES.items():
            self.assertEqual(media_type(path), kind, path)

    def test_each_extension_once(self) -> None:
        """No extension stands in the table twice, and there are enough of them, in lower case."""
        names = " ".join(media_types._EXTENSIONS_OF.values()).split()
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(names, [name.lower() for name in names])
        self.assertGreater(len(names), 120)

    def test_well_formed(self) -> None:
        """Every type is a media type of RFC 9110 section 8.3.1, and text names its charset."""
        for kind in media_types._EXTENSIONS_OF:
            self.assertTrue(re.fullmatch(rb"[a-z]+/[a-z0-9.+-]+(; charset=utf-8)?", kind), kind)
            self.assertEqual(kind.startswith(b"text/"), kind.endswith(b"; charset=utf-8"))

    @settings(deadline=None)
    @given(manifest_paths())
    def test_case_does_not_count(self, path: str) -> None:
        """Any path has a type that is safe in a header, and an extension's case changes nothing."""
        self.assertTrue(re.fullmatch(rb"[a-z]+/[ -~]+", media_type(path)))
        self.assertEqual(media_type(f"{path}.SvG"), media_type(f"{path}.svg"))
