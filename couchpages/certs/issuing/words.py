"""Why a certificate could not be had, in words that help, and with a cause for the metrics (pure)."""

import re

from couchpages.certs.acme.errors import AcmeError, Cause
from couchpages.certs.boxes import Refused
from couchpages.certs.issuing.obstacles import Obstacle
from couchpages.certs.issuing.proofs import Proof, Type
from couchpages.ports import StoreError

#: Causes that are the authority's own, or of the way to it: they say nothing about the certificate that was asked for.
OF_AUTHORITY = frozenset(
    {Cause.UNREACHABLE, Cause.TIMED_OUT, Cause.NONSENSE, Cause.SERVER, Cause.ACCOUNT, Cause.EXTERNAL_ACCOUNT}
)
#: The cause of what somebody asked for, and nobody can have.
UNWANTED = "unwanted"
#: RFC 9110 section 15.6.4.
BUSY = 503
#: Seconds that an authority may have us wait that does not speak of its limits.
LONGEST_ASKED = 900.0
#: Causes that are about the proof that the authority looked for.
OF_PROOFS = frozenset({Cause.CONNECTION, Cause.DNS, Cause.CAA, Cause.UNAUTHORIZED})
#: What authorities write before a reason, where they say what they did: Let's Encrypt's Boulder, and Go's HTTP client.
_FETCHED = r"(?:Fetching |Get |Non-200 status code from HTTP: )"
#: What Go's dialer writes around the address, which stays.
_DIALED = re.compile(r"dial tcp (\S+): (?:connect: )?")
#: How Go's resolver, and pebble, say that a name has no address.
_UNRESOLVED = re.compile(r"could not resolve URL|dial tcp: lookup |no such host")
_TRAILING = re.compile(r"\s+")


class Unproved(Obstacle):
    """The authority looked, and did not find what it wanted to see."""

    def __init__(self, cause: str, words: str) -> None:
        super().__init__(words)
        self.cause = cause  # type: ignore[misc]  # each has its own


class Unanswered(Obstacle):
    """The authority asked for a proof that is not given here."""

    cause = "unsupported"


def unproved(name: str, proof: Proof, error: AcmeError) -> Unproved:
    """Say that the authority did not take the proof for *name*."""
    cause, detail = str(error.cause), _detail(error, proof)
    if proof.type is Type.HTTP and _UNRESOLVED.search(detail):
        cause, words = str(Cause.DNS), f"the CA could not resolve {proof.name}"
    elif error.cause == Cause.DNS and proof.type is Type.HTTP:
        words = f"the CA could not resolve {proof.name}: {detail}"
    elif error.cause == Cause.DNS:
        words = f"the CA could not look up the TXT record at {proof.owner}: {detail}"
    elif error.cause == Cause.CAA:
        words = f"CAA records keep the CA from issuing: {detail}"
    elif proof.type is Type.DNS:
        words = f"the CA did not accept the TXT record at {proof.owner}: {detail}"
    elif error.cause == Cause.CONNECTION:
        words = f"the CA could not fetch {_address(proof)}: {detail}"
    else:
        words = f"the CA did not accept what it got from {_address(proof)}: {detail}"
    return Unproved(cause, f"{name}: {words}")


def cause_of(error: BaseException) -> str:
    """Give the metrics' label for why something failed."""
    if isinstance(error, AcmeError):
        return str(error.cause)
    if isinstance(error, Obstacle):
        return str(error.cause)
    if isinstance(error, Refused):
        return "no_key"
    return "couchdb" if isinstance(error, StoreError) else "defect"


def told(name: str, error: BaseException) -> str:
    """Say why there is no certificate called *name*, in one sentence that begins with a name."""
    if isinstance(error, StoreError):
        return f"{name}: CouchDB: {error}"
    if not isinstance(error, AcmeError | Obstacle | ValueError):
        return f"{name}: a defect: {error!r}"
    words = _in_one_line(str(error))
    return words if words.startswith((f"{name}:", f"*.{name}:")) else f"{name}: {words}"


def is_of_authority(error: BaseException) -> bool:
    """Whether any other certificate would have failed too, before the authority took an order of it."""
    if not isinstance(error, AcmeError):
        return False
    # An authority that has too much to do says so by this code, whatever it calls it.
    return error.cause in OF_AUTHORITY or error.status == BUSY


def asked_pause(error: BaseException) -> float | None:
    """Give the pause that the authority asked for: one that counts rate limits means it, any other may be well again before."""
    asked: float | None = getattr(error, "retry_after", None)
    is_limit = cause_of(error) == Cause.RATE_LIMITED
    return asked if asked is None or is_limit else min(asked, LONGEST_ASKED)


def is_of_all(error: BaseException) -> bool:
    """Whether it says nothing about the certificate that was asked for: the authority's own troubles, and CouchDB's."""
    return is_of_authority(error) or isinstance(error, StoreError)


def _address(proof: Proof) -> str:
    return f"http://{proof.name}/.well-known/acme-challenge/…"


def _detail(error: AcmeError, proof: Proof) -> str:
    """Give what the authority said, without what is said already: what it fetched, and a token that nobody needs to see.

    The address that it asked stays, and so does another URL, to which it was redirected.
    """
    detail = _in_one_line(error.detail or str(error))
    if proof.type is Type.HTTP:
        fetched = rf"\"?http://{re.escape(proof.name)}(?::\d+)?/\.well-known/acme-challenge/[\w-]+\"?"
        detail = re.sub(rf"{_FETCHED}{fetched}:? ", "", detail)
        detail = re.sub(rf" from {fetched}", "", detail)
        detail = re.sub(r"(/\.well-known/acme-challenge/)[\w-]+", r"\1…", detail)
    return _DIALED.sub(r"\1: ", detail)


def _in_one_line(words: str) -> str:
    return _TRAILING.sub(" ", words).strip()
