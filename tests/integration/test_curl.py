"""curl as a visitor: conditions, ranges, methods, hosts, and paths that try to climb."""

import hashlib
import re

from tests.integration.cases import NodeCase, OnApacheCouchDB
from tests.integration.curl import Curled, curl, save
from tests.integration.node import write_files

DIGITS = b"".join(b"%09d\n" % number for number in range(10_000))  # 100,000 bytes
FILES: dict[str, str | bytes] = {
    "index.html": "<h1>index</h1>",
    "404.html": "the site's own 404",
    "digits.txt": DIGITS,
    "empty.txt": b"",
    "docs/index.html": "docs",
    "docs/404.html": "the docs' own 404",
    "file": "a file",
    "file/below.txt": "below a folder",
}


class CurlCase(NodeCase):
    """A site, and curl."""

    needs = ("curl",)
    deployed: dict[type, str] = {}  # noqa: RUF012 -- one site for each store, made once

    def setUp(self) -> None:
        """Deploy the site, once for each store."""
        super().setUp()
        if self.store not in self.deployed:
            files = {path: content for path, content in FILES.items() if not path.startswith("file")}
            self.node.deploy(write_files(self.folder / "public", files), self.site)
            self.deployed[self.store] = self.site
        self.site = self.deployed[self.store]

    def ask(self, target: str, *options: str, host: str | None = None) -> Curled:
        """Ask the public port."""
        return curl(f"http://127.0.0.1:{self.node.http}{target}", *options, host=self.site if host is None else host)


