"""The edge's small parts: bodies, problems, routes, credentials, health."""

import errno
import json
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.metrics import Metrics
from couchpages.ports import Conflict, Denied, NoRoom, NotFound, StoreError, TooLarge, Unavailable
from couchpages.web.credentials import api_key
from couchpages.web.exchange import Discarded, Exchange, InMemory, announced_length
from couchpages.web.health import Health
from couchpages.web.message import Headers, RequestHead, Response
from couchpages.web.problem import Problem, json_response, problem_for_disk, problem_for_store
from couchpages.web.routes import Route, Routes, split_path
from couchpages.web.spool import Spool


def head(target: bytes = b"/", method: bytes = b"GET", *fields: tuple[bytes, bytes]) -> RequestHead:
    """Give a request's head."""
    return RequestHead(method, target, b"HTTP/1.1", Headers(((b"host", b"a"), *fields)), "192.0.2.1", "http")


async def value_of(awaitable: Awaitable[Response]) -> Response:
    """Await *awaitable*."""
    return await awaitable


class Messages(SynchronousTestCase):
    """``message``."""

    def test_headers(self) -> None:
        """Fields of one name are kept in order, and joined as a list."""
        headers = Headers(((b"a", b"1"), (b"b", b"2"), (b"a", b"3")))
        self.assertEqual(headers.all(b"a"), [b"1", b"3"])
        self.assertEqual((headers.first(b"a"), headers.first(b"c")), (b"1", None))
        self.assertEqual((headers.joined(b"a"), headers.joined(b"c")), (b"1, 3", None))

    def test_response(self) -> None:
        """More fields stand behind a response's own."""
        self.assertEqual(
            Response(200, ((b"a", b"1"),), b"x").with_headers([(b"b", b"2")]).headers, ((b"a", b"1"), (b"b", b"2"))
        )


class Bodies(SynchronousTestCase):
    """``exchange``."""

    def test_in_memory(self) -> None:
        """A body up to its limit is given back; the next byte is 413."""
        body = InMemory(4)
        body.write(b"ab")
        body.write(b"cd")
        self.assertEqual(body.content(), b"abcd")
        self.assertEqual(self.assertRaises(Problem, body.write, b"e").status, 413)

    def test_discarded(self) -> None:
        """A body that nobody reads is forgotten up to its limit."""
        body = Discarded(4)
        body.write(b"abcd")
        self.assertEqual(self.assertRaises(Problem, body.write, b"e").status, 413)
        body.close()

    def test_announced_length(self) -> None:
        """A Content-Length is read, a missing one is None, a too large one is 413, however many digits it has."""

        def announced(value: bytes) -> int | None:
            return announced_length(head(b"/", b"PUT", (b"content-length", value)), 1000)

        self.assertIsNone(announced_length(head(), 1000))
        self.assertEqual((announced(b"0"), announced(b"1000"), announced(b"0010")), (0, 1000, 10))
        for value in (b"1001", b"9" * 19, b"9" * 5000):
            with self.subTest(value=value):
                problem = self.assertRaises(Problem, announced, value)
                self.assertEqual((problem.status, problem.field), (413, "Content-Length"))


