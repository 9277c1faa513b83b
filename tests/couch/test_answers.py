"""What CouchDB's answers mean."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.answers import error_for, parse, parse_leaves, parse_object, parse_rows, row_error
from couchpages.couch.evidence import PasswordRefused
from couchpages.ports import Conflict, Denied, NoRoom, NotFound, Row, StoreError, TooLarge, Unavailable

NOT_FOUND = b'{"error":"not_found","reason":"missing"}\n'


class Errors(SynchronousTestCase):
    """``error_for`` and ``row_error``."""

    def test_statuses(self) -> None:
        """Each status has its meaning, and the message says what was asked and what the reason was."""
        for status, kind in [
            (400, StoreError),
            (401, PasswordRefused),
            (403, Denied),
            (404, NotFound),
            (405, StoreError),
            (408, Unavailable),
            (409, Conflict),
            (412, Conflict),
            (413, TooLarge),
            (429, Unavailable),
            (500, Unavailable),
            (502, Unavailable),
            (503, Unavailable),
            (504, Unavailable),
            (507, NoRoom),
        ]:
            with self.subTest(status=status):
                error = error_for(status, NOT_FOUND, "GET x")
                self.assertIs(type(error), kind)
                self.assertEqual(str(error), f"GET x: {status} not_found: missing")

    def test_not_couchdb(self) -> None:
        """A 404 that is not CouchDB's does not say that a thing does not exist (law 3)."""
        for body in (
            b"",
            b"<html>404 Not Found</html>",
            b"404 page not found\n",
            b'"not_found"',
            b"[]",
            b"{}",
            b'{"status":404,"error":"Not Found","path":"/files/x"}',
            b"[" * 100_000,
            b"\xff\xfe",
        ):
            with self.subTest(body=body[:40]):
                self.assertIs(type(error_for(404, body, "GET x")), Unavailable)

    def test_redirects(self) -> None:
        """CouchDB redirects nobody: whatever is neither success nor error is not CouchDB's."""
        for status in (300, 301, 302, 304, 307, 399):
            self.assertIs(type(error_for(status, b"", "GET x")), Unavailable)

    @settings(deadline=None)
    @given(st.integers(300, 599), st.binary(max_size=100))
    def test_any(self, status: int, body: bytes) -> None:
        """Whatever the answer, it is an error of ours, and only CouchDB's own words make it NotFound."""
        error = error_for(status, body, "x")
        self.assertIsInstance(error, StoreError)
        self.assertNotIsInstance(error, NotFound)

    def test_rows(self) -> None:
        """A row of _bulk_docs has an error of its own."""
        for word, kind in [
            ("conflict", Conflict),
            ("forbidden", Denied),
            ("unauthorized", Denied),
            ("document_too_large", TooLarge),
            ("what", StoreError),
        ]:
            error = row_error({"error": word, "reason": "r"}, "id")
            self.assertIs(type(error), kind)
            self.assertEqual(str(error), f"id: {word}: r")


class Reading(SynchronousTestCase):
    """``parse``, ``parse_object``, ``parse_rows``."""

    def test_json(self) -> None:
        """JSON is read; what is none, or no object where one must be, was not said by CouchDB."""
        self.assertEqual(parse(b"[1]", "x"), [1])
        self.assertEqual(parse_object(b'{"a":1}', "x"), {"a": 1})
        for body in (b"", b"<html>", b"{", b"\xff", b"[" * 100_000, b"9" * 5000):
            self.assertRaises(Unavailable, parse, body, "x")
        for body in (b"[]", b"1", b'"x"', b"null"):
            self.assertRaises(Unavailable, parse_object, body, "x")

    def test_kinds_of_rows(self) -> None:
        """Rows of documents that are there, deleted, and missing."""
        rows = [
            {"key": "a", "error": "not_found"},
            {"id": "b", "key": "b", "value": {"rev": "2-x", "deleted": True}, "doc": None},
            {"id": "c", "key": "c", "value": {"rev": "1-x"}},
            {"id": "d", "key": "d", "value": {"rev": "1-y"}, "doc": {"_id": "d"}},
        ]
        self.assertEqual(
            parse_rows(json.dumps({"rows": rows}).encode(), "x"),
            [Row("a", None, None), Row("b", None, None), Row("c", "1-x", None), Row("d", "1-y", {"_id": "d"})],
        )

    def test_rows_not_understood(self) -> None:
        """A row that is not understood never passes for a missing document (law 3)."""
        for body in (
            b"{}",
            b'{"rows":{}}',
            b'{"rows":[null]}',
            b'{"rows":[{"key":"a","error":"timeout"}]}',
            b'{"rows":[{"key":1,"error":"not_found"}]}',
            b'{"rows":[{"id":"a","value":{}}]}',
            b'{"rows":[{"id":"a","value":{"rev":1}}]}',
        ):
            with self.subTest(body=body):
                self.assertRaises(Unavailable, parse_rows, body, "x")

    def test_leaves(self) -> None:
        """Leaves are given, tombstones too; a revision that is announced and not here is no answer (law 3)."""
        living, dead = {"_id": "a", "_rev": "1-x", "b": 1}, {"_id": "a", "_rev": "2-y", "_deleted": True}
        self.assertEqual(parse_leaves(json.dumps([{"ok": dead}, {"ok": living}]).encode(), "a"), [dead, living])
        self.assertEqual(parse_leaves(b"[]", "a"), [])
        for body in (b"{}", b'[{"missing":"1-x"}]', b'[{"ok":{}}]', b"[1]"):
            with self.subTest(body=body):
                self.assertRaises(Unavailable, parse_leaves, body, "a")
