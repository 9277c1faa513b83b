"""What becomes of certificates that the authority in memory issued: renewal windows, revocation (pure)."""

from base64 import urlsafe_b64decode
from typing import Any

from cryptography import x509

from couchpages.certs.acme.signing import jwk_of
from couchpages.testing.acme.messages import Answered, in_json, refuse, retry_header
from couchpages.testing.acme.requests import Verified
from couchpages.testing.acme.rules import DAY, Rules
from couchpages.testing.acme.state import Books, Issued, timestamp


def renewal_answer(books: Books, rules: Rules, certificate_id: str, now: float) -> Answered:
    """Say when to renew (RFC 9773). Raises Refused."""
    found = books.called(certificate_id)
    if found is None:
        raise refuse("malformed", "there is no such certificate", 404)
    start, end = rules.windows.get(certificate_id) or _window(found, now)
    document = {"suggestedWindow": {"start": timestamp(start), "end": timestamp(end)}}
    headers = [] if rules.renewal_retry_after is None else [retry_header(rules.renewal_retry_after)]
    return in_json(200, document, *headers)


def revoke(books: Books, signed: Verified) -> Answered:
    """Revoke, by the account that ordered it or by the certificate's key (RFC 8555 section 7.6). Raises Refused."""
    payload = signed.payload or {}
    found = _found(books, payload)
    reason = payload.get("reason", 0)
    if reason not in (0, 1, 2, 3, 4, 5, 6, 8, 9, 10):
        raise refuse("badRevocationReason", "there is no such reason")
    key: Any = found.certificate.public_key()
    by_key = signed.account is None and signed.key == jwk_of(key)
    if not by_key and signed.account is not found.account:
        raise refuse("unauthorized", "neither the account nor the certificate's key signed this", 403)
    if found.revoked is not None:
        raise refuse("alreadyRevoked", "it is revoked already")
    found.revoked = reason
    return Answered(200)


def _window(issued: Issued, now: float) -> tuple[float, float]:
    begins = issued.certificate.not_valid_before_utc.timestamp()
    ends = issued.certificate.not_valid_after_utc.timestamp()
    if issued.revoked is not None:
        return now - DAY, now - DAY / 2
    third = (ends - begins) / 3
    return ends - third, ends - third * 0.9


def _found(books: Books, payload: dict[str, Any]) -> Issued:
    text = str(payload.get("certificate", ""))
    try:
        wanted = x509.load_der_x509_certificate(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError as error:
        raise refuse("malformed", f"this is no certificate: {error}") from None
    for each in books.issued.values():
        if each.certificate == wanted:
            return each
    raise refuse("malformed", "there is no such certificate", 404)
