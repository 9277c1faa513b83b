"""Asking an authority again and again until something is done, but not for ever (does no I/O of its own; timers only)."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet import task

from couchpages.certs.acme.errors import AcmeError, Cause
from couchpages.certs.acme.polling import pause

T = TypeVar("T")


class Patience:
    """Lasts *seconds*, from now. *what* says what then did not happen. *failed* is the error of the last try, if it had one."""

    def __init__(self, reactor: Any, seconds: float, what: str) -> None:
        self._reactor = reactor
        self._seconds = seconds
        self._what = what
        self._until = reactor.seconds() + seconds
        self._asked = 0
        self.failed: AcmeError | None = None

    async def asked(self, once: Callable[[], Awaitable[T]]) -> T | None:
        """Ask; None when that failed in a way that the next time may not."""
        self._asked += 1
        try:
            answer = await once()
        except AcmeError as error:
            if not error.is_transient:
                raise
            self.failed = error
            return None
        self.failed = None
        return answer

    async def rest(self, retry_after: float | None) -> None:
        """Wait until it is time to ask again. Raises AcmeError when there is no time left: what failed last, or that it took too long."""
        left = self._until - self._reactor.seconds()
        if left <= 0:
            raise self.failed or AcmeError(Cause.TIMED_OUT, f"{self._what} in {self._seconds:g} seconds")
        told = self.failed.retry_after if self.failed is not None else retry_after
        await task.deferLater(self._reactor, min(pause(self._asked, told), left))
