"""What a connection to a TLS port begins with, and how a handshake ended."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.web.tls_outcomes import MOST, Opening, Outcome, needed, opening, outcome_of


class Deciding(SynchronousTestCase):
    """The pure parts."""

    def test_openings(self) -> None:
        """A handshake's record, a method's letter, and everything else."""
        for first in range(256):
            letter = chr(first) in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
            wanted = Opening.TLS if first == 22 else Opening.HTTP if letter else Opening.GARBAGE
            self.assertEqual(opening(first), wanted, first)

    @given(st.binary(max_size=20))
    def test_needed(self, begun: bytes) -> None:
        """The header says how long the record is; too long a one is none."""
        needs = needed(begun)
        if len(begun) < 5:
            self.assertEqual(needs, 5)
        else:
            length = begun[3] * 256 + begun[4]
            self.assertEqual(needs, None if length > MOST else length + 5)

    def test_outcomes(self) -> None:
        """OpenSSL's reasons become one of few words."""
        for reason, outcome in (
            ("CALLBACK_FAILED", Outcome.UNKNOWN_NAME),
            ("NO_SHARED_CIPHER", Outcome.NOTHING_SHARED),
            ("UNSUPPORTED_PROTOCOL", Outcome.NOTHING_SHARED),
            ("TLSV1_ALERT_UNKNOWN_CA", Outcome.REFUSED),
            ("SSLV3_ALERT_CERTIFICATE_UNKNOWN", Outcome.REFUSED),
            ("WRONG_VERSION_NUMBER", Outcome.GARBAGE),
            ("SOMETHING_NEW", Outcome.FAILED),
            ("", Outcome.FAILED),
        ):
            self.assertIs(outcome_of(reason), outcome, reason)
