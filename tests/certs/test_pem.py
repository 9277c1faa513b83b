"""Chain and key in PEM, and what is said of those that are wrong."""

import ssl

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.certificates import Kind
from couchpages.certs.pem import read_certificate
from couchpages.certs.pem_blocks import LARGEST, blocks_in
from couchpages.testing.authority import Authority, LeafKey, key_pem, rsa_key
from tests.certs.made import DAY, NOW, authority, pems


def split(chain: bytes) -> list[bytes]:
    """Take a chain apart."""
    return [block.pem for block in blocks_in(chain)]


class Reading(SynchronousTestCase):
    """What is right."""

    def test_both_kinds(self) -> None:
        """Names, dates, issuer and kind are those of the leaf."""
        for kind in Kind:
            read = read_certificate(*pems("example.org", "*.example.org", "192.0.2.1", kind=kind), made=7)
            self.assertEqual((read.name, read.kind, read.made), ("example.org", kind, 7))
            self.assertEqual(read.names, ("example.org", "*.example.org", "192.0.2.1"))
            self.assertEqual((read.not_before, read.not_after), (NOW - DAY, NOW + 89 * DAY))
            self.assertEqual(read.issuer, "Test Intermediate")
            self.assertTrue(read.is_valid(NOW))
            leaf = x509.load_pem_x509_certificates(read.chain)[0]
            self.assertEqual((read.serial, len(read.fingerprint)), (leaf.serial_number, 64))

    def test_one_file(self) -> None:
        """Chain and key may stand in one file, in any order, with parameters of the curve and text between."""
        chain, key = pems("example.org")
        parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        text = "Bag Attributes: übrig\n".encode()
        for one in (chain + key, key + chain, text + parameters + key + text + chain.replace(b"\n", b"\r\n")):
            self.assertEqual(read_certificate(one, one), read_certificate(chain, key))

    def test_normalised(self) -> None:
        """Only certificates and the key as PKCS #8 remain."""
        chain, _ = authority().issue("example.org", key=(key := ec.generate_private_key(ec.SECP256R1())))
        old_form = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        read = read_certificate(b"some text\n" + chain, old_form)
        self.assertEqual((read.chain, read.key), (chain, key_pem(key)))

    def test_root(self) -> None:
        """A root at the end is left away; a certificate that signed itself stays."""
        chain, key = pems("example.org")
        self.assertEqual(read_certificate(chain + authority().root.pem, key).chain, chain)
        alone, own = authority().self_signed("localhost")
        self.assertEqual(read_certificate(alone, own).chain, alone)

    def test_names(self) -> None:
        """Names are in lower case, each once; names of other scripts stay as DNS has them; another than the first may be chosen."""
        chain, key = authority().issue("WWW.Example.org", "www.example.org", "xn--mnchen-3ya.example", "2001:DB8::1")
        read = read_certificate(chain, key)
        self.assertEqual(read.names, ("www.example.org", "xn--mnchen-3ya.example", "2001:db8::1"))
        self.assertEqual(read_certificate(chain, key, name="2001:db8::1").name, "2001:db8::1")

    def test_curves(self) -> None:
        """P-384 and P-521 are served too."""
        for curve in (ec.SECP384R1(), ec.SECP521R1()):
            chain, key = authority().issue("example.org", key=ec.generate_private_key(curve))
            self.assertEqual(read_certificate(chain, key).kind, Kind.ECDSA)


