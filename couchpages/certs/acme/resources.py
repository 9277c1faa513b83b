"""Orders, authorizations and challenges (RFC 8555 sections 7.1.3 to 7.1.6), read strictly (pure)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from couchpages.certs.acme.answers import Answer
from couchpages.certs.acme.directory import Directory
from couchpages.certs.acme.errors import AcmeError, Cause, said
from couchpages.certs.acme.fields import Fields
from couchpages.certs.acme.identifiers import Identifier
from couchpages.certs.acme.problems import error_in
from couchpages.certs.names import canonical
from couchpages.quoting import quoted

#: RFC 8555 section 8.3: base64url of 128 bits at least. It becomes part of an address and of a file's name.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22,512}")


class Status(StrEnum):
    """Of orders, authorizations and challenges; not each has all."""

    PENDING = "pending"
    READY = "ready"
    PROCESSING = "processing"
    VALID = "valid"
    INVALID = "invalid"
    DEACTIVATED = "deactivated"
    EXPIRED = "expired"
    REVOKED = "revoked"


_OF_ORDERS = frozenset((Status.PENDING, Status.READY, Status.PROCESSING, Status.VALID, Status.INVALID))
_OF_CHALLENGES = frozenset((Status.PENDING, Status.PROCESSING, Status.VALID, Status.INVALID))
_OF_AUTHORIZATIONS = frozenset(Status) - {Status.READY, Status.PROCESSING}


class ChallengeType(StrEnum):
    """Those whose answer is made of token and account key, and that somebody here may know how to give."""

    HTTP = "http-01"
    DNS = "dns-01"
    TLS_ALPN = "tls-alpn-01"


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to prove control. Of a type that is not known here, *token* and *url* may be empty."""

    type: str
    url: str
    token: str
    status: Status
    error: AcmeError | None = field(default=None, compare=False)

    @property
    def is_known(self) -> bool:
        """Whether its answer could be given here."""
        return self.type in tuple(ChallengeType)


@dataclass(frozen=True, slots=True)
class Authorization:
    """What has to be proven for one identifier. Its name is without ``*.`` where it is for a *wildcard*."""

    url: str
    identifier: Identifier
    wildcard: bool
    status: Status
    expires: float | None
    challenges: tuple[Challenge, ...]
    retry_after: float | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """The name that was ordered."""
        return f"*.{self.identifier.value}" if self.wildcard else self.identifier.value

    def challenge(self, type_: str) -> Challenge | None:
        """Give the challenge of a type, if it is offered."""
        return next((each for each in self.challenges if each.is_known and each.type == type_), None)

    def choose(self, types: Sequence[str]) -> Challenge:
        """Give the challenge whose type comes first in *types*. Raises AcmeError when none of them is offered."""
        for type_ in types:
            found = self.challenge(type_)
            if found is not None:
                return found
        offered = ", ".join(said(each.type, 40) for each in self.challenges) or "nothing"
        raise AcmeError(
            Cause.UNSUPPORTED, f"{self.name}: the authority offers {offered}; answered is {', '.join(types) or 'none'}"
        )

    def trouble(self) -> AcmeError:
        """Give the error of an authorization that is not going to be valid: its challenge's, in the authority's words."""
        for each in self.challenges:
            if each.error is not None:
                return each.error
        return AcmeError(Cause.UNAUTHORIZED, f"{self.name}: the authorization is {self.status}, and nothing says why")


@dataclass(frozen=True, slots=True)
class Order:
    """What was ordered. *certificate* is where it is fetched once *status* is valid. *csr* is what we finalized it with, in DER."""

    url: str
    status: Status
    identifiers: tuple[Identifier, ...]
    authorizations: tuple[str, ...]
    finalize: str
    expires: float | None = None
    certificate: str | None = None
    error: AcmeError | None = field(default=None, compare=False)
    retry_after: float | None = field(default=None, compare=False)
    csr: bytes = field(default=b"", repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, wildcards with their star."""
        return tuple(each.value for each in self.identifiers)

    def trouble(self) -> AcmeError:
        """Give the error of an order that is invalid."""
        words = f"the order for {', '.join(self.names[:5])} is {self.status}, and nothing says why"
        return self.error or AcmeError(Cause.UNAUTHORIZED, words)


def parse_order(answer: Answer, url: str, directory: Directory) -> Order:
    """Read an order that stands at *url*. Raises AcmeError."""
    fields = Fields(answer.json(), f"the order {url}", directory.is_secure)
    identifiers = tuple(_identifier(each) for each in fields.objects("identifiers"))
    names = ", ".join(each.value for each in identifiers[:5])
    return Order(
        url=url,
        status=_status(fields, _OF_ORDERS),
        identifiers=identifiers,
        authorizations=fields.urls("authorizations"),
        finalize=fields.url("finalize"),
        expires=fields.moment_or_none("expires"),
        certificate=fields.url_or_none("certificate"),
        error=_error(fields, f"the order for {names} failed"),
        retry_after=answer.retry_after(),
    )


def parse_authorization(answer: Answer, url: str, directory: Directory) -> Authorization:
    """Read an authorization that stands at *url*. Raises AcmeError."""
    fields = Fields(answer.json(), f"the authorization {url}", directory.is_secure)
    written = _identifier(fields.object("identifier"))
    identifier = Identifier(written.type, written.value.removeprefix("*."))
    return Authorization(
        url=url,
        identifier=identifier,
        wildcard=fields.flag("wildcard") or written != identifier,
        status=_status(fields, _OF_AUTHORIZATIONS),
        expires=fields.moment_or_none("expires"),
        challenges=tuple(_challenge(each, identifier.value) for each in fields.objects("challenges")),
        retry_after=answer.retry_after(),
    )


def _challenge(fields: Fields, name: str) -> Challenge:
    type_ = fields.text("type")
    if type_ not in tuple(ChallengeType):
        return Challenge(said(type_, 64), "", "", Status.PENDING, _error(fields, f"{name}: {said(type_, 64)} failed"))
    token = fields.text("token")
    if not _TOKEN.fullmatch(token):
        raise fields.wrong("token", f"is {quoted(token)}, which is no base64url of 128 bits (RFC 8555 section 8.1)")
    return Challenge(
        type=type_,
        url=fields.url("url"),
        token=token,
        status=_status(fields, _OF_CHALLENGES),
        error=_error(fields, f"{name}: {type_} failed"),
    )


def _identifier(fields: Fields) -> Identifier:
    type_, value = fields.text("type"), fields.text("value")
    if type_ not in ("dns", "ip"):
        raise fields.wrong("type", f"is {quoted(type_)}; dns and ip are known")
    try:
        return Identifier(type_, canonical(value))
    except ValueError as error:
        raise fields.wrong("value", f"is no name: {error}") from None


def _status(fields: Fields, possible: frozenset[Status]) -> Status:
    text = fields.text("status")
    if text not in possible:
        raise fields.wrong("status", f"is {quoted(text)}; possible are {', '.join(sorted(possible))}")
    return Status(text)


def _error(fields: Fields, words: str) -> AcmeError | None:
    found = fields.members.get("error")
    return error_in(found, words) if isinstance(found, dict) and found else None
