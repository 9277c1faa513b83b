"""What the public DNS says, as resolvers see it (does I/O)."""

from collections.abc import Callable, Sequence

import dns.rdata
import dns.rdtypes.ANY.NS
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA

from couchpages.certs.issuing.lookups.client import DnsClient
from couchpages.certs.issuing.lookups.messages import Answer, DnsError, Question, normal_name, text_of
from couchpages.certs.issuing.lookups.resolv_conf import ResolvConf
from couchpages.certs.issuing.obstacles import LookupFailed
from couchpages.config_values import SocketAddress

#: Questions that are asked to follow aliases, where the resolver does not by itself.
MOST_STEPS = 8
#: What a challenge's record stands below (RFC 8555 section 8.4).
CHALLENGE_LABEL = "_acme-challenge"


class Resolving:
    """Asks *resolvers* in turn; without any, those that *configured* gives, which is asked each time and raises ValueError.

    Names are text in lower case without the dot at the end, IP addresses text. Whatever says that something does not exist, or is of
    another type alone, gives nothing; whatever else goes wrong raises :class:`LookupFailed` (law 3).
    """

    def __init__(
        self,
        client: DnsClient,
        resolvers: Sequence[SocketAddress] = (),
        configured: Callable[[], Sequence[SocketAddress]] | None = None,
    ) -> None:
        self.client = client
        self._resolvers = tuple(resolvers)
        self._configured = configured or ResolvConf().servers
        self._answered_last: SocketAddress | None = None

    async def addresses(self, host: str) -> list[str]:
        """Give a host's IP addresses, those of IPv4 first, each once."""
        found = [*await self.records(host, "A"), *await self.records(host, "AAAA")]
        kinds = dns.rdtypes.IN.A.A | dns.rdtypes.IN.AAAA.AAAA
        return list(dict.fromkeys(rdata.address for rdata in found if isinstance(rdata, kinds)))

    async def nameservers(self, zone: str) -> list[str]:
        """Give the names of a zone's NS records, sorted."""
        found = await self.records(zone, "NS")
        return sorted({text_of(rdata.target) for rdata in found if isinstance(rdata, dns.rdtypes.ANY.NS.NS)})

    async def alias_end(self, name: str) -> str:
        """Give the name at which the TXT record of a challenge for the host *name* is looked for.

        That is ``_acme-challenge.NAME``, or the end of the aliases that begin there, whether or not anything stands there. The star of a
        wildcard is left out.
        """
        end, _ = await self._followed(f"{CHALLENGE_LABEL}.{name.removeprefix('*.')}", "TXT")
        return end

    async def records(self, name: str, type_: str) -> tuple[dns.rdata.Rdata, ...]:
        """Give the data of the records of a type at a name, or at the end of its aliases; nothing where there are none."""
        _, found = await self._followed(name, type_)
        return found

    async def _followed(self, name: str, type_: str) -> tuple[str, tuple[dns.rdata.Rdata, ...]]:
        """Follow aliases to their end, and give that, and what stands there."""
        asked, name = list[str](), _normal(name)
        while len(asked) < MOST_STEPS:
            asked.append(name)
            answer = await self._asked(Question(name, type_))
            try:
                end = answer.chain(name)[-1]
            except ValueError as trouble:
                raise LookupFailed(str(trouble)) from None
            found = answer.of(end, type_)
            # Who refers to others, or has authority for the alias alone, says nothing of its end.
            if found or end == name or answer.rcode == "NXDOMAIN":
                return end, found
            if end in asked:
                raise LookupFailed(f"the aliases of {asked[0]} go in a circle")
            name = end
        raise LookupFailed(f"the aliases of {asked[0]} go on and on: {' -> '.join(asked)}")

    async def _asked(self, question: Question) -> Answer:
        """Ask one resolver after the other, until one has an answer that tells something."""
        faults = []
        for server in self._in_turn():
            try:
                answer = await self.client.ask(server, question)
            except DnsError as trouble:
                faults.append(f"{trouble}, asked for {question}")
            else:
                if (fault := _fault(answer)) is None:
                    self._answered_last = server
                    return answer
                faults.append(f"{server.host} {fault} for {question}")
        raise LookupFailed("; ".join(faults) or f"there is no resolver to ask for {question}: [acme] resolvers")

    def _in_turn(self) -> Sequence[SocketAddress]:
        """Give the resolvers, the one that answered last first: nobody waits for a dead one at each question."""
        try:
            servers = self._resolvers or tuple(self._configured())
        except ValueError as trouble:
            raise LookupFailed(str(trouble)) from None
        return sorted(servers, key=lambda server: server != self._answered_last)


def _normal(name: str) -> str:
    try:
        return normal_name(name)
    except ValueError as trouble:
        raise LookupFailed(str(trouble)) from None


def _fault(answer: Answer) -> str | None:
    """Say what keeps an answer from telling what exists, if anything does."""
    if answer.rcode not in ("NOERROR", "NXDOMAIN"):
        return f"answered {answer.rcode}"
    if not answer.records and not answer.knows:
        return "answered with nothing, and without authority or recursion,"
    return None
