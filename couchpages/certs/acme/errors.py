"""What goes wrong with a certificate authority, as one typed error (pure)."""

import json
from dataclasses import dataclass
from enum import StrEnum

#: Characters of what an authority says that are kept: Let's Encrypt's longest refusals have some 300.
SAID = 600


class Cause(StrEnum):
    """Why something failed; the values are the metric's labels."""

    CONNECTION = "connection"
    """The authority did not reach us, or not over TLS."""
    DNS = "dns"
    CAA = "caa"
    UNAUTHORIZED = "unauthorized"
    """The authority reached us and did not get what it wanted, or the account may not do this."""
    RATE_LIMITED = "rate_limited"
    REJECTED_IDENTIFIER = "rejected_identifier"
    ACCOUNT = "account"
    EXTERNAL_ACCOUNT = "external_account"
    BAD_REQUEST = "bad_request"
    ALREADY_REPLACED = "already_replaced"
    SERVER = "server"
    """The authority says that it is its own fault."""
    NONSENSE = "nonsense"
    """What came is no ACME, or not what was ordered."""
    UNREACHABLE = "unreachable"
    """We did not reach the authority."""
    TIMED_OUT = "timed_out"
    UNSUPPORTED = "unsupported"
    """It offers nothing that we can do: no challenge of ours, no such profile, no revocation."""


#: Those that the next try may not meet, with nothing changed by anybody.
TRANSIENT = frozenset((Cause.SERVER, Cause.UNREACHABLE, Cause.TIMED_OUT))


@dataclass(frozen=True, slots=True)
class Subproblem:
    """What is wrong with one identifier of several (RFC 8555 section 6.7.1). *identifier* is empty where none was named."""

    identifier: str
    cause: Cause
    type: str
    detail: str


class AcmeError(Exception):
    """What an authority refused, or what kept it from being asked; the message says so in a sentence.

    *type* is the tail of ``urn:ietf:params:acme:error:…``, or empty. *detail* is what the authority said, cut and on one line. *status* is
    HTTP's, None where nothing came. *retry_after* is in seconds from now, bounded, None where the authority did not say.
    """

    def __init__(
        self,
        cause: Cause,
        words: str,
        *,
        type: str = "",  # noqa: A002 -- RFC 9457's name
        detail: str = "",
        status: int | None = None,
        retry_after: float | None = None,
        subproblems: tuple[Subproblem, ...] = (),
    ) -> None:
        super().__init__(words)
        self.cause = cause
        self.type = type
        self.detail = detail
        self.status = status
        self.retry_after = retry_after
        self.subproblems = subproblems

    @property
    def is_transient(self) -> bool:
        """Whether the same may succeed soon."""
        return self.cause in TRANSIENT


def nonsense(words: str, status: int | None = None) -> AcmeError:
    """Give the error for what is no ACME."""
    return AcmeError(Cause.NONSENSE, words, status=status)


def said(text: str, most: int = SAID) -> str:
    """Give a text of the authority's for people: cut, on one line, and always encodable."""
    cut = text if len(text) <= most else f"{text[:most]}…"
    return cut if cut.isprintable() else json.dumps(cut)[1:-1]
