"""Certificates that issue and renew themselves, on a node that may ask an authority for them (wires, decides nothing)."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import random
from typing import Any, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from couchpages.answering import Answering, node_name
from couchpages.certificate_store import CertificateStore
from couchpages.certs.acme.connecting import trusting
from couchpages.certs.acme.exchange import open_exchange
from couchpages.certs.acme.keys import account_key_pem, new_account_key
from couchpages.certs.acme.signing import ExternalAccount
from couchpages.certs.certificates import Kind
from couchpages.certs.issuing import attempts
from couchpages.certs.issuing.accounts import AccountBook
from couchpages.certs.issuing.authority import Authority, Registration
from couchpages.certs.issuing.challenges.responders import DnsResponder, HttpResponder
from couchpages.certs.issuing.challenges.writer import ChallengeWriter
from couchpages.certs.issuing.issuer import Issuer
from couchpages.certs.issuing.lease_keeper import LeaseKeeper
from couchpages.certs.issuing.lookups.client import DnsClient
from couchpages.certs.issuing.lookups.delegations import Delegations
from couchpages.certs.issuing.lookups.resolving import Resolving
from couchpages.certs.issuing.orders.limits import limits_of, registered_domain
from couchpages.certs.issuing.outcomes import Outcomes
from couchpages.certs.issuing.outlook import Outlook
from couchpages.certs.issuing.sealed_store import SealedStore
from couchpages.certs.issuing.service import IssuingService, Parts
from couchpages.certs.issuing.shown.propagation import Propagation
from couchpages.certs.issuing.shown.reaching import Reach
from couchpages.certs.issuing.slices import Slices
from couchpages.certs.issuing.survey import Survey, Wishes
from couchpages.certs.issuing.windows import Windows
from couchpages.config import ConfigurationError
from couchpages.metrics import Metrics
from couchpages.node_id import node_id
from couchpages.ports import ChallengeRecords, Database, LiveSites, OwnZones
from couchpages.services import Prepared
from couchpages.settings import AcmeSettings, Settings

T = TypeVar("T")


class Issuing:
    """A :class:`~couchpages.ports.Readiness`, and what a node has that issues (:func:`couchpages.answering.issues`).

    Raises :class:`~couchpages.config.ConfigurationError` for files of the configuration that cannot be used.
    """

    def __init__(
        self,
        reactor: Any,
        threads: ThreadPool,
        secrets: Database,
        settings: Settings,
        metrics: Metrics,
        certificates: CertificateStore,
        answering: Answering,
        sites: LiveSites,
        zones: OwnZones,
        records: ChallengeRecords,
    ) -> None:
        self._reactor = reactor
        self._threads = threads
        self._secrets = secrets
        self._settings = settings
        self._metrics = metrics
        self._certificates = certificates
        self._answering = answering
        self._sites = sites
        self._zones = zones
        self._records = records
        self._issues: IssuingService | None = None
        acme = settings.acme
        # Files that cannot be used are told of at once, not when the first certificate is due.
        external = check_files(acme)
        self._registration = Registration(acme.directory or "", acme.contacts, acme.terms_agreed, external)
        self._exchange = open_exchange(reactor, time.time, acme.ca_file)

    @property
    def services(self) -> Sequence[Service]:
        """What issues: it needs everything else."""
        return [Prepared("issuing", self._start, self._stop)]

    def obstacles(self) -> Sequence[str]:
        """See :class:`couchpages.ports.Readiness`."""
        return ()

    def troubles(self) -> Sequence[str]:
        """See :class:`couchpages.ports.Readiness`."""
        return self._issues.troubles() if self._issues is not None else ()

    def _start(self) -> None:
        # The folder in which the node's id lies is there now.
        self._issues = self._service(self._settings.acme, node_id(self._settings.data.resolve(), os.urandom))
        self._certificates.bundles.tell(self._issues.came)
        if limits_of(self._registration.directory) is not None:
            # The long list is read before somebody has to wait for it.
            read = deferToThreadPool(self._reactor, self._threads, registered_domain, "example.org")
            read.addErrback(lambda _: None)
        self._issues.startService()

    def _unable(self) -> str:
        """Say what keeps this node from issuing: without a key, it can neither seal nor sign."""
        try:
            _ = self._certificates.keys.sealing
        except ValueError as error:
            return str(error)
        return ""

    async def _ended(self, issues: IssuingService) -> None:
        await issues.stopService()
        await self._exchange.close()

    def _stop(self) -> Any:
        issues, self._issues = self._issues, None
        return Deferred.fromCoroutine(self._ended(issues)) if issues is not None else None

    def _service(self, acme: AcmeSettings, me: str) -> IssuingService:
        reactor, certificates = self._reactor, self._certificates
        kinds = tuple(Kind(each) for each in acme.keys)
        known = certificates.bundles.certificates
        resolving = Resolving(DnsClient(reactor), acme.resolvers)
        reach = Reach(reactor, resolving, acme.http_port, lambda: certificates.keys.keys, os.urandom)
        delegations = Delegations(reactor, resolving, self._zones)
        accounts = AccountBook(self._secrets, lambda: certificates.keys, os.urandom, _new_key)
        authority = Authority(reactor, self._exchange, accounts, self._registration)
        writer = ChallengeWriter(self._secrets, me, lambda: certificates.keys, _milliseconds)
        propagation = Propagation(reactor, resolving, acme.dns_port, Logger("couchpages.certs.issuing"))
        patience = acme.propagation_timeout
        responders = [
            HttpResponder(writer, patience, reach),
            DnsResponder(writer, patience, self._records, self._zones, propagation),
        ]
        node, book = node_name(self._settings), self._answering.book
        windows = Windows(reactor, authority.client)
        survey = Survey(
            Wishes(acme.sites, acme.exclude, acme.certificates, kinds),
            self._registration.directory,
            self._sites,
            delegations,
            known,
            lambda: certificates.bundles.is_loaded,
            book,
            windows,
            lambda certificate: certificates.administration().discard(certificate),
            Slices(reactor),
        )
        store = SealedStore(known, certificates.administration, self._registration.directory)
        lease = LeaseKeeper(reactor, self._secrets, me, node, acme.lease)
        outcomes = Outcomes(book, known, node, self._registration.directory, self._metrics, time.time, random)
        looks = Outlook(resolving, reach, delegations)
        issuer = Issuer(reactor, self._threads, responders)
        on = attempts.Parts(lease, looks, issuer, outcomes, known, book.orders, windows.of)
        asking = attempts.Asking(kinds, acme.profile, acme.preferred_chain)
        tries = attempts.Attempts(reactor, on, asking, store)
        parts = Parts(authority, lease, survey, tries, outcomes, book.orders, self._unable)
        return IssuingService(reactor, store, responders, acme.check_interval, parts, self._metrics, time.time)


def check_files(acme: AcmeSettings) -> ExternalAccount | None:
    """Read the files that ``[acme]`` names; give the key for external account binding. Raises :class:`ConfigurationError`."""
    if acme.ca_file is not None:
        _used(acme.ca_file, "ca_file", trusting)
    if acme.eab_key_file is None:
        return None
    return _used(
        acme.eab_key_file,
        "eab_key_file",
        lambda content: ExternalAccount.from_text(acme.eab_key_id, content.decode("ascii", "replace")),
    )


def _used(file: Path, key: str, use: Callable[[bytes], T]) -> T:
    try:
        return use(file.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{file}: [acme] {key} cannot be read: {error}") from None
    except ValueError as error:
        raise ConfigurationError(f"{file}: {_behind(f'[acme] {key}', str(error))}") from None


def _behind(where: str, words: str) -> str:
    return words if words.startswith(where) else f"{where}: {words}"


def _new_key() -> bytes:
    return account_key_pem(new_account_key())


def _milliseconds() -> int:
    return int(time.time() * 1000)
