"""A CA that answers nonsense, refuses and limits: nothing wrong is served, the reason is told, and when it is well again all is well."""

import json
from typing import Any

from couchpages.testing.authority import Authority
from tests.integration.acme_case import PublicCase
from tests.integration.acme_proxy import PROBLEM, AcmeProxy, Fault, Said
from tests.integration.node import wait_until
from tests.integration.visitor import fetch

FOREIGN = "blog.example.net"


def instead(path: str, said: Said, method: str = "POST") -> Fault:
    """Give the fault that answers so what is asked at a path that begins so."""

    def fault(asked: str, at: str, honest: Said) -> Said | None:
        del honest
        return said if asked == method and at.startswith(path) else None

    return fault


def altered(path: str, **members: Any) -> Fault:
    """Give the fault that changes members of the JSON that comes from a path that begins so."""

    def fault(method: str, at: str, honest: Said) -> Said | None:
        del method
        if not at.startswith(path) or honest.status >= 300:
            return None
        return Said(honest.status, json.dumps({**json.loads(honest.body), **members}).encode(), honest.headers)

    return fault


def problem(type_: str, detail: str, status: int = 400, **headers: str) -> Said:
    """Give a problem document of ACME's."""
    body = {"type": f"urn:ietf:params:acme:error:{type_}", "detail": detail, "status": status}
    return Said(status, json.dumps(body).encode(), {"Content-Type": PROBLEM, **headers})


HTML = Said(200, b"<!doctype html><title>It works!</title>", {"Content-Type": "text/html"})


class Broken(PublicCase):
    """A proxy before pebble, and a site that has a certificate."""

    def setUp(self) -> None:
        """Issue the first certificate honestly."""
        super().setUp()
        self.proxy = AcmeProxy(self.pebble, self.new_folder() / "proxy")
        self.addCleanup(self.proxy.stop)
        self.public.set(FOREIGN, "A", "127.0.0.1")
        self.ca = self.issuing(directory=self.proxy.directory, ca_file=str(self.proxy.ca_file))
        self.deploy(self.ca, FOREIGN)
        self.before = self.issued(self.ca, FOREIGN)

    def assert_fails(self, fault: Fault, cause: str, *words: str) -> str:
        """Have a renewal fail for *cause*, with *words* in the reason; the certificate stays, and the site is served."""
        self.proxy.fault = fault
        reason = self.failed(self.ca, FOREIGN, cause, self.ask_for(self.ca, FOREIGN))
        self.assert_told(self.ca, FOREIGN, cause, reason)
        for word in words:
            self.assertIn(word, reason)
        self.assertEqual(self.served(self.ca, FOREIGN), self.before)
        self.assert_curl(self.ca, FOREIGN, FOREIGN.encode())
        return reason

    def assert_heals(self) -> None:
        """Assert that the next renewal happens when the CA is well, and that nothing is told any more."""
        self.proxy.fault = None
        self.ask_for(self.ca, FOREIGN)
        self.issued(self.ca, FOREIGN, self.before)
        wait_until(lambda: self.order(self.ca, FOREIGN)["state"] == "issued", "it to be written down")
        self.assertEqual(self.order(self.ca, FOREIGN)["reason"], "")
        self.assertEqual(self.metric(self.ca, "acme_failing"), 0)
        wait_until(lambda: not self.troubles(self.ca), "no trouble")
        self.assert_no_defect(self.ca)

    def test_rate_limits(self) -> None:
        """What a CA says of its limits is told, and the pause that it asks for is kept."""
        limited = problem("rateLimited", "too many new orders recently: see https://ca.example/limits", 429)
        later = Said(limited.status, limited.body, {**limited.headers, "Retry-After": "7000"})
        self.assert_fails(instead("/order-plz", later), "rate_limited", "too many new orders recently")
        order = self.order(self.ca, FOREIGN)
        self.assertGreaterEqual(order["next_try"] - order["changed"], 7_000_000)
        self.assert_heals()

    def test_nonsense(self) -> None:
        """Whatever is no ACME fails with words about it, and troubles are told when it goes on; then all is well again."""
        self.assert_fails(instead("/order-plz", HTML), "nonsense")
        self.assert_fails(instead("/order-plz", Said(500, b"<html>")), "server")
        self.assert_fails(instead("/order-plz", Said(400, b"{", {"Content-Type": PROBLEM})), "bad_request")
        self.assert_fails(altered("/my-order", certificate="http://elsewhere.example/", status="valid"), "nonsense")
        self.assert_fails(altered("/order-plz", identifiers=[{"type": "dns", "value": "other.example"}]), "nonsense")
        self.assert_fails(
            altered("/authZ", challenges=[{"type": "smoke-01", "url": "https://x/", "token": "t"}]), "unsupported"
        )
        self.assert_fails(
            instead("/order-plz", problem("badNonce", "JWS has an invalid anti-replay nonce")), "nonsense"
        )
        self.assert_heals()

    def test_wrong_certificates(self) -> None:
        """A certificate for other names or another key, a chain that does not verify: none is taken."""
        chain, _ = Authority().issue(FOREIGN)
        self.assert_fails(
            instead("/certZ", Said(200, chain, {"Content-Type": "application/pem-certificate-chain"})), "nonsense"
        )
        self.assert_fails(
            instead("/certZ", Said(200, b"", {"Content-Type": "application/pem-certificate-chain"})), "nonsense"
        )
        self.assert_heals()

    def test_directory_that_is_none(self) -> None:
        """A directory that is none, at start: the reason is told, the site is served, and when there is one, all is well."""
        for fault, cause in (
            (instead("/dir", HTML, "GET"), "nonsense"),
            (instead("/dir", Said(200, b"[]", {"Content-Type": "application/json"}), "GET"), "nonsense"),
            (instead("/dir", Said(503, b"busy", {"Retry-After": "1"}), "GET"), "server"),
        ):
            self.proxy.fault = fault
            self.ca.stop()
            self.ca.start()
            self.assert_fails(fault, cause, self.proxy.directory)
        self.assertEqual(fetch(self.ca.http, FOREIGN, "/").status, 308)
        self.assert_heals()
