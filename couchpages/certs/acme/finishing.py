"""An order, from proven to finished (RFC 8555 section 7.4) (does no I/O of its own)."""

from collections.abc import Awaitable, Callable

from couchpages.certs.acme.errors import AcmeError
from couchpages.certs.acme.patience import Patience
from couchpages.certs.acme.resources import Order, Status

#: Times that an order is finalized: an authority that did not answer may not have heard, and says so by leaving the order ready.
MOST_FINALIZED = 3


async def until_finished(
    waiting: Patience, look: Callable[[], Awaitable[Order]], hand_in: Callable[[], Awaitable[Order | None]]
) -> Order:
    """Look at an order, hand the request in when it is ready, and look again until it is valid. Raises AcmeError."""
    unheard: AcmeError | None = None
    tries = MOST_FINALIZED
    while True:
        newer = await waiting.asked(look)
        if newer is not None and newer.status is Status.READY:
            if tries:
                tries -= 1
                newer = await waiting.asked(hand_in)
                unheard = waiting.failed
            elif unheard is not None:
                raise unheard
        if newer is not None:
            if newer.status is Status.VALID:
                return newer
            if newer.status is Status.INVALID:
                raise newer.trouble()
        await waiting.rest(newer.retry_after if newer is not None else None)
