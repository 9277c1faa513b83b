"""Host names of sites and of requests."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.hosts import LONGEST_SITE, InvalidHost, commit_label, requested_host, site_name
from couchpages.testing.strategies import site_names

CANONICAL = {
    "localhost": "localhost",
    "Example.ORG": "example.org",
    "example.org.": "example.org",
    "a.b-c.example": "a.b-c.example",
    "3com.com": "3com.com",
    "r3---sn-x.example": "r3---sn-x.example",
    "xn--bcher-kva.example": "xn--bcher-kva.example",
    "bücher.example": "xn--bcher-kva.example",
    "BU\u0308CHER.example": "xn--bcher-kva.example",
    "faß.de": "xn--fa-hia.de",
    "例え。テスト": "xn--r8jz45g.xn--zckzah",
    "\uff25xample.org": "example.org",
    "a" * 63 + ".org": "a" * 63 + ".org",
}

REFUSED = {
    "": "empty",
    ".": "empty",
    "a..b": "empty label",
    ".a": "empty label",
    "example.org..": "empty label",
    "-a.org": "hyphens",
    "a-.org": "hyphens",
    "a_b.org": "letters, digits",
    "a" * 64 + ".org": "longer than 63",
    "ü" * 63 + ".org": "internationalised",
    "x" * 5000: "longer than 189",
    "ü" * 100_000: "longer than 189",
    "127.0.0.1": "IP address",
    "\uff11\uff12\uff17.0.0.1": "IP address",
    "::1": "IP address",
    "[::1]": "IP address",
    "[::1]:80": "IP address",
    "[192.0.2.1]": "IP address",
    "fe80::1%eth0": "IP address",
    "1.2.3": "ends in a number",
    "example.123": "ends in a number",
    "2130706433": "ends in a number",
    "a.0x7f": "ends in a number",
    "example.org:8080": 'has a port; write "example.org"',
    "http://example.org": "the host name alone",
    "example.org/docs": "the host name alone",
    "ex\u2100mple.org": "the host name alone",
    "exam ple.org": "white space",
    " example.org": "white space",
    "example.org\n": "white space",
    "exam\u00a0ple.org": "white space",
    "*.example.org": "wildcard",
    "user@example.org": "letters, digits",
    "a\0b.org": "letters, digits",
    "☃.example": "internationalised",
    "a\ud800.example": "internationalised",
}


class SiteNameTests(SynchronousTestCase):
    """``site_name``."""

    def test_canonical(self) -> None:
        """Each way to write a valid name gives the one form of it."""
        for text, name in CANONICAL.items():
            self.assertEqual(site_name(text), name, text)

    def test_refused(self) -> None:
        """What is no host name is refused with a sentence that tells what is wrong and can be written as UTF-8."""
        for text, reason in REFUSED.items():
            message = str(self.assertRaises(InvalidHost, site_name, text))
            self.assertIn(reason, message)
            self.assertLess(len(message.encode("utf-8")), 1000)

    def test_room_for_a_preview(self) -> None:
        """The longest name leaves room for a label of 63 octets in the 253 of a DNS name, and one more does not."""
        longest = ".".join(["a" * 47] * 3 + ["b" * 45])
        self.assertEqual(len(site_name(longest)), LONGEST_SITE)
        self.assertEqual(len(f"{'c' * 63}.{longest}"), 253)
        self.assertRaises(InvalidHost, site_name, longest + "b")

    @settings(deadline=None)
    @given(st.one_of(st.text(), st.text("aB0-.xn:[/*é。")))
    def test_idempotent(self, text: str) -> None:
        """Any text is refused with InvalidHost or gives a canonical name, which gives itself and fits a DNS name."""
        try:
            name = site_name(text)
        except InvalidHost:
            return
        self.assertEqual(site_name(name), name)
        self.assertRegex(name, r"\A[a-z0-9.-]{1,189}\Z")

    @settings(deadline=None)
    @given(site_names())
    def test_requests_reach_it(self, name: str) -> None:
        """The canonical name is what a request for it names, however its Host field is written."""
        self.assertEqual(site_name(name), name)
        for value in (name, name.upper(), f"{name}.", f"{name}:8080", f"{name}.:"):
            self.assertEqual(requested_host(value.encode()), name)


class RequestedHostTests(SynchronousTestCase):
    """``requested_host``."""

    def test_valid(self) -> None:
        """What RFC 3986 calls a host is given in lower case without its port, sites' names or not."""
        hosts = {
            b"Example.ORG": "example.org",
            b"example.org:80": "example.org",
            b"example.org:": "example.org",
            b"example.org.:443": "example.org",
            b"example.org..": "example.org.",
            b"127.0.0.1:8080": "127.0.0.1",
            b"[::1]:8080": "[::1]",
            b"[2001:DB8::1]": "[2001:db8::1]",
            b"a_b.example": "a_b.example",
            b"a!b": "a!b",
            b"ex%61mple.org": "ex%61mple.org",
        }
        for value, host in hosts.items():
            self.assertEqual(requested_host(value), host, value)

    def test_invalid(self) -> None:
        """What is no host gives None, so that the request is malformed."""
        for value in (
            b"", b".", b":80", b"a b", b"a\0b", b"a/b", b"user@example.org", b"a:b", b"a:80:80", b"::1", b"[::1", b"[::1]x",
            b"[:::]", b"[1.2.3.4]", b"[fe80::1%25eth0]", b"b\xc3\xbccher.example", b"a%zz", b"a,b:c", b"a\n", b"a\\b", b"<a>",
        ):  # fmt: skip
            self.assertIs(requested_host(value), None, value)

    @settings(deadline=None)
    @given(st.binary(max_size=30))
    def test_never_raises(self, value: bytes) -> None:
        """Any octets give a host in lower-case ASCII or None."""
        host = requested_host(value)
        if host is not None:
            self.assertRegex(host, r"\A[!-~]+\Z")
            self.assertEqual(host, host.lower())


class CommitLabelTests(SynchronousTestCase):
    """``commit_label``."""

    def test_labels(self) -> None:
        """A commit's label is its digits in lower case, and the first 40 of a SHA-256 commit."""
        self.assertEqual(commit_label("5F3Cabc"), "5f3cabc")
        self.assertEqual(commit_label("A" * 40), "a" * 40)
        self.assertEqual(commit_label("a" * 63), "a" * 63)
        self.assertEqual(commit_label("0123456789ABCDEF" * 4), "0123456789abcdef0123456789abcdef01234567")

    def test_refused(self) -> None:
        """What is no commit is refused with its text."""
        for text in ("", "abcdef", "a" * 65, "main", "abcdefg", "abcdef1\n", "٣٣٣٣٣٣٣"):
            self.assertIn("hexadecimal", str(self.assertRaises(ValueError, commit_label, text)))
