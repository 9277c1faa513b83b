"""HTTP-01 challenges: answered before everything else, at every host, over every protocol."""

from io import BytesIO
from pathlib import Path
from typing import cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.challenges import ChallengesFirst, no_answer, token_in
from couchpages.pages.front import Front
from couchpages.pages.secure import CHALLENGES, Secure
from couchpages.pages.trace import Place
from couchpages.pages.visits import Visits
from couchpages.ports import Unavailable
from couchpages.testing.asking import Answer, exchange, head_of, now, received
from couchpages.testing.node import API_HOST, MemoryNode
from couchpages.web.exchange import Application, Discarded, Exchange
from couchpages.web.hosts import ByHost
from couchpages.web.message import FilePart, RequestHead, Response
from couchpages.web.routes import Routes
from tests.pages.fronts import PublicPort, answer, answers, request
from tests.web.h2_client import Client
from tests.web.native import send

HOST = "a.example"
TOKEN = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
KEY = b"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
TARGET = f"/.well-known/acme-challenge/{TOKEN}"
BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def not_known(host: str, token: str) -> bytes | None:
    """Answer as while challenges are not read."""
    raise Unavailable(f"{token} at {host} is not known yet")


class Giving:
    """An application that gives one response."""

    def __init__(self, response: Response) -> None:
        self._response = response

    def admit(self, head: RequestHead) -> Exchange:
        """See Application."""
        del head

        async def respond() -> Response:
            return self._response

        return Exchange(respond, Discarded())


class Case(SynchronousTestCase):
    """A node with a site, and challenges at it, at the API's host, and at a host that is no site."""

    def setUp(self) -> None:
        """Deploy the site, which has a file of its own where challenges are looked for."""
        self.node = MemoryNode(Path(self.mktemp()))
        self.node.deploy(HOST, {"index.html": b"home", ".well-known/acme-challenge/own": b"by the site itself"})
        for host in (HOST, API_HOST, "unknown.example", "192.0.2.7"):
            self.node.challenges[host, TOKEN] = KEY

    def visit(self, host: str, target: str, method: str = "GET") -> Answer:
        """Ask the public port's application."""
        return self.node.visit(host, target, method)


