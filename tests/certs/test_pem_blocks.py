"""What is said of PEM that is damaged."""

import re
from functools import cache

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.certificates import Kind
from couchpages.certs.pem import read_certificate
from tests.certs.made import pems


@cache
def key_forms() -> list[bytes]:
    """Give a key in every form that programs write."""
    formats = PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL
    keys = [load_pem_private_key(pems("example.org", kind=kind)[1], None) for kind in Kind]
    return [key.private_bytes(Encoding.PEM, each, NoEncryption()) for key in keys for each in formats]


class Law6(SynchronousTestCase):
    """Whatever is wrong with a file, no message shows a part of the key in it."""

    def said(self, pem: bytes) -> str:
        """Give what is said of a file, nothing of one that is right."""
        try:
            read_certificate(pem, pem)
        except ValueError as error:
            return str(error)
        return ""

    def assert_hidden(self, message: str, key: bytes) -> None:
        """Assert that no 8 characters of the key's base64 stand in a message."""
        secret = "".join(line for line in key.decode().splitlines() if not line.startswith("-----"))
        for run in re.findall("[A-Za-z0-9+/=]{8,}", message):
            for place in range(len(run) - 7):
                self.assertNotIn(run[place : place + 8], secret, message)

    def test_line_breaks_that_were_lost(self) -> None:
        """Defect: a key whose line breaks had become spaces was quoted, 29 of its 32 secret bytes."""
        chain, _ = pems("example.org")
        for key in key_forms():
            for lost in (b" ", b"", b"\\n"):
                for pem in (chain + key.strip().replace(b"\n", lost), (chain + key).replace(b"\n", lost)):
                    message = self.said(pem)
                    self.assertIn("line breaks seem to be lost", message)
                    self.assert_hidden(message, key)

    def test_boundaries_that_are_none(self) -> None:
        """A boundary out of place, a label that looks like a key, and dashes before a line of it are not quoted."""
        chain, key = pems("example.org")
        lines = key.splitlines()
        secret = b"".join(lines[1:-1]).upper().replace(b"+", b"A").replace(b"/", b"B").replace(b"=", b"")
        for pem in (
            b"\n".join([lines[0], b"-----" + lines[1], *lines[2:]]),
            b"-----BEGIN %s-----\n" % secret[:64],
            b"-----END %s-----\n" % secret[:64],
            b"-----BEGIN %s-----\nAAAA\n-----END %s-----\n" % (secret[:64], secret[:64]),
            b"-----BEGIN %s----- x" % secret[:64],
        ):
            message = self.said(chain + pem)
            self.assertTrue(message)
            self.assert_hidden(message, key)
            self.assertNotIn(secret[:8].decode(), message)

    def test_a_key_within_a_certificate(self) -> None:
        """Defect: the library quotes all of a certificate that it cannot take apart, in which a key may stand."""
        chain, key = pems("example.org")
        lines = chain.splitlines()
        for pem in (
            lines[0] + b"\n" + b"".join(key.splitlines()[1:-1]) + b"x-----END\n" + lines[-1],
            lines[0] + b"\n" + key.replace(b"\n", b"").strip(b"-") + b"\n" + lines[-1],
        ):
            message = self.said(pem)
            self.assertIn("is no base64", message)
            self.assert_hidden(message, key)

    @settings(deadline=None, max_examples=300)
    @given(
        st.integers(0, 3),
        st.sampled_from([b"\n", b" ", b"", b"\\n", b"-----", b"\r", b"\t"]),
        st.lists(
            st.tuples(
                st.sampled_from(["cut", "put", "swap", "repeat"]),
                st.integers(0, 4000),
                st.integers(1, 80),
                st.sampled_from(
                    [
                        b"-----",
                        b"\n",
                        b" ",
                        b"-----BEGIN ",
                        b"-----END ",
                        b"CERTIFICATE",
                        b"-----\n",
                        b"\n-----",
                        b"\xff",
                    ]
                ),
            ),
            max_size=6,
        ),
        st.booleans(),
    )
    def test_damaged(self, form: int, breaks: bytes, damages: list[tuple[str, int, int, bytes]], alone: bool) -> None:
        """However a file was damaged, no message shows 8 characters of the key."""
        key = key_forms()[form]
        pem = (b"" if alone else pems("example.org")[0]) + key.replace(b"\n", breaks)
        for how, at, length, piece in damages:
            place = at % (len(pem) + 1)
            if how == "cut":
                pem = pem[:place] + pem[place + length :]
            elif how == "put":
                pem = pem[:place] + piece + pem[place:]
            elif how == "swap":
                pem = pem[:place] + piece + pem[place + length :]
            else:
                pem = pem[: place + length] + pem[place:]
        self.assert_hidden(self.said(pem), key)
        for label in (b"EC PRIVATE KEY", b"RSA PRIVATE KEY", b"PRIVATE KEY"):
            self.assert_hidden(self.said(pem.replace(label, b"CERTIFICATE")), key)
