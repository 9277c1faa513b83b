"""What checks find wrong, and the worst of it where there is much (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from heapq import nsmallest

from couchpages.dns.names import Name, order, shown
from couchpages.dns.rdata import type_to_text

#: How many findings an answer tells.
MOST_FINDINGS = 100


class Severity(Enum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong at a (canonical) *name*, with its *type* where it is about one; *reason* names the RFC."""

    severity: Severity
    name: Name
    type: int | None
    reason: str

    def __str__(self) -> str:
        kind = "" if self.type is None else f" {type_to_text(self.type)}"
        return f"{shown(self.name)}{kind}: {self.reason}"


def in_order(found: Iterable[Finding]) -> list[Finding]:
    """Sort findings by name (RFC 4034 section 6.1), errors first."""
    return sorted(found, key=lambda each: (order(each.name), each.severity is Severity.WARNING))


class Worst:
    """Takes any number of findings, and keeps the errors of the first names before the warnings, as many as an answer tells.

    A zone of 100,000 names may have as many findings: to keep and sort all of them would take longer than a query may wait.
    """

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[Finding] = []

    def take(self, finding: Finding) -> None:
        """Take a finding."""
        self.count += 1
        self._kept.append(finding)
        if len(self._kept) >= 2 * MOST_FINDINGS:
            self._kept = self._worst()

    @property
    def found(self) -> list[Finding]:
        """Those that are kept, in order."""
        return in_order(self._worst())

    def _worst(self) -> list[Finding]:
        return nsmallest(
            MOST_FINDINGS, self._kept, key=lambda each: (each.severity is Severity.WARNING, order(each.name))
        )
