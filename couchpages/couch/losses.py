"""How Twisted says that a request did not succeed, in the words of the store's errors (does no I/O of its own)."""

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectError, ConnectingCancelledError, ConnectionClosed, DNSLookupError
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.web.client import (
    RequestGenerationFailed,
    RequestTransmissionFailed,
    ResponseFailed,
    ResponseNeverReceived,
)
from twisted.web.http import PotentialDataLoss

from couchpages.couch.evidence import Unanswered, Unreachable
from couchpages.ports import Unavailable


class LateError(Exception):
    """We waited long enough."""


#: Failures of connecting alone; Twisted's own time-out for it is one of them.
NO_CONNECTION = (ConnectError, DNSLookupError)
LOST = (
    *NO_CONNECTION,
    LateError,
    ConnectionClosed,
    ResponseFailed,
    ResponseNeverReceived,
    RequestTransmissionFailed,
    RequestGenerationFailed,
    PotentialDataLoss,
    OSError,
)
#: What a request that is given up fails with, alone or as the reason within another.
GIVEN_UP = (CancelledError, ConnectingCancelledError)


def loss(error: BaseException, what: str) -> Unavailable:
    """Give the error that one of :data:`LOST` means for the request *what*."""
    cause = _bottom(error)
    # That a connection takes long to be made is silence: one that has more to do than it can accepts late too.
    late = isinstance(cause, LateError | ConnectTimeout)
    kind = Unanswered if late else Unreachable if isinstance(cause, NO_CONNECTION) else Unavailable
    words = str(cause) if isinstance(cause, LateError) else f"{type(cause).__name__}: {cause}"
    return kind(f"{what}: {words}")


def was_given_up(error: BaseException) -> bool:
    """Whether a request failed because it was cancelled."""
    reasons = [error, *(reason.value for reason in getattr(error, "reasons", None) or ())]
    return any(isinstance(reason, GIVEN_UP) for reason in reasons)


def _bottom(error: BaseException) -> BaseException:
    """Give what lies at the bottom of Twisted's wrapped failures."""
    reasons = getattr(error, "reasons", None)
    return _bottom(reasons[0].value) if reasons else error