class Spooling(SynchronousTestCase):
    """``spool``."""

    def setUp(self) -> None:
        """Open a spool."""
        self.folder = Path(self.mktemp())
        self.spool = Spool(self.folder)
        self.spool.open()

    def test_content(self) -> None:
        """What came can be read as often as wanted, and is hashed; then the file is gone."""
        body = self.spool.body(100)
        body.write(b"ab")
        body.write(b"c")
        self.assertEqual(body.finish(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        for _ in range(2):
            with body.open() as file:
                self.assertEqual(file.read(), b"abc")
        self.assertEqual(body.path.stat().st_mode & 0o777, 0o600)
        body.close()
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_limit(self) -> None:
        """A body above its limit is 413."""
        body = self.spool.body(3)
        self.addCleanup(body.close)
        self.assertEqual(self.assertRaises(Problem, body.write, b"abcd").status, 413)

    def test_moved_away(self) -> None:
        """A file that somebody took is not missed."""
        body = self.spool.body(3)
        body.path.rename(self.folder / "taken")
        body.close()
        self.assertTrue((self.folder / "taken").exists())

    def test_left_behind(self) -> None:
        """What a killed process left is removed."""
        (self.folder / "left").write_bytes(b"x")
        self.spool.open()
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_full_disk(self) -> None:
        """On a full disk finishing fails, letting go does not, and nothing is left."""
        body = self.spool.body(100)
        body._file.close()
        body._file = full_file(self)
        body.write(b"abc")
        self.assertEqual(self.assertRaises(OSError, body.finish).errno, errno.ENOSPC)
        body.close()
        self.assertTrue(body._file.closed)
        self.assertEqual(list(self.folder.iterdir()), [])


def full_file(case: SynchronousTestCase) -> BinaryIO:
    """Open a buffered file on a disk without room."""
    try:
        return Path("/dev/full").open("wb", buffering=65536)
    except OSError as error:
        case.skipTest(f"needs /dev/full: {error}")


class Problems(SynchronousTestCase):
    """``problem``."""

    def test_members(self) -> None:
        """A problem has the members of RFC 9457, the field, more members, and more header fields."""
        response = Problem(409, "no", field="x", headers=((b"a", b"b"),), more={"missing": ["é"]}).response()
        self.assertEqual(response.status, 409)
        assert isinstance(response.body, bytes)
        self.assertEqual(
            json.loads(response.body),
            {"type": "about:blank", "title": "Conflict", "status": 409, "detail": "no", "missing": ["é"], "field": "x"},
        )
        self.assertIn((b"a", b"b"), response.headers)
        self.assertIn((b"content-type", b"application/problem+json"), response.headers)
        self.assertIn((b"cache-control", b"no-store"), response.headers)

    def test_of_the_store(self) -> None:
        """Whatever CouchDB's error, nobody is told that a thing does not exist, and its words are not passed on."""
        for error, status in [
            (NoRoom("secret"), 507),
            (TooLarge("secret"), 413),
            (Unavailable("secret"), 503),
            (NotFound("secret"), 503),
            (Conflict("secret"), 503),
            (Denied("secret"), 503),
            (StoreError("secret"), 503),
        ]:
            with self.subTest(error=error):
                problem = problem_for_store(error)
                self.assertEqual(problem.status, status)
                self.assertNotIn("secret", problem.detail)
                if status == 503:
                    self.assertIn((b"retry-after", b"5"), problem.response().headers)

    def test_of_the_disk(self) -> None:
        """A full disk or quota is 507, anything else 500."""
        statuses = [problem_for_disk(OSError(code, "x")).status for code in (errno.ENOSPC, errno.EDQUOT, errno.EIO)]
        self.assertEqual(statuses, [507, 507, 500])

    @settings(deadline=None)
    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """Whatever text stands in an answer, the answer can be read back."""
        body = json_response(200, [text]).body
        assert isinstance(body, bytes)
        self.assertEqual(json.loads(body), [text])

    def test_half_a_surrogate_pair(self) -> None:
        """Also half of a surrogate pair, which JSON can bring in."""
        body = json_response(200, ["\udcff\ud800"]).body
        assert isinstance(body, bytes)
        self.assertEqual(json.loads(body), ["\udcff\ud800"])


class Calls(SynchronousTestCase):
    """``routes``."""

    def setUp(self) -> None:
        """Make a few calls."""
        self.called: list[tuple[str, Mapping[str, str]]] = []

        def call(method: str, template: str) -> Route:
            def endpoint(head: RequestHead, values: Mapping[str, str]) -> Exchange:
                del head
                self.called.append((f"{method} {template}", values))
                return Exchange(lambda: value_of(Deferred()), Discarded())

            return Route(method, template, endpoint)

        self.routes = Routes(
            (call("GET", "/a/{x}"), call("PUT", "/a/{x}"), call("POST", "/b"), call("GET", "/a/b/{x}/c"))
        )

    def test_found(self) -> None:
        """Method and path choose the call, decoded segments are its values; HEAD is a GET."""
        for method, target in [
            (b"GET", b"/a/1"),
            (b"PUT", b"/a/%C3%A9%2F?q"),
            (b"HEAD", b"/a/b/2/c"),
            (b"POST", b"/b?x/y"),
            (b"POST", b"http://a:8081/b?x"),
        ]:
            self.routes.admit(head(target, method))
        self.assertEqual(
            self.called,
            [
                ("GET /a/{x}", {"x": "1"}),
                ("PUT /a/{x}", {"x": "é/"}),
                ("GET /a/b/{x}/c", {"x": "2"}),
                ("POST /b", {}),
                ("POST /b", {}),
            ],
        )

    def test_host(self) -> None:
        """Defect: the API answered requests of HTTP/1.1 that had no Host field, or several (RFC 9112 section 3.2)."""
        plain = head(b"/b", b"POST")
        for fields in ((), ((b"host", b"a"), (b"host", b"b"))):
            request = replace(plain, headers=Headers(fields))
            self.assertEqual(self.assertRaises(Problem, self.routes.admit, request).status, 400)
        self.routes.admit(replace(plain, headers=Headers(), version=b"HTTP/1.0"))

    def test_not_found(self) -> None:
        """Other paths are 404: also a missing value, a slash more, another case."""
        for target in (b"/", b"/a", b"/a/", b"/a/1/", b"/b/", b"/B", b"//b", b"/a/b//c"):
            with self.subTest(target=target):
                self.assertEqual(self.assertRaises(Problem, self.routes.admit, head(target, b"POST")).status, 404)

    def test_other_method(self) -> None:
        """Another method is 405 and tells which there are; where GET is, HEAD is."""
        for target, allow in [(b"/a/1", b"GET, HEAD, PUT"), (b"/b", b"POST")]:
            problem = self.assertRaises(Problem, self.routes.admit, head(target, b"DELETE"))
            self.assertEqual((problem.status, problem.headers), (405, ((b"allow", allow),)))

    def test_no_path(self) -> None:
        """A target that is no path, or no UTF-8, is 400."""
        for target in (b"*", b"a", b"/%ff", b"http://a", b"ftp://a/b", b"http:///b"):
            self.assertEqual(self.assertRaises(Problem, self.routes.admit, head(target)).status, 400)

    @settings(deadline=None)
    @given(st.binary(max_size=30))
    def test_any_target(self, target: bytes) -> None:
        """Whatever the target, it is split or is a 400."""
        try:
            segments = split_path(target)
        except Problem as problem:
            self.assertEqual(problem.status, 400)
        else:
            slashes = target.split(b"?")[0].count(b"/")
            self.assertEqual(len(segments), slashes if target.startswith(b"/") else slashes - 2)


class Credentials(SynchronousTestCase):
    """``credentials``."""

    def test_table(self) -> None:
        """Where a key may stand."""
        for fields, key in [
            ((), None),
            (((b"authorization", b"Bearer abc"),), "abc"),
            (((b"authorization", b"bearer  abc "),), "abc"),
            (((b"apikey", b"abc"),), "abc"),
            (((b"authorization", b"Basic YTpi"), (b"apikey", b"abc")), "abc"),
            (((b"authorization", b"Basic YTpi"),), None),
            (((b"authorization", b"Bearer"),), None),
            (((b"authorization", b"Bearer one"), (b"apikey", b"two")), "one"),
            (((b"apikey", "schlüssel".encode()),), "schlüssel"),
            (((b"apikey", b"\xff"),), "\udcff"),
        ]:
            with self.subTest(fields=fields):
                self.assertEqual(api_key(head(b"/", b"GET", *fields)), key)


class Part:
    """A part of a node."""

    def __init__(self, obstacles: list[str], troubles: list[str]) -> None:
        self._obstacles, self._troubles = obstacles, troubles

    def obstacles(self) -> list[str]:
        """Tell what keeps it from serving."""
        return self._obstacles

    def troubles(self) -> list[str]:
        """Tell what is wrong."""
        return self._troubles


class Healths(SynchronousTestCase):
    """``health``."""

    def get(self, path: bytes, *parts: Part, accept: bytes = b"") -> Response:
        """Give the answer of a GET."""
        exchange = Routes(Health(parts, Metrics()).routes()).admit(head(path, b"GET", (b"accept", accept)))
        return self.successResultOf(Deferred.fromCoroutine(value_of(exchange.respond())))

    def body(self, response: Response) -> object:
        """Read a JSON body."""
        assert isinstance(response.body, bytes)
        return json.loads(response.body)

    def test_alive(self) -> None:
        """A process that answers is alive, whatever its parts say."""
        response = self.get(b"/healthz", Part(["x"], ["x"]))
        self.assertEqual((response.status, self.body(response)), (200, {"status": "ok"}))

    def test_ready(self) -> None:
        """A node is ready when nothing keeps it from serving, though something may be wrong."""
        response = self.get(b"/readyz", Part([], []), Part([], ["slow"]))
        self.assertEqual((response.status, self.body(response)), (200, {"ready": True, "troubles": ["slow"]}))

    def test_not_ready(self) -> None:
        """A node that is not ready tells every reason."""
        response = self.get(b"/readyz", Part(["a"], []), Part(["b", "c"], ["d"]))
        self.assertEqual(
            (response.status, self.body(response)),
            (503, {"ready": False, "reasons": ["a", "b", "c"], "troubles": ["d"]}),
        )

    def test_metrics(self) -> None:
        """The metrics come in Prometheus's text format, or in OpenMetrics for whom asks."""
        response = self.get(b"/metrics")
        self.assertIn((b"content-type", b"text/plain; version=0.0.4; charset=utf-8"), response.headers)
        assert isinstance(response.body, bytes)
        self.assertIn(b"# TYPE couchpages_sites gauge", response.body)
        response = self.get(b"/metrics", accept=b"application/openmetrics-text; version=1.0.0")
        assert isinstance(response.body, bytes)
        self.assertTrue(response.body.endswith(b"# EOF\n"))
