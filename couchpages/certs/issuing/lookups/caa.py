"""Whether CAA records let an authority issue (pure): RFC 8659, with RFC 8657's accounts and methods."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from couchpages.quoting import quoted

CRITICAL = 128
#: Properties that are for others, or for another kind of certificate: RFC 8659 section 4, RFC 9495, the CA/Browser Forum's
#: Baseline Requirements appendix A, and BIMI. An authority that knows less will say so.
KNOWN = frozenset({"issue", "issuewild", "iodef", "issuemail", "contactemail", "contactphone", "issuevmc"})
#: Issuers that a message names; the rest tells a person nothing more.
SHOWN = 5

_LABEL = r"[A-Za-z0-9](?:-*[A-Za-z0-9])*"
_WSP = r"[ \t]*"
#: RFC 8659 section 4.2: issue-value, its domain name and, unparsed, its parameters.
_ISSUE = re.compile(rf"{_WSP}(?P<issuer>{_LABEL}(?:\.{_LABEL})*)?{_WSP}(?:;(?P<parameters>.*))?", re.DOTALL)
_PARAMETER = re.compile(rf"{_WSP}(?P<tag>{_LABEL}){_WSP}={_WSP}(?P<value>[\x21-\x3a\x3c-\x7e]*){_WSP}")
#: RFC 8657 section 4: labels with commas between them.
_METHODS = re.compile(r"[A-Za-z0-9-]+(?:,[A-Za-z0-9-]+)*")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.+")


@dataclass(frozen=True, slots=True)
class CaaRecord:
    """One property; *tag* in lower case."""

    flags: int
    tag: str
    value: bytes


@dataclass(frozen=True, slots=True)
class _Grant:
    """What one issue property allows; of a malformed one, nothing, so *issuer* is empty."""

    issuer: str = ""
    account_uris: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()


def climbed(name: str) -> Iterator[str]:
    """Give the names whose CAA records count, the closest first: the name, and its parents below the root (RFC 8659 section 3).

    They are those of the name as it is: where it is an alias, its target's parents do not count. A wildcard's are those below the star.
    """
    labels = name.removeprefix("*.").lower().removesuffix(".").split(".")
    for at in range(len(labels)):
        yield ".".join(labels[at:])


def permitted(
    records_by_name: Mapping[str, Sequence[CaaRecord]],
    name: str,
    wildcard: bool,
    ca_identities: Sequence[str],
    account_uri: str | None,
    method: str | None,
) -> str | None:
    """Give None where an authority may issue, or why it may not, in words.

    *records_by_name* has what stands at each name of :func:`climbed`, found through aliases; names above the first that has any may be
    missing. *ca_identities* are the names that the authority goes by (RFC 8555 section 7.1.1, caaIdentities); without any, only what
    forbids everybody forbids. *account_uri* and *method* ("http-01", "dns-01") count where they are known.
    """
    for owner in climbed(name):
        if records := records_by_name.get(owner, ()):
            return _judged(owner, records, wildcard, ca_identities, account_uri, method)
    return None


def _judged(
    owner: str,
    records: Sequence[CaaRecord],
    wildcard: bool,
    ca_identities: Sequence[str],
    account_uri: str | None,
    method: str | None,
) -> str | None:
    for record in records:
        if record.flags & CRITICAL and record.tag not in KNOWN:
            return f"CAA of {owner} has the critical property {quoted(record.tag)}, which nobody knows here"
    tag = "issuewild" if wildcard and any(record.tag == "issuewild" for record in records) else "issue"
    grants = [_grant(record.value) for record in records if record.tag == tag]
    if not grants:
        return None
    issuers = tuple(dict.fromkeys(grant.issuer for grant in grants if grant.issuer))
    what = " for wildcards" if tag == "issuewild" else ""
    if not issuers:
        return f"CAA of {owner} allows nobody to issue{what}"
    if not ca_identities:
        return None
    ours = {identity.lower().removesuffix(".") for identity in ca_identities}
    fitting = [grant for grant in grants if grant.issuer in ours]
    if not fitting:
        return f"CAA of {owner} allows {_listed(issuers)} alone{what}, not {_listed(ca_identities)}"
    return _bound(f"CAA of {owner} allows {fitting[0].issuer}{what}", fitting, account_uri, method)


def _bound(allowed: str, grants: Sequence[_Grant], account_uri: str | None, method: str | None) -> str | None:
    """See whether one of the grants fits account and method both (RFC 8657 sections 3 and 4)."""
    by_account = [grant for grant in grants if _fits(account_uri, grant.account_uris)]
    if not by_account:
        uris = [uri for grant in grants for uri in grant.account_uris]
        return f"{allowed} with {_listed(uris, 'no account')} alone, not with our account {account_uri}"
    if any(_fits(method, grant.methods) for grant in by_account):
        return None
    methods = [each for grant in by_account for each in grant.methods]
    return f"{allowed} by {_listed(methods, 'no method')} alone, not by {method}"


def _fits(ours: str | None, allowed: Sequence[str]) -> bool:
    return ours is None or not allowed or ours in allowed


def _grant(value: bytes) -> _Grant:
    """Read an issue property. One that is malformed allows nobody (RFC 8659 section 4.2)."""
    found = _ISSUE.fullmatch(value.decode("latin-1"))
    parameters = _parameters(found["parameters"] or "") if found else None
    if found is None or parameters is None:
        return _Grant()
    uris = [text for tag, text in parameters if tag == "accounturi"]
    lists = [text for tag, text in parameters if tag == "validationmethods"]
    # Two of one, or one that is none, are met by nobody.
    if len(uris) > 1 or len(lists) > 1:
        return _Grant()
    if not all(map(_URI.fullmatch, uris)) or not all(map(_METHODS.fullmatch, lists)):
        return _Grant()
    methods = tuple(lists[0].lower().split(",")) if lists else ()
    return _Grant((found["issuer"] or "").lower(), tuple(uris), methods)


def _parameters(text: str) -> list[tuple[str, str]] | None:
    """Read what stands behind the first semicolon; None where it is malformed."""
    if not text.strip(" \t"):
        return []
    pieces = text.split(";")
    if not pieces[-1].strip(" \t"):
        # One semicolon may stand behind the last.
        pieces.pop()
    found = [_PARAMETER.fullmatch(piece) for piece in pieces]
    matches = [match for match in found if match is not None]
    return [(match["tag"].lower(), match["value"]) for match in matches] if len(matches) == len(found) else None


def _listed(texts: Sequence[str], none: str = "nobody") -> str:
    shown = [text if text.isprintable() and len(text) < 2 * 80 else quoted(text) for text in texts[:SHOWN]]
    return " and ".join(shown) + (" and others" if len(texts) > SHOWN else "") or none
