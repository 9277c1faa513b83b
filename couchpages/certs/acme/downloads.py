"""Chains of an order, downloaded (does I/O; what is right is decided in :mod:`couchpages.certs.acme.chains`)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from couchpages.certs.acme.answers import Answer
from couchpages.certs.acme.chains import Chain, preferred, read_chain
from couchpages.certs.acme.errors import AcmeError, nonsense
from couchpages.certs.acme.fields import trouble_with

#: RFC 8555 section 7.4.2 has no limit; Let's Encrypt offered three at most.
MOST_ALTERNATES = 5
PEM = "application/pem-certificate-chain"


@dataclass(frozen=True, slots=True)
class Downloads:
    """*read* asks an address for a media type; *secure* is whether addresses have to be HTTPS."""

    read: Callable[[str, str], Awaitable[Answer]]
    wall: Callable[[], float]
    secure: bool

    async def chain(self, url: str, csr: bytes, names: Sequence[str], root: str | None) -> Chain:
        """Give the chain at *url*, or an alternate that leads to *root*. Only the first must be right: another is passed over."""
        answer = await self.read(url, PEM)
        found = [read_chain(_pem(answer), csr, names, self.wall())]
        if root is None or found[0].leads_to == root:
            return found[0]
        for alternate in answer.links("alternate", MOST_ALTERNATES):
            try:
                found.append(await self._alternate(alternate, csr, names))
            except AcmeError:
                continue
            if found[-1].leads_to == root:
                break
        return preferred(found, root)

    async def _alternate(self, url: str, csr: bytes, names: Sequence[str]) -> Chain:
        why = trouble_with(url, secure=self.secure)
        if why:
            raise nonsense(f"an alternate chain is at {url[:200]!r}, {why}")
        return read_chain(_pem(await self.read(url, PEM)), csr, names, self.wall())


def _pem(answer: Answer) -> bytes:
    if not answer.body.lstrip().startswith(b"-----BEGIN CERTIFICATE-----"):
        raise answer.nonsense("answered no certificate in PEM")
    return answer.body
