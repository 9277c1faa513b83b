from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.cli.connection import (
    DEFAULT_SERVER,
    Connection,
    KeyGiven,
    KeyInFile,
    check_key,
    check_server,
    decide_key,
    decide_server,
    goes_in_clear,
)
from couchpages.cli.errors import WrongCallError


class ServerTests(SynchronousTestCase):
    """The server's address: where it comes from, and its form."""

    def test_precedence(self) -> None:
        """--server beats COUCHPAGES_SERVER, this SERVER_URL, which only deploy reads, and then comes loopback."""
        environ = {"COUCHPAGES_SERVER": "http://b", "SERVER_URL": "http://c"}
        self.assertEqual(decide_server("http://a", environ, first_uploader=True), "http://a")
        self.assertEqual(decide_server(None, environ, first_uploader=True), "http://b")
        del environ["COUCHPAGES_SERVER"]
        self.assertEqual(decide_server(None, environ, first_uploader=True), "http://c")
        self.assertEqual(decide_server(None, environ, first_uploader=False), DEFAULT_SERVER)

    def test_slashes_and_paths(self) -> None:
        """Slashes at the end fall away, a path stays."""
        self.assertEqual(check_server("https://example.org/", "x"), "https://example.org")
        self.assertEqual(check_server(" http://[::1]:8081/pages// ", "x"), "http://[::1]:8081/pages")

    def test_malformed(self) -> None:
        """What is no address of an API is refused with the name of its source."""
        for address in (
            "",
            "example.org:8081",
            "ftp://example.org",
            "http://",
            "http://example.org:x",
            "http://example.org:99999",
            "http://example.org:0",
            "http://[::1",
            "http://example.org/?a=b",
            "http://example.org/#a",
            "http://exa mple.org",
            "http://ex\nample.org",
        ):
            with self.assertRaisesRegex(WrongCallError, "^--server: "):
                check_server(address, "--server")

    def test_password(self) -> None:
        """A password in an address is refused and not shown."""
        with self.assertRaises(WrongCallError) as caught:
            check_server("http://admin:secret@example.org", "--server")
        self.assertNotIn("secret", str(caught.exception))

    @given(st.text())
    @settings(deadline=None)
    def test_anything(self, text: str) -> None:
        """Whatever is written: an address without a slash at its end, or an error."""
        try:
            address = check_server(text, "--server")
        except WrongCallError:
            return
        self.assertRegex(address, "^https?://[^/]+(/.*[^/])?$")


class KeyTests(SynchronousTestCase):
    """The key: where it comes from, and that nothing shows it."""

    def test_precedence(self) -> None:
        """Options beat COUCHPAGES_API_KEY, this its file, this API_KEY, which only deploy reads."""
        environ = {"COUCHPAGES_API_KEY": "b", "COUCHPAGES_API_KEY_FILE": "c", "API_KEY": "d"}
        self.assertEqual(decide_key("a", None, environ, first_uploader=True), KeyGiven("a", visible=True))
        self.assertEqual(decide_key(None, "f", environ, first_uploader=True), KeyInFile("f"))
        self.assertEqual(decide_key(None, None, environ, first_uploader=True), KeyGiven("b", visible=False))
        del environ["COUCHPAGES_API_KEY"]
        self.assertEqual(decide_key(None, None, environ, first_uploader=True), KeyInFile("c"))
        del environ["COUCHPAGES_API_KEY_FILE"]
        self.assertEqual(decide_key(None, None, environ, first_uploader=True), KeyGiven("d", visible=False))
        with self.assertRaisesRegex(WrongCallError, "COUCHPAGES_API_KEY"):
            decide_key(None, None, environ, first_uploader=False)

    def test_both_options(self) -> None:
        """A key and a file of one contradict each other."""
        with self.assertRaises(WrongCallError):
            decide_key("a", "f", {}, first_uploader=False)

    def test_unusable(self) -> None:
        """A key that no header can carry is refused and not shown."""
        for key in ("", "  ", "se cret", "secret\nx", "secr\u00e9t"):
            with self.assertRaises(WrongCallError) as caught:
                check_key(key, "--api-key")
            self.assertNotIn("secr", str(caught.exception).replace("secrets", ""))
        self.assertEqual(check_key("cpk_x\n", "x"), "cpk_x")

    def test_never_shown(self) -> None:
        """Neither of the values that hold a key shows it."""
        self.assertNotIn("cpk", repr(Connection("http://a", "cpk_x")) + repr(KeyGiven("cpk_x", visible=True)))


class ClearTests(SynchronousTestCase):
    """Whether a key would cross networks in clear."""

    def test_cases(self) -> None:
        """Private addresses and TLS are fine, names and public addresses over http are not."""
        for server, clear in (
            ("http://127.0.0.1:8081", False),
            ("http://[::1]:8081", False),
            ("http://localhost", False),
            ("http://10.1.2.3", False),
            ("http://[fd00::1]", False),
            ("https://example.org", False),
            ("http://example.org", True),
            ("http://8.8.8.8", True),
        ):
            self.assertEqual(goes_in_clear(server), clear, server)
