"""What one port answered: metrics and the access log (thin: plain integers, and a list that others format)."""

from collections.abc import Callable, Sequence
from typing import Protocol

from couchpages.metrics import Metrics
from couchpages.web.heads import Head, HeadLimits, read_head, request_head
from couchpages.web.message import RequestHead, Response, field_lines
from couchpages.web.proxies import Network, client_of, plain_address


class Log(Protocol):
    """An access log; see :class:`couchpages.web.access_log.AccessLog`."""

    def note(
        self, moment: float, address: str, head: bytes, status: int, size: int, seconds: float, site: str, cache: str
    ) -> None:
        """Note a response."""
        ...


class Ledger:
    """Notes the responses of the port *port*. *wall* gives seconds since 1970. Used in the reactor's thread."""

    def __init__(
        self,
        metrics: Metrics,
        port: str,
        log: Log | None = None,
        trusted_proxies: Sequence[Network] = (),
        wall: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._log = log
        self._trusted = trusted_proxies
        self._wall = wall
        self._responses = metrics.responses.labels(port)
        self._durations = metrics.response_seconds.labels(port)
        self.tallies = metrics.tallies
        #: Whether somebody wants to read heads.
        self.logs = log is not None

    def count(self, status: int, seconds: float) -> None:
        """Count a response whose head took *seconds* from the request's last byte."""
        self._responses.inc(status)
        self._durations.observe(seconds)

    def note(self, head: RequestHead, response: Response, size: int, seconds: float) -> None:
        """Count and log a response of which *size* bytes of the body were sent."""
        self.count(response.status, seconds)
        if response.site is not None:
            self.tallies.of(response.site).count((response.status, response.cache), size)
        if self._log is not None:
            address = client_of(head, self._trusted).address
            self._log.note(
                self._wall(), address, _as_it_came(head), response.status, size, seconds, response.site or "", response.cache
            )  # fmt: skip

    def refused(self, line: bytes, peer: str, status: int, size: int) -> None:
        """Note the refusal of what is no request, of which *line* is the first line as far as it was understood."""
        self.count(status, 0.0)
        if self._log is not None:
            self._log.note(self._wall(), plain_address(peer), line, status, size, 0.0, "", "none")

    def log(self, head: bytes, peer: str, status: int, size: int, seconds: float, site: str, cache: str) -> None:
        """Log a response to a request whose head is there as it came, from the address *peer*."""
        if self._log is None:
            return
        address = plain_address(peer)
        # Whoever let it through knows its limits.
        if self._trusted and isinstance(read := read_head(head, HeadLimits(len(head), len(head))), Head):
            address = client_of(request_head(read, peer, "http"), self._trusted).address
        self._log.note(self._wall(), address, head, status, size, seconds, site, cache)


def _as_it_came(head: RequestHead) -> bytes:
    line = b"%b %b %b\r\n" % (head.method, head.target, head.version)
    return line + field_lines(head.headers.fields) + b"\r\n"
