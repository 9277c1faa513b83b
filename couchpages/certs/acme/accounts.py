"""What is sent for an account, and what keeps one from being made (RFC 8555 section 7.3) (pure)."""

from collections.abc import Sequence
from typing import Any

from josepy.jwk import JWK

from couchpages.certs.acme.answers import Answer
from couchpages.certs.acme.directory import Directory
from couchpages.certs.acme.errors import AcmeError, Cause
from couchpages.certs.acme.fields import Fields
from couchpages.certs.acme.signing import ExternalAccount, external_binding


def check_terms(directory: Directory, agreed: bool) -> None:
    """Raise AcmeError where there are terms that nobody agreed to."""
    if directory.terms and not agreed:
        raise AcmeError(
            Cause.ACCOUNT,
            f"{directory.url} has terms of service: {directory.terms}; read them, and write terms_agreed = true in [acme]",
        )


def check_external(directory: Directory, external: ExternalAccount | None) -> None:
    """Raise AcmeError where an account has to be tied to a customer and is not."""
    if directory.external_account_required and external is None:
        raise AcmeError(
            Cause.EXTERNAL_ACCOUNT,
            f"{directory.url} makes accounts for its customers only (external account binding); "
            "write the key that it gave you in [acme] eab_key_id and eab_key_file",
        )


def new_account(
    directory: Directory, key: JWK, contacts: Sequence[str], external: ExternalAccount | None
) -> dict[str, Any]:
    """Give what makes an account, or finds that of the key."""
    payload: dict[str, Any] = {}
    if directory.terms:
        payload["termsOfServiceAgreed"] = True
    if contacts:
        payload["contact"] = addresses(contacts)
    if external is not None:
        payload["externalAccountBinding"] = external_binding(external, key, directory.new_account)
    return payload


def refused(error: AcmeError, external: ExternalAccount | None) -> AcmeError:
    """Give the error to tell of, where the authority made no account: it is about the account, not about any certificate."""
    if external is None:
        return error if error.cause is not Cause.UNAUTHORIZED else _about(error, Cause.ACCOUNT, str(error))
    if error.cause not in (Cause.UNAUTHORIZED, Cause.BAD_REQUEST):
        return error
    words = f"{error}; are [acme] eab_key_id and eab_key_file what the authority gave you?"
    return _about(error, Cause.EXTERNAL_ACCOUNT, words)


def _about(error: AcmeError, cause: Cause, words: str) -> AcmeError:
    return AcmeError(
        cause, words, type=error.type, detail=error.detail, status=error.status, retry_after=error.retry_after
    )


def addresses(contacts: Sequence[str]) -> list[str]:
    """Give mailboxes as an account has them."""
    return [each if ":" in each else f"mailto:{each}" for each in contacts]


def account_url(answer: Answer, directory: Directory) -> str:
    """Give an account's address. Raises AcmeError where there is none, and for an account that may not be used any more."""
    fields = Fields({"Location": answer.header("location")}, f"the account at {answer.url}", directory.is_secure)
    url = fields.url("Location")
    status = Fields(answer.json(), f"the account {url}", directory.is_secure).text_or("status", "valid")
    if status != "valid":
        raise AcmeError(
            Cause.ACCOUNT, f"the account {url} is {status[:40]!r}; with another account key, another one is made"
        )
    return url