class Wrong(SynchronousTestCase):
    """What is refused, and in which words."""

    def setUp(self) -> None:
        """Have a chain and its key."""
        self.chain, self.key = pems("example.org")

    def wrong(self, chain: bytes, key: bytes, *words: str) -> None:
        """Assert that *words* stand in what is said, which is one line and shows no key."""
        message = str(self.assertRaises(ValueError, read_certificate, chain, key))
        for each in words:
            self.assertIn(each, message)
        self.assertNotIn("\n", message)
        secret = key.splitlines()[1][:40].decode("latin-1") if b"PRIVATE KEY" in key else "no key at all"
        self.assertNotIn(secret, message)

    def test_nothing(self) -> None:
        """Files in which there is nothing, or the other thing."""
        self.wrong(b"", self.key, "no certificate in the chain")
        self.wrong(self.key, self.key, "no certificate in the chain")
        self.wrong(self.chain, b"", "no private key")
        self.wrong(self.chain, self.chain, "no private key")

    def test_garbage(self) -> None:
        """PEM with garbage in it, broken off, or of something else."""
        leaf, intermediate = split(self.chain)
        self.wrong(leaf[:-30], self.key, "ends within its last block")
        self.wrong(leaf.replace(b"END CERTIFICATE", b"END CERTIFICATES"), self.key, "stands where it cannot")
        self.wrong(leaf + b"-----BEGIN----\n", self.key, "is no PEM")
        self.wrong(leaf.replace(b"MII", b"M!I", 1), self.key, "certificate 1 of the chain cannot be read")
        self.wrong(
            leaf + intermediate[:40] + b"\xff\x00" + intermediate[40:], self.key, "certificate 2", "cannot be read"
        )
        request = b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"
        self.wrong(request, self.key, "CERTIFICATE REQUEST", "neither a certificate nor a private key")
        self.wrong(self.chain, self.key.replace(b"MIG", b"MIH"), "the private key cannot be read")
        self.wrong(b"x" * (LARGEST + 1), self.key, "is not read")
        self.wrong(leaf + intermediate * 10, self.key, "11 certificates")

    def test_keys(self) -> None:
        """Keys that are encrypted, several, of somebody else, or of kinds that are not served."""
        self.wrong(self.chain, self.key * 2, "2 private keys")
        key = load_pem_private_key(self.key, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
            encrypted = key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"x"))
            self.wrong(self.chain, encrypted, "is encrypted", "openssl pkey")
        _, others = authority().issue("example.org")
        self.wrong(self.chain, others, "does not belong to the chain's first certificate", '"example.org"')
        self.wrong(self.chain, key_pem(rsa_key()), "does not belong")
        strange: list[tuple[LeafKey, str]] = [
            (ed25519.Ed25519PrivateKey.generate(), "Ed25519"),
            (dsa.generate_private_key(1024), "DSA"),  # noqa: S505 -- refused
            (rsa.generate_private_key(65537, 1024), "1024 bits"),  # noqa: S505 -- refused
            (ec.generate_private_key(ec.SECP256K1()), "secp256k1"),
        ]
        for made, words in strange:
            chain, pem = authority().issue("example.org", key=made)
            self.wrong(chain, pem, words)

    def test_order(self) -> None:
        """A chain in the wrong order is told which certificate is out of place."""
        leaf, intermediate = split(self.chain)
        root = authority().root.pem
        self.wrong(intermediate + leaf, self.key, "the key belongs to certificate 2 of it, which must come first")
        self.wrong(
            leaf + root + intermediate, self.key, '("Test Root") did not sign certificate 1', "certificate 3 did"
        )
        stranger = Authority(NOW).intermediate.pem
        self.wrong(leaf + stranger, self.key, "did not sign certificate 1", '"Test Intermediate" signed')
        self.wrong(leaf + root, self.key, "did not sign certificate 1")

    def test_names(self) -> None:
        """A certificate without names, or with some that are none."""
        chain, key = authority().issue()
        self.wrong(chain, key, "for no host")
        for name in ("w*.example.org", "*", "a.*.org", "*.*.org", "a..org", "-a.org", "a" * 64 + ".org"):
            chain, key = authority().issue(name)
            self.wrong(chain, key, "is no name")
        self.assertIn(
            "not for", str(self.assertRaises(ValueError, read_certificate, self.chain, self.key, name="b.example"))
        )

    def test_version_that_there_is_none_of(self) -> None:
        """A certificate of a version that nobody defined is refused as any other that cannot be read."""
        chain, key = pems("example.org")
        leaf = x509.load_pem_x509_certificate(chain).public_bytes(Encoding.DER)
        # RFC 5280 section 4.1.2.1: the version stands first, tagged [0].
        strange = leaf.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x06", 1)
        self.assertNotEqual(strange, leaf)
        pem = ssl.DER_cert_to_PEM_cert(strange).encode()
        self.assertIn("cannot be read", str(self.assertRaises(ValueError, read_certificate, pem, key)))

    @settings(deadline=None, max_examples=200)
    @given(st.binary(max_size=200), st.integers(0, 2000), st.integers(0, 255))
    def test_any_bytes(self, garbage: bytes, place: int, octet: int) -> None:
        """Whatever is read gives a certificate or a ValueError."""
        chain, key = pems("example.org")
        damaged = bytearray(chain + key)
        damaged[place % len(damaged)] = octet
        for one in (garbage, bytes(damaged), chain + garbage + key):
            try:
                read_certificate(one, one)
            except ValueError:
                continue
