"""Answers challenges for as long as an authority looks: a document that every node answers from, then everybody asked (does I/O).

These are txacme's :class:`~txacme.interfaces.IResponder`: *challenge* is the :class:`~couchpages.certs.issuing.proofs.Proof` with the
challenge's token, *response* what has to be answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from txacme.interfaces import IResponder
from zope.interface import implementer

from couchpages.certs.issuing.challenges.documents import Where
from couchpages.certs.issuing.challenges.writer import ChallengeWriter
from couchpages.certs.issuing.proofs import Proof, Type
from couchpages.certs.issuing.shown.propagation import Propagation
from couchpages.certs.issuing.shown.reaching import Reach
from couchpages.ports import ChallengeRecords, OwnZones, StoreError

#: Seconds for which this node's own name server is waited for, which hears of what was just written.
OWN_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A challenge: how it is proved, and its token."""

    proof: Proof
    token: str


class _Responder:
    log = Logger()

    def __init__(self, writer: ChallengeWriter, patience: float) -> None:
        self._writer = writer
        self._patience = patience

    def start_responding(self, server_name: str, challenge: Asked, response: str) -> "Deferred[None]":
        """See :class:`txacme.interfaces.IResponder`. Fails with an obstacle, or a :class:`~couchpages.ports.StoreError`."""
        del server_name
        return Deferred.fromCoroutine(self._start(challenge, response))

    def stop_responding(self, server_name: str, challenge: Asked, response: str) -> "Deferred[None]":
        """See :class:`txacme.interfaces.IResponder`. What cannot be taken back now ends by itself."""
        del server_name
        return Deferred.fromCoroutine(self._stop(challenge, response))

    async def _stop(self, challenge: Asked, response: str) -> None:
        try:
            await self._remove(challenge, response)
        except (StoreError, ValueError) as error:
            self.log.debug("a challenge is not taken back: {error}", error=error)

    async def _start(self, challenge: Asked, response: str) -> None:
        raise NotImplementedError

    async def _remove(self, challenge: Asked, response: str) -> None:
        raise NotImplementedError


@implementer(IResponder)
class HttpResponder(_Responder):
    """Over HTTP (RFC 8555 section 8.3): *reach* asks every address of the host whether it shows the file."""

    challenge_type = str(Type.HTTP)

    def __init__(self, writer: ChallengeWriter, patience: float, reach: Reach) -> None:
        super().__init__(writer, patience)
        self._reach = reach

    async def _start(self, challenge: Asked, response: str) -> None:
        host = challenge.proof.name
        await self._writer.add(Where.HTTP, host, challenge.token, response)
        await self._reach.shown(host, challenge.token, response.encode(), self._patience)

    async def _remove(self, challenge: Asked, response: str) -> None:
        await self._writer.remove(Where.HTTP, challenge.proof.name, response)


@implementer(IResponder)
class DnsResponder(_Responder):
    """In DNS (RFC 8555 section 8.4): *propagation* asks every name server of the zone whether it shows the record."""

    challenge_type = str(Type.DNS)

    def __init__(
        self,
        writer: ChallengeWriter,
        patience: float,
        records: ChallengeRecords,
        zones: OwnZones,
        propagation: Propagation,
    ) -> None:
        super().__init__(writer, patience)
        self._records = records
        self._zones = zones
        self._propagation = propagation

    async def _start(self, challenge: Asked, response: str) -> None:
        proof = challenge.proof
        written = await self._writer.add(Where.DNS, proof.owner, "", response)
        await self._records.when_answered(written.doc_id, written.generation, OWN_PATIENCE)
        own = self._zones.nameservers(proof.zone)
        await self._propagation.wait(proof.zone, proof.owner, response, own, self._patience)

    async def _remove(self, challenge: Asked, response: str) -> None:
        await self._writer.remove(Where.DNS, challenge.proof.owner, response)


def responder_for(responders: Sequence[Any], type_: Type) -> Any:
    """Give the responder for challenges of a type."""
    return next(each for each in responders if each.challenge_type == type_)
