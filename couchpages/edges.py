"""The edges of a node's HTTP ports, which share its limits, its clock and its access log (wires, decides nothing)."""

import time
from collections.abc import Sequence
from typing import Any

from couchpages.metrics import Metrics
from couchpages.settings import Settings
from couchpages.web.access_log import AccessLog
from couchpages.web.edge import Edge
from couchpages.web.exchange import Application
from couchpages.web.heads import HeadLimits
from couchpages.web.ledger import Ledger
from couchpages.web.limits import ConnectionLimits
from couchpages.web.second import Second

Fields = Sequence[tuple[bytes, bytes]]
#: The part of the descriptors that a process may have that connections of a port take at most, in percent.
PERCENT = {"public": 35, "https": 35, "api": 10}


class Edges:
    """Makes edges. *descriptors* is how many files the process may have open."""

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        metrics: Metrics,
        second: Second,
        access_log: AccessLog | None,
        descriptors: int,
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._metrics = metrics
        self._second = second
        self._access_log = access_log
        self._descriptors = descriptors

    def edge(self, application: Application, port: str, secure_fields: Fields | None = None) -> Edge:
        """Make the edge of *port*; where it is TLS, *secure_fields* are the fields that all its responses have."""
        trusted = self._settings.http.trusted_proxies
        percent = PERCENT[port]
        if port == "public" and not self._settings.https.listen:
            percent += PERCENT["https"]
        limits = _limits(self._settings).within(self._descriptors, percent)
        ledger = Ledger(self._metrics, port, self._access_log, trusted, time.time)
        scheme = "http" if secure_fields is None else "https"
        made = Edge(self._reactor, application, ledger, self._second, limits, trusted, scheme, secure_fields or ())
        self._metrics.connections.labels(port).set_function(lambda: made.connections)
        return made


def _limits(settings: Settings) -> ConnectionLimits:
    http = settings.http
    return ConnectionLimits(
        http.connections, http.connections_per_address, http.requests_per_connection,
        HeadLimits(http.head_size, http.head_fields), http.idle_timeout, http.head_timeout, http.write_rate,
    )  # fmt: skip
