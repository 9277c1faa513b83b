"""Where visitors of plain HTTP are sent."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.secure import Secure, secure_location

HOSTS = {"a.example"}


class Locations(SynchronousTestCase):
    """``secure_location``."""

    def test_sent(self) -> None:
        """The same target of the same host, at the port, which is left away where it is the usual one."""
        for port, place in ((None, b"https://a.example"), (8443, b"https://a.example:8443")):
            secure = Secure(HOSTS.__contains__, port)
            for target in (b"/", b"/a?b=c%20d", b"/%2e%2e/", b"//other.example/", b"/.well-known/acme-challengex"):
                self.assertEqual(secure_location(secure, "a.example", target), place + target)
            self.assertEqual(secure_location(secure, "a.example", b"http://a.example/x"), place + b"/x")

    def test_not_sent(self) -> None:
        """Not for other hosts, not without HTTPS, not ACME's challenges, and nothing that is no path."""
        secure = Secure(HOSTS.__contains__)
        self.assertIsNone(secure_location(secure, "b.example", b"/"))
        self.assertIsNone(secure_location(None, "a.example", b"/"))
        for target in (b"/.well-known/acme-challenge/x", b"http://a.example/.well-known/acme-challenge/x"):
            self.assertIsNone(secure_location(secure, "a.example", target))
        for target in (b"*", b"", b"x", b"/\r\nx: y", b"/ x", b"/\xff", b"ftp://x/"):
            self.assertIsNone(secure_location(secure, "a.example", target), target)

    def test_addresses(self) -> None:
        """Not for IP addresses, whatever certificate there is: clients send no server name for them."""
        for host in ("127.0.0.1", "[::1]", "192.0.2.1", "2130706433"):
            self.assertIsNone(secure_location(Secure(lambda _: True), host, b"/"), host)
        self.assertIsNotNone(secure_location(Secure(lambda _: True), "127.0.0.1.example", b"/"))

    @given(st.binary(max_size=30))
    def test_any_target(self, target: bytes) -> None:
        """Whatever the target, a location is on the host, in one line."""
        location = secure_location(Secure(HOSTS.__contains__), "a.example", b"/" + target)
        if location is not None:
            self.assertTrue(location.startswith(b"https://a.example/"))
            self.assertTrue(location.isascii())
            self.assertEqual(len(location.split()), 1)
