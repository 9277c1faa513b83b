"""The authority in memory is as strict as a real one: what tests pass with it, RFC 8555 allows."""

import json
from base64 import urlsafe_b64decode
from typing import Any

from couchpages.certs.acme.csr import request_for
from couchpages.certs.acme.signing import base64url, signed
from couchpages.testing.acme.messages import Answered, Asked
from couchpages.testing.acme.server import BASE
from tests.certs.acme.made import AcmeCase, account_key, leaf_key

JOSE = "application/jose+json"


class Strict(AcmeCase):
    """Requests that are wrong are refused for what is wrong with them."""

    def setUp(self) -> None:
        """Have an account, and an order."""
        super().setUp()
        self.own = self.client()
        self.order = self.run_(self.own.order(["example.org"]))

    def nonce(self) -> str:
        """Give a fresh one."""
        return dict(self.authority.answer(Asked("HEAD", BASE, "/new-nonce", {}, b"")).headers)["Replay-Nonce"]

    def post(self, path: str, body: bytes, media_type: str = JOSE) -> Answered:
        """Post."""
        return self.authority.answer(Asked("POST", BASE, path, {"content-type": media_type}, body))

    def body(self, path: str, payload: bytes = b"", **options: Any) -> bytes:
        """Sign."""
        given = {"nonce": self.nonce(), "url": BASE + path, "kid": self.own.account_url, **options}
        return signed(payload, given.pop("key", account_key()), **given)

    def assert_refused(self, answered: Answered, type_: str, status: int) -> None:
        """Look at the problem."""
        document = json.loads(answered.body)
        self.assertEqual((document["type"].rpartition(":")[2], document["status"]), (type_, answered.status))
        self.assertEqual((document["type"].rpartition(":")[2], answered.status), (type_, status), document)

    def test_nonces(self) -> None:
        """One is good once, and none is not."""
        once = self.body("/order/1")
        answered = self.post("/order/1", once)
        self.assertEqual(answered.status, 200, answered.body)
        self.assert_refused(self.post("/order/1", once), "badNonce", 400)
        self.assert_refused(self.post("/order/1", self.body("/order/1", nonce="made-up")), "badNonce", 400)

    def test_signatures(self) -> None:
        """Another address, another key, another payload, an unknown account, an unprotected header."""
        self.assert_refused(self.post("/order/1", self.body("/order/2")), "unauthorized", 401)
        self.assert_refused(self.post("/order/1", self.body("/order/1", key=account_key(1))), "malformed", 400)
        self.assert_refused(
            self.post("/order/1", self.body("/order/1", kid=f"{BASE}/account/9")), "accountDoesNotExist", 400
        )
        self.assert_refused(self.post("/order/1", self.body("/order/1", kid=None)), "malformed", 400)
        for change in (
            {"payload": base64url(b"{}")},
            {"header": {"kid": "x"}},
            {"signature": "AAAA"},
            {"protected": "AAAA"},
        ):
            members = json.loads(self.body("/order/1"))
            self.assert_refused(self.post("/order/1", json.dumps({**members, **change}).encode()), "malformed", 400)

    def test_whose(self) -> None:
        """The header names an account or a key, and not both."""
        for change in ({"jwk": account_key().public_key().to_json()}, {"kid": None}):
            members = json.loads(self.body("/order/1"))
            header = {**json.loads(urlsafe_b64decode(members["protected"] + "==")), **change}
            text = base64url(json.dumps({name: value for name, value in header.items() if value}).encode())
            self.assert_refused(
                self.post("/order/1", json.dumps({**members, "protected": text}).encode()), "malformed", 400
            )

    def test_methods(self) -> None:
        """Nothing of an account is read without a signature; the media type is JOSE's."""
        for body in (b"", b"{}", b"[]", b"null", b"\xff"):
            self.assert_refused(self.post("/order/1", body), "malformed", 400)
        self.assert_refused(self.authority.answer(Asked("GET", BASE, "/order/1", {}, b"")), "malformed", 405)
        self.assert_refused(self.post("/order/1", self.body("/order/1"), "application/json"), "malformed", 415)
        self.assert_refused(self.post("/nowhere", self.body("/nowhere")), "malformed", 404)

    def test_other_accounts(self) -> None:
        """Another account sees nothing of ours."""
        other = self.client(1).account_url
        for path in ("/order/1", "/authz/1", "/authz/1/http-01", "/order/1/finalize", "/cert/1"):
            answered = self.post(path, self.body(path, b"{}", key=account_key(1), kid=other))
            self.assert_refused(answered, "malformed", 404)

    def test_finalize(self) -> None:
        """Not before all is proven, and for nothing but what was ordered."""
        path = "/order/1/finalize"
        csr = {"csr": base64url(request_for(["example.org"], leaf_key()))}
        self.assert_refused(self.post(path, self.body(path, json.dumps(csr).encode())), "orderNotReady", 403)
        self.run_(self.own.respond(self.run_(self.own.authorizations(self.order))[0].choose(["http-01"])))
        for names in (["example.net"], ["example.org", "example.net"]):
            wrong = {"csr": base64url(request_for(names, leaf_key()))}
            self.assert_refused(self.post(path, self.body(path, json.dumps(wrong).encode())), "badCSR", 400)
        self.assert_refused(self.post(path, self.body(path, b'{"csr": "AAAA"}')), "badCSR", 400)
        self.assertEqual(self.post(path, self.body(path, json.dumps(csr).encode())).status, 200)
        self.assert_refused(self.post(path, self.body(path, json.dumps(csr).encode())), "orderNotReady", 403)

    def test_orders(self) -> None:
        """Names are in one form, profiles known, and what is replaced is the account's own."""
        path = "/new-order"
        for payload, type_ in (
            ({}, "malformed"),
            ({"identifiers": [{"type": "dns", "value": "EXAMPLE.org"}]}, "malformed"),
            ({"identifiers": [{"type": "dns", "value": "192.0.2.1"}]}, "malformed"),
            ({"identifiers": [{"type": "dns", "value": "example.org"}], "profile": "x"}, "invalidProfile"),
            ({"identifiers": [{"type": "dns", "value": "example.org"}], "replaces": "x"}, "malformed"),
        ):
            self.assert_refused(self.post(path, self.body(path, json.dumps(payload).encode())), type_, 400)
