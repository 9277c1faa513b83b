"""The certificates of a node: what is sealed in CouchDB, kept on disk, and written to files for others (wires, decides nothing)."""

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from couchpages.certs.administration import Administration
from couchpages.certs.boxes import SealingKey
from couchpages.certs.bundles import Bundles
from couchpages.certs.expiring import ExpiryWarnings
from couchpages.certs.export_folder import ExportFolder
from couchpages.certs.exporting import Exporter
from couchpages.certs.kept_bundles import BundleFolder, BundleKeeper
from couchpages.certs.key_files import Keys, read_keys
from couchpages.certs.reconciling import CertificateRule
from couchpages.config import key_files
from couchpages.metrics import Metrics
from couchpages.ports import Database, Readiness
from couchpages.services import Prepared
from couchpages.settings import Settings


class CertificateStore:
    """What a node has of them: *bundles*, who are told of ``secrets`` and tell others, and the *rule* for conflicts."""

    log = Logger()

    def __init__(
        self, reactor: Any, threads: ThreadPool, secrets: Database, settings: Settings, metrics: Metrics
    ) -> None:
        self._secrets = secrets
        self._files = key_files(settings)
        self._keys_told: list[Callable[[Sequence[SealingKey]], object]] = []
        #: The keys that were read last.
        self.keys = Keys()
        self._unusable: tuple[str, ...] = ()
        self._keeper = BundleKeeper(reactor, threads, BundleFolder(settings.data.resolve() / "certs"), metrics)
        self.bundles = Bundles(reactor, secrets, self._keeper, metrics, time.time)
        self._warnings = ExpiryWarnings(reactor, self.bundles.certificates.values, time.time)
        self.rule = CertificateRule(self.bundles.knows, lambda: self.bundles.keys, secrets)
        self._exporter = None
        certs = settings.certs
        if certs.export_dir is not None:
            folder = ExportFolder(certs.export_dir.absolute())
            self._exporter = Exporter(reactor, threads, folder, self.bundles, certs.export_command, metrics)

    @property
    def ready_parts(self) -> Sequence[Readiness]:
        """What tells how certificates are."""
        return [self.bundles, *([self._exporter] if self._exporter else [])]

    @property
    def services(self) -> Sequence[Service]:
        """What has to be up before ``secrets`` is followed; it needs the threads and CouchDB's connections."""
        exporter = self._exporter
        return [
            Prepared("keys of certificates", self.read_keys),
            Prepared("kept certificates", self.bundles.restore, self._keeper.finish),
            Prepared("certificates", lambda: None, self.bundles.stop),
            self._warnings,
            *([Prepared("certificates in files", exporter.start, exporter.stop)] if exporter else []),
        ]

    def tell_keys(self, told: Callable[[Sequence[SealingKey]], object]) -> None:
        """Call *told* with the keys whenever they were read."""
        self._keys_told.append(told)

    def administration(self) -> Administration:
        """Give what changes certificates, with the keys that there are now."""
        return Administration(self._secrets, self.keys, os.urandom, lambda: int(time.time() * 1000))

    def read_keys(self) -> None:
        """Read the key files, at the start and after SIGHUP; what is wrong with them is told once."""
        found = read_keys(self._files)
        for words in found.unusable:
            if words not in self._unusable:
                self.log.warn("[certs] key_files: {words}", words=words)
        self._unusable, self.keys = found.unusable, found
        for told in self._keys_told:
            told(found.keys)
        self.bundles.use(found.keys, [f"[certs] key_files: {words}" for words in found.unusable])
