"""Accounts, orders, authorizations and certificates of the authority in memory (pure)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from josepy.jwk import JWK

from couchpages.testing.acme.messages import Problem


@dataclass(slots=True)
class Account:
    """*path* is its address without the host."""

    path: str
    key: JWK
    contacts: tuple[str, ...] = ()
    external: str | None = None
    status: str = "valid"


@dataclass(slots=True)
class FakeChallenge:
    """*responded* is when the client said that it is answered, in seconds since 1970."""

    path: str
    type: str
    token: str
    status: str = "pending"
    responded: float | None = None
    problem: Problem | None = None

    def to_json(self, base: str) -> dict[str, Any]:
        """Write it."""
        document: dict[str, Any] = {"type": self.type, "url": base + self.path, "status": self.status}
        document |= {"token": self.token} if self.token else {}
        return document | ({"error": self.problem.to_json()} if self.problem is not None else {})


@dataclass(slots=True)
class FakeAuthorization:
    """What has to be proven for a name, by one account."""

    path: str
    account: Account
    type: str
    name: str
    wildcard: bool
    expires: float
    challenges: list[FakeChallenge]
    status: str = "pending"

    def to_json(self, base: str) -> dict[str, Any]:
        """Write it."""
        document: dict[str, Any] = {
            "identifier": {"type": self.type, "value": self.name},
            "status": self.status,
            "expires": timestamp(self.expires),
            "challenges": [each.to_json(base) for each in self.challenges],
        }
        return document | ({"wildcard": True} if self.wildcard else {})


@dataclass(slots=True)
class Issued:
    """A certificate that was issued, and what became of it. *chains* are the default and the alternates, in PEM."""

    path: str
    account: Account
    names: tuple[str, ...]
    certificate: x509.Certificate
    chains: tuple[bytes, ...]
    certificate_id: str
    profile: str | None = None
    replaces: str | None = None
    replaced: bool = False
    revoked: int | None = None
    """The reason, 0 where none was given."""


@dataclass(slots=True)
class FakeOrder:
    """An order; *done* is when it stops being processed."""

    path: str
    account: Account
    identifiers: list[dict[str, str]]
    authorizations: list[FakeAuthorization]
    expires: float
    profile: str | None = None
    replaces: str | None = None
    problem: Problem | None = None
    issued: Issued | None = None
    done: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """The names that were ordered."""
        return tuple(each["value"] for each in self.identifiers)

    def to_json(self, base: str, status: str) -> dict[str, Any]:
        """Write it."""
        document: dict[str, Any] = {
            "status": status,
            "expires": timestamp(self.expires),
            "identifiers": self.identifiers,
            "authorizations": [base + each.path for each in self.authorizations],
            "finalize": f"{base}{self.path}/finalize",
        }
        if status == "valid" and self.issued is not None:
            document["certificate"] = base + self.issued.path
        for name, value in (("profile", self.profile), ("replaces", self.replaces)):
            document |= {name: value} if value is not None else {}
        return document | ({"error": self.problem.to_json()} if self.problem is not None else {})


@dataclass(slots=True)
class Books:
    """All that the authority knows, by path."""

    accounts: dict[str, Account] = field(default_factory=dict)
    orders: dict[str, FakeOrder] = field(default_factory=dict)
    authorizations: dict[str, FakeAuthorization] = field(default_factory=dict)
    issued: dict[str, Issued] = field(default_factory=dict)

    def account_of(self, key: JWK) -> Account | None:
        """Find the account of a key."""
        return next((each for each in self.accounts.values() if each.key == key), None)

    def called(self, certificate_id: str) -> Issued | None:
        """Find a certificate by its name in ARI."""
        return next((each for each in self.issued.values() if each.certificate_id == certificate_id), None)


def timestamp(seconds: float) -> str:
    """Write a moment (RFC 3339), with nanoseconds as Go's servers do."""
    return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%dT%H:%M:%S}.123456789Z"
