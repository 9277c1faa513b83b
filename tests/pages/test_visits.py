"""A visit, from a request's head to the file that it names."""

import errno
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from typing import BinaryIO
from unittest.mock import patch

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.manifest import Activation, Deployment, Manifest, to_document
from couchpages.ports import Unavailable
from couchpages.testing.asking import Answer, exchange, head_of, now, received, with_head
from couchpages.testing.node import API_HOST, MemoryNode
from couchpages.web.message import FilePart, RequestHead, Response

HOST = "a.example"
LARGE = bytes(range(256)) * 40
FILES = {
    "index.html": b"home",
    "404.html": b"top",
    "docs/index.html": b"docs",
    "docs/404.html": b"in docs",
    "docs/a b/é.txt": b"text",
    "large.bin": LARGE,
    "empty.txt": b"",
    "docs/large/404.html": LARGE,
}


class VisitTests(SynchronousTestCase):
    """``Visits``, on a node in memory whose blobs above 1,024 bytes come from disk."""

    def setUp(self) -> None:
        """Deploy a site."""
        self.node = MemoryNode(Path(self.mktemp()), memory=16 * 1024, trusted_proxies=(ip_network("127.0.0.0/8"),))
        self.deployed = self.node.deploy(HOST, FILES, commit="abcdef0")

    def visit(self, target: str | bytes = "/", method: str = "GET", host: str = HOST, **headers: str) -> Answer:
        """Visit."""
        return self.node.visit(host, target, method, **headers)

    def raw(self, head: RequestHead) -> Answer:
        """Visit with a head of one's own."""
        return received(now_response(self.node, head), head.method.decode())

    def opened_by(self, call: Callable[[], Response]) -> tuple[Response, list[BinaryIO]]:
        """Give what *call* gives, and the files that it took from the disk cache."""
        files: list[BinaryIO] = []
        read = self.node.disk.read

        def recorded(name: str, most: int) -> bytes | BinaryIO | None:
            found = read(name, most)
            if found is not None and not isinstance(found, bytes):
                files.append(found)
            return found

        with patch.object(self.node.disk, "read", recorded):
            return call(), files

    def test_files(self) -> None:
        """Every file is given, with its type, its tag and whole; folders give their index."""
        for target, path, kind in (
            ("/", "index.html", "text/html; charset=utf-8"),
            ("/index.html", "index.html", "text/html; charset=utf-8"),
            ("/docs/?x=1", "docs/index.html", "text/html; charset=utf-8"),
            ("/docs/a%20b/%C3%A9.txt", "docs/a b/é.txt", "text/plain; charset=utf-8"),
            ("/large.bin", "large.bin", "application/octet-stream"),
            ("/empty.txt", "empty.txt", "text/plain; charset=utf-8"),
        ):
            answer = self.visit(target)
            self.assertEqual((answer.status, answer.body), (200, FILES[path]), target)
            self.assertEqual(answer.headers["content-type"], kind)
            self.assertEqual(answer.headers["etag"], f'"{sha256(FILES[path]).hexdigest()}"')
            self.assertEqual(answer.headers["content-length"], str(len(FILES[path])))

    def test_hosts(self) -> None:
        """The site, its previews by id and commit; case, port and a trailing dot do not matter."""
        for host in (HOST, "A.EXAMPLE", f"{HOST}:8080", f"{HOST}.", f"{self.deployed['id']}.{HOST}", f"abcdef0.{HOST}"):
            self.assertEqual(self.visit(host=host).body, b"home", host)

    def test_unknown_host(self) -> None:
        """An unknown host gets a page that says so, with its name harmless."""
        for host in ("other.example", f"x.{HOST}", "example", "192.0.2.1", "[::1]:8080", ""):
            answer = self.visit(host=host)
            self.assertEqual(answer.status, 404)
            self.assertIn(b"No site named", answer.body)
        self.assertEqual(self.visit(host="x", method="HEAD").body, b"")

    def test_host_field(self) -> None:
        """No Host in HTTP/1.1, two, or one that is none: 400. HTTP/1.0 may do without."""
        for hosts in ((), (b"a.example", b"a.example"), (b"a b",), (b"user@a.example",), (b"a.example/",), (b"\xff",)):
            self.assertEqual(self.raw(head_of("GET", "/", tuple((b"host", each) for each in hosts))).status, 400, hosts)
        old = with_head(head_of("GET", "/"), version=b"HTTP/1.0")
        self.assertEqual(self.raw(old).status, 404)

    def test_absolute_form(self) -> None:
        """A target in absolute form names the host, whatever Host says (RFC 9112 section 3.2.2); Host is needed all the same."""
        self.assertEqual(self.visit(f"http://{HOST}/docs/", host="other.example").body, b"docs")
        self.assertEqual(self.visit(f"http://{HOST}", host="other.example").body, b"home")
        self.assertEqual(self.visit("http://other.example/", host=HOST).status, 404)
        self.assertEqual(self.visit("http://a b/", host=HOST).status, 400)
        self.assertEqual(self.raw(head_of("GET", f"http://{HOST}/")).status, 400)

    def test_methods(self) -> None:
        """GET and HEAD read; every other method is 405 and told what is allowed."""
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "BREW", "get"):
            answer = self.visit(method=method)
            self.assertEqual((answer.status, answer.headers["allow"]), (405, "GET, HEAD"), method)

    def test_head(self) -> None:
        """HEAD gives exactly the head of GET: for a file, a large file, a page that is not there, a redirect, a host that is not."""
        for target, host in (
            ("/", HOST),
            ("/large.bin", HOST),
            ("/no", HOST),
            ("/docs", HOST),
            ("/", "x"),
            ("/%", HOST),
        ):
            get, head = self.visit(target, host=host), self.visit(target, "HEAD", host=host)
            self.assertEqual((head.status, head.headers, head.body), (get.status, get.headers, b""), target)

    def test_redirect(self) -> None:
        """A folder without its slash is redirected, the query kept."""
        answer = self.visit("/docs?x=1")
        self.assertEqual((answer.status, answer.headers["location"]), (308, "/docs/?x=1"))

    def test_nearest_error_page(self) -> None:
        """What is not there gets the nearest 404.html up the tree, whole, also with conditions and ranges."""
        for target, body in (
            ("/no", b"top"),
            ("/no/where", b"top"),
            ("/docs/no", b"in docs"),
            ("/docs/a%20b/no/no", b"in docs"),
            ("/docs/large/no", LARGE),
            ("/docs/%2e%2e/no", b"in docs"),
        ):
            for headers in ({}, {"Range": "bytes=0-1"}, {"If_None_Match": "*"}):
                answer = self.visit(target, **headers)
                self.assertEqual((answer.status, answer.body), (404, body), target)
                self.assertNotIn("etag", answer.headers)

    def test_no_error_page(self) -> None:
        """A site without one has a plain sentence."""
        self.node.deploy("b.example", {"x": b"x"})
        answer = self.visit("/", host="b.example")
        self.assertEqual((answer.status, answer.headers["content-type"]), (404, "text/plain; charset=utf-8"))

    def test_malformed_target(self) -> None:
        """A malformed target is 400 and never reaches a file."""
        for target in (b"/%00", b"/%", b"/%zz", b"/\xff", b"/a b", b"docs/", b"*", b"/%ff", b"/x#y"):
            self.assertEqual(self.visit(target).status, 400, target)

    def test_climbing(self) -> None:
        """Nothing that is not in the manifest is reached, however it is written."""
        for target in (
            b"/docs/../index.html", b"/docs/%2e%2e/index.html", b"/docs%2findex.html", b"/./index.html",
            b"/docs\\index.html", b"/docs%5cindex.html", b"/..%2f..%2fetc/passwd", b"/index.html/",
        ):  # fmt: skip
            self.assertEqual(self.visit(target).status, 404, target)

    def test_conditions_and_ranges(self) -> None:
        """304, 412, 206 and 416, alike from memory and from a file."""
        for path, content in (("/", b"home"), ("/large.bin", LARGE)):
            tag = self.visit(path).headers["etag"]
            self.assertEqual(self.visit(path, If_None_Match=f'"x", {tag}').status, 304)
            self.assertEqual(self.visit(path, If_Match='"x"').status, 412)
            self.assertEqual(self.visit(path, Range="bytes=99999-").status, 416)
            part = self.visit(path, Range="bytes=1-2")
            self.assertEqual((part.status, part.body), (206, content[1:3]))
            self.assertEqual(self.visit(path, Range="bytes=-2").body, content[-2:])
            parts = self.visit(path, Range="bytes=0-0,3-3")
            self.assertEqual((parts.status, int(parts.headers["content-length"])), (206, len(parts.body)))
            self.assertEqual(self.visit(path, Range="bytes=0-0", If_Range='"x"').body, content)

    def test_files_are_closed(self) -> None:
        """Whatever the answer is, the file of a large blob is closed, or is in the response, which closes it."""
        self.visit("/large.bin")
        for method, headers, status in (
            ("HEAD", {}, 200),
            ("GET", {"If_None_Match": "*"}, 304),
            ("GET", {"If_Match": '"x"'}, 412),
            ("GET", {"Range": "bytes=99999-"}, 416),
            ("GET", {}, 200),
            ("GET", {"Range": "bytes=0-0,5-5"}, 206),
        ):
            asked = partial(self.node.ask, HOST, "/large.bin", method, **headers)
            response, files = self.opened_by(lambda: now(asked()))  # noqa: B023 -- called at once
            self.assertEqual(response.status, status)
            parts = response.body if isinstance(response.body, tuple) else ()
            in_response = {part.file for part in parts if isinstance(part, FilePart)}
            self.assertEqual([file for file in files if not file.closed], list(in_response))
            self.assertTrue(files)
            response.close()
            self.assertTrue(all(file.closed for file in files))

    def test_file_is_closed_after_an_error(self) -> None:
        """An error while the answer is made closes the file too, and is 503 where the disk failed."""
        self.visit("/large.bin")
        with patch("couchpages.pages.visits.file_reply", side_effect=OSError(errno.EIO, "broken")):
            response, files = self.opened_by(lambda: now(self.node.ask(HOST, "/large.bin")))
        self.assertEqual(response.status, 503)
        self.assertEqual({file.closed for file in files}, {True})

    def test_blob_missing(self) -> None:
        """A blob that CouchDB does not have (yet), or whose bytes are wrong, is 503 with Retry-After, never 404 (laws 3 and 5)."""
        missing = sha256(b"elsewhere").hexdigest()
        for path in ("index.html", "404.html"):
            deployment = Deployment("c.example", "one", None, "main", 5, 1, 1, preview=False)
            self.node.manifests.seed("c.example", to_document(Manifest(Activation(deployment, 6), {path: missing})))
            answer = self.visit(host="c.example")
            self.assertEqual((answer.status, answer.headers["retry-after"]), (503, "5"))
            self.assertEqual(answer.headers["cache-control"], "no-store")
        self.node.files.seed(missing, {})
        self.node.files.seed_attachment(missing, "data", b"wrong")
        self.assertEqual(self.visit(host="c.example").status, 503)
        self.node.files.seed_attachment(missing, "data", b"elsewhere")
        self.assertEqual(self.visit("/404.html", host="c.example").body, b"elsewhere")

    def test_couchdb_away(self) -> None:
        """While CouchDB is away, what the node has is served, and the rest is 503 (law 1)."""
        self.visit()
        self.node.deploy("d.example", {"index.html": b"never read"})
        node = self.node.restarted(Path(self.mktemp()))
        for operation in ("get", "read_attachment"):
            node.files.fail(operation, Unavailable("away"), times=9)
            node.manifests.fail(operation, Unavailable("away"), times=9)
        self.assertEqual(self.visit().body, b"home")
        self.assertEqual(node.visit("d.example", "/").status, 503)
        self.assertEqual(node.visit(f"{self.deployed['id']}.{HOST}", "/").status, 503)
        self.assertEqual(node.visit("x.example", "/").status, 404)

    def test_before_everything_is_loaded(self) -> None:
        """A node that starts does not say of any host that it is unknown."""
        self.node.sites._loaded = False
        self.assertEqual(self.visit(host="other.example").status, 503)
        self.assertEqual(self.visit().status, 200)

    def test_trace(self) -> None:
        """The trace answers on every host, tells the visitor behind a trusted proxy, and takes HEAD."""
        head = head_of(
            "GET",
            "/cdn-cgi/trace",
            {"Host": "X.example:1", "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"},
        )
        answer = self.raw(with_head(head, peer="127.0.0.1"))
        said = dict(line.split("=", 1) for line in answer.body.decode().splitlines())
        self.assertEqual((said["h"], said["ip"], said["visit_scheme"]), ("x.example", "203.0.113.9", "https"))
        self.assertIn(b"ip=192.0.2.1\n", self.raw(head).body)
        self.assertEqual(self.visit("/cdn-cgi/trace", "POST").status, 405)
        self.assertEqual(self.visit("/cdn-cgi/trace-json").json["loc"], "AT")
        self.assertEqual(self.visit("/cdn-cgi/other").status, 404)

    def test_body(self) -> None:
        """A GET may carry a body, which nobody reads; a large one is refused."""
        head = head_of("GET", "/", {"Host": HOST})
        for size, status in ((65536, 200), (65537, 413)):
            self.assertEqual(now_response(self.node, head, b"x" * size).status, status)

    def test_api_on_the_public_port(self) -> None:
        """The API answers under its own host only, and asks for a key."""
        self.assertEqual(self.visit("/api/v2/sites", host=API_HOST).status, 401)
        self.assertEqual(self.visit("/api/v2/sites").status, 404)


def now_response(node: MemoryNode, head: RequestHead, body: bytes = b"") -> Response:
    """Give the public port's response."""
    return now(Deferred.fromCoroutine(exchange(node.public, head, body)))
