"""Keeps requests from a CouchDB that is known to be away, and gives up those that wait for it (does I/O by what it is given to run)."""

import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from couchpages.couch.breaker import Breaker, Open, Trouble
from couchpages.couch.evidence import PasswordRefused, Unasked, outcome_of
from couchpages.metrics import Metrics
from couchpages.ports import StoreError

T = TypeVar("T")
ANSWERING = "answering"


class Guard:
    """A :class:`~couchpages.ports.Readiness` around every request of one transport. *breaker* decides.

    *when_away* is called when CouchDB is found to be away. Seconds of *reactor* are those since 1970, as Twisted's own are.
    """

    log = Logger()

    def __init__(self, reactor: IReactorTime, metrics: Metrics, breaker: Breaker | None = None) -> None:
        self._reactor = reactor
        self._metrics = metrics
        self._breaker = breaker or Breaker()
        self._flights: dict[Deferred[Any], None] = {}
        self.when_away: Callable[[], object] = lambda: None
        metrics.couchdb_away_seconds.set_function(self._seconds_open)
        metrics.couchdb_is(ANSWERING)

    @property
    def is_open(self) -> bool:
        """Whether requests fail at once."""
        return self._breaker.open is not None

    @property
    def is_refused(self) -> bool:
        """Whether that is because of our name and password."""
        return self._breaker.open is not None and self._breaker.open.trouble is Trouble.REFUSED

    @property
    def worth_repeating(self) -> bool:
        """Whether a failed request may be tried again soon."""
        return self._breaker.worth_repeating

    def obstacles(self) -> list[str]:
        """See :class:`couchpages.ports.Readiness`: a node serves what it knows (law 1)."""
        return []

    def troubles(self) -> list[str]:
        """See :class:`couchpages.ports.Readiness`."""
        return [_words(self._breaker.open)] if self._breaker.open is not None else []

    def heard(self) -> None:
        """Take note of a byte from CouchDB."""
        self._breaker.heard(self._reactor.seconds())

    def answered(self, *, probe: bool) -> None:
        """Take note of the head of an answer that is none of CouchDB's refusals; feeds and large bodies come long after it."""
        before = self._breaker.open
        self._breaker.answered(self._reactor.seconds(), probe=probe)
        self._react(before)

    def renewed(self) -> None:
        """From now on another password is used."""
        self._breaker.renewed()

    async def run(self, request: Callable[[], Coroutine[Any, Any, T]], *, probe: bool) -> T:
        """Give what *request* gives. While CouchDB is not to be asked, only a *probe* is made, and everything else given up.

        Feeds too, when the password is refused: the manifests that they would go on to bring name blobs that we may not read. Raises
        :class:`~couchpages.couch.evidence.Unasked`, also for a refused password: that says nothing about what was asked for.
        """
        begun = self._reactor.seconds()
        if not self._breaker.admits(begun, probe=probe):
            raise self._counted(self._unasked())
        flight = Deferred.fromCoroutine(request())
        self._flights[flight] = None
        try:
            result = await flight
        except (CancelledError, StoreError) as error:
            if flight not in self._flights:
                raise self._counted(self._unasked()) from None
            if isinstance(error, CancelledError):
                raise self._counted(error) from None
            self._flights.pop(flight, None)
            self._take(self._counted(error), probe, begun)
            if isinstance(error, PasswordRefused) and self.is_open:
                raise self._unasked() from error
            raise
        finally:
            self._flights.pop(flight, None)
        self._metrics.couchdb_requests.labels(outcome_of(None)).inc()
        return result

    def _take(self, error: StoreError, probe: bool, begun: float) -> None:
        before = self._breaker.open
        self._breaker.ended(self._reactor.seconds(), error, probe=probe, begun=begun)
        self._react(before)

    def _react(self, before: Open | None) -> None:
        now = self._breaker.open
        if now is before:
            return
        self._metrics.couchdb_is(now.trouble.value if now is not None else ANSWERING)
        if now is None:
            self.log.info("CouchDB answers again")
            return
        self.log.warn("{words}", words=_words(now))
        self._give_up()
        if now.trouble is Trouble.AWAY:
            self.when_away()

    def _give_up(self) -> None:
        given_up, self._flights = self._flights, {}
        # The latest first: one that is given up makes room for the next in line, which would be sent only to be given up.
        for flight in reversed(given_up):
            flight.cancel()

    def _unasked(self) -> Unasked:
        found = self._breaker.open
        return Unasked(_words(found) if found is not None else "CouchDB was away and is back; ask again")

    def _counted(self, error: Any) -> Any:
        self._metrics.couchdb_requests.labels(outcome_of(error)).inc()
        return error

    def _seconds_open(self) -> float:
        found = self._breaker.open
        return 0 if found is None else self._reactor.seconds() - found.since


def _words(found: Open) -> str:
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(found.since))
    match found.trouble:
        case Trouble.AWAY:
            return f"CouchDB is away since {since}: {found.reason}"
        case Trouble.REFUSED:
            return f"CouchDB refuses our name and password since {since}: {found.reason}"
