"""What every node has of issuing, whether it issues or not: it answers challenges, and knows how orders stand (wires, decides nothing)."""

import socket
import time
from typing import Any

from twisted.logger import Logger

from couchpages.certificate_store import CertificateStore
from couchpages.certs.issuing.challenges.answers import Answers
from couchpages.certs.issuing.orders.book import OrderBook, OrderStore
from couchpages.certs.issuing.reconciling import IssuersRule, is_issuers
from couchpages.certs.issuing.shown.probes import is_probe, probe_answer
from couchpages.divided import Part
from couchpages.metrics import Metrics
from couchpages.ports import ChallengeRecords, Change, Database, Unavailable
from couchpages.services import Prepared
from couchpages.settings import Settings

log = Logger()


class Answering:
    """Answers from the issuers' documents of ``secrets``, which are the *part* of it."""

    def __init__(
        self,
        reactor: Any,
        secrets: Database,
        metrics: Metrics,
        certificates: CertificateStore,
        records: ChallengeRecords,
    ) -> None:
        self._certificates = certificates
        self.book = OrderBook(OrderStore(secrets))
        self._answers = Answers(reactor, records, metrics, time.time)
        self.part = Part(is_issuers, self, IssuersRule(secrets, lambda: certificates.keys.keys))
        self.service = Prepared("challenges", lambda: None, self._answers.stop)
        certificates.tell_keys(self._answers.use)

    def apply(self, change: Change) -> None:
        """See :class:`couchpages.ports.ChangesSink`."""
        self._answers.apply(change)
        self.book.apply(change)

    def loaded(self) -> None:
        """See :class:`couchpages.ports.ChangesSink`."""
        self._answers.loaded()

    def answer(self, host: str, token: str) -> bytes | None:
        """Give what is answered over HTTP: a challenge, or that this is one of our nodes; None where there is no such thing.

        Raises :class:`~couchpages.ports.Unavailable` while that is not known, because not all challenges were read yet (law 3).
        """
        found = self._answers.file(host, token)
        if found is not None:
            return found
        keys = self._certificates.keys.keys
        if keys and is_probe(token):
            return probe_answer(host, token, keys[0])
        if not self._answers.is_loaded:
            raise Unavailable("the challenges are not read from CouchDB yet")
        return None


def node_name(settings: Settings) -> str:
    """Give what the node is called."""
    return settings.node.name or socket.gethostname()


def issues(settings: Settings) -> bool:
    """Whether the node may issue: it has a directory, and is one of the issuers, if these are named.

    One that is left out says so in the log: where its name is written otherwise there, nobody would issue, and nobody say why.
    """
    if settings.acme.directory is None:
        return False
    name = node_name(settings)
    if not settings.acme.issuers or name in settings.acme.issuers:
        return True
    log.info("this node is called {name} and is not among [acme] issuers: it does not issue", name=name)
    return False
