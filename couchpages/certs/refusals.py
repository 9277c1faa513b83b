"""Counts bundles that are refused, and says why in the log (does no I/O of its own)."""

from twisted.logger import Logger

from couchpages.certs.shelf import Refusal
from couchpages.metrics import Metrics
from couchpages.quoting import named


class Refusals:
    """Told of each refusal once; shelves tell which ones are known already."""

    log = Logger()

    def __init__(self, metrics: Metrics) -> None:
        self._refused = metrics.certificates.refused

    def note(self, doc_id: str, refusal: Refusal | None, *, stays: bool) -> None:
        """Note a refusal, if there is one; *stays* tells whether the node has a certificate that was there before."""
        if refusal is None:
            return
        self._refused.labels(str(refusal.cause)).inc()
        self.log.warn(
            "secrets/{doc_id} is refused ({cause}): {words}{after}",
            doc_id=named(doc_id),
            cause=str(refusal.cause),
            words=refusal.words,
            after="; the one before stays" if stays else "",
        )
