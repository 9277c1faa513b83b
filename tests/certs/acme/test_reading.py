"""What strangers send is read without harm, and refused as an AcmeError if at all."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.acme.answers import LONGEST_RETRY, SHORTEST_RETRY, Answer
from couchpages.certs.acme.ari import parse_renewal_info
from couchpages.certs.acme.chains import read_chain
from couchpages.certs.acme.csr import request_for
from couchpages.certs.acme.directory import Directory, parse_directory
from couchpages.certs.acme.errors import AcmeError, Cause
from couchpages.certs.acme.fields import trouble_with
from couchpages.certs.acme.identifiers import Identifier
from couchpages.certs.acme.nonces import MOST, Nonces
from couchpages.certs.acme.polling import LONGEST, SHORTEST, pause
from couchpages.certs.acme.problems import problem_of
from couchpages.certs.acme.resources import Status, parse_authorization, parse_order
from tests.certs.acme.made import answer, leaf_key
from tests.certs.made import NOW, pems

DIRECTORY = Directory("https://ca.test/d", "https://ca.test/n", "https://ca.test/a", "https://ca.test/o")
TOKEN = "DGyRejmCefe7v4NfDGDKfA"
#: RFC 8555 section 7.1.3, shortened.
ORDER = {
    "status": "valid",
    "expires": "2016-01-20T14:09:07.99Z",
    "identifiers": [{"type": "dns", "value": "www.example.org"}, {"type": "dns", "value": "example.org"}],
    "notBefore": "2016-01-01T00:00:00Z",
    "authorizations": ["https://example.com/acme/authz/PAniVnsZcis", "https://example.com/acme/authz/r4HqLzrSrpI"],
    "finalize": "https://example.com/acme/order/TOlocE8rfgo/finalize",
    "certificate": "https://example.com/acme/cert/jWCdfHVGY2M",
}
#: RFC 8555 section 7.1.4.
AUTHORIZATION = {
    "status": "valid",
    "expires": "2015-03-01T14:09:07.99Z",
    "identifier": {"type": "dns", "value": "www.example.org"},
    "challenges": [
        {
            "url": "https://example.com/acme/chall/prV_B7yEyA4",
            "type": "http-01",
            "status": "valid",
            "token": TOKEN,
            "validated": "2014-12-01T12:05:13.72Z",
        },
        {"type": "future-01", "url": 7},
    ],
    "wildcard": False,
}
META = {
    "termsOfService": "t",
    "website": "w",
    "caaIdentities": ["c"],
    "externalAccountRequired": False,
    "profiles": {"p": "q"},
}
DIRECTORY_JSON = {
    **{name: f"https://ca.test/{name}" for name in ("newNonce", "newAccount", "newOrder", "revokeCert", "renewalInfo")},
    "meta": META,
}
INFO = {
    "suggestedWindow": {"start": "2025-01-02T04:00:00Z", "end": "2025-01-03T04:00:00Z"},
    "explanationURL": "https://x",
}
PROBLEM = {
    "type": "urn:ietf:params:acme:error:malformed",
    "detail": "Some of the identifiers requested were rejected",
    "subproblems": [
        {
            "type": "urn:ietf:params:acme:error:malformed",
            "detail": 'Invalid underscore in DNS name "_example.org"',
            "identifier": {"type": "dns", "value": "_example.org"},
        },
        {
            "type": "urn:ietf:params:acme:error:rejectedIdentifier",
            "detail": 'This CA will not issue for "example.net"',
            "identifier": {"type": "dns", "value": "example.net"},
        },
    ],
}
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        [
            "https://ca.test/",
            "pending",
            "dns",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59-23:59",
            "\ud800",
            TOKEN,
        ]
    )
)
JSON = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below, max_size=3),
    max_leaves=8,
)


@st.composite
def altered(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """Give a document in which something, at any depth, is something else, or missing."""
    document: dict[str, Any] = json.loads(json.dumps(whole))
    for _ in range(draw(st.integers(1, 3))):
        place: Any = document
        while True:
            keys: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
                place = place[key]
                continue
            if draw(st.booleans()):
                place[key] = draw(JSON)
            else:
                del place[key]
            break
    return document


READERS: list[tuple[dict[str, Any], Callable[[Answer], object]]] = [
    (ORDER, lambda given_: parse_order(given_, "https://ca.test/order/1", DIRECTORY)),
    (AUTHORIZATION, lambda given_: parse_authorization(given_, "https://ca.test/authz/1", DIRECTORY)),
    (DIRECTORY_JSON, parse_directory),
    (INFO, parse_renewal_info),
    (PROBLEM, problem_of),
]


class Hostile(SynchronousTestCase):
    """Whatever comes."""

    @given(st.data(), st.sampled_from(READERS))
    @settings(deadline=None, max_examples=400)
    def test_altered(self, data: st.DataObject, reader: tuple[dict[str, Any], Callable[[Answer], object]]) -> None:
        """A document that is nearly right is read or refused; its words are always for people."""
        whole, read = reader
        text = json.dumps(data.draw(altered(whole)))
        try:
            result = read(
                answer(text, 403, retry_after=data.draw(st.text(max_size=20)), link=data.draw(st.text(max_size=40)))
            )
        except AcmeError as error:
            result = error
        if isinstance(result, AcmeError):
            self.assertTrue(str(result).isprintable(), str(result))
            str(result).encode()

    @given(st.binary(max_size=200), st.sampled_from(READERS))
    @settings(deadline=None)
    def test_bytes(self, body: bytes, reader: tuple[dict[str, Any], Callable[[Answer], object]]) -> None:
        """Bytes that are no JSON are refused."""
        try:
            reader[1](answer(body))
        except AcmeError as error:
            self.assertTrue(str(error).isprintable())

    @given(
        st.lists(
            st.sampled_from(
                [
                    *(part for part in pems("example.org")),
                    b"-----BEGIN CERTIFICATE-----\n",
                    b"AAAA\n",
                    b"-----END CERTIFICATE-----\n",
                    b"\xff",
                ]
            ),
            max_size=6,
        )
    )
    @settings(deadline=None)
    def test_chains(self, parts: list[bytes]) -> None:
        """Pieces of PEM are never taken for what was ordered."""
        csr = request_for(["example.org"], leaf_key())
        self.assertRaises(AcmeError, read_chain, b"".join(parts), csr, ["example.org"], NOW)

    @given(st.text(max_size=60))
    @settings(deadline=None)
    def test_retry_after(self, text: str) -> None:
        """It is bounded, or nothing."""
        seconds = answer("", retry_after=text).retry_after()
        self.assertTrue(seconds is None or SHORTEST_RETRY <= seconds <= LONGEST_RETRY)

    @given(st.text(max_size=80))
    @settings(deadline=None)
    def test_links(self, text: str) -> None:
        """Headers that are no links give none, quickly."""
        self.assertIsInstance(answer("", link=text).links("alternate", 5), tuple)

    def test_slow_headers(self) -> None:
        """Nor does a header that is made for it take long to be read."""
        for text in ("<a>" + "; rel=" * 2000, "<" * 16000, '<a>;rel="' + " " * 16000, "<a>" + ";a=b" * 4000 + "!"):
            self.assertEqual(answer("", link=text).links("alternate", 5)[1:], ())

    def test_deep(self) -> None:
        """JSON that is nested deeper than anybody writes it is none."""
        for body in ("[" * 10**6, '{"a":' * 10**5):
            self.assertRaises(AcmeError, answer(body).json)


class Resources(SynchronousTestCase):
    """The RFC's examples, and what is like them but wrong."""

    def test_order(self) -> None:
        """RFC 8555 section 7.1.3."""
        order = parse_order(answer(json.dumps(ORDER), retry_after="3"), "https://ca.test/order/1", DIRECTORY)
        self.assertEqual(order.status, Status.VALID)
        self.assertEqual(order.names, ("www.example.org", "example.org"))
        self.assertEqual((order.expires, order.retry_after), (1453298947.99, 3.0))
        self.assertEqual(order.certificate, "https://example.com/acme/cert/jWCdfHVGY2M")

    def test_authorization(self) -> None:
        """RFC 8555 section 7.1.4; a challenge of an unknown type is kept, and is no choice."""
        found = parse_authorization(answer(json.dumps(AUTHORIZATION)), "https://ca.test/authz/1", DIRECTORY)
        self.assertEqual(found.identifier, Identifier("dns", "www.example.org"))
        self.assertEqual([each.type for each in found.challenges], ["http-01", "future-01"])
        self.assertEqual(found.choose(["future-01", "dns-01", "http-01"]).token, TOKEN)
        self.assertIsNone(found.challenge("future-01"))

    def test_tokens(self) -> None:
        """A token becomes part of a path, and is refused if it could be anything else."""
        for token in (
            "../../../../etc/passwd/x",
            "short",
            "a" * 600,
            "DGyRejmCefe7v4NfDGDKfA\n",
            "DGyRejmCefe7v4NfDGDKf=",
            "",
        ):
            bad = {**AUTHORIZATION, "challenges": [{**AUTHORIZATION["challenges"][0], "token": token}]}  # type: ignore[index]
            with self.assertRaisesRegex(AcmeError, "token"):
                parse_authorization(answer(json.dumps(bad)), "https://ca.test/authz/1", DIRECTORY)

    def test_limits(self) -> None:
        """Nobody orders so much; lists that are longer are not read, so that nobody is asked for ever."""
        many = {**ORDER, "authorizations": [f"https://ca.test/{number}" for number in range(300)]}
        with self.assertRaisesRegex(AcmeError, "has 300 items"):
            parse_order(answer(json.dumps(many)), "https://ca.test/order/1", DIRECTORY)

    def test_addresses(self) -> None:
        """What is asked is https, with a host, and nothing else in it; a directory on plain http, as in tests, may name such."""
        self.assertEqual(trouble_with("https://ca.test:14000/dir?a=b", secure=True), "")
        self.assertEqual(trouble_with("https://[::1]:14000/dir", secure=True), "")
        self.assertEqual(trouble_with("http://127.0.0.1/dir", secure=False), "")
        for url in (
            "http://ca.test/",
            "https:///x",
            "https://u@ca.test/",
            "https://ca.test/#x",
            "//ca.test/",
            "https://ca.test/\r\nX: y",
            "https://ca.test:99999/",
            "https://ca.test:0/",
            "https://ca.test/" + "a" * 3000,
            "https://ca.test\\@x/",
        ):
            self.assertTrue(trouble_with(url, secure=True), url)


