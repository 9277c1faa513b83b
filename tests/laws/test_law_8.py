"""Law 8: bad input gets a clear answer and changes nothing: a 4xx with a JSON problem that names the field, FORMERR, or an exit code and
one line.
"""

import json
from contextlib import redirect_stderr, redirect_stdout
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from couchpages.access.keys import KeyRecord
from couchpages.cli import main
from couchpages.dns import api as dns_api
from couchpages.dns import codes, record_administration, responder
from couchpages.dns import submission as dns_submission
from couchpages.dns.query import NOTHING
from couchpages.pages import api, submission
from couchpages.testing.asking import Answer
from couchpages.testing.node import MemoryNode
from couchpages.web.message import Response
from couchpages.web.problem import Problem
from tests.dns.own import responders, served, zone_of
from tests.laws.taken_out import NeedsItsCode, Without

HOST = "a.example"
GOOD = {"sha256": sha256(b"x").hexdigest(), "size": 1}
ROOT = Path(__file__).resolve().parents[2]


def _lenient(body: bytes) -> Any:
    """Take what is no JSON for nothing."""
    try:
        return json.loads(body)
    except ValueError:
        return {}


def _without_a_field(self: Problem) -> Response:
    """Answer as if nobody knew which part of the input is wrong."""
    return RESPONSE(Problem(self.status, self.detail))


RESPONSE = Problem.response


class Law8(SynchronousTestCase):
    """Input that is wrong, and what becomes of it."""

    def setUp(self) -> None:
        """Make a node with a site."""
        self.node = MemoryNode(Path(self.mktemp()))
        self.node.upload(b"x")
        self.node.deploy(HOST, {"index.html": b"x"})
        self.before = self.state()

    def state(self) -> Any:
        """Give everything that is stored."""
        return [each.documents_now() for each in (self.node.files, self.node.manifests, self.node.secrets)]

    def refused(self, field: str | None, *call: Any, status: int = 422, **more: Any) -> None:
        """Check that a call is refused with a problem that names the field, and changed nothing."""
        answer = self.node.call(*call, **more)
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["content-type"], "application/problem+json")
        self.assertEqual((answer.json["status"], answer.json.get("field")), (status, field))
        self.assertGreater(len(answer.json["detail"]), 10)
        self.assertEqual(self.state(), self.before)

    def test_paths(self) -> None:
        """A path that leaves the site, or that no visitor could ask for."""
        for path in ("../x", "/x", "a//b", "a/./b", "", "a\\u0000b"):
            body = {"branch": "main", "files": {path.encode().decode("unicode_escape"): GOOD}}
            self.refused("files", "POST", f"/api/v2/sites/{HOST}/deployments", body)

    def test_hosts(self) -> None:
        """A host name that is none."""
        for host in ("a_b.example", "-a.example", "a..example", "x" * 64 + ".example"):
            self.refused("host", "POST", f"/api/v2/sites/{host}/missing", {"hashes": []})

    def test_json(self) -> None:
        """What is no JSON, or not the JSON that was asked for."""
        path = f"/api/v2/sites/{HOST}/deployments"
        for body, field in (
            (b"{", None),
            (b"[]", None),
            (b'{"files": []}', "files"),
            (b'{"files": {"x": 5}}', "files"),
        ):
            answer = self.node.call("POST", path, body)
            self.assertIn(answer.status, (400, 422))
            self.assertEqual(answer.json.get("field"), field)
            self.assertEqual(self.state(), self.before)

    def test_keys(self) -> None:
        """No key, a wrong one, and one for another site."""
        other = self.node.add_key("b.example")
        self.before = self.state()
        path = f"/api/v2/sites/{HOST}"
        self.refused("Authorization", "DELETE", path, key="cpk_0_wrong", status=401)
        self.refused(None, "DELETE", path, key=other, status=403)

    def test_the_command(self) -> None:
        """The command ends with 2 when it is called wrongly, with 1 when it fails, and says why in one line."""
        key = ("--api-key-file", str(ROOT / "LICENSE"))
        for arguments, code in (
            (["nonsense"], 2),
            (["deploy", "/nowhere", "--site", HOST], 2),
            (["sites", "--server", "ftp://x", *key], 2),
            (["sites", "--server", "http://127.0.0.1:1"], 2),
        ):
            said, out = StringIO(), StringIO()
            with redirect_stderr(said), redirect_stdout(out):
                ended = main.run(arguments)
            self.assertEqual((ended, len(said.getvalue().splitlines()), out.getvalue()), (code, 1, ""), arguments)
            self.assertTrue(said.getvalue().startswith("couchpages: "))


class Law8NeedsItsCode(NeedsItsCode, SynchronousTestCase):
    """What keeps it: checks before anything is done, and errors that end as answers."""

    law = Law8
    without = (
        Without("test_paths", submission, "check_paths", lambda paths: None),  # noqa: ARG005
        Without("test_hosts", api, "read_site", lambda text: text),
        Without("test_json", submission, "read_json", _lenient),
        Without("test_json", Problem, "response", _without_a_field),
        Without("test_keys", KeyRecord, "reaches", lambda self, site: True),  # noqa: ARG005
        Without("test_keys", KeyRecord, "opens", lambda self, text: True),  # noqa: ARG005
        Without("test_the_command", main, "_end", lambda message, code: 0),  # noqa: ARG005
        Without("test_the_command", main, "printable", lambda message: f"{message}\n{message}"),
    )