class Applications(Case):
    """``ChallengesFirst``."""

    def test_answer(self) -> None:
        """The bytes, of no type that a browser acts on, for nobody to keep; HEAD gives the same head (RFC 8555 section 8.3)."""
        found = self.visit(HOST, TARGET)
        self.assertEqual((found.status, found.body), (200, KEY))
        self.assertEqual(found.headers["content-type"], "application/octet-stream")
        self.assertEqual(found.headers["cache-control"], "no-store")
        head = self.visit(HOST, TARGET, "HEAD")
        self.assertEqual((head.status, head.headers, head.body), (200, found.headers, b""))

    def test_every_host(self) -> None:
        """At sites, at the API's host, at hosts that are no site and at addresses, however the host is written."""
        for host in (HOST, "A.Example.", "a.example:80", API_HOST, "unknown.example", "192.0.2.7"):
            self.assertEqual(self.visit(host, TARGET).body, KEY, host)

    def test_absolute_form(self) -> None:
        """Where the target has an authority, that is the host, whatever the field says (RFC 9112 section 3.2.2)."""
        self.assertEqual(self.visit("other.example", f"http://{HOST}{TARGET}").body, KEY)
        self.assertEqual(self.visit(HOST, f"http://other.example{TARGET}").status, 404)

    def test_query(self) -> None:
        """A query makes no difference, as it makes none for files."""
        self.assertEqual(self.visit(HOST, f"{TARGET}?a=b").body, KEY)

    def test_no_answer(self) -> None:
        """Without an answer the inner application says what it said before: the site's own file, no such page, no such site."""
        for host, target, method in (
            (HOST, "/.well-known/acme-challenge/own", "GET"),
            (HOST, "/.well-known/acme-challenge/unknown", "GET"),
            (HOST, "/.well-known/acme-challenge/", "GET"),
            (HOST, TARGET + "%41", "GET"),
            (HOST, TARGET.replace("-", "%2D"), "GET"),
            (HOST, TARGET + "/", "GET"),
            (HOST, "/x" + TARGET, "GET"),
            (HOST, TARGET, "POST"),
            ("other.example", TARGET, "GET"),
            ("", TARGET, "GET"),
            ("not a host", TARGET, "GET"),
            (API_HOST, "/api/v2/sites", "GET"),
        ):
            inner = ByHost([API_HOST], self.node.private, self.node.visits)
            before = now_of(inner, host, target, method)
            self.assertEqual(self.visit(host, target, method), before, (host, target, method))
            self.assertNotEqual(before.body, KEY)
        self.assertEqual(self.visit(HOST, "/.well-known/acme-challenge/own").body, b"by the site itself")

    def test_two_hosts(self) -> None:
        """A request that names two hosts is for none of them."""
        head = head_of("GET", TARGET, ((b"host", HOST.encode()), (b"host", HOST.encode())))
        self.assertEqual(received(now_exchange(self.node.public, head)).status, 400)

    def test_not_asked(self) -> None:
        """What can be no token is never looked up; neither is anything that is not asked for at this path."""
        asked: list[tuple[str, str]] = []

        def ask(host: str, token: str) -> None:
            asked.append((host, token))

        public = ChallengesFirst(ask, ByHost([API_HOST], self.node.private, self.node.visits))
        prefix = "/.well-known/acme-challenge/"
        for target in (
            "/",
            prefix,
            prefix + "a.b",
            prefix + "ä",
            prefix + "../x",
            prefix + "x" * 257,
            "/x" + prefix + "x",
        ):
            now_exchange(public, head_of("GET", target.encode(), {"Host": HOST}))
        self.assertEqual(asked, [])
        now_exchange(public, head_of("GET", prefix + "x" * 256, {"Host": HOST}))
        self.assertEqual(asked, [(HOST, "x" * 256)])

    def test_without_certificates(self) -> None:
        """A node that orders none has no answer."""
        public = ChallengesFirst(no_answer, ByHost([API_HOST], self.node.private, self.node.visits))
        self.assertEqual(now_of(public, HOST, TARGET).status, 404)

    def test_not_known_yet(self) -> None:
        """While challenges are not read, none is denied: 503. Files of the site are there, and what is no token is not."""
        self.node.deploy("own.example", {"index.html": b"home", "404.html": b"not here"})
        public = ChallengesFirst(not_known, ByHost([API_HOST], self.node.private, self.node.visits))
        for host in (HOST, "own.example", "unknown.example", API_HOST, "192.0.2.7"):
            found = now_of(public, host, TARGET)
            self.assertEqual((found.status, found.headers["cache-control"]), (503, "no-store"), host)
            self.assertGreater(int(found.headers["retry-after"]), 0)
            head = now_of(public, host, TARGET, "HEAD")
            self.assertEqual((head.status, head.headers, head.body), (503, found.headers, b""))
        for host, target, method in (
            (HOST, "/.well-known/acme-challenge/own", "GET"),
            (HOST, "/.well-known/acme-challenge/own", "HEAD"),
            (HOST, "/.well-known/acme-challenge/", "GET"),
            (HOST, TARGET + "/", "GET"),
            (HOST, TARGET, "POST"),
            (HOST, "/", "GET"),
            (HOST, "/unknown", "GET"),
            ("not a host", TARGET, "GET"),
        ):
            self.assertEqual(now_of(public, host, target, method), self.visit(host, target, method), (host, target))
        response = now_exchange(public, head_of("GET", TARGET, {"Host": HOST}))
        self.assertEqual(response.site, HOST)

    def test_error_page_is_closed(self) -> None:
        """The site's own page, which is not sent while challenges are not read, is closed, where it is a file."""
        page = BytesIO()
        response = Response(404, (), (FilePart(page, 0, 0),), HOST)
        found = now_exchange(
            ChallengesFirst(not_known, cast("ByHost", Giving(response))), head_of("GET", TARGET, {"Host": HOST})
        )
        self.assertEqual((found.status, found.site, page.closed), (503, HOST, True))

    @given(st.text(BASE64URL, min_size=1, max_size=256))
    def test_tokens(self, token: str) -> None:
        """Every token is read as it was written."""
        self.assertEqual(token_in(CHALLENGES + token.encode()), token)

    @given(st.binary(max_size=40))
    def test_any_target(self, rest: bytes) -> None:
        """Whatever stands behind the path, what is read of it is a token of its own characters."""
        token = token_in(CHALLENGES + rest)
        self.assertTrue(token is None or (set(token) <= set(BASE64URL) and rest.startswith(token.encode())))


