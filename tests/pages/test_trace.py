"""``/cdn-cgi/trace``."""

import json
from ipaddress import ip_network

from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.trace import JSON_PATH, TEXT_PATH, Place, trace, wanted
from couchpages.testing.asking import head_of, with_head
from couchpages.web.message import RequestHead
from couchpages.web.proxies import Client, client_of

PLACE = Place("node1", "Graz", "AT")
VISITOR = Client("192.0.2.1", "http")


def facts(head: RequestHead, client: Client = VISITOR) -> dict[str, str]:
    """Give what the text says, which must be what the JSON says."""
    text = trace(TEXT_PATH, head, "a.example", client, PLACE, 1795442400.12345)
    other = trace(JSON_PATH, head, "a.example", client, PLACE, 1795442400.12345)
    assert isinstance(text.body, bytes)
    assert isinstance(other.body, bytes)
    said = dict(line.split("=", 1) for line in text.body.decode().splitlines())
    assert said == json.loads(other.body)
    return said


class TraceTests(SynchronousTestCase):
    """``wanted`` and ``trace``."""

    def test_wanted(self) -> None:
        """Both paths, with a query or in absolute form; nothing that only looks like them."""
        for target, path in (
            (b"/cdn-cgi/trace", TEXT_PATH),
            (b"/cdn-cgi/trace?x=1", TEXT_PATH),
            (b"/cdn-cgi/trace-json", JSON_PATH),
            (b"http://other.example/cdn-cgi/trace", TEXT_PATH),
            (b"/cdn-cgi/trace/", None),
            (b"/cdn-cgi/trace-xml", None),
            (b"/a/cdn-cgi/trace", None),
            (b"//cdn-cgi/trace", TEXT_PATH),
            (b"/?/cdn-cgi/trace", None),
            (b"/cdn-cgi/trace\x00", None),
            (b"http://other.example/x/cdn-cgi/trace", None),
            (b"/", None),
            (b"", None),
        ):
            self.assertEqual(wanted(target), path, target)

    def test_facts(self) -> None:
        """The first system's keys, and the node's name, the same in both forms."""
        head = head_of("GET", "/cdn-cgi/trace", {"User-Agent": "Zoë=1"})
        self.assertEqual(
            facts(head),
            {
                "h": "a.example",
                "ip": "192.0.2.1",
                "ts": "1795442400.123",
                "visit_scheme": "http",
                "ug": "Zoë=1",
                "colo": "Graz",
                "http": "http/1.1",
                "loc": "AT",
                "tls": "off",
                "node": "node1",
            },
        )

    def test_odd_visitors(self) -> None:
        """No User-Agent, and one that is not UTF-8, are answered."""
        self.assertEqual(facts(head_of("GET", "/"))["ug"], "")
        self.assertEqual(facts(head_of("GET", "/", ((b"user-agent", b"\xff"),)))["ug"], "\ufffd")

    def test_behind_trusted_proxies(self) -> None:
        """A trusted proxy's word on address and scheme is believed, a stranger's is not."""
        fields = {"X-Forwarded-For": "198.51.100.7, 203.0.113.9", "X-Forwarded-Proto": "https"}
        head = with_head(head_of("GET", "/", fields), peer="127.0.0.1")
        trusted = facts(head, client_of(head, [ip_network("127.0.0.0/8")]))
        self.assertEqual((trusted["ip"], trusted["visit_scheme"], trusted["tls"]), ("203.0.113.9", "https", "on"))
        stranger = facts(head, client_of(head, []))
        self.assertEqual((stranger["ip"], stranger["visit_scheme"], stranger["tls"]), ("127.0.0.1", "http", "off"))

    def test_headers(self) -> None:
        """It is kept by no cache, and says its length."""
        response = trace(TEXT_PATH, head_of("GET", "/"), "a", VISITOR, PLACE, 0.0)
        fields = dict(response.headers)
        self.assertEqual(fields[b"cache-control"], b"no-store")
        self.assertEqual(fields[b"content-length"], b"%d" % response.length)
        self.assertEqual(fields[b"content-type"], b"text/plain; charset=utf-8")
