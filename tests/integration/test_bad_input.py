"""Bad input at the socket: each gets an answer, and the node serves on, with nothing left behind."""

import hashlib
import time

from tests.integration.cases import NodeCase, OnApacheCouchDB
from tests.integration.node import wait_until, write_files
from tests.integration.visitor import Socket, call_api, exchange, fetch, request, status_of

CONTENT = b"a blob's content " * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Sockets(NodeCase):
    """A node, of which every test asserts afterwards that it is sound."""

    def setUp(self) -> None:
        """Remember where the log ends now, and look at the node afterwards."""
        super().setUp()
        self.since = self.node.log_size()
        self.addCleanup(self.assert_sound)

    def assert_sound(self) -> None:
        """Assert that the node is ready, its folder of uploads empty, and its log without a traceback."""
        wait_until(lambda: not self.node.spooled(), "an empty folder of uploads", 5)
        self.assert_serving(self.node, self.since)

    def upload(self, *fields: str, sha256: str = SHA256, key: str | None = None) -> bytes:
        """Write the head of an upload; *fields* tell its length."""
        authorization = f"Authorization: Bearer {self.node.key if key is None else key}"
        return request("PUT", f"/api/v2/blobs/{sha256}", ("Host: localhost", authorization, *fields))

    def is_stored(self) -> bool:
        """Ask whether the blob is stored."""
        path = f"/api/v2/sites/{self.site}/missing"
        answer = call_api(self.node.api, self.node.key, "POST", path, {"hashes": [SHA256]})
        return bool(answer.json() == {"missing": []})


