"""What a node has of its database ``secrets``: API keys, certificates, and what issuers write (wires, decides nothing)."""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.python.threadpool import ThreadPool

from couchpages.access.keyring import Keyring
from couchpages.access.keys import is_key
from couchpages.access.reconciling import KeyRule
from couchpages.answering import Answering, issues
from couchpages.certificate_store import CertificateStore
from couchpages.conflicts import Reconciler
from couchpages.couch.database import CouchDatabase
from couchpages.couch.follower import Follower
from couchpages.divided import Divided, Part
from couchpages.metrics import Metrics
from couchpages.ports import ChallengeRecords, LiveSites, OwnZones, Readiness
from couchpages.services import Prepared
from couchpages.settings import Settings


class SecretStore:
    """The parts of the database, each told of its own documents by the *follower*.

    *sites* and *zones* tell what certificates are wanted for, and *records* are answered with challenges.
    """

    def __init__(
        self,
        reactor: Any,
        threads: ThreadPool,
        secrets: CouchDatabase,
        settings: Settings,
        metrics: Metrics,
        keyring: Keyring,
        sites: LiveSites,
        zones: OwnZones,
        records: ChallengeRecords,
    ) -> None:
        self.certificates = CertificateStore(reactor, threads, secrets, settings, metrics)
        self._answering = Answering(reactor, secrets, metrics, self.certificates, records)
        self._issuing: Any = None
        if issues(settings):
            # Imported here: it brings libraries that no other node needs to load.
            from couchpages.issuing import Issuing

            self._issuing = Issuing(
                reactor, threads, secrets, settings, metrics, self.certificates, self._answering, sites, zones, records
            )
        divided = Divided(
            Part(is_key, keyring, KeyRule(secrets, keyring.knows)),
            self._answering.part,
            Part(lambda _: True, self.certificates.bundles, self.certificates.rule),
        )
        self._conflicts = Reconciler(reactor, secrets, divided, divided, metrics)
        known = self.certificates.bundles.known
        self.follower = Follower(reactor, secrets, self._conflicts, metrics, known=known, vital=False)

    @property
    def ready_parts(self) -> Sequence[Readiness]:
        """What tells how all of it is, but for the follower."""
        return [*self.certificates.ready_parts, *([self._issuing] if self._issuing is not None else [])]

    @property
    def services(self) -> Sequence[Service]:
        """What has to be up before the database is followed; it needs the threads and CouchDB's connections."""
        return [
            *self.certificates.services,
            self._answering.service,
            Prepared("conflicting secrets", lambda: None, self._conflicts.stop),
        ]

    @property
    def issuing(self) -> Sequence[Service]:
        """What needs everything else to be up."""
        return self._issuing.services if self._issuing is not None else ()

    @property
    def reopened(self) -> Sequence[Callable[[], object]]:
        """What is called when the files of keys are to be read again."""
        return [self.certificates.read_keys, self._conflicts.judge_again]

    def answer(self, host: str, token: str) -> bytes | None:
        """Give what a certificate authority, or another node, gets that looks for a challenge over HTTP.

        Raises :class:`~couchpages.ports.Unavailable` until all challenges were read.
        """
        return self._answering.answer(host, token)
