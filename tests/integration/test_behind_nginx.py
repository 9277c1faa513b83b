"""A node behind nginx, as many are run."""

import hashlib
from collections.abc import Sequence

from tests.integration.cases import NodeCase
from tests.integration.nginx import Nginx
from tests.integration.node import Node, write_files
from tests.integration.visitor import Answer, fetch

LARGE = b"".join(b"%09d\n" % number for number in range(500_000))


class BehindNginx(NodeCase):
    """What is believed of a proxy."""

    needs = ("nginx",)

    def behind(self, trusted: Sequence[str]) -> tuple[Node, Nginx]:
        """Start a node that trusts *trusted*, and nginx before it."""
        node = self.new_node(
            {"http": {"trusted_proxies": list(trusted), "public_scheme": "https", "public_port": 443}}
        ).start()
        nginx = Nginx(self.folder / "nginx", node.http)
        self.addCleanup(nginx.stop)
        return node, nginx

    def trace(self, port: int, **headers: str) -> dict[str, str]:
        """Ask for the trace by way of nginx."""
        answer: Answer = fetch(port, "trace.example", "/cdn-cgi/trace-json", headers=headers)
        facts: dict[str, str] = answer.json()
        return facts

    def test_trusted(self) -> None:
        """Of a trusted proxy, the visitor's address and scheme are believed; what visitors put in before it are not."""
        _, nginx = self.behind(["127.0.0.1"])
        facts = self.trace(nginx.port)
        self.assertEqual((facts["ip"], facts["visit_scheme"], facts["tls"]), ("127.0.0.1", "https", "on"))
        # nginx appends the address that it sees, which is trusted here too; the one before that is the visitor's.
        facts = self.trace(nginx.port, **{"X-Forwarded-For": "198.51.100.66, 203.0.113.9"})
        self.assertEqual((facts["ip"], facts["h"]), ("203.0.113.9", "trace.example"))

    def test_not_trusted(self) -> None:
        """Without trust, the proxy is the visitor, and plain HTTP the scheme."""
        _, nginx = self.behind(["192.0.2.0/24"])
        facts = self.trace(nginx.port, **{"X-Forwarded-For": "203.0.113.9"})
        self.assertEqual((facts["ip"], facts["visit_scheme"], facts["tls"]), ("127.0.0.1", "http", "off"))

    def test_sites(self) -> None:
        """Pages, ranges, 304, redirects and large files arrive whole; the addresses that deploy prints are nginx's."""
        node, nginx = self.behind(["127.0.0.1"])
        public = write_files(self.folder / "public", {"docs/index.html": "docs", "large.bin": LARGE})
        addresses = node.deploy(public, self.site)["addresses"]
        self.assertEqual(addresses[0], f"https://{self.site}/")
        large = fetch(nginx.port, self.site, "/large.bin")
        self.assertEqual(hashlib.sha256(large.body).digest(), hashlib.sha256(LARGE).digest())
        tag = large.headers["etag"]
        self.assertEqual(fetch(nginx.port, self.site, "/large.bin", headers={"If-None-Match": tag}).status, 304)
        part = fetch(nginx.port, self.site, "/large.bin", headers={"Range": "bytes=1000000-1000009", "If-Range": tag})
        self.assertEqual((part.status, part.body), (206, LARGE[1_000_000:1_000_010]))
        self.assertEqual(fetch(nginx.port, self.site, "/docs").headers["location"], "/docs/")
        self.assertEqual(fetch(nginx.port, self.site, "/missing").status, 404)

    def test_deploying_through_it(self) -> None:
        """The API under a public host name works through nginx."""
        node = self.new_node({"api": {"hosts": ["localhost"]}}).start()
        nginx = Nginx(self.folder / "nginx", node.http)
        self.addCleanup(nginx.stop)
        public = write_files(self.folder / "public", {"index.html": "through nginx", "large.bin": LARGE[:900_000]})
        node.deploy(public, self.site, "--server", f"http://localhost:{nginx.port}")
        self.assertEqual(fetch(nginx.port, self.site, "/").body, b"through nginx")