class Bodies(Sockets):
    """Bodies that are not what their head says."""

    def test_body_shorter_than_announced(self) -> None:
        """A body that ends too early, the connection still open for the answer, is 400; nothing is stored."""
        answer = exchange(self.node.api, self.upload(f"Content-Length: {len(CONTENT)}"), CONTENT[:-1])
        self.assertEqual(status_of(answer), 400, answer)
        self.assertIn(b"Content-Length", answer)
        self.assertFalse(self.is_stored())

    def test_upload_cut_off(self) -> None:
        """A connection closed, or reset, in the middle of a body stores nothing."""
        for end in (Socket.cut, lambda connection: connection.socket.close()):
            with Socket(self.node.api) as connection:
                connection.send(self.upload(f"Content-Length: {len(CONTENT)}"), CONTENT[:5000])
                wait_until(lambda: len(self.node.spooled()) == 1, "the upload's file")
                end(connection)
            wait_until(lambda: not self.node.spooled(), "an empty folder of uploads")
        self.assertFalse(self.is_stored())

    def test_half_closed_after_the_request(self) -> None:
        """A whole request whose sender then closes its half is answered."""
        content = CONTENT + self.site.encode()
        head = self.upload(f"Content-Length: {len(content)}", sha256=hashlib.sha256(content).hexdigest())
        self.assertEqual(status_of(exchange(self.node.api, head, content)), 201)
        self.node.deploy(write_files(self.folder / "public", {"index.html": self.site}), self.site)
        answer = exchange(self.node.http, request("GET", "/", (f"Host: {self.site}",)))
        self.assertEqual((status_of(answer), answer.rpartition(b"\r\n")[2]), (200, self.site.encode()))

    def test_half_closed_in_the_head(self) -> None:
        """A head that ends in the middle gets no answer, and the connection is closed."""
        for head in (b"GET / HTTP/1.1\r\nHost: x", b"GET ", b"\r\n"):
            self.assertIn(status_of(exchange(self.node.http, head)), (0, 400))

    def test_over_the_limit(self) -> None:
        """A body announced above the limit is refused at once; the API's JSON is limited too."""
        announced = f"Content-Length: {2**40}"
        self.assertEqual(status_of(exchange(self.node.api, self.upload(announced))), 413)
        fields = ("Host: x", f"Authorization: Bearer {self.node.key}", announced)
        for path in (
            f"/api/v2/sites/{self.site}/deployments",
            f"/api/v2/sites/{self.site}/missing",
            "/api/v1/Upload/File",
        ):
            self.assertEqual(status_of(exchange(self.node.api, request("POST", path, fields))), 413, path)

    def test_longer_than_announced(self) -> None:
        """What follows a body is not part of it: the upload is right, and the rest no request."""
        content = self.site.encode() * 100
        head = self.upload(f"Content-Length: {len(content)}", sha256=hashlib.sha256(content).hexdigest())
        answer = exchange(self.node.api, head, content, b"rubbish that is no request\r\n\r\n")
        self.assertEqual(status_of(answer), 201)
        self.assertIn(b"400 Bad Request", answer.partition(b"\r\n\r\n")[2])

    def test_no_length(self) -> None:
        """A blob without a length, or in chunks, is 411; JSON in chunks without end is 413."""
        self.assertEqual(status_of(exchange(self.node.api, self.upload())), 411)
        self.assertEqual(status_of(exchange(self.node.api, self.upload("Transfer-Encoding: chunked"))), 411)

    def test_chunks_without_end(self) -> None:
        """Chunks that never end are refused when the limit is met."""
        path = "/api/v1/Upload/Manifest"
        fields = ("Host: x", f"Authorization: Bearer {self.node.key}", "Transfer-Encoding: chunked")
        with Socket(self.node.api) as connection:
            connection.send(request("POST", path, fields))
            chunk = b"%x\r\n%s\r\n" % (2**20, b" " * 2**20)
            try:
                for _ in range(40):
                    connection.send(chunk)
            except (BrokenPipeError, ConnectionResetError):
                pass
            self.assertEqual(status_of(connection.read()), 413)

    def test_bad_lengths(self) -> None:
        """Lengths that are no numbers, negative, several, or beside chunks are refused: none is guessed."""
        for fields in (
            ("Content-Length: x",), ("Content-Length: -1",), ("Content-Length: 1_0",), ("Content-Length: +5",),
            ("Content-Length: 5", "Content-Length: 6"), ("Content-Length: 5", "Transfer-Encoding: chunked"),
            ("Transfer-Encoding: gzip",), ("Content-Length: 0x10",),
        ):  # fmt: skip
            answer = exchange(self.node.api, self.upload(*fields), b"0\r\n\r\n")
            self.assertIn(status_of(answer), (400, 411, 501), fields)

    def test_bad_json(self) -> None:
        """Broken JSON, other types and members that are missing are 4xx problems with a field or a sentence."""
        deployments = f"/api/v2/sites/{self.site}/deployments"
        deep = b"[" * 100_000
        for body in (
            b"",
            b"{",
            b"[]",
            b"null",
            b"\xff\xfe",
            b'{"files": 1}',
            b'{"files": {"a": 1}, "branch": "main"}',
            deep,
            b'{"a":' * 50_000,
        ):
            answer = call_api(self.node.api, self.node.key, "POST", deployments, body)
            self.assertIn(answer.status, (400, 422), body[:40])
            self.assertEqual(answer.headers["content-type"], "application/problem+json")
            self.assertTrue(answer.json()["detail"])

    def test_bad_paths(self) -> None:
        """Paths that climb, are absolute, hold NUL, differ only in normalisation, or lie under cdn-cgi are 422 with the field."""
        blob = {"sha256": SHA256, "size": len(CONTENT)}
        deployments = f"/api/v2/sites/{self.site}/deployments"
        for paths in (
            ("../etc/passwd",), ("/etc/passwd",), ("a\0b",), ("a//b",), ("a/./b",), ("a\\b",), ("",), ("dir/",), ("x" * 2000,),
            ("caf\u00e9", "cafe\u0301"), ("cdn-cgi/trace",), ("a/../../b",), ("\ud800",), ("a\nb",),
        ):  # fmt: skip
            body = {"branch": "main", "files": dict.fromkeys(paths, blob)}
            answer = call_api(self.node.api, self.node.key, "POST", deployments, body)
            self.assertEqual((answer.status, answer.json()["field"]), (422, "files"), paths)

    def test_bad_hosts(self) -> None:
        """Sites that are no host names are 422 with the field."""
        for host in ("127.0.0.1", "%5B::1%5D", "a..b", "-a.b", "x" * 64, "a." * 130, "a%20b", "*.example.org", "a:80"):
            answer = call_api(self.node.api, self.node.key, "POST", f"/api/v2/sites/{host}/missing", {"hashes": []})
            self.assertEqual((answer.status, answer.json()["field"]), (422, "host"), host)

    def test_blobs_that_are_not_stored(self) -> None:
        """A manifest that names blobs which are not stored is 409, tells which, and nothing is listed."""
        absent = hashlib.sha256(self.site.encode()).hexdigest()
        body = {"branch": "main", "files": {"index.html": {"sha256": absent, "size": 5}}}
        answer = call_api(self.node.api, self.node.key, "POST", f"/api/v2/sites/{self.site}/deployments", body)
        self.assertEqual((answer.status, answer.json()["missing"]), (409, [absent]))
        self.assertEqual(fetch(self.node.http, self.site, "/").status, 404)
        self.assertEqual(
            call_api(self.node.api, self.node.key, "GET", f"/api/v2/sites/{self.site}/deployments").status, 404
        )