class Problems(SynchronousTestCase):
    """RFC 8555 section 6.7."""

    def test_example(self) -> None:
        """Subproblems are told by name (section 6.7.1)."""
        error = problem_of(answer(json.dumps(PROBLEM), 403, retry_after="120"))
        self.assertEqual(
            (error.cause, error.type, error.status, error.retry_after), (Cause.BAD_REQUEST, "malformed", 403, 120.0)
        )
        self.assertEqual([each.identifier for each in error.subproblems], ["_example.org", "example.net"])
        self.assertIn('_example.org: Invalid underscore in DNS name "_example.org" (malformed)', str(error))

    def test_statuses(self) -> None:
        """What has no type that is known is told by its status, whatever its body is."""
        for status, cause in (
            (429, Cause.RATE_LIMITED),
            (500, Cause.SERVER),
            (503, Cause.SERVER),
            (403, Cause.UNAUTHORIZED),
            (404, Cause.BAD_REQUEST),
            (409, Cause.ALREADY_REPLACED),
            (302, Cause.NONSENSE),
            (999, Cause.SERVER),
        ):
            for body in ("", "<html>", "[]", '{"type": "about:blank"}', '{"type": 7, "detail": []}'):
                self.assertEqual(problem_of(answer(body, status)).cause, cause)

    def test_retry_after(self) -> None:
        """As seconds, and as a date, which may be over."""
        for text, seconds in (
            ("5", 5.0),
            ("0", 1.0),
            ("99999999999", LONGEST_RETRY),
            ("Mon, 23 Nov 2026 14:10:00 GMT", 600.0),
            ("Mon, 23 Nov 2020 14:10:00 GMT", 1.0),
            ("-5", None),
            ("soon", None),
            ("", None),
            ("1e9", None),
        ):
            self.assertEqual(answer("", retry_after=text).retry_after(), seconds, text)

    def test_long(self) -> None:
        """What is too long for a line of the log is cut."""
        error = problem_of(answer(json.dumps({"type": "x" * 10**5, "detail": "y\n" * 10**5}), 400))
        self.assertLess(len(str(error)), 2500)


