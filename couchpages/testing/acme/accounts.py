"""Accounts of the authority in memory (pure)."""

from couchpages.testing.acme.messages import Answered, Asked, in_json, refuse
from couchpages.testing.acme.requests import Verified, bound
from couchpages.testing.acme.rules import Rules
from couchpages.testing.acme.state import Account, Books


def new_account(books: Books, rules: Rules, signed: Verified, asked: Asked) -> Answered:
    """Make an account, or find it (RFC 8555 section 7.3). Raises Refused."""
    if signed.account is not None:
        raise refuse("malformed", "the request has to be signed by a key that stands in it")
    payload = signed.payload or {}
    found = books.account_of(signed.key)
    if found is not None:
        if found.status != "valid":
            raise refuse("unauthorized", f"the account is {found.status}", 403)
        return account_answer(found, 200, asked.base)
    if payload.get("onlyReturnExisting"):
        raise refuse("accountDoesNotExist", "the key has no account")
    if rules.terms and payload.get("termsOfServiceAgreed") is not True:
        raise refuse("userActionRequired", "the terms of service have to be agreed to", 403)
    external = None
    if rules.external:
        binding = payload.get("externalAccountBinding")
        if not isinstance(binding, dict):
            raise refuse("externalAccountRequired", "an external account has to be bound", 403)
        external = bound(binding, signed.key, asked.url, rules.external)
    contacts = tuple(payload.get("contact", ()))
    if not all(each.startswith("mailto:") for each in contacts):
        raise refuse("unsupportedContact", "contacts are mailto addresses")
    path = f"/account/{len(books.accounts) + 1}"
    books.accounts[path] = made = Account(path, signed.key, contacts, external)
    return account_answer(made, 201, asked.base)


def account_answer(account: Account, status: int, base: str) -> Answered:
    """Show an account."""
    document = {"status": account.status, "contact": list(account.contacts), "orders": f"{base}{account.path}/orders"}
    return in_json(status, document, ("Location", base + account.path))


def change(account: Account, signed: Verified) -> Answered:
    """Take what a client wants of its account: other contacts, or its end (RFC 8555 sections 7.3.2 and 7.3.6)."""
    if "contact" in (signed.payload or {}):
        account.contacts = tuple((signed.payload or {})["contact"])
    if (signed.payload or {}).get("status") == "deactivated":
        account.status = "deactivated"
    return in_json(200, {"status": account.status})
