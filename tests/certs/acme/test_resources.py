"""Orders, authorizations and problems as the RFC has them, and what is nearly so."""

import json

from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.acme.answers import LONGEST_RETRY
from couchpages.certs.acme.errors import AcmeError, Cause
from couchpages.certs.acme.fields import trouble_with
from couchpages.certs.acme.identifiers import Identifier
from couchpages.certs.acme.problems import problem_of
from couchpages.certs.acme.resources import Status, parse_authorization, parse_order
from tests.certs.acme.documents import AUTHORIZATION, DIRECTORY, ORDER, PROBLEM, TOKEN
from tests.certs.acme.made import answer


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

    def test_wildcards(self) -> None:
        """Marked, as the RFC wants it, or with the star in the name, as some write it: the name to prove has none."""
        for value, marked in (("example.org", True), ("*.example.org", False), ("*.example.org", True)):
            document = {**AUTHORIZATION, "identifier": {"type": "dns", "value": value}, "wildcard": marked}
            found = parse_authorization(answer(json.dumps(document)), "https://ca.test/authz/1", DIRECTORY)
            self.assertEqual(
                (found.identifier.value, found.wildcard, found.name), ("example.org", True, "*.example.org")
            )

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
            bad = {**AUTHORIZATION, "challenges": [{**AUTHORIZATION["challenges"][0], "token": token}]}
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
