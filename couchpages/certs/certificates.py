"""A certificate with its key, read and checked (pure)."""

from dataclasses import dataclass, field, replace
from enum import StrEnum


class Kind(StrEnum):
    """Which kind of key a certificate is for: a name may have one of each, and clients that cannot take ECDSA get RSA."""

    ECDSA = "ecdsa"
    RSA = "rsa"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A chain and its key, which belong together.

    *name* is what people call it: the first of the *names* that it is for, in lower case, wildcards as ``*.example.org``, IP addresses
    as text. *chain* is PEM, the leaf first and the root left away; *key* is PEM (PKCS #8), and in no message. The dates are seconds
    since 1970, *made* milliseconds: when it was imported or issued, which tells the newer of two. *fingerprint* is the SHA-256 of the
    leaf, in hexadecimal. *issued_by* is the ACME directory that we have it from, empty for what was imported.
    """

    name: str
    kind: Kind
    names: tuple[str, ...]
    not_before: float
    not_after: float
    issuer: str
    serial: int
    fingerprint: str
    chain: bytes
    key: bytes = field(repr=False)
    made: int = 0
    issued_by: str = ""

    def is_valid(self, now: float) -> bool:
        """Whether *now*, in seconds since 1970, is within its dates."""
        return self.not_before <= now < self.not_after

    def is_same(self, other: "Certificate | None") -> bool:
        """Whether another is the same certificate with the same chain and key, whenever it was made."""
        return other is not None and replace(self, made=0) == replace(other, made=0)
