"""Problem documents (RFC 9457 as RFC 8555 section 6.7 uses them), read into errors (pure)."""

from collections.abc import Mapping
from typing import Any

from couchpages.certs.acme.answers import Answer
from couchpages.certs.acme.errors import AcmeError, Cause, Subproblem, said

URN = "urn:ietf:params:acme:error:"
#: Subproblems that are read: an order has 100 names at most.
MOST_SUBPROBLEMS = 100
LONGEST_TYPE = 64
LONGEST_IDENTIFIER = 300
#: RFC 8555 section 6.7, RFC 9773 section 7, and draft-ietf-acme-profiles.
CAUSES: Mapping[str, Cause] = {
    "accountDoesNotExist": Cause.ACCOUNT,
    "alreadyReplaced": Cause.ALREADY_REPLACED,
    "alreadyRevoked": Cause.BAD_REQUEST,
    "badCSR": Cause.BAD_REQUEST,
    "badNonce": Cause.BAD_REQUEST,
    "badPublicKey": Cause.ACCOUNT,
    "badRevocationReason": Cause.BAD_REQUEST,
    "badSignatureAlgorithm": Cause.ACCOUNT,
    "caa": Cause.CAA,
    "conflict": Cause.ALREADY_REPLACED,
    "connection": Cause.CONNECTION,
    "dns": Cause.DNS,
    "externalAccountRequired": Cause.EXTERNAL_ACCOUNT,
    "incorrectResponse": Cause.UNAUTHORIZED,
    "invalidContact": Cause.ACCOUNT,
    "invalidProfile": Cause.UNSUPPORTED,
    "malformed": Cause.BAD_REQUEST,
    "orderNotReady": Cause.BAD_REQUEST,
    "rateLimited": Cause.RATE_LIMITED,
    "rejectedIdentifier": Cause.REJECTED_IDENTIFIER,
    "serverInternal": Cause.SERVER,
    "tls": Cause.CONNECTION,
    "unauthorized": Cause.UNAUTHORIZED,
    "unsupportedContact": Cause.ACCOUNT,
    "unsupportedIdentifier": Cause.REJECTED_IDENTIFIER,
    "userActionRequired": Cause.ACCOUNT,
}


def problem_of(answer: Answer) -> AcmeError:
    """Give the error that an answer which is no success means, whatever its body is."""
    try:
        document = answer.json()
    except AcmeError:
        document = {}
    words = f"{answer.url} answered {answer.status}"
    if 300 <= answer.status < 400:  # noqa: PLR2004 -- HTTP's redirections
        where = said(answer.header("location"), 200) or "nowhere"
        words = f"{words} and leads to {where}, which is not followed; ACME has fixed addresses"
    return error_in(document, words, status=answer.status, retry_after=answer.retry_after())


def error_in(document: object, words: str, *, status: int | None = None, retry_after: float | None = None) -> AcmeError:
    """Give the error that a problem document means. *words* say where it was met; what the authority says goes on behind them."""
    members = document if isinstance(document, dict) else {}
    type_, detail = _type_of(members), _text(members, "detail") or _text(members, "title")
    subproblems = _subproblems_of(members)
    cause = _cause_of(type_, status if status is not None else _status(members), subproblems)
    told = [f"{words}: {detail}" if detail else words, f" ({type_})" if type_ else ""]
    told += [f"; {each.identifier or 'one name'}: {each.detail} ({each.type})" for each in subproblems[:3]]
    return AcmeError(
        cause,
        "".join(told),
        type=type_,
        detail=detail,
        status=status,
        retry_after=retry_after,
        subproblems=subproblems,
    )


def _cause_of(type_: str, status: int | None, subproblems: tuple[Subproblem, ...]) -> Cause:
    if type_ == "compound" and subproblems:
        return subproblems[0].cause
    return CAUSES.get(type_) or _cause_of_status(status)


def _cause_of_status(status: int | None) -> Cause:
    match status:
        case 429:
            return Cause.RATE_LIMITED
        case 409:
            return Cause.ALREADY_REPLACED
        case 401 | 403:
            return Cause.UNAUTHORIZED
        case int() if status >= 500:  # noqa: PLR2004 -- HTTP's own failures
            return Cause.SERVER
        case int() if 400 <= status < 500:  # noqa: PLR2004 -- HTTP's refusals
            return Cause.BAD_REQUEST
        case _:
            return Cause.NONSENSE


def _subproblems_of(members: Mapping[str, Any]) -> tuple[Subproblem, ...]:
    found = members.get("subproblems")
    if not isinstance(found, list):
        return ()
    return tuple(_subproblem(each) for each in found[:MOST_SUBPROBLEMS] if isinstance(each, dict))


def _subproblem(members: Mapping[str, Any]) -> Subproblem:
    identifier = members.get("identifier")
    value = _text(identifier, "value", LONGEST_IDENTIFIER) if isinstance(identifier, dict) else ""
    type_ = _type_of(members)
    return Subproblem(value, _cause_of(type_, _status(members), ()), type_, _text(members, "detail"))


def _type_of(members: Mapping[str, Any]) -> str:
    text = _text(members, "type", LONGEST_TYPE + len(URN))
    return "" if text == "about:blank" else text.removeprefix(URN)


def _text(members: Mapping[str, Any], name: str, most: int | None = None) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        return ""
    return said(value) if most is None else said(value, most)


def _status(members: Mapping[str, Any]) -> int | None:
    value = members.get("status")
    return value if isinstance(value, int) and not isinstance(value, bool) else None
