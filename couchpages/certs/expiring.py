"""Warns of certificates that end soon, once a day (timers; logs). Those that are renewed here are told of when that has failed for long."""

from collections.abc import Callable, Iterable
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from couchpages.certs.certificates import Certificate
from couchpages.certs.findings import DAY, SOON, day, days_left
from couchpages.certs.troubles import ends_soon

#: Seconds after the start until what there is was read.
FIRST = 60.0


class ExpiryWarnings(Service):
    """*certificates* gives those that there are, *wall* seconds since 1970."""

    log = Logger()

    def __init__(
        self, reactor: Any, certificates: Callable[[], Iterable[Certificate]], wall: Callable[[], float]
    ) -> None:
        self.setName("warnings of certificates")
        self._reactor = reactor
        self._certificates = certificates
        self._wall = wall
        self._looking = LoopingCall(self._look)
        self._looking.clock = reactor
        self._first: Any = None

    def startService(self) -> None:  # noqa: N802 -- Twisted's name
        """Begin."""
        super().startService()
        self._first = self._reactor.callLater(FIRST, self._looking.start, DAY)

    def stopService(self) -> None:  # noqa: N802 -- Twisted's name
        """End."""
        super().stopService()
        if self._first is not None and self._first.active():
            self._first.cancel()
        if self._looking.running:
            self._looking.stop()

    def _look(self) -> None:
        now = self._wall()
        for each in self._certificates():
            if now >= each.not_after:
                self.log.warn(
                    "the certificate {name} ({kind}) expired on {day}",
                    name=each.name,
                    kind=str(each.kind),
                    day=day(each.not_after),
                )
            elif ends_soon(each, now) if each.issued_by else days_left(each, now) < SOON:
                self.log.warn(
                    "the certificate {name} ({kind}) ends on {day}, in {days} days{why}",
                    name=each.name,
                    kind=str(each.kind),
                    day=day(each.not_after),
                    days=days_left(each, now),
                    why="" if each.issued_by else "; it was imported, and is not renewed here",
                )
