"""Health, readiness and metrics, for load balancers and Prometheus (does I/O only by what it asks)."""

from collections.abc import Mapping, Sequence

from couchpages.metrics import Metrics
from couchpages.ports import Readiness
from couchpages.web.exchange import Discarded, Exchange
from couchpages.web.message import RequestHead, Response
from couchpages.web.problem import json_response, retry_later
from couchpages.web.routes import Route


class Health:
    """The calls that need no key; the API port has them, the public port never."""

    def __init__(self, parts: Sequence[Readiness], metrics: Metrics) -> None:
        self._parts = parts
        self._metrics = metrics

    def routes(self) -> tuple[Route, ...]:
        """Give the calls."""
        return (
            Route("GET", "/healthz", self._healthz),
            Route("GET", "/readyz", self._readyz),
            Route("GET", "/metrics", self._metrics_page),
        )

    def _healthz(self, head: RequestHead, values: Mapping[str, str]) -> Exchange:
        del head, values
        return _answered(json_response(200, {"status": "ok"}))

    def _readyz(self, head: RequestHead, values: Mapping[str, str]) -> Exchange:
        del head, values
        reasons = [reason for part in self._parts for reason in part.obstacles()]
        troubles = [trouble for part in self._parts for trouble in part.troubles()]
        if reasons:
            not_ready = json_response(503, {"ready": False, "reasons": reasons, "troubles": troubles})
            return _answered(not_ready.with_headers(retry_later()))
        return _answered(json_response(200, {"ready": True, "troubles": troubles}))

    def _metrics_page(self, head: RequestHead, values: Mapping[str, str]) -> Exchange:
        del values
        accept = (head.headers.joined(b"accept") or b"").decode("latin-1")
        content_type, body = self._metrics.exposition(accept)
        return _answered(Response(200, ((b"content-type", content_type.encode()),), body))


def _answered(response: Response) -> Exchange:
    async def respond() -> Response:
        return response

    return Exchange(respond, Discarded())
