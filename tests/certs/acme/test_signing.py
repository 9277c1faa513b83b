"""Signatures, thumbprints and key authorizations, against the examples of the RFCs."""

import json
from base64 import urlsafe_b64decode

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.jwa import ES384, RS256
from josepy.jwk import JWK, JWKEC, JWKRSA, JWKOct
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.acme.csr import request_for
from couchpages.certs.acme.keys import account_key as read_key
from couchpages.certs.acme.keys import account_key_pem, new_private_key
from couchpages.certs.acme.signing import (
    JWS,
    ExternalAccount,
    algorithm_of,
    dns_value,
    external_binding,
    key_authorization,
    signed,
    thumbprint,
)
from couchpages.certs.certificates import Kind
from couchpages.testing.authority import rsa_key
from tests.certs.acme.made import account_key

#: RFC 7638 section 3.1.
RSA_OF_THE_RFC = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMst"
    "n64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91Cb"
    "OpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
}
NIGHT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


class Fixed:
    """Stands for a key with a thumbprint that an RFC gives."""

    def public_key(self) -> "Fixed":
        """Give itself."""
        return self

    def thumbprint(self) -> bytes:
        """Give the RFC's."""
        return urlsafe_b64decode("9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI=")


class Examples(SynchronousTestCase):
    """The RFCs' own."""

    def test_thumbprint(self) -> None:
        """RFC 7638 section 3.1."""
        key = JWK.from_json(RSA_OF_THE_RFC)
        assert isinstance(key, JWK)
        self.assertEqual(thumbprint(key), NIGHT)

    def test_key_authorization(self) -> None:
        """RFC 8555 sections 8.1 and 8.3; its TXT value is the digest of that text (section 8.4), as sha256sum gives it."""
        token = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
        text = key_authorization(token, Fixed())  # type: ignore[arg-type]
        self.assertEqual(text, f"{token}.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI")
        self.assertEqual(dns_value("abc"), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0")


class Signing(SynchronousTestCase):
    """What stands in a signed request."""

    def test_with_account(self) -> None:
        """The account's address, no key; everything is protected, and the nonce is the authority's, letter by letter."""
        for nonce in ("abc", "ab-_", "x", "AAAB", "AAAD_"):
            body = signed(b"{}", account_key(), nonce=nonce, url="https://ca.test/x", kid="https://ca.test/1")
            members = json.loads(body)
            self.assertEqual(set(members), {"protected", "payload", "signature"})
            header = json.loads(urlsafe_b64decode(members["protected"] + "=="))
            expected = {"alg": "ES256", "nonce": nonce, "url": "https://ca.test/x", "kid": "https://ca.test/1"}
            self.assertEqual(header, expected)
            self.assertTrue(JWS.json_loads(body.decode()).verify(account_key().public_key()))

    def test_with_key(self) -> None:
        """The public key, no account; never the private one."""
        header = json.loads(
            JWS.json_loads(signed(b"", account_key(), nonce="a", url="u", kid=None)).signature.protected
        )
        self.assertEqual(set(header), {"alg", "nonce", "url", "jwk"})
        self.assertEqual(set(header["jwk"]), {"kty", "crv", "x", "y"})

    def test_algorithms(self) -> None:
        """Each kind of key has its own; what cannot sign for an account is refused."""
        self.assertEqual(algorithm_of(JWKRSA(key=rsa_key())), RS256)
        self.assertEqual(algorithm_of(JWKEC(key=ec.generate_private_key(ec.SECP384R1()))), ES384)
        for key in (JWKOct(key=b"k"), JWKEC(key=ec.generate_private_key(ec.SECP256K1()))):
            self.assertRaises(ValueError, algorithm_of, key)

    def test_external(self) -> None:
        """The binding is signed with the customer's key and holds the account's public one (RFC 8555 section 7.3.4)."""
        binding = external_binding(ExternalAccount("kid-1", b"k" * 32), account_key(), "https://ca.test/new")
        jws = JWS.from_json(binding)
        self.assertTrue(jws.verify(JWKOct(key=b"k" * 32)))
        self.assertFalse(jws.verify(JWKOct(key=b"l" * 32)))
        self.assertEqual(
            json.loads(jws.signature.protected), {"alg": "HS256", "kid": "kid-1", "url": "https://ca.test/new"}
        )
        self.assertEqual(json.loads(jws.payload), account_key().public_key().to_json())

    def test_external_key(self) -> None:
        """It is read in each way that authorities write it, and shown in no message."""
        for text in ("-_8_AA", "-_8_AA==", "+/8/AA==", " -_8_AA\n"):
            self.assertEqual(ExternalAccount.from_text("k", text).secret, b"\xfb\xff\x3f\x00")
        for text in ("", "sec ret", "ü", "secre"):
            with self.assertRaises(ValueError) as caught:
                ExternalAccount.from_text("k", text)
            self.assertNotIn("sec", str(caught.exception))
        self.assertNotIn("xyz", repr(ExternalAccount("k", b"xyz")))


class Keys(SynchronousTestCase):
    """Keys and requests."""

    def test_account_key(self) -> None:
        """It is the same when it was written and read."""
        self.assertEqual(read_key(account_key_pem(account_key())), account_key())

    def test_request(self) -> None:
        """It has the names, in one form, and no subject; its signature is right."""
        for kind in Kind:
            key = rsa_key() if kind is Kind.RSA else new_private_key(kind)
            csr = x509.load_der_x509_csr(
                request_for(["EXAMPLE.org", "*.example.org", "2001:DB8::1", "example.org"], key)
            )
            names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            self.assertEqual(names.get_values_for_type(x509.DNSName), ["example.org", "*.example.org"])
            self.assertEqual([str(each) for each in names.get_values_for_type(x509.IPAddress)], ["2001:db8::1"])
            self.assertEqual((list(csr.subject), csr.is_signature_valid), ([], True))