class Redirected(Case):
    """Where visitors are sent to HTTPS."""

    def test_not_redirected(self) -> None:
        """A challenge is answered over plain HTTP, also behind a proxy that says so."""
        visits = Visits(
            self.node.sites, self.node.blobs, Place("n", "Graz", "AT"), (), lambda: 0.0, Secure(lambda _: True)
        )
        public = ChallengesFirst(
            lambda host, token: self.node.challenges.get((host, token)), ByHost([], Routes(()), visits)
        )
        self.assertEqual(now_of(public, HOST, "/").status, 308)
        self.assertEqual(now_of(public, HOST, TARGET).body, KEY)
        proxied = head_of(
            "GET", TARGET, {"Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7"}
        )
        self.assertEqual(received(now_exchange(public, proxied)).body, KEY)


class OnConnections(Case):
    """Over the wire."""

    def setUp(self) -> None:
        """Open the port."""
        super().setUp()
        self.port = PublicPort(self.node)

    def test_http_1(self) -> None:
        """On a visitor's connection, also behind other requests, and as HTTP/1.0; what comes behind it is answered too."""
        wire = send(self.port.connect(), request() + request(TARGET.encode()) + request())
        bodies = [each.body for each in answers(wire)]
        self.assertEqual(bodies, [b"home", KEY, b"home"])
        wire.lose()
        old = request(TARGET.encode()).replace(b"HTTP/1.1", b"HTTP/1.0")
        self.assertEqual(answer(send(self.port.connect(), old)).body, KEY)
        head = send(self.port.connect(), request(TARGET.encode(), method=b"HEAD"))
        self.assertEqual(answer(head, b"HEAD").fields[b"content-length"], b"%d" % len(KEY))

    def test_http_2(self) -> None:
        """On a stream of HTTP/2."""
        self.node.challenges["a.test", TOKEN] = KEY
        client = Client(self.port.edge, self.port.clock)
        stream = client.ask(TARGET)
        client.until_quiet()
        self.assertEqual((client.heads[stream][b":status"], client.bodies[stream]), (b"200", KEY))

    def test_never_ready(self) -> None:
        """No answer below this path is held ready, neither a challenge's nor a site's own file, so that what comes later is answered."""
        own = b"/.well-known/acme-challenge/own"
        for _ in range(3):
            self.assertEqual(self.port.ask(request(own))[0].body, b"by the site itself")
            self.assertEqual(self.port.ask(request(TARGET.encode()))[0].body, KEY)
        self.assertEqual([shelf.answers for shelf in self.port.ready.shelves.values()], [])
        self.node.challenges[HOST, "own"] = b"another"
        self.assertEqual(self.port.ask(request(own))[0].body, b"another")
        del self.node.challenges[HOST, TOKEN]
        self.assertEqual(self.port.ask(request(TARGET.encode()))[0].status, 404)

    def test_others_are_ready(self) -> None:
        """What is asked for elsewhere is held ready as before, and the question whether it is a challenge is not asked again."""
        asked: list[bytes] = []

        def is_call(head: RequestHead) -> bool:
            asked.append(head.target)
            return self.node.public.is_call(head)

        port = self.port
        port.front = Front(port.edge, self.node.sites, self.node.blobs, self.node.visits, port.ready, is_call)
        for _ in range(3):
            self.assertEqual(port.ask(request())[0].body, b"home")
        self.assertLessEqual(len(asked), 2)
        self.assertEqual([list(shelf.answers) for shelf in port.ready.shelves.values()], [[b"/"]])


def now_exchange(application: Application, head: RequestHead) -> Response:
    """Ask an application."""
    return now(Deferred.fromCoroutine(exchange(application, head)))


def now_of(application: Application, host: str, target: str, method: str = "GET") -> Answer:
    """Ask an application as a visitor."""
    return received(now_exchange(application, head_of(method, target, {"Host": host})), method)