class Small(SynchronousTestCase):
    """Nonces and pauses."""

    def test_nonces(self) -> None:
        """The newest goes first, each once; old ones and too many are dropped; what is none is not kept (RFC 8555 section 6.5.1)."""
        nonces = Nonces()
        for number in range(100):
            nonces.add(f"n{number}", 0.0)
        for bad in ("", "a b", "ü", "a=", "a" * 600, "a\n"):
            nonces.add(bad, 0.0)
        self.assertEqual(len(nonces), MOST)
        self.assertEqual([nonces.take(1.0), nonces.take(1.0)], ["n99", "n98"])
        self.assertIsNone(nonces.take(1000.0))
        self.assertEqual(len(nonces), 0)

    @given(st.integers(0, 10**9), st.none() | st.floats(allow_nan=False))
    @settings(deadline=None)
    def test_pauses(self, asked: int, retry_after: float | None) -> None:
        """There is always one, and it is never long."""
        self.assertTrue(SHORTEST <= pause(asked, retry_after) <= LONGEST)

    def test_growing(self) -> None:
        """They grow from one second to ten."""
        pauses = [pause(asked, None) for asked in range(1, 10)]
        self.assertEqual((pauses[0], pauses[-1]), (1.0, 10.0))
        self.assertEqual(pauses, sorted(pauses))
