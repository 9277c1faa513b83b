"""What the authority in memory is like: what it offers, how long things take, what goes wrong (pure)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from couchpages.testing.acme.faults import CertificateFault, Limit, Scripted
from couchpages.testing.acme.messages import Problem

DAY = 86400.0
Validates: TypeAlias = Callable[[str, str, str, str], Problem | None]
"""Given identifier, challenge type, token and key authorization, says what is wrong, or None."""


def trusts(identifier: str, type_: str, token: str, key_authorization: str) -> None:
    """Believe that every challenge is answered."""
    del identifier, type_, token, key_authorization


@dataclass(frozen=True, slots=True)
class Profile:
    """What a profile is called for people, and how long its certificates last, in seconds."""

    description: str
    validity: float


@dataclass(slots=True)
class Rules:
    """All may be changed while it runs. Times are in seconds, moments in seconds since 1970.

    *validity* is how long certificates last; *checking* how long it takes until a challenge is looked at, and *processing* until a
    certificate is issued. *external* are the keys that accounts may be bound to, by their ids: when there are any, they have to be.
    *windows* are by the names that ARI has for certificates; without one, it is the last third of the lifetime. *reject_nonces* is how
    many are refused though they are right, None for all.
    """

    validates: Validates = trusts
    validity: float = 90 * DAY
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    external: dict[str, bytes] = field(default_factory=dict)
    terms: str = "https://ca.test/terms"
    offers: tuple[str, ...] = ("http-01", "dns-01", "tls-alpn-01", "future-01")
    offers_wildcards: tuple[str, ...] = ("dns-01", "future-01")
    reuses_authorizations: bool = False
    checking: float = 0.0
    processing: float = 0.0
    poll_after: float | None = None
    """``Retry-After`` on what is not done yet."""
    renewal_info: bool = True
    renewal_retry_after: float | None = 6 * 3600.0
    windows: dict[str, tuple[float, float]] = field(default_factory=dict)
    reject_nonces: int | None = 0
    no_nonces: bool = False
    never_checks: bool = False
    never_ready: bool = False
    never_valid: bool = False
    finalize_fails: Problem | None = None
    certificate_fault: CertificateFault | None = None
    order_swaps_names: bool = False
    faults: dict[str, Scripted] = field(default_factory=dict)
    """By what is asked: see :attr:`~couchpages.testing.acme.server.FakeAuthority.asked`; ``*`` is anything."""
    limits: dict[str, Limit] = field(default_factory=dict)
    refuses: dict[str, Problem] = field(default_factory=dict)
    """By what is asked, problems to refuse it with."""
