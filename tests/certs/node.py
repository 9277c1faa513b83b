"""The certificates of a node in memory, for tests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from couchpages.certs.boxes import SealingKey
from couchpages.certs.bundles import Bundles
from couchpages.certs.certificates import Certificate
from couchpages.certs.first_system_shelf import Named
from couchpages.certs.kept_bundles import BundleFolder, BundleKeeper
from couchpages.metrics import Metrics
from couchpages.testing.memory_database import MemoryDatabase
from couchpages.testing.node import MemoryReactor, NoThreads
from tests.certs.made import KEY, NOW


class CertificatesOfANode:
    """A node's certificates, with *keys*, on *database*, and what it keeps in *folder*. *told* are the changes that it told of."""

    def __init__(self, database: MemoryDatabase, folder: Path, keys: tuple[SealingKey, ...] = (KEY,)) -> None:
        self.reactor = MemoryReactor()
        self.metrics = Metrics()
        keeper = BundleKeeper(self.reactor, cast("Any", NoThreads()), BundleFolder(folder), self.metrics)
        self.now = NOW
        self.bundles = Bundles(self.reactor, database, keeper, self.metrics, lambda: self.now)
        self.told: list[set[Named]] = []
        self.bundles.tell(self.told.append)
        self.bundles.use(keys)
        self.bundles.restore()

    @property
    def certificates(self) -> Mapping[Named, Certificate]:
        """Give what there is, once everything that came is opened."""
        while self.reactor.getDelayedCalls() and self.reactor.getDelayedCalls()[0].getTime() <= self.reactor.seconds():
            self.reactor.advance(0)
        return self.bundles.certificates

    def refused(self, cause: str) -> float:
        """Give how many were refused for a cause."""
        name = "couchpages_certificates_refused_total"
        return self.metrics.registry.get_sample_value(name, {"cause": cause}) or 0.0

    def expiry(self, name: str = "example.org", kind: str = "ecdsa") -> float | None:
        """Give the metric."""
        return self.metrics.registry.get_sample_value(
            "couchpages_certificate_expiry_seconds", {"name": name, "kind": kind}
        )
