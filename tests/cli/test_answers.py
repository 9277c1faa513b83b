import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.cli.answers import (
    Answer,
    WrongAnswerError,
    read_deployment,
    read_deployments,
    read_missing,
    read_object,
    read_sites,
    refusal,
)

WHERE = "GET http://server/api"
DEPLOYMENT: dict[str, Any] = {
    "id": "kzvmtqhsrwpj",
    "site": "example.org",
    "commit": None,
    "branch": "main",
    "created": "2026-11-23T14:00:00.123Z",
    "files": 1,
    "bytes": 1234,
    "preview": False,
    "live": True,
    "addresses": ["http://example.org/"],
    "later": "a member of a later version",
}


MAY_BE_NULL = {"branch", "commit", "created", "bytes"}


def answered(body: bytes, status: int = 200, content_type: str = "application/json") -> Answer:
    """Make an answer."""
    return Answer(status, content_type, None, body)


class ReadingTests(SynchronousTestCase):
    """Good answers are read, others give one line."""

    def test_deployment(self) -> None:
        """All members arrive, and unknown ones are kept."""
        deployment = read_deployment(DEPLOYMENT, WHERE)
        self.assertEqual((deployment.id, deployment.size, deployment.live), ("kzvmtqhsrwpj", 1234, True))
        self.assertEqual(deployment.raw, DEPLOYMENT)

    def test_first_systems(self) -> None:
        """Of the first system's deployments the branch, the moment, the size and perhaps the commit are unknown."""
        deployment = read_deployment({**DEPLOYMENT, **dict.fromkeys(MAY_BE_NULL)}, WHERE)
        self.assertEqual((deployment.branch, deployment.created, deployment.size, deployment.commit), (None,) * 4)

    def test_waiting(self) -> None:
        """What a deployment waits for is read; older servers do not tell it; what is no number is told by its name."""
        waits = read_deployment({**DEPLOYMENT, "waiting": {"blobs": 3, "since": "2026"}}, WHERE)
        self.assertEqual((waits.waiting_blobs, read_deployment(DEPLOYMENT, WHERE).waiting_blobs), (3, None))
        for wrong in (3, {"blobs": "3"}, {}):
            with self.assertRaises(WrongAnswerError):
                read_deployment({**DEPLOYMENT, "waiting": wrong}, WHERE)

    def test_members_that_are_wrong(self) -> None:
        """A member missing, or of another type, is told by its name."""
        for name in DEPLOYMENT.keys() - {"later"}:
            missing = [] if name in MAY_BE_NULL else [None]
            wrongs: list[Any] = [*missing, [] if name != "addresses" else 1, {}]
            for wrong in wrongs:
                with self.assertRaisesRegex(WrongAnswerError, f'"{name}"'):
                    read_deployment({**DEPLOYMENT, name: wrong}, WHERE)
        with self.assertRaisesRegex(WrongAnswerError, '"files"'):
            read_deployment({**DEPLOYMENT, "files": True}, WHERE)

    def test_lists(self) -> None:
        """Lists of sites and deployments."""
        row = {"site": "example.org", "live": None, "deployments": 3, "updated": "2026"}
        _, sites = read_sites(answered(json.dumps({"sites": [row]}).encode()), WHERE)
        self.assertEqual([(site.name, site.live, site.deployments) for site in sites], [("example.org", None, 3)])
        raw, found = read_deployments(answered(json.dumps({"deployments": [DEPLOYMENT]}).encode()), WHERE)
        self.assertEqual(raw["deployments"], [found[0].raw])

    def test_no_json(self) -> None:
        """A proxy's page, JSON cut off and nothing at all are each called by their name."""
        for body, content_type, told in (
            (b"<html>", "text/html; charset=utf-8", "text/html instead of JSON"),
            (b'{"sites": [', "application/json", "broken or cut off"),
            (b"", "", "an empty body"),
            (b"\xff", "application/json", "broken or cut off"),
            (b"x", "", "something untyped"),
            (b"[" * 100_000, "application/json", "broken or cut off"),
        ):
            with self.assertRaisesRegex(WrongAnswerError, told):
                read_object(answered(body, content_type=content_type), WHERE)
        with self.assertRaisesRegex(WrongAnswerError, "a JSON object was expected"):
            read_object(answered(b"[]"), WHERE)

    def test_missing(self) -> None:
        """Only SHA-256 are taken for missing blobs."""
        self.assertEqual(read_missing(answered(b'{"missing": ["' + b"a" * 64 + b'"]}'), WHERE), {"a" * 64})
        for value in (b"null", b"[1]", b'["x"]', b'{"a": 1}'):
            with self.assertRaises(WrongAnswerError):
                read_missing(answered(b'{"missing": ' + value + b"}"), WHERE)

    @given(st.binary())
    @settings(deadline=None)
    def test_anything(self, body: bytes) -> None:
        """Whatever comes: an object, or one line."""
        try:
            read_object(answered(body), WHERE)
        except WrongAnswerError as error:
            self.assertTrue(str(error).isprintable())


class RefusalTests(SynchronousTestCase):
    """Errors of the server become one line."""

    def test_problem(self) -> None:
        """The problem's detail is told, with the status, and the missing blobs are kept."""
        body = json.dumps({"title": "Conflict", "detail": "2 blobs are not stored", "missing": ["a" * 64]}).encode()
        error = refusal(answered(body, 409, "application/problem+json"), WHERE)
        self.assertEqual(str(error), f"{WHERE}: 2 blobs are not stored (409)")
        self.assertEqual((error.status, error.missing), (409, {"a" * 64}))

    def test_advice(self) -> None:
        """What to do is said where it can be."""
        for status, retry_after, told in (
            (401, None, "couchpages keys list"),
            (403, None, "couchpages keys create"),
            (503, "5", "try again in 5 s"),
            (503, None, "try again later"),
            (507, None, "make room"),
            (301, None, "a redirect"),
        ):
            error = refusal(Answer(status, "text/html", retry_after, b"<html>"), WHERE)
            self.assertIn(told, str(error))
            self.assertIn(str(status), str(error))

    @given(st.integers(300, 599), st.text(), st.sampled_from(("text/html", "application/problem+json")))
    @settings(deadline=None)
    def test_anything(self, status: int, detail: str, content_type: str) -> None:
        """No detail can write control characters or a second line to a terminal."""
        for body in (detail.encode("utf-8", "replace"), json.dumps({"detail": detail}).encode(), b'{"detail": []}'):
            self.assertTrue(str(refusal(answered(body, status, content_type), WHERE)).isprintable())
