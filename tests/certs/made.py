"""Certificates for tests, made once in a run."""

from dataclasses import replace
from functools import cache

from couchpages.certs.boxes import SealingKey
from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.pem import read_certificate
from couchpages.testing.authority import Authority

#: 2026-11-23T14:00:00Z, in seconds since 1970.
NOW = 1_795_442_400.0
DAY = 86400.0
KEY = SealingKey(bytes(range(32)))
OTHER_KEY = SealingKey(bytes(range(1, 33)))
NONCE = bytes(range(100, 124))


@cache
def authority() -> Authority:
    """Give an authority, around :data:`NOW`."""
    return Authority(NOW)


@cache
def pems(*names: str, kind: Kind = Kind.ECDSA, number: int = 0) -> tuple[bytes, bytes]:
    """Give chain and key; another *number*, others."""
    del number
    return authority().issue(*names, kind=kind)


def certificate(
    *names: str, kind: Kind = Kind.ECDSA, made: int = 1000, number: int = 0, days: float | None = None
) -> Certificate:
    """Give a certificate for *names*, ``example.org`` without any, that ends in *days*."""
    read = read_certificate(*pems(*(names or ("example.org",)), kind=kind, number=number), made=made)
    return replace(read, not_after=NOW + days * DAY) if days is not None else read
