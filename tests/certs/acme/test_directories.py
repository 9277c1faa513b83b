"""Directories, and what is none."""

from treq.testing import RequestTraversalAgent

from couchpages.certs.acme.client import Client, fetch_directory
from couchpages.certs.acme.csr import request_for
from couchpages.certs.acme.errors import Cause
from couchpages.certs.acme.exchange import Exchange
from couchpages.testing.acme.faults import Fault
from couchpages.testing.acme.messages import Answered, in_json
from couchpages.testing.acme.rules import DAY
from tests.certs.acme.made import AcmeCase, account_key, leaf_key


class NotADirectory(AcmeCase):
    """What is no directory is told in words that help."""

    def refused_directory(self, answered: Answered, words: str, cause: Cause = Cause.NONSENSE) -> None:
        """Fetch what is answered so."""
        self.agent._answers = lambda _: answered
        error = self.refused(fetch_directory(self.exchange, self.authority.directory_url), cause, words)
        self.assertLess(len(str(error)), 1500)

    def test_each(self) -> None:
        """HTML, text, other JSON, ACME v1, redirects, addresses that are not to be asked."""
        right = {"newNonce": "https://ca.test/1", "newAccount": "https://ca.test/2", "newOrder": "https://ca.test/3"}
        html = (("Content-Type", "text/html; charset=utf-8"),)
        self.refused_directory(
            Answered(200, b"<html>", html), "https://ca.test/directory is no ACME directory: it answered HTML"
        )
        self.refused_directory(Answered(200, b" <!DOCTYPE html>"), "it answered HTML")
        self.refused_directory(Answered(200, b""), "it answered something unnamed, no JSON")
        self.refused_directory(Answered(200, b"[" * 10**6), "no JSON")
        self.refused_directory(Answered(200, b"[]"), 'JSON that is no object but "list"')
        self.refused_directory(in_json(200, {}), "is no ACME directory: it has no newNonce")
        self.refused_directory(in_json(200, {**right, "newOrder": 7}), "newOrder is no text")
        self.refused_directory(in_json(200, {"new-reg": "https://ca.test"}), "ACME v1")
        self.refused_directory(
            in_json(200, {**right, "newOrder": "http://ca.test/"}), "not https though the directory is"
        )
        self.refused_directory(in_json(200, {**right, "newOrder": "https://u:p@ca.test/"}), "a name, a password")
        self.refused_directory(in_json(200, {**right, "newOrder": "file:///etc/passwd"}), "no address of the web")
        self.refused_directory(in_json(200, {**right, "meta": []}), "meta is no object")
        self.refused_directory(Answered(301, b"", (("Location", "https://evil.test/\n" * 500),)), "is not followed")
        self.refused_directory(Answered(404, b"<html>", html), "answered 404", Cause.BAD_REQUEST)

    def test_address(self) -> None:
        """An address that is none is not asked."""
        for url in (
            "",
            "ca.test",
            "ftp://ca.test/",
            "https://",
            "https://ca.test/ü",
            "https://ca.test/a b",
            "https://[::1",
        ):
            self.refused(fetch_directory(self.exchange, url), Cause.NONSENSE, "[acme] directory")
        self.assertEqual(self.authority.asked.total(), 0)

    def test_compressed(self) -> None:
        """What is compressed is refused: how large it gets, nobody knows; and cookies are not kept."""
        zipped = Answered(200, b"\x1f\x8b", (("Content-Encoding", "gzip"), ("Set-Cookie", "a=b")))
        self.refused_directory(zipped, "compressed")
        self.assertEqual(len(self.exchange._client._cookiejar), 0)

    def test_by_twisted_web(self) -> None:
        """The same authority answers through twisted.web and its parser, with chunks and headers."""
        agent = RequestTraversalAgent(self.authority.resource())
        self.exchange = Exchange(self.clock, agent, self.clock.seconds)
        self.assertIn(b"BEGIN CERTIFICATE", self.run_(self.issued(self.client(), ["example.org", "*.example.org"])))
        for what, fault in (("new-order", Fault.SILENT), ("order", Fault.STALLED), ("cert", Fault.ENDLESS)):
            self.setUp()
            self.exchange = Exchange(self.clock, RequestTraversalAgent(self.authority.resource()), self.clock.seconds)
            client = self.client()
            self.authority.fail(what, fault)
            self.refused(
                self.issued(client, ["example.org"]), Cause.TIMED_OUT if fault is not Fault.ENDLESS else Cause.NONSENSE
            )

    def test_plain_http(self) -> None:
        """A test authority without TLS names addresses without TLS."""
        self.exchange = Exchange(self.clock, RequestTraversalAgent(self.authority.resource()), self.clock.seconds)
        directory = self.run_(fetch_directory(self.exchange, "http://127.0.0.1:14000/directory"))
        client = Client(self.clock, self.exchange, directory, account_key())
        url = self.run_(client.register([], terms_agreed=True, external=None))
        self.assertEqual(url, "http://127.0.0.1:14000/account/1")
        self.assertIn(b"BEGIN CERTIFICATE", self.run_(self.issued(client, ["example.org"])))

    def test_later_use(self) -> None:
        """A certificate of the distant past or future is one only for its own time."""
        client = self.client()
        order = self.run_(self.proven(client, ["example.org"]))
        done = self.run_(client.finalize(order, request_for(["example.org"], leaf_key()), 60))
        self.clock.advance(91 * DAY)
        self.refused(client.chain(done, None), Cause.NONSENSE, "ended at")
