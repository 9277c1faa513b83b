"""How Twisted says that a request to an authority did not succeed, as an AcmeError (does no I/O of its own)."""

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.defer import CancelledError
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    ConnectionAborted,
    ConnectionDone,
    DNSLookupError,
)
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.web.http import PotentialDataLoss

from couchpages.certs.acme.errors import AcmeError, Cause, said

#: What a request that is given up fails with, alone or as the reason within another.
_GIVEN_UP = (CancelledError, ConnectingCancelledError)


def was_given_up(error: BaseException) -> bool:
    """Whether a request failed because it was cancelled."""
    return any(isinstance(reason, _GIVEN_UP) for reason in (error, *_within(error)))


def loss(error: BaseException, url: str) -> AcmeError:
    """Give the error for whatever a request to *url* failed with: a stranger's bytes make Twisted raise many things."""
    bottom = _bottom(error)
    if isinstance(bottom, AcmeError):
        return bottom
    cause = Cause.UNREACHABLE
    if isinstance(bottom, ConnectTimeout):
        cause = Cause.TIMED_OUT
    elif isinstance(bottom, ConnectionAborted):
        cause = Cause.NONSENSE
    return AcmeError(cause, f"{url}: {_words(bottom)}")


def _words(error: BaseException) -> str:
    told = said(str(error), 200)
    match error:
        case ConnectTimeout():
            words = "no connection was made in time"
        case ConnectionAborted():
            # By us: nothing else ends connections so.
            words = "the answer was so large that it was not read"
        case DNSLookupError():
            words = f"its host's name cannot be looked up: {told}"
        case VerificationError():
            words = "the certificate that it shows is for another host"
        case SSL.Error():
            words = f"no TLS: {_reason(error)}"
        case ConnectError():
            words = f"no connection: {told}"
        case PotentialDataLoss() | ConnectionDone():
            words = "the connection was closed before the answer was whole"
        case _:
            words = f"{type(error).__name__}: {told}"
    return words


def late(url: str, seconds: float, what: str) -> AcmeError:
    """Give the error for what took too long."""
    return AcmeError(Cause.TIMED_OUT, f"{url}: {what} in {seconds:g} seconds")


def _reason(error: SSL.Error) -> str:
    """Say what OpenSSL says; that a certificate is not trusted is most often a CA of one's own, for which there is a setting."""
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    told = said("; ".join(str(entry[-1]) for entry in queue if entry), 200) or "the handshake failed"
    if "certificate verify failed" in told:
        return f"{told}; if the authority has a root of its own, [acme] ca_file names the file that holds it"
    return told


def _within(error: BaseException) -> list[BaseException]:
    return [reason.value for reason in getattr(error, "reasons", None) or ()]


def _bottom(error: BaseException) -> BaseException:
    """Give what lies at the bottom of Twisted's wrapped failures: TLS's own words before those of a connection that ended for it."""
    inner = _within(error)
    if not inner:
        return error
    telling = [each for each in inner if isinstance(each, AcmeError | SSL.Error | VerificationError)]
    return _bottom((telling or inner)[0])