class Conditions(CurlCase):
    """HEAD, validators and ranges."""

    def test_get(self) -> None:
        """A file comes with its type, length, a strong ETag of its SHA-256, revalidation, nosniff and ranges."""
        answer = self.ask("/digits.txt")
        self.assertEqual((answer.status, answer.version, answer.body), (200, "1.1", DIGITS))
        self.assertEqual(answer.headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(answer.headers["content-length"], "100000")
        self.assertIn(hashlib.sha256(DIGITS).hexdigest(), answer.headers["etag"])
        self.assertEqual(answer.headers["cache-control"], "public, max-age=0, must-revalidate")
        self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
        self.assertEqual(answer.headers["accept-ranges"], "bytes")
        self.assertIn("date", answer.headers)

    def test_head(self) -> None:
        """HEAD has the head of GET and no body, for a file, an empty file, a missing one and a redirect."""
        for target in ("/digits.txt", "/empty.txt", "/missing", "/docs"):
            got, head = self.ask(target), self.ask(target, "--head")
            self.assertEqual((head.status, head.body), (got.status, b""))
            for each in (got, head):
                each.headers.pop("date")
            self.assertEqual(head.headers, got.headers)

    def test_if_none_match(self) -> None:
        """A list with our tag, a weak form of it, and * give 304 without a body; other tags give 200."""
        tag = self.ask("/digits.txt").headers["etag"]
        for value in (tag, f'"x", {tag}', f"W/{tag}", "*", f'"x" ,, {tag},"y"'):
            answer = self.ask("/digits.txt", "--header", f"If-None-Match: {value}")
            self.assertEqual((answer.status, answer.body, answer.headers["etag"]), (304, b"", tag), value)
        for value in ('"x"', tag.strip('"'), '"x", "y"'):
            self.assertEqual(self.ask("/digits.txt", "--header", f"If-None-Match: {value}").status, 200, value)

    def test_etag_of_curl(self) -> None:
        """The options --etag-save and --etag-compare of curl work with us."""
        file = str(self.folder / "etag")
        self.assertEqual(self.ask("/digits.txt", "--etag-save", file).status, 200)
        self.assertEqual(self.ask("/digits.txt", "--etag-compare", file).status, 304)
        self.assertEqual(self.ask("/index.html", "--etag-compare", file).status, 200)

    def test_single_ranges(self) -> None:
        """A range from the beginning, the middle, to the end, of the end, and past the end gives those bytes and 206."""
        for asked, start, stop in (
            ("0-0", 0, 1), ("0-9", 0, 10), ("50000-50009", 50000, 50010), ("99990-", 99990, 100000),
            ("-10", 99990, 100000), ("99990-200000", 99990, 100000), ("-200000", 0, 100000), ("0-", 0, 100000),
        ):  # fmt: skip
            answer = self.ask("/digits.txt", "--range", asked)
            self.assertEqual((answer.status, answer.body), (206, DIGITS[start:stop]), asked)
            self.assertEqual(answer.headers["content-range"], f"bytes {start}-{stop - 1}/100000")
            self.assertEqual(answer.headers["content-length"], str(stop - start))

    def test_several_ranges(self) -> None:
        """Several ranges come as multipart/byteranges, each part with its place and type."""
        answer = self.ask("/digits.txt", "--range", "0-4,50000-50004,-5")
        self.assertEqual(answer.status, 206)
        boundary = re.fullmatch(r'multipart/byteranges; boundary="?([^"]+)"?', answer.headers["content-type"])
        assert boundary is not None
        self.assertEqual(len(answer.body), int(answer.headers["content-length"]))
        parts = answer.body.split(b"--" + boundary[1].encode())[1:]
        self.assertEqual(parts.pop().strip(), b"--")
        for part, (start, stop) in zip(parts, ((0, 5), (50000, 50005), (99995, 100000)), strict=True):
            head, _, body = part.partition(b"\r\n\r\n")
            self.assertIn(b"Content-Range: bytes %d-%d/100000" % (start, stop - 1), head)
            self.assertIn(b"Content-Type: text/plain; charset=utf-8", head)
            self.assertEqual(body.removesuffix(b"\r\n"), DIGITS[start:stop])

    def test_unsatisfiable_ranges(self) -> None:
        """What lies past the end is 416 and tells the length; an empty file is always whole, as in Go's net/http."""
        for asked in ("100000-", "-0", "100000-100001,-0"):
            answer = self.ask("/digits.txt", "--range", asked)
            self.assertEqual((answer.status, answer.headers["content-range"]), (416, "bytes */100000"), asked)
        self.assertEqual(self.ask("/empty.txt", "--range", "0-").status, 200)

    def test_ranges_that_are_none(self) -> None:
        """Other units and malformed ranges are left aside: the whole file, 200."""
        for field in ("lines=0-5", "bytes=5-2", "bytes=a-b", "bytes 0-5", "bytes="):
            answer = self.ask("/digits.txt", "--header", f"Range: {field}")
            self.assertEqual((answer.status, len(answer.body)), (200, 100000), field)

    def test_if_range(self) -> None:
        """If-Range with our tag gives the range; with another, a weak one or a date the whole file."""
        tag = self.ask("/digits.txt").headers["etag"]
        for value, status in ((tag, 206), ('"x"', 200), (f"W/{tag}", 200), ("Mon, 23 Nov 2026 14:00:00 GMT", 200)):
            answer = self.ask("/digits.txt", "--range", "0-9", "--header", f"If-Range: {value}")
            self.assertEqual(answer.status, status, value)

    def test_resumed_download(self) -> None:
        """A download that curl resumes half-way is whole in the end."""
        file = self.folder / "part"
        file.write_bytes(DIGITS[:40_000])
        self.ask("/digits.txt", "--no-include", "--continue-at", "-", "--output", str(file))
        self.assertEqual(file.read_bytes(), DIGITS)

    def test_http_1_0(self) -> None:
        """HTTP/1.0 gets an answer that ends with the connection, with its length."""
        answer = self.ask("/digits.txt", "--http1.0")
        self.assertEqual((answer.status, answer.body), (200, DIGITS))
        self.assertNotIn("transfer-encoding", answer.headers)

    def test_http_1_0_without_host(self) -> None:
        """HTTP/1.0 without Host is a host that nobody knows."""
        self.assertEqual(self.ask("/", "--http1.0", "--header", "Host:", host="").status, 404)

    def test_folders(self) -> None:
        """A folder without its slash is redirected, with the query; with it, its index is served; its 404 page is the nearest."""
        answer = self.ask("/docs?q=1%20x")
        self.assertEqual((answer.status // 100, answer.headers["location"]), (3, "/docs/?q=1%20x"))
        self.assertEqual(self.ask("/docs/?q=1").body, b"docs")
        for target, body in (("/docs/missing", b"the docs' own 404"), ("/missing/", b"the site's own 404")):
            self.assertEqual((self.ask(target).status, self.ask(target).body), (404, body))


class ConditionsOnApacheCouchDB(OnApacheCouchDB, Conditions):
    """The same on Apache CouchDB."""


class Intruding(CurlCase):
    """What must not get through."""

    def test_traversal(self) -> None:
        """No path that climbs, however it is written, gives anything but the site's 404 or 400."""
        secret = "root:"
        for target in (
            "/../etc/passwd", "/../../../../etc/passwd", "/docs/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
            "/..%2f..%2fetc/passwd", "/.%2e/etc/passwd", "/%2e./etc/passwd", "/..\\..\\etc\\passwd", "/..%5c..%5cetc%5cpasswd",
            "/docs/..%2findex.html", "/docs/../index.html", "/./index.html", "/docs/%2e%2e/index.html", "/%252e%252e/etc/passwd",
            "//etc/passwd", "/etc/passwd", "/digits.txt/", "/digits.txt/..", "/..;/index.html", "/%c0%ae%c0%ae/etc/passwd",
            "/index.html%00", "/%00", "/index.html%00.txt", "/%c0%af..%c0%afetc/passwd", "/%e0%80%af", "/\\index.html",
            "//etc//passwd", "/%2findex.html", "/%", "/%zz", "/%u002e", "/index.html%0d%0aX-Evil:1",
            "/couchpages.toml", "/../couchpages.toml", "/../store-password", "/" + "a/" * 4000, "/" + "%2e%2e%2f" * 500,
        ):  # fmt: skip
            answer = self.ask(target)
            self.assertIn(answer.status, (400, 404), target)
            self.assertNotIn(secret, answer.body.decode("latin-1"), target)
            self.assertNotIn("<h1>index</h1>", answer.body.decode("latin-1"), target)
            self.assertNotIn("x-evil", answer.headers, target)
            self.assertEqual(answer.headers["x-content-type-options"], "nosniff")

    def test_double_slashes(self) -> None:
        """Slashes that follow each other count as one."""
        for target in ("//index.html", "///"):
            self.assertEqual(self.ask(target).body, self.ask("/index.html").body, target)
        self.assertEqual(self.ask("/docs//index.html").body, b"docs")

    def test_redirects_stay_here(self) -> None:
        """No request makes a redirect to another host."""
        self.assertEqual(self.ask("//docs").headers["location"], "/docs/")
        for target in (
            "//evil.example/..%2fdocs",
            "//evil.example/docs",
            "/\\evil.example/docs",
            "/%2f%2fevil.example/docs",
            "/docs/../docs",
        ):
            self.assertNotIn("location", self.ask(target).headers, target)
        self.assertEqual(self.ask("/docs", host=self.site).headers["location"], "/docs/")

    def test_absolute_form(self) -> None:
        """A target in absolute form counts instead of the Host field."""
        answer = self.ask("/", "--request-target", f"http://{self.site}/docs/", host="other.example")
        self.assertEqual((answer.status, answer.body), (200, b"docs"))

    def test_odd_targets(self) -> None:
        """Targets that are no paths are 400."""
        for target in ("*", "index.html", "?", "ftp://x/", "#"):
            self.assertEqual(self.ask("/", "--request-target", target).status, 400, target)

    def test_unknown_hosts(self) -> None:
        """A host without a site gets a plain 404 page that says so, in HTML without markup from the request."""
        for host in (
            "unknown.example",
            "127.0.0.1",
            "[::1]:80",
            f"x{self.site}",
            f"{'a' * 63}.example",
            "localhost..",
            "-.example",
        ):
            answer = self.ask("/", host=host)
            self.assertIn(answer.status, (400, 404), host)
            if answer.status == 404:
                self.assertIn(b"No such site", answer.body)

    def test_forms_of_a_host(self) -> None:
        """Upper case, a trailing dot and a port are the same site."""
        for host in (self.site.upper(), f"{self.site}.", f"{self.site}:80", f"{self.site.upper()}.:{self.node.http}"):
            self.assertEqual(self.ask("/index.html", host=host).body, b"<h1>index</h1>", host)

    def test_invalid_hosts(self) -> None:
        """A Host field that is none is 400; an over-long one does no harm."""
        for host in ("a b", "<script>", "user@host", "host:port", "[::1", "a/b", "a\\b", "ö"):
            answer = self.ask("/", host=host)
            self.assertEqual(answer.status, 400, host)
            self.assertNotIn(b"<script>", answer.body)
        self.assertIn(self.ask("/", host="a" * 5000).status, (400, 404))

    def test_methods(self) -> None:
        """Only GET and HEAD read; everything else is 405 with Allow, and changes nothing."""
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "get", "FROBNICATE"):
            answer = self.ask("/index.html", "--request", method)
            self.assertEqual((answer.status, answer.headers.get("allow")), (405, "GET, HEAD"), method)
        posted = self.ask("/index.html", "--data", "a=b")
        self.assertEqual(posted.status, 405)
        self.assertEqual(self.ask("/index.html").body, b"<h1>index</h1>")

    def test_api_is_not_public(self) -> None:
        """The public port has neither API nor health nor metrics."""
        for target in ("/api/v2/sites", "/healthz", "/readyz", "/metrics", "/api/v1/Upload/File"):
            answer = self.ask(target, "--header", f"Authorization: Bearer {self.node.key}")
            self.assertEqual((answer.status, answer.body), (404, b"the site's own 404"), target)

    def test_api_host(self) -> None:
        """Under a host of [api] hosts, the public port answers the API, and still not metrics."""
        node = self.new_node({"api": {"hosts": ["api.example.org"]}}).start()
        key = ("--header", f"Authorization: Bearer {node.key}")
        url = f"http://127.0.0.1:{node.http}"
        self.assertEqual(curl(f"{url}/api/v2/sites", *key, host=f"API.example.org.:{node.http}").status, 200)
        self.assertEqual(curl(f"{url}/api/v2/sites", host="api.example.org").status, 401)
        for target in ("/metrics", "/readyz"):
            self.assertEqual(curl(f"{url}{target}", *key, host="api.example.org").status, 404)
        self.assertEqual(curl(f"{url}/api/v2/sites", *key, host="other.example.org").status, 404)

    def test_nothing_was_logged_as_a_defect(self) -> None:
        """None of all this left a traceback."""
        self.assert_serving(self.node)


class Tracing(CurlCase):
    """``/cdn-cgi/trace``."""

    def test_text(self) -> None:
        """The text has the first system's keys, one a line, and tells of this request."""
        answer = self.ask("/cdn-cgi/trace", "--user-agent", "me", "--header", "X-Forwarded-For: 203.0.113.9")
        facts = dict(line.split("=", 1) for line in answer.body.decode().splitlines())
        self.assertGreaterEqual(set(facts), {"h", "ip", "ts", "visit_scheme", "ug", "colo", "http", "loc", "tls"})
        self.assertEqual((facts["h"], facts["ip"], facts["ug"]), (self.site, "127.0.0.1", "me"))
        self.assertEqual((facts["visit_scheme"], facts["tls"], facts["http"]), ("http", "off", "http/1.1"))
        self.assertEqual((facts["colo"], facts["loc"]), ("AMS", "NL"))
        self.assertEqual(answer.headers["content-type"], "text/plain; charset=utf-8")

    def test_json(self) -> None:
        """The JSON says the same."""
        import json

        facts = json.loads(self.ask("/cdn-cgi/trace-json", "--user-agent", 'a"b').body)
        self.assertEqual((facts["ug"], facts["ip"], facts["node"]), ('a"b', "127.0.0.1", "under-test"))


class Uploading(CurlCase):
    """Uploads with curl to the API port."""

    def put(self, content: bytes, *options: str, sha256: str | None = None, key: str | None = None) -> Curled:
        """Upload a blob."""
        digest = sha256 or hashlib.sha256(content).hexdigest()
        return curl(
            f"{self.node.server}/api/v2/blobs/{digest}", "--upload-file", save(self.folder, "blob", content)[1:],
            "--header", f"Authorization: Bearer {self.node.key if key is None else key}", *options,
        )  # fmt: skip

    def test_blob(self) -> None:
        """A blob is 201 when it is new and 200 when it was there."""
        content = f"a blob of {self.site}".encode() * 1000
        first, second = self.put(content), self.put(content)
        self.assertEqual((first.status, second.status), (201, 200), first)
        self.assertIn(b'"size":%d' % len(content), first.body)

    def test_wrong_hash(self) -> None:
        """Content of another hash is 422, and is not stored."""
        wrong = hashlib.sha256(self.site.encode()).hexdigest()
        answer = self.put(b"content", sha256=wrong)
        self.assertEqual((answer.status, answer.headers["content-type"]), (422, "application/problem+json"))
        url = f"{self.node.server}/api/v2/sites/{self.site}/missing"
        key = ("--header", f"Authorization: Bearer {self.node.key}")
        self.assertIn(wrong.encode(), curl(url, *key, "--data", f'{{"hashes": ["{wrong}"]}}').body)

    def test_expect_with_a_wrong_key(self) -> None:
        """A wrong key is refused before the body is sent: curl waits for 100-continue, and sends nothing."""
        content = bytes(20_000_000)
        answer = self.put(
            content, "--header", "Expect: 100-continue", "--expect100-timeout", "20", key="cpk_0000000000_x"
        )
        self.assertEqual(answer.status, 401)
        self.assertLess(answer.uploaded, len(content))
        self.assertEqual(answer.uploaded, 0)

    def test_wrong_key_without_expect(self) -> None:
        """Without Expect the refusal arrives as well, and is not lost in a reset."""
        self.assertEqual(self.put(bytes(20_000_000), "--header", "Expect:", key="cpk_0000000000_x").status, 401)

    def test_expect_with_a_right_key(self) -> None:
        """With the right key the body is asked for, at once."""
        content = self.site.encode() * 100_000
        answer = self.put(content, "--header", "Expect: 100-continue", "--expect100-timeout", "20")
        self.assertEqual((answer.status, answer.uploaded), (201, len(content)))

    def test_too_large(self) -> None:
        """A blob above the limit is refused by its Content-Length: 413, nothing spooled."""
        answer = self.put(bytes(26 * 2**20), "--header", "Expect: 100-continue", "--expect100-timeout", "20")
        self.assertEqual((answer.status, answer.uploaded), (413, 0))
        self.assert_serving(self.node)

    def test_chunked(self) -> None:
        """A blob without Content-Length is 411."""
        self.assertEqual(self.put(b"content", "--header", "Transfer-Encoding: chunked").status, 411)

    def test_challenge(self) -> None:
        """Without a key the answer says how to send one."""
        answer = curl(f"{self.node.server}/api/v2/sites")
        self.assertEqual(answer.status, 401)
        self.assertIn("Bearer", answer.headers["www-authenticate"])

    def test_api_key_header(self) -> None:
        """The first system's header carries a key as well."""
        self.assertEqual(curl(f"{self.node.server}/api/v2/sites", "--header", f"ApiKey: {self.node.key}").status, 200)


class UploadingOnApacheCouchDB(OnApacheCouchDB, Uploading):
    """The same on Apache CouchDB."""
