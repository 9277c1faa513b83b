"""Certificates as txacme's service stores them: sealed, in CouchDB (does I/O)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pem
from twisted.internet.defer import Deferred, fail, succeed
from txacme.interfaces import ICertificateStore
from zope.interface import implementer

from couchpages.certs.administration import Administration
from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.pem import read_certificate


@implementer(ICertificateStore)
class SealedStore:
    """An :class:`~txacme.interfaces.ICertificateStore`: names are those that certificates are called by.

    *certificates* are those that this node knows, *administration* gives what writes them with the keys that there are now; *issued_by*
    is the address of the directory.
    """

    def __init__(
        self,
        certificates: Mapping[tuple[str, Kind], Certificate],
        administration: Callable[[], Administration],
        issued_by: str,
    ) -> None:
        self._certificates = certificates
        self._administration = administration
        self._issued_by = issued_by

    def get(self, server_name: str) -> "Deferred[list[Any]]":
        """See :class:`txacme.interfaces.ICertificateStore`. Fails with KeyError."""
        found = self._objects().get(server_name)
        return succeed(found) if found is not None else fail(KeyError(server_name))

    def store(self, server_name: str, pem_objects: Sequence[Any]) -> "Deferred[Certificate]":
        """See :class:`txacme.interfaces.ICertificateStore`; give what was stored.

        Fails with ValueError and :class:`~couchpages.ports.StoreError`.
        """
        return Deferred.fromCoroutine(self._store(server_name, pem_objects))

    def as_dict(self) -> "Deferred[dict[str, list[Any]]]":
        """See :class:`txacme.interfaces.ICertificateStore`: those that were issued, not the imported ones."""
        return succeed(self._objects())

    async def _store(self, server_name: str, pem_objects: Sequence[Any]) -> Certificate:
        chain = b"".join(each.as_bytes() for each in pem_objects if isinstance(each, pem.Certificate))
        key = b"".join(each.as_bytes() for each in pem_objects if isinstance(each, pem.Key))
        certificate = read_certificate(chain, key, name=server_name)
        stored, _ = await self._administration().put(replace(certificate, issued_by=self._issued_by))
        return stored

    def _objects(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for (name, _), each in self._certificates.items():
            if each.issued_by:
                found.setdefault(name, []).extend(pem.parse(each.key + each.chain))
        return found
