"""The values of ``[acme]``, good and bad."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from couchpages import config_certificates as values


class Values(SynchronousTestCase):
    """Each is read, or refused in words that continue the value's."""

    def refused(self, read: Any, value: Any, words: str) -> None:
        """Assert that a value is refused."""
        with self.assertRaises(ValueError) as caught:
            read(value)
        self.assertIn(words, str(caught.exception))

    def test_directories(self) -> None:
        """Well-known ones by name, others by address: https, or http on this machine."""
        for value, read in (
            ("letsencrypt", "https://acme-v02.api.letsencrypt.org/directory"),
            ("letsencrypt-staging", "https://acme-staging-v02.api.letsencrypt.org/directory"),
            ("https://ca.example:14000/dir", "https://ca.example:14000/dir"),
            ("http://127.0.0.1:14000/dir", "http://127.0.0.1:14000/dir"),
            ("http://[::1]/dir", "http://[::1]/dir"),
            ("http://localhost/dir", "http://localhost/dir"),
        ):
            self.assertEqual(values.acme_directory(value), read)
        for value, words in (
            ("letsencript", "neither letsencrypt nor"), ("", "neither"), ("ftp://a/b", "neither"), ("https://", "neither"),
            ("http://ca.example/dir", "plain HTTP"), ("http://10.0.0.1/dir", "plain HTTP"),
            ("https://me:secret@ca.example/dir", "password"), ("https://ca.example/dir#x", "fragment"),
            ("https://[::1/dir", "is no address"), ("https://ca.example:99999/dir", "is no address"),
            ("https://ca.example:x/", "is no address"),
            ("https://ca example/dir", "is no address"),
        ):  # fmt: skip
            self.refused(values.acme_directory, value, words)
        self.refused(values.acme_directory, 5, "")

    def test_kinds(self) -> None:
        """One at least, each once."""
        self.assertEqual(values.key_kinds(["rsa", "ecdsa"]), ("rsa", "ecdsa"))
        for value, words in (
            ([], "no kind"),
            (["rsa", "rsa"], "one twice"),
            (["dsa"], "none of ecdsa, rsa"),
            ([["rsa"]], "none of"),
            ("rsa", ""),
        ):
            self.refused(values.key_kinds, value, words)

    def test_mailboxes(self) -> None:
        """Mailboxes, none of them empty."""
        self.assertEqual(values.mailboxes(["a@example.org"]), ("a@example.org",))
        for value in ([""], ["x"], "a@example.org", [5]):
            self.refused(values.mailboxes, value, "")

    def test_issuers(self) -> None:
        """Names of nodes, none of them empty."""
        self.assertEqual(values.texts(["web1", "web2"]), ("web1", "web2"))
        self.refused(values.texts, [""], "is empty")
        self.refused(values.texts, "web1", "")

    def test_patterns(self) -> None:
        """Names of hosts and wildcards, in lower case; no addresses."""
        self.assertEqual(
            values.host_patterns(["A.example.org", "*.B.example.org"]), ("a.example.org", "*.b.example.org")
        )
        for value in ("1.2.3.4", "::1", "*.1.2.3.4", "a.*.b", "*.", "*", "a..b", "", "*.*.a", 5):
            self.refused(values.host_pattern, value, "")
        self.refused(values.host_pattern, "192.0.2.1", "is an IP address")
        self.refused(values.host_pattern, "*." + ".".join(["a" * 63] * 3 + ["b" * 60]), "longer")

    def test_certificates(self) -> None:
        """Names of each, a single one without a list of its own; each certificate is called by its first."""
        self.assertEqual(
            values.certificate_names(["mail.example.org", ["example.net", "*.example.net"]]),
            (("mail.example.org",), ("example.net", "*.example.net")),
        )
        for value, words in (
            ([[]], "has no name"), ([["a.b", "A.B"]], "a name twice"), (["a.b", ["a.b", "c.b"]], "begin with the same name"),
            ([[f"a{number}.b" for number in range(101)]], "more than 100"), ([["192.0.2.1"]], "IP address"), ("a.b", ""), ([5], ""),
        ):  # fmt: skip
            self.refused(values.certificate_names, value, words)
