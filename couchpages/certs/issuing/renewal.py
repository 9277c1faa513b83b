"""When a certificate is to be renewed (pure). Times are seconds since 1970."""

from couchpages.certs.acme.ari import RenewalInfo, renewal_moment
from couchpages.certs.certificates import Certificate

#: A certificate is renewed when a third of its life is left, as Let's Encrypt advises.
LEFT = 3
#: Up to this part of its life earlier, so that what was issued together is not renewed together.
SPREAD = 30
#: Whatever the CA suggests, a certificate is used for this part of its life: one whose CA always names a moment in the past would else be
#: renewed again and again, as fast as that goes.
USED = 90
#: Whatever the CA suggests, the last sixth of a certificate's life is kept for tries.
RESERVE = 6


def renewal(certificate: Certificate, window: RenewalInfo | None) -> float:
    """Give the moment at which to renew: one of the CA's window (RFC 9773 section 4.2), else with a third of its life left.

    It is chosen by the certificate itself, so that every node chooses the same and none forgets.
    """
    life = certificate.not_after - certificate.not_before
    chance = int(certificate.fingerprint[:8], 16) / 2**32
    if window is None:
        return certificate.not_after - life / LEFT - chance * life / SPREAD
    suggested = min(renewal_moment(window, chance), certificate.not_after - life / RESERVE)
    return max(suggested, certificate.not_before + life / USED)
