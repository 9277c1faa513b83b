"""HTTPS as clients meet it, on every reactor: certificates, sessions, versions, what is no TLS, and what becomes of plain HTTP."""

import signal
import socket
import ssl
import time
from hashlib import sha256
from typing import Any, ClassVar

from tests.integration.curl import curl
from tests.integration.https_case import LARGE, HttpsCase, Secured, ask, openssl, trusting_all
from tests.integration.node import wait_until
from tests.integration.stores import Settings
from tests.integration.visitor import Socket, exchange, fetch, status_of


class Https(HttpsCase):
    """On the reactor that twistd installs by itself."""

    always = True
    tells_resumption: ClassVar[bool] = True

    def test_serves(self) -> None:
        """Keep-alive, pipelined, large, refused and unknown requests are answered as over plain HTTP; the end is told by TLS."""
        node = self.serving()
        with Secured(node.https, self.site) as visitor:
            for target, status, body in (
                ("/", 200, b"<h1>here</h1>"),
                ("/a.txt", 200, b"AAA"),
                ("/large.bin", 200, LARGE),
                ("/nowhere", 404, b"nothing"),
                ("/cdn-cgi/trace", 200, None),
                ("/large.bin", 200, LARGE),
            ):
                visitor.send(ask(self.site, target))
                answer = visitor.answer()
                self.assertEqual(status_of(answer), status, target)
                if body is not None:
                    self.assertEqual(answer.partition(b"\r\n\r\n")[2], body)
                else:
                    self.assertIn(b"visit_scheme=https\n", answer)
                    self.assertIn(b"tls=TLSv1.3\n", answer)
        with Secured(node.https, self.site) as visitor:
            visitor.send(
                ask(self.site, "/a.txt") * 20,
                ask(self.site, "/large.bin"),
                ask(self.site, "/a.txt", "Connection: close"),
            )
            answer = visitor.read()
            self.assertEqual(answer.count(b"HTTP/1.1 200 OK"), 22)
            self.assertIn(LARGE, answer)
            self.assertTrue(answer.endswith(b"AAA"))
        refused = curl(
            f"https://{self.site}:{node.https}/", "--insecure", "--data-binary", "x", "--header", "Expect:",
            "--resolve", f"{self.site}:{node.https}:127.0.0.1", "--max-time", "20",
        )  # fmt: skip
        self.assertEqual(refused.status, 405)
        self.assertGreater(self.outcomes(node, "full", "TLSv1.3"), 2)

    def test_slow_reader(self) -> None:
        """A large file to a reader who takes his time, on a connection that closes behind it, arrives whole."""
        node = self.serving()
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        plain.settimeout(30)
        plain.connect(("127.0.0.1", node.https))
        with trusting_all().wrap_socket(plain, server_hostname="localhost") as reader:
            reader.sendall(ask(self.site, "/large.bin", "Connection: close"))
            read = b""
            while len(read) < 200_000:
                read += reader.recv(2000)
                time.sleep(0.005)
            while piece := reader.recv(65536):
                read += piece
        self.assertTrue(read.endswith(LARGE))

    def test_certificates(self) -> None:
        """A certificate is served for its names, exact before wildcard; other names get an alert; a newer one takes over."""
        node = self.serving({"https": {"default_certificate": "www.example.org"}})
        self.import_(node, "www.example.org")
        self.import_(node, "*.example.org", "example.org")
        context = ssl.create_default_context(cafile=str(self.root))
        for name in ("www.example.org", "other.example.org", "example.org"):
            self.wait_for(node, name)
            with Secured(node.https, name, context) as visitor:
                found: Any = visitor.socket.getpeercert()
                names = {value for _, value in found["subjectAltName"]}
                self.assertEqual("www.example.org" in names, name == "www.example.org")
        for name in ("example.net", "a.b.example.org"):
            error = self.assertRaises(ssl.SSLError, Secured, node.https, name)
            self.assertIn("UNRECOGNIZED_NAME", error.reason or "")
        with Secured(node.https, None) as visitor:
            before = sha256(visitor.socket.getpeercert(binary_form=True) or b"").hexdigest()
        self.assertIn("CN = www.example.org", openssl(node, "-noservername"))
        with Secured(node.https, "www.example.org") as old:
            self.import_(node, "www.example.org")

            def newer() -> bool:
                with Secured(node.https, "www.example.org") as visitor:
                    return sha256(visitor.socket.getpeercert(binary_form=True) or b"").hexdigest() != before

            wait_until(newer, "the newer certificate", 5)
            old.send(ask(self.site, "/a.txt"))
            self.assertTrue(old.answer().endswith(b"AAA"))

    def test_sessions(self) -> None:
        """Sessions of TLS 1.2 and 1.3 are resumed."""
        node = self.serving()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = trusting_all(maximum_version=version)
            with Secured(node.https, self.site, context) as first:
                first.send(ask(self.site, "/a.txt"))
                first.answer()
                session = first.socket.session
            for _ in range(3):
                with Secured(node.https, self.site, context, session) as again:
                    self.assertTrue(again.socket.session_reused)
                    again.send(ask(self.site, "/a.txt"))
                    self.assertTrue(again.answer().endswith(b"AAA"))
            name = version.name.replace("_", ".")
            self.assertEqual(self.outcomes(node, "resumed", name), 3 if self.tells_resumption else 0)

    def test_openssl(self) -> None:
        """``openssl s_client``: versions, ALPN, sessions in files, and renegotiation, which is refused."""
        node, name = self.serving(), ("-servername", "localhost")
        self.assertIn("Protocol  : TLSv1.2", openssl(node, *name, "-tls1_2"))
        self.assertIn("TLSv1.3", openssl(node, *name, "-tls1_3"))
        for old in ("-tls1_1", "-tls1"):
            self.assertIn("alert protocol version", openssl(node, *name, old, "-cipher", "ALL:@SECLEVEL=0"))
        self.assertIn("ALPN protocol: http/1.1", openssl(node, *name, "-alpn", "h2,http/1.1"))
        self.assertIn("No ALPN negotiated", openssl(node, *name, "-alpn", "h2"))
        for version in ("-tls1_2", "-tls1_3"):
            file = str(self.folder / f"session{version}")
            asking = ask(self.site, "/a.txt", "Connection: close")
            self.assertIn("New, ", openssl(node, *name, version, "-ign_eof", "-sess_out", file, data=asking))
            self.assertIn("Reused, ", openssl(node, *name, version, "-ign_eof", "-sess_in", file, data=asking))
        renegotiated = openssl(node, *name, "-tls1_2", data=b"R\n" + ask(self.site))
        self.assertIn("no renegotiation", renegotiated)
        self.assertIn("Compression: NONE", renegotiated)

    def test_plain_http(self) -> None:
        """Plain HTTP to the TLS port is told 400 and what to use instead; so is a HEAD, without a body."""
        node = self.serving()
        for method in ("GET", "POST", "HEAD"):
            answer = exchange(node.https, f"{method} / HTTP/1.1\r\nHost: {self.site}:{node.https}\r\n\r\n".encode())
            self.assertEqual(status_of(answer), 400)
            self.assertEqual(f"https://{self.site}:{node.https}/".encode() in answer, method != "HEAD")
            self.assertNotIn(b"strict-transport-security", answer)
        self.assertEqual(curl(f"http://127.0.0.1:{node.https}/").status, 400)
        self.assertEqual(self.outcomes(node, "plain_http"), 4)

    def test_no_tls(self) -> None:
        """Garbage is closed at once, whoever says nothing in time; and whoever breaks off is noticed."""
        node = self.serving({"https": {"handshake_timeout": 2}})
        with Socket(node.https) as garbage:
            garbage.send(b"\x00\x01\x02")
            self.assertEqual(garbage.read(), b"")
        with Socket(node.https) as broken:
            broken.send(b"\x16\x03\x01\x00\x05garbage")
            self.assertLess(len(broken.read()), 100)
        with Socket(node.https) as silent, Socket(node.https) as begun, Socket(node.https) as ended:
            begun.send(b"\x16\x03\x01")
            ended.end()
            self.assertEqual((silent.read(), begun.read(), ended.read()), (b"", b"", b""))
        wait_until(lambda: self.outcomes(node, "timed_out") == 2, "two that took too long")
        self.assertEqual((self.outcomes(node, "garbage") >= 1, self.outcomes(node, "closed")), (True, 1))

    def test_refused_by_the_client(self) -> None:
        """A client that does not trust the certificate says so, and is counted."""
        node = self.serving()
        self.assertRaises(ssl.SSLCertVerificationError, Secured, node.https, "localhost", ssl.create_default_context())
        wait_until(lambda: self.outcomes(node, "refused") + self.outcomes(node, "full", "TLSv1.3") == 1, "an outcome")
        old = trusting_all(minimum_version=ssl.TLSVersion.TLSv1_2, maximum_version=ssl.TLSVersion.TLSv1_2)
        old.set_ciphers("AES128-SHA:@SECLEVEL=0")
        self.assertRaises(ssl.SSLError, Secured, node.https, "localhost", old)
        self.assertEqual(self.outcomes(node, "nothing_shared"), 1)

    def test_redirect(self) -> None:
        """Plain HTTP is sent to HTTPS for a host that has a certificate, with its target and method, but not for ACME challenges."""
        node = self.serving()
        self.assertEqual(fetch(node.http, self.site, "/a.txt").status, 200)
        self.import_(node, self.site, "other.example")
        self.wait_for(node, self.site)
        for target in ("/a.txt", "/a.txt", "/?a=b%20c", "/cdn-cgi/trace", "/nowhere"):
            for method in ("GET", "HEAD", "POST"):
                answer = fetch(node.http, self.site, target, method)
                place = f"https://{self.site}:{node.https}{target}"
                self.assertEqual((answer.status, answer.headers.get("location")), (308, place), (target, method))
        self.assertEqual(fetch(node.http, self.site, "/.well-known/acme-challenge/x").status, 404)
        self.assertEqual(fetch(node.http, "unknown.example", "/").status, 404)
        self.assertEqual(fetch(node.http, "other.example", "/").status, 308)
        followed = curl(
            f"http://{self.site}:{node.http}/a.txt", "--location", "--cacert", str(self.root),
            "--resolve", f"{self.site}:{node.https}:127.0.0.1", "--resolve", f"{self.site}:{node.http}:127.0.0.1",
        )  # fmt: skip
        self.assertTrue(followed.body.endswith(b"AAA"))

    def test_behind_a_proxy(self) -> None:
        """Who comes by HTTPS to a trusted proxy is not sent there again; who comes by HTTP is."""
        node = self.serving({"http": {"trusted_proxies": ["127.0.0.1"]}, "https": {"public_port": 443}})
        self.import_(node, self.site)
        self.wait_for(node, self.site)
        for _ in range(2):
            self.assertEqual(fetch(node.http, self.site, "/a.txt", headers={"X-Forwarded-Proto": "https"}).status, 200)
            answer = fetch(node.http, self.site, "/a.txt", headers={"X-Forwarded-Proto": "http"})
            self.assertEqual((answer.status, answer.headers["location"]), (308, f"https://{self.site}/a.txt"))
        trace = fetch(node.http, self.site, "/cdn-cgi/trace", headers={"X-Forwarded-Proto": "https"})
        self.assertIn(b"tls=on\n", trace.body)

    def test_hsts(self) -> None:
        """Strict-Transport-Security stands in every response over HTTPS, whichever way answers, and in none over plain HTTP."""
        node = self.serving({"https": {"hsts": 63072000, "hsts_subdomains": True, "hsts_preload": True}})
        field = b"strict-transport-security: max-age=63072000; includesubdomains; preload\r\n"
        with Secured(node.https, self.site) as visitor:
            for target in ("/a.txt", "/a.txt", "/nowhere", "/large.bin", "/cdn-cgi/trace", "/a.txt"):
                visitor.send(ask(self.site, target))
                self.assertEqual(visitor.answer().lower().count(field), 1, target)
            visitor.send(b"nonsense\r\n\r\n")
            self.assertEqual(visitor.read().lower().count(field), 1)
        self.assertNotIn("strict-transport-security", fetch(node.http, self.site, "/a.txt").headers)
        self.assertNotIn(field, exchange(node.https, ask(self.site)).lower())

    def test_api(self) -> None:
        """The API's port over TLS, and plain HTTP to it."""
        settings: Settings = {"api": {"tls": True}, "https": {"hsts": 300}}
        node = self.new_node(settings).start(twistd=self.twistd, ready=False)
        url = f"https://localhost:{node.api}"
        wait_until(lambda: curl(f"{url}/readyz", "--insecure").status == 200, "readiness")
        # A browser that saw it once would want HTTPS of every other port of the host too.
        self.assertNotIn("strict-transport-security", curl(f"{url}/readyz", "--insecure").headers)
        key = ("--header", f"Authorization: Bearer {node.key}", "--insecure")
        self.assertEqual(curl(f"{url}/api/v2/sites", *key).status, 200)
        content = b"x" * 3_000_000
        (self.folder / "blob").write_bytes(content)
        blob = f"{url}/api/v2/blobs/{sha256(content).hexdigest()}"
        self.assertEqual(curl(blob, *key, "--upload-file", str(self.folder / "blob")).status, 201)
        self.assertEqual(
            curl(f"{url}/api/v2/blobs/{'0' * 64}", "--insecure", "--upload-file", str(self.folder / "blob")).status, 401
        )
        self.assertEqual(curl(f"http://localhost:{node.api}/readyz").status, 400)
        self.assert_quiet(node)

    def test_ends(self) -> None:
        """On SIGTERM idle connections and handshakes are closed, and what is being sent is sent to its end."""
        node = self.serving()
        with (
            Secured(node.https, self.site) as idle,
            Secured(node.https, self.site) as slow,
            Socket(node.https) as silent,
        ):
            idle.send(ask(self.site, "/a.txt"))
            idle.answer()
            slow.send(ask(self.site, "/large.bin"))
            first = slow.socket.recv(1000)
            node.send(signal.SIGTERM)
            self.assertEqual((idle.read(), silent.read()), (b"", b""))
            self.assertTrue((first + slow.read()).endswith(LARGE))
        node.wait()


class HttpsOnEpoll(Https):
    """The same on Twisted's epoll reactor."""

    twistd = ("--reactor=epoll",)
    tells_resumption = False


class HttpsOnAsyncio(Https):
    """The same on asyncio's own loop."""

    always = False
    twistd = ("--reactor=asyncio",)