ZONE = "example.org"
ZONE_FILE = "@ 300 SOA ns host 1 2 3 4 300\n@ 300 NS ns\nns 300 A 192.0.2.1\n"


class Law8OfZones(SynchronousTestCase):
    """Records that are wrong, and messages that are no questions."""

    def setUp(self) -> None:
        """Make a zone with a record."""
        self.node = MemoryNode(Path(self.mktemp()))
        self.node.call("POST", "/api/v2/zones", {"name": ZONE})
        self.put(name="www", type="A", content="192.0.2.1")

    def put(self, **record: Any) -> Answer:
        """Add a record."""
        return self.node.call("POST", f"/api/v2/zones/{ZONE}/records", record)

    def state(self) -> Any:
        """Give everything that is stored."""
        return [each.documents_now() for each in (self.node.dns_zones, self.node.dns_records)]

    def refused(self, answer: Answer, field: str | None, before: Any, status: int = 422) -> None:
        """Check that a call was refused with a problem that names the field, and changed nothing."""
        self.assertEqual((answer.status, answer.headers["content-type"]), (status, "application/problem+json"), answer)
        self.assertEqual(answer.json.get("field"), field, answer)
        self.assertGreater(len(answer.json["detail"]), 10)
        self.assertEqual(self.state(), before)

    def test_records(self) -> None:
        """A record that cannot be read, by whatever of its members."""
        before, good = self.state(), {"name": "x", "type": "A", "content": "192.0.2.2"}
        for field, value in (
            ("content", "192.0.2.256"), ("name", "a..b"), ("name", "x" * 64), ("name", "x.example.net."), ("type", "NOTYPE"),
            ("ttl", -1), ("ttl", 2**31),
        ):  # fmt: skip
            self.refused(self.put(**{**good, field: value}), field, before)
        for content in ("mail.example.org", "10", "10 mail"):
            self.refused(self.put(name="x", type="MX", content=content), "content", before)

    def test_zones(self) -> None:
        """A record that is right by itself, and that its zone cannot have."""
        before = self.state()
        for name in ("www", "@"):
            self.refused(self.put(name=name, type="CNAME", content="x.example.net"), "records", before)
        sets = {"rrsets": [{"name": "@", "type": "SOA", "records": []}]}
        self.refused(self.node.call("PATCH", f"/api/v2/zones/{ZONE}/rrsets", sets), "records", before)

    def test_keys(self) -> None:
        """A key that is for another zone."""
        other = self.node.add_key("*", zones=("example.net",))
        before = self.state()
        for method, path in (("DELETE", ""), ("GET", "/rrsets"), ("POST", "/records")):
            answer = self.node.call(method, f"/api/v2/zones/{ZONE}{path}", {}, key=other)
            self.refused(answer, None, before, status=403)

    def test_messages(self) -> None:
        """What is no question gets FORMERR, without being looked up; what is an answer gets none."""
        ask = responders(served([zone_of(ZONE_FILE, ZONE)]))["udp"]
        question = b"\2ns\7example\3org\0\0\1\0\1"
        for header, rest in (
            (b"\0\0\0\2\0\0\0\0\0\0", question * 2),
            (b"\0\0\0\1\0\0\0\0\0\0", question[:-1]),
            (b"\0\0\0\1\0\0\0\0\0\0", question + b"junk"),
            (b"\0\0\0\1\0\0\0\0\0\0", b"\xc0\x0c\0\1\0\1"),
            (b"\0\0\0\1\0\0\0\0\0\0", b"\x40" + b"x" * 64 + b"\0\0\1\0\1"),
        ):
            answer = ask.answer(b"id" + header + rest) or b""
            self.assertEqual((answer[:2], answer[3:4], answer[6:8]), (b"id", bytes([codes.FORMERR]), b"\0\0"), rest)
        self.assertIsNone(ask.answer(b"id\x80\0\0\1\0\0\0\0\0\0" + question))


class Law8OfZonesNeedsItsCode(NeedsItsCode, SynchronousTestCase):
    """What keeps it: records are read, and zones looked at, before anything is written; messages are read before they are looked up."""

    law = Law8OfZones
    without = (
        Without("test_records", dns_submission, "read_content", lambda *_: b"\x01" + bytes(3)),
        Without("test_records", dns_submission, "incomplete_name", lambda *_: None),
        Without("test_records", dns_submission, "_ttl", lambda value: 300),  # noqa: ARG005
        Without("test_zones", record_administration, "of_name", lambda contents, name: []),  # noqa: ARG005
        Without("test_keys", dns_api, "require_reach", lambda grant, apex: None),  # noqa: ARG005
        Without("test_messages", responder, "read", lambda data: NOTHING),  # noqa: ARG005
    )
