"""When the authority suggests to renew (ACME Renewal Information, RFC 9773) (pure)."""

from dataclasses import dataclass

from cryptography import x509

from couchpages.certs.acme.answers import Answer
from couchpages.certs.acme.errors import said
from couchpages.certs.acme.fields import Fields
from couchpages.certs.acme.signing import base64url

#: RFC 9773 section 4.3.3: one minute to one day, and six hours where the authority does not say.
SHORTEST, LONGEST, USUAL = 60.0, 86400.0, 6 * 3600.0


@dataclass(frozen=True, slots=True)
class RenewalInfo:
    """A window, in seconds since 1970, within which to renew; *retry_after* is in how many seconds to ask again."""

    start: float
    end: float
    explanation: str = ""
    retry_after: float = USUAL


def certificate_id(certificate: x509.Certificate) -> str:
    """Name a certificate as ARI and ``replaces`` do (RFC 9773 section 4.1). Raises ValueError for one that does not say who signed it."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except x509.ExtensionNotFound:
        extension = None
    key_identifier = extension.value.key_identifier if extension is not None else None
    if not key_identifier:
        raise ValueError("the certificate does not name its issuer's key, and ARI has no name for it then")
    return f"{base64url(key_identifier)}.{base64url(_integer(certificate.serial_number))}"


def parse_renewal_info(answer: Answer) -> RenewalInfo:
    """Read what an authority says of a certificate. Raises AcmeError."""
    fields = Fields(answer.json(), f"the renewal information {answer.url}", secure=False)
    window = fields.object("suggestedWindow")
    start, end = window.moment("start"), window.moment("end")
    if end <= start:
        raise window.wrong("end", "is not after its start, which is no window (RFC 9773 section 4.2)")
    given = answer.retry_after()
    return RenewalInfo(
        start,
        end,
        said(fields.text_or("explanationURL", "")),
        USUAL if given is None else min(max(given, SHORTEST), LONGEST),
    )


def renewal_moment(info: RenewalInfo, chance: float) -> float:
    """Give the moment within the window that a number in [0, 1) means; the same number, the same moment. It may lie in the past."""
    return info.start + (info.end - info.start) * chance


def _integer(number: int) -> bytes:
    """Give the content of DER's INTEGER: two's complement, as short as it can be."""
    return number.to_bytes((number + (number < 0)).bit_length() // 8 + 1, "big", signed=True)
