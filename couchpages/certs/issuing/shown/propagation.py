"""Whether all name servers of a zone answer with a challenge's record, before an authority is asked to look (does I/O).

:mod:`~couchpages.certs.issuing.shown.showing` has the rules.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import dns.rdtypes.ANY.TXT
from twisted.logger import Logger

from couchpages.certs.issuing.awaiting import LateError, together, within
from couchpages.certs.issuing.lookups.datagrams import has_route
from couchpages.certs.issuing.lookups.messages import Answer, DnsError, Question, normal_name
from couchpages.certs.issuing.lookups.resolving import Resolving
from couchpages.certs.issuing.obstacles import LookupFailed, NotShown
from couchpages.certs.issuing.shown.polling import poll
from couchpages.certs.issuing.shown.showing import NotAsked, Seen, Shows, ShowsOther, Silent, worst
from couchpages.config_values import SocketAddress

#: Seconds that each try of a round waits; the next round asks again.
TRIES = (1.0, 2.0)
#: Seconds for one server in one round, over TCP and without EDNS included.
ASK_TIME = 5.0
#: Name servers, and addresses of each, that are asked at most: zones have two to thirteen.
MOST_SERVERS = 32
MOST_ADDRESSES = 8


@dataclass(frozen=True, slots=True)
class _Place:
    """A name server at one address; without any, its name is yet to be looked up."""

    name: str
    address: str | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.address})" if self.address else self.name


class Propagation:
    """Asks name servers at *dns_port*. *routed* tells whether an address can be asked at all."""

    def __init__(self, reactor: Any, resolving: Resolving, dns_port: int, log: Logger, routed: Any = has_route) -> None:
        self._reactor = reactor
        self._resolving = resolving
        self._port = dns_port
        self._log = log
        self._routed = routed

    async def wait(
        self, zone: str, owner: str, value: str, own_nameservers: Collection[str], patience: float
    ) -> list[str]:
        """Wait until every name server of *zone* has *value* among the TXT records of *owner*; give those left out, in words.

        They are the zone's name servers as the public DNS shows them, and *own_nameservers*, which the zone's own NS records name. One that
        answers with anything else is waited for; one that does not answer is left out after a quarter of *patience*, and one that has no
        address, or none that can be asked from here, at once. Raises :class:`~couchpages.certs.issuing.obstacles.NotShown` after *patience*
        seconds, or where nobody can be asked, and :class:`~couchpages.certs.issuing.obstacles.LookupFailed` where the public NS records
        cannot be had.
        """
        public = await self._resolving.nameservers(zone)
        names = sorted({*public, *map(normal_name, own_nameservers)})[:MOST_SERVERS]
        owner = normal_name(owner)
        places = [place for found in await together(map(self._places, names)) for place in found]

        async def ask(place: _Place, seconds: float) -> Seen:
            return await self._look(place, owner, value, min(seconds, ASK_TIME))

        try:
            left_out = await poll(self._reactor, {str(place): place for place in places}, ask, patience)
        except NotShown as trouble:
            raise NotShown(f"not every name server of {zone} has the record {owner} TXT: {trouble}") from None
        if left_out:
            self._log.warn("{owner} TXT: went on without {left_out}", owner=owner, left_out="; ".join(left_out))
        return left_out

    async def _places(self, name: str) -> Sequence[_Place]:
        try:
            found = await self._resolving.addresses(name)
        except LookupFailed:
            # It is looked up again with each round.
            return [_Place(name)]
        return [_Place(name, address) for address in found[:MOST_ADDRESSES]] or [_Place(name)]

    async def _look(self, place: _Place, owner: str, value: str, seconds: float) -> Seen:
        if place.address is None:
            return await self._look_up(place.name, owner, value, seconds)
        if not self._routed(place.address):
            return NotAsked("was not asked: this node has no way to addresses of this kind")
        server = SocketAddress(place.address, self._port)
        asking = self._resolving.client.ask(server, Question(owner, "TXT", recurse=False), TRIES)
        try:
            return judged(await within(self._reactor, seconds, asking), owner, value)
        except LateError:
            return Silent(f"did not answer in {seconds:.3g} seconds")
        except DnsError as trouble:
            return Silent(trouble.words)

    async def _look_up(self, name: str, owner: str, value: str, seconds: float) -> Seen:
        """Look a name server up whose addresses could not be had before, and ask all of them."""
        try:
            found = await within(self._reactor, seconds, self._resolving.addresses(name))
        except LookupFailed as trouble:
            return Silent(f"could not be looked up: {trouble}")
        except LateError:
            return Silent("could not be looked up in time")
        if not found:
            return NotAsked("has no address in DNS")
        places = [_Place(name, address) for address in found[:MOST_ADDRESSES]]
        return worst(await together(self._look(place, owner, value, seconds) for place in places))


def judged(answer: Answer, owner: str, value: str) -> Seen:
    """Say what a name server's answer shows."""
    texts = [b"".join(data.strings) for data in answer.of(owner, "TXT") if isinstance(data, dns.rdtypes.ANY.TXT.TXT)]
    if answer.rcode == "SERVFAIL":
        # Ours say so while they have not read yet which challenges there are; whoever looks for the record asks another then.
        return Silent("answered SERVFAIL")
    if answer.rcode != "NOERROR":
        return ShowsOther(f"answered {answer.rcode}")
    if not answer.authoritative:
        return ShowsOther("has no authority for it")
    if value.encode() in texts:
        return Shows()
    return ShowsOther("has another value" if texts else "has no such record")
