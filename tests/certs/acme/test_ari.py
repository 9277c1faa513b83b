"""Renewal information (RFC 9773)."""

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.acme.ari import RenewalInfo, _integer, certificate_id, parse_renewal_info, renewal_moment
from couchpages.certs.acme.errors import AcmeError
from couchpages.certs.certificates import Kind
from couchpages.testing.authority import new_key
from tests.certs.acme.made import answer
from tests.certs.made import authority


def with_extension(extension: x509.ExtensionType | None, serial: int) -> x509.Certificate:
    """Make a certificate."""
    key = new_key(Kind.ECDSA)
    made = authority().root.certificate
    builder = (
        x509.CertificateBuilder()
        .subject_name(made.subject)
        .issuer_name(made.subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(made.not_valid_before_utc)
        .not_valid_after(made.not_valid_after_utc)
    )
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, SHA256())


class Names(SynchronousTestCase):
    """What a certificate is called."""

    def test_example(self) -> None:
        """RFC 9773 section 4.1: a serial number whose first bit is set has a zero before it."""
        identifier = bytes.fromhex("69885b6b8746404 1e1b37b847ba0ae2cde01c8d4".replace(" ", ""))
        made = with_extension(x509.AuthorityKeyIdentifier(identifier, None, None), 0x87654321)
        self.assertEqual(certificate_id(made), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE")

    def test_none(self) -> None:
        """A certificate that does not say whose key signed it has no name."""
        nameless = x509.AuthorityKeyIdentifier(None, [x509.DNSName("x")], 1)
        for extension in (None, nameless):
            self.assertRaises(ValueError, certificate_id, with_extension(extension, 1))

    @given(st.integers(-(2**159), 2**159))
    @settings(deadline=None)
    def test_integers(self, number: int) -> None:
        """A serial number is written as DER does it: signed, and no byte longer than it needs."""
        written = _integer(number)
        self.assertEqual(int.from_bytes(written, "big", signed=True), number)
        if len(written) > 1:
            self.assertNotIn((written[0], written[1] >> 7), ((0, 0), (255, 1)))


class Windows(SynchronousTestCase):
    """When to renew."""

    def test_example(self) -> None:
        """RFC 9773 section 4.2."""
        body = (
            '{"suggestedWindow": {"start": "2025-01-02T04:00:00Z", "end": "2025-01-03T04:00:00Z"},'
            '"explanationURL": "https://acme.example.com/docs/ari"}'
        )
        info = parse_renewal_info(answer(body, retry_after="21600"))
        self.assertEqual(info, RenewalInfo(1735790400.0, 1735876800.0, "https://acme.example.com/docs/ari", 21600.0))

    def test_nonsense(self) -> None:
        """A window that ends before it begins is none."""
        for start, end in (
            ("2025-01-03T04:00:00Z", "2025-01-02T04:00:00Z"),
            ("2025-01-03T04:00:00Z",) * 2,
            ("x", "y"),
            ("2025-01-03T04:00:00", "2025-01-04T04:00:00"),
        ):
            body = f'{{"suggestedWindow": {{"start": "{start}", "end": "{end}"}}}}'
            self.assertRaises(AcmeError, parse_renewal_info, answer(body))

    @given(st.floats(0, 2**33), st.floats(1, 2**25), st.floats(0, 1, exclude_max=True))
    @settings(deadline=None)
    def test_moment(self, start: float, length: float, chance: float) -> None:
        """It lies within the window."""
        info = RenewalInfo(start, start + length)
        self.assertTrue(info.start <= renewal_moment(info, chance) <= info.end)
