"""What became of a request without an answer, told from Twisted's failures (decides; knows Twisted's errors)."""

from twisted.internet.error import ConnectError, ConnectingCancelledError, ConnectionClosed, DNSLookupError
from twisted.internet.error import ConnectionRefusedError as RefusedByHost
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.python.failure import Failure
from twisted.web.client import ResponseFailed

from couchpages.cli.errors import printable

_LOST = frozenset({"RequestNotSent", "_DataLoss"})
"""Twisted's failures of a connection that no public module exports; ParseError is another such."""


class NoAnswerError(Exception):
    """No whole answer came: *connected* tells whether there was a connection, *final* that trying again is in vain."""

    def __init__(self, why: str, *, connected: bool, final: bool = False) -> None:
        super().__init__(why)
        self.connected = connected
        self.final = final


def causes(error: BaseException) -> list[BaseException]:
    """Give *error* and what Twisted's client wrapped in it, the innermost last."""
    found = [error]
    for reason in getattr(error, "reasons", None) or ():
        inner = reason.value if isinstance(reason, Failure) else reason
        found.extend(causes(inner) if isinstance(inner, BaseException) else ())
    return found


def no_answer(cause: BaseException) -> NoAnswerError:
    """Tell what *cause*, the innermost one, means for the request."""
    kind = type(cause)
    if kind.__module__.startswith(("OpenSSL", "service_identity")):
        return NoAnswerError(f"TLS failed: {_tls_reason(cause)}", connected=True, final=True)
    if isinstance(cause, ConnectError | ConnectingCancelledError | DNSLookupError):
        return NoAnswerError(_unconnected(cause), connected=False)
    if isinstance(cause, ConnectionClosed | ResponseFailed | OSError) or kind.__name__ in _LOST:
        return NoAnswerError("the connection was lost", connected=True)
    if kind.__name__ == "ParseError":
        return NoAnswerError("what answers there does not speak HTTP", connected=True, final=True)
    return NoAnswerError(f"{kind.__name__}: {printable(str(cause))}", connected=True, final=True)


def _unconnected(cause: Exception) -> str:
    match cause:
        case DNSLookupError():
            return "the host name was not found"
        case RefusedByHost():
            return "connection refused"
        case ConnectTimeout() | ConnectingCancelledError():
            return "no answer to connecting"
        case _:
            return printable(str(cause)).rstrip(".")


def _tls_reason(cause: BaseException) -> str:
    """Give the last reason of OpenSSL's list, or that the certificate is for another host."""
    if type(cause).__module__.startswith("service_identity"):
        return "the certificate is for another host name"
    entries = cause.args[0] if cause.args else ()
    last = entries[-1] if isinstance(entries, list) and entries else (str(cause),)
    return printable(str(last[-1])) or "no reason given"
