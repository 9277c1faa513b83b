"""Orders of the authority in memory: placed, finalized, downloaded (RFC 8555 section 7.4) (signs; for tests)."""

from base64 import urlsafe_b64decode
from typing import Any

from cryptography import x509

from couchpages.certs.acme.ari import certificate_id
from couchpages.certs.acme.identifiers import identifiers_of
from couchpages.certs.names import names_of
from couchpages.testing.acme.issuing import Press
from couchpages.testing.acme.messages import Answered, Asked, Problem, Refused, in_json, refuse, retry_header
from couchpages.testing.acme.proofs import LIFETIME, authorization_for, settle
from couchpages.testing.acme.requests import Verified
from couchpages.testing.acme.rules import Rules
from couchpages.testing.acme.state import Account, Books, FakeOrder, Issued


def new_order(books: Books, rules: Rules, account: Account, signed: Verified, base: str, now: float) -> Answered:
    """Place an order. Raises Refused."""
    payload = signed.payload or {}
    identifiers = _identifiers(payload)
    profile, replaces = payload.get("profile"), payload.get("replaces")
    if profile is not None and profile not in rules.profiles:
        raise refuse("invalidProfile", "there is no such profile")
    _check_replaces(books, account, replaces)
    authorizations = [authorization_for(books, rules, account, each, now) for each in identifiers]
    path = f"/order/{len(books.orders) + 1}"
    if rules.order_swaps_names:
        identifiers = [{"type": "dns", "value": "other.example"}]
    books.orders[path] = made = FakeOrder(path, account, identifiers, authorizations, now + LIFETIME, profile, replaces)
    return in_json(201, made.to_json(base, status_of(made, rules, now)), ("Location", base + path))


def order(books: Books, rules: Rules, account: Account, asked: Asked, now: float) -> Answered:
    """Show an order. Raises Refused."""
    found = _order_at(books, account, asked.path)
    return _shown(found, rules, asked.base, now)


def finalize(
    books: Books, rules: Rules, press: Press, account: Account, signed: Verified, asked: Asked, now: float
) -> Answered:
    """Take a request for a certificate, and sign it. Raises Refused."""
    found = _order_at(books, account, asked.path.removesuffix("/finalize"))
    status = status_of(found, rules, now)
    if status != "ready":
        raise refuse("orderNotReady", f"the order is {status}", 403)
    csr = _csr(signed, found)
    if rules.finalize_fails is not None:
        found.problem = rules.finalize_fails
        return _shown(found, rules, asked.base, now)
    validity = rules.profiles[found.profile].validity if found.profile is not None else rules.validity
    leaf, chains = press.chains(csr, found.names, now, validity, rules.certificate_fault)
    found.issued = Issued(
        f"/cert/{len(books.issued) + 1}",
        account,
        found.names,
        leaf,
        chains,
        certificate_id(leaf),
        found.profile,
        found.replaces,
    )
    found.done = now + rules.processing
    books.issued[found.issued.path] = found.issued
    replaced = books.called(found.replaces) if found.replaces is not None else None
    if replaced is not None:
        replaced.replaced = True
    return _shown(found, rules, asked.base, now)


def certificate(books: Books, account: Account, asked: Asked) -> Answered:
    """Give a certificate, or an alternate chain of it. Raises Refused."""
    path, _, alternate = asked.path.partition("/alternate/")
    found = books.issued.get(path)
    number = int(alternate) if alternate.isdigit() else 0
    if found is None or found.account is not account or number >= len(found.chains):
        raise refuse("malformed", "there is no such certificate", 404)
    others = [each for each in range(len(found.chains)) if each != number]
    links = [("Link", f'<{asked.base}{path}/alternate/{each}>;rel="alternate"') for each in others]
    index = ("Link", f'<{asked.base}/directory>;rel="index"')
    return Answered(200, found.chains[number], (("Content-Type", "application/pem-certificate-chain"), index, *links))


def status_of(order_: FakeOrder, rules: Rules, now: float) -> str:
    """Tell what an order's status is by now."""
    for each in order_.authorizations:
        settle(each, rules, now)
    proven = [each.status for each in order_.authorizations]
    if order_.problem is not None or any(each not in ("pending", "valid") for each in proven):
        return "invalid"
    if order_.issued is not None:
        return "processing" if rules.never_valid or now < order_.done else "valid"
    return "ready" if all(each == "valid" for each in proven) and not rules.never_ready else "pending"


def _shown(order_: FakeOrder, rules: Rules, base: str, now: float) -> Answered:
    status = status_of(order_, rules, now)
    waits = status in ("pending", "processing") and rules.poll_after is not None
    later = [retry_header(rules.poll_after or 0)] if waits else []
    return in_json(200, order_.to_json(base, status), ("Location", base + order_.path), *later)


def _order_at(books: Books, account: Account, path: str) -> FakeOrder:
    found = books.orders.get(path)
    if found is None or found.account is not account:
        raise refuse("malformed", "there is no such order", 404)
    return found


def _identifiers(payload: dict[str, Any]) -> list[dict[str, str]]:
    given = payload.get("identifiers")
    try:
        found = [each.to_json() for each in identifiers_of([each["value"] for each in given or ()])]
    except (ValueError, TypeError, KeyError) as error:
        raise refuse("malformed", f"the identifiers are none: {error}") from None
    if found != given:
        raise refuse("malformed", "the identifiers are not in one form, each once")
    return found


def _check_replaces(books: Books, account: Account, replaces: str | None) -> None:
    if replaces is None:
        return
    old = books.called(replaces)
    if old is None or old.account is not account:
        raise refuse("malformed", "what is to be replaced is not known")
    if old.replaced:
        raise Refused(Problem("alreadyReplaced", "the certificate was replaced already", 409))


def _csr(signed: Verified, order_: FakeOrder) -> x509.CertificateSigningRequest:
    text = str((signed.payload or {}).get("csr", ""))
    try:
        csr = x509.load_der_x509_csr(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        names: Any = csr
        wanted = set(names_of(names))
    except ValueError as error:
        raise refuse("badCSR", f"the request cannot be read: {error}") from None
    if not csr.is_signature_valid or wanted != set(order_.names) or list(csr.subject):
        raise refuse("badCSR", "the request is not signed by its key, or not for what was ordered, or has a subject")
    return csr
