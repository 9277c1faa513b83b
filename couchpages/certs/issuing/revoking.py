"""Revokes a certificate (does I/O)."""

from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from couchpages.certs.acme.client import Client, fetch_directory
from couchpages.certs.acme.exchange import Exchange
from couchpages.certs.acme.keys import account_key
from couchpages.certs.certificates import Certificate
from couchpages.certs.issuing.accounts import Account
from couchpages.certs.pem import certificates_in, private_key

#: RFC 5280 section 5.3.1. An authority that is told so by the key itself refuses the key for ever.
KEY_COMPROMISE = 1


async def revoke(
    reactor: Any, exchange: Exchange, account: Account | None, certificate: Certificate, directory: str, reason: int
) -> None:
    """Revoke *certificate* at the authority of *directory*, by our *account* there if it issued it, else by the certificate's own key.

    Raises AcmeError.
    """
    leaf = certificates_in(certificate.chain)[0].public_bytes(Encoding.DER)
    own = private_key(certificate.key, checked=True)
    is_ours = account is not None and account.url and certificate.issued_by == directory
    found = await fetch_directory(exchange, directory)
    if is_ours and account is not None and reason != KEY_COMPROMISE:
        await Client(reactor, exchange, found, account_key(account.key), account.url).revoke(leaf, reason)
    else:
        await Client(reactor, exchange, found, account_key(certificate.key)).revoke(leaf, reason, own)
