"""HTTP/2, where it is offered, as curl and Chromium speak it."""

import subprocess
from typing import ClassVar

from tests.integration.chromium import dump_dom
from tests.integration.curl import Curled, curl
from tests.integration.https_case import LARGE, HttpsCase
from tests.integration.node import Node, wait_until, write_files
from tests.integration.visitor import fetch


class ByCurl(HttpsCase):
    """curl on the reactor that twistd installs."""

    always = True

    def ask(self, node: Node, target: str, *options: str) -> Curled:
        """Ask the site."""
        address = f"{self.site}:{node.https}"
        return curl(
            f"https://{address}{target}", "--http2", "--insecure", "--resolve", f"{address}:127.0.0.1", *options
        )

    def test_files(self) -> None:
        """Files, large ones too, missing ones, unchanged ones and ranges are as over HTTP/1.1; HEAD has no body, POST is 405."""
        node = self.serving({"https": {"http2": True, "hsts": 60}})
        for target, status, body in (
            ("/", 200, b"<h1>here</h1>"),
            ("/large.bin", 200, LARGE),
            ("/nowhere", 404, b"nothing"),
        ):
            answer = self.ask(node, target)
            self.assertEqual((answer.status, answer.version, answer.body), (status, "2", body))
            self.assertEqual(answer.headers["strict-transport-security"], "max-age=60")
            self.assertNotIn("connection", answer.headers)
        tag = self.ask(node, "/a.txt").headers["etag"]
        self.assertEqual(self.ask(node, "/a.txt", "--header", f"If-None-Match: {tag}").status, 304)
        self.assertEqual(self.ask(node, "/a.txt", "--range", "1-1").body, b"A")
        self.assertEqual(
            (self.ask(node, "/a.txt", "--head").status, self.ask(node, "/a.txt", "--head").body), (200, b"")
        )
        self.assertEqual(self.ask(node, "/a.txt", "--data", "x").status, 405)
        trace = self.ask(node, "/cdn-cgi/trace").body
        self.assertIn(b"http=http/2\n", trace)
        self.assertIn(b"tls=TLSv1.3\n", trace)

    def test_many_at_once(self) -> None:
        """200 requests at once on one connection are all answered."""
        node = self.serving({"https": {"http2": True}})
        address = f"{self.site}:{node.https}"
        command = ["curl", "--silent", "--show-error", "--http2", "--insecure", "--noproxy", "*"]
        command += ["--resolve", f"{address}:127.0.0.1"]
        many = [f"https://{address}/{name}?[1-{number}]" for name, number in (("a.txt", 180), ("large.bin", 20))]
        done = subprocess.run([*command, "--parallel", *many], capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((done.stdout.count(b"AAA"), len(done.stdout)), (180, 3 * 180 + 20 * len(LARGE)))

    def test_refused(self) -> None:
        """What is too large is refused, and the next is served; paths that climb are 400 or 404 as ever."""
        node = self.serving({"https": {"http2": True}})
        (self.folder / "large").write_bytes(bytes(3_000_000))
        self.assertIn(self.ask(node, "/", "--data-binary", f"@{self.folder}/large").status, (0, 405, 413))
        self.assertEqual(self.ask(node, "/", "--header", "X-Large: " + "x" * 40_000).status, 431)
        for target in ("/../etc/passwd", "/%00", "/..%2f..%2fetc/passwd"):
            self.assertIn(self.ask(node, target).status, (400, 404), target)
        self.assertEqual(self.ask(node, "/a.txt").body, b"AAA")

    def test_not_offered(self) -> None:
        """Without the option, curl falls back to HTTP/1.1."""
        self.assertEqual(self.ask(self.serving(), "/a.txt").version, "1.1")

    def test_many_streams(self) -> None:
        """The daemon ends in good time though a client keeps its connection."""
        node = self.serving({"https": {"http2": True}})
        self.ask(node, "/large.bin")
        node.stop()


class ByCurlOnEpoll(ByCurl):
    """The same on Twisted's epoll reactor."""

    twistd = ("--reactor=epoll",)


class ByChromium(HttpsCase):
    """Headless Chromium, over HTTP/1.1 and HTTP/2, sent there from plain HTTP."""

    needs: ClassVar[tuple[str, ...]] = ("chromium",)

    def test_pages(self) -> None:
        """A page with scripts that fetch more is shown, over the protocol that is offered."""
        for http2, protocol in ((False, "http/1.1"), (True, "h2")):
            node = self.serving({"https": {"http2": http2}})
            script = (
                "Promise.all([...Array(30).keys()].map(n => fetch('/a.txt?' + n).then(r => r.text()))).then(all =>"
                " { const [entry] = performance.getEntriesByType('navigation');"
                " document.body.textContent = `${all.join('')} ${entry.nextHopProtocol} ${location.protocol}`; })"
            )
            files = {"index.html": f"<body><script>{script}</script>", "a.txt": "A"}
            node.deploy(write_files(self.new_folder(), files), self.site)
            self.import_(node, self.site)
            self.wait_for(node, self.site)
            wait_until(lambda node=node: fetch(node.http, self.site, "/").status == 308, "the redirect")
            dom = dump_dom(f"http://{self.site}:{node.http}/", self.new_folder(), "--ignore-certificate-errors")
            self.assertIn(f"{'A' * 30} {protocol} https:", dom)