class BodiesOnApacheCouchDB(OnApacheCouchDB, Bodies):
    """The same on Apache CouchDB."""


class Slow(Sockets):
    """What takes its time."""

    def test_slow_without_end(self) -> None:
        """A body that drips a byte a second is ended by the server: 408 after its 20 seconds of grace."""
        with Socket(self.node.api, seconds=1) as connection:
            connection.send(self.upload("Content-Length: 1000000"))
            until = time.monotonic() + 40
            answer = b""
            while not answer and time.monotonic() < until:
                connection.send(b"x")
                try:
                    answer = connection.socket.recv(65536)
                except TimeoutError:
                    continue
        self.assertEqual(status_of(answer), 408)


class Heads(Sockets):
    """Request heads that are none."""

    def test_several_hosts(self) -> None:
        """Two Host fields, or none in HTTP/1.1, are 400."""
        for fields in ((), ("Host: a.example", "Host: b.example"), ("Host: a.example", "Host: a.example")):
            self.assertEqual(status_of(exchange(self.node.http, request("GET", "/", fields))), 400, fields)

    def test_rubbish(self) -> None:
        """Bytes that are no HTTP end the connection, with 400 at most."""
        for rubbish in (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300), b"\0" * 1000, b"\xff" * 1000, b"GET\r\n\r\n",
            b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", b"GET /\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\n: x\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost x\r\n\r\n", b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\r\n" * 500,
        ):  # fmt: skip
            answer = exchange(self.node.http, rubbish)
            self.assertIn(status_of(answer), (0, 400, 404, 505), (rubbish[:40], answer[:200]))

    def test_endless_heads(self) -> None:
        """A request line, a field or a number of fields without end is cut off, not collected."""
        for begin, more in (
            (b"GET /", b"a" * 65536),
            (b"GET / HTTP/1.1\r\nHost: x\r\nX: ", b"a" * 65536),
            (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n" * 10000),
        ):
            answer = b""
            with Socket(self.node.http) as connection:
                try:
                    connection.send(begin)
                    for _ in range(64):
                        connection.send(more)
                    answer = connection.read()
                except (BrokenPipeError, ConnectionResetError):
                    pass
            self.assertIn(status_of(answer), (0, 400, 414, 431), begin)

    def test_pipelined(self) -> None:
        """Requests sent at once are answered one after the other, in order, and the bad one ends it."""
        self.node.deploy(write_files(self.folder / "public", {"a": "AAA", "b": "BBB"}), self.site)
        fields = (f"Host: {self.site}",)
        answer = exchange(
            self.node.http, request("GET", "/a", fields), request("HEAD", "/b", fields), request("GET", "/b", fields)
        )
        self.assertEqual(answer.count(b"HTTP/1.1 200 OK"), 3)
        self.assertLess(answer.index(b"AAA"), answer.index(b"BBB"))
        self.assertTrue(answer.endswith(b"BBB"))

    def test_smuggling(self) -> None:
        """A body on a GET is never taken for the next request."""
        inner = request("GET", "/inner", ("Host: evil.example",))
        self.node.deploy(write_files(self.folder / "public", {"index.html": "outer"}), self.site)
        answer = exchange(
            self.node.http, request("GET", "/", (f"Host: {self.site}", f"Content-Length: {len(inner)}"), inner)
        )
        self.assertEqual(answer.count(b"HTTP/1.1 "), 1, answer)

    def test_many_connections(self) -> None:
        """Five hundred silent connections do not keep others from being served."""
        silent = [Socket(self.node.http) for _ in range(500)]
        try:
            self.assertEqual(fetch(self.node.http, self.site, "/").status, 404)
        finally:
            for each in silent:
                each.socket.close()

    def test_slow_reader(self) -> None:
        """A visitor who asks for much and reads nothing costs the others nothing."""
        content = bytes(20_000_000)
        self.node.deploy(write_files(self.folder / "public", {"large.bin": content, "index.html": "small"}), self.site)
        with Socket(self.node.http) as connection:
            connection.send(request("GET", "/large.bin", (f"Host: {self.site}",)) * 10)
            for _ in range(20):
                self.assertEqual(fetch(self.node.http, self.site, "/").body, b"small")
        self.assertEqual(fetch(self.node.http, self.site, "/large.bin").body, content)
