"""What a node that issues meets, in memory: the public DNS, the addresses of hosts, its zones, sites and records. Tests change it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import dns.rdata
from twisted.internet.defer import Deferred

from couchpages.certs.issuing.challenges.answers import Answers
from couchpages.certs.issuing.obstacles import NotShown
from couchpages.ports import Unavailable

NAMESERVER = "ns1.example.net"


class Network:
    """What the public DNS and the addresses of hosts say, to all nodes alike.

    *delegated* zones are ours, hosts *not_ours* lead elsewhere, for the reason that stands there, and *caa* has the issuer of a name's
    record, *caa_of_wildcards* of that which is for wildcards. What is looked up by a name in *broken* fails with what stands there, or
    waits for it, if that is a Deferred: ``NS ZONE``, the host whose addresses are asked, or whose challenge is looked for
    (``shown …``).
    """

    def __init__(self) -> None:
        self.delegated: set[str] = {"example.org"}
        self.not_ours: dict[str, str] = {}
        self.caa: dict[str, bytes] = {}
        self.caa_of_wildcards: dict[str, bytes] = {}
        self.broken: dict[str, Any] = {}
        #: Where CNAMEs of ``_acme-challenge.`` names lead.
        self.aliases: dict[str, str] = {}

    async def nameservers(self, zone: str) -> list[str]:
        """See Resolving: ours, or somebody else's."""
        await self.meet(f"NS {zone}")
        return [NAMESERVER] if zone in self.delegated else ["ns.other.example"]

    async def alias_end(self, name: str) -> str:
        """See Resolving."""
        await self.meet(name)
        own = f"_acme-challenge.{name.removeprefix('*.')}"
        return self.aliases.get(own, own)

    async def records(self, name: str, type_: str) -> tuple[Any, ...]:
        """See Resolving."""
        found = ("issue", self.caa.get(name)), ("issuewild", self.caa_of_wildcards.get(name))
        return tuple(
            dns.rdata.from_text("IN", type_, f'0 {tag} "{value.decode()}"') for tag, value in found if value is not None
        )

    async def check(self, host: str, *, without_silent: bool = False) -> list[str]:
        """See Reach."""
        del without_silent
        await self.meet(host)
        return [self.not_ours[host]] if host in self.not_ours else []

    async def meet(self, name: str) -> None:
        """Be as *broken* as a name is."""
        found = self.broken.get(name)
        if isinstance(found, Deferred):
            await found
        elif found is not None:
            raise found


class Place(Protocol):
    """A node as others see it, who ask it for challenges."""

    answers: Answers
    records: "Records"


class Side:
    """What is seen from a node: *nodes* gives those that it is not cut off from and that are up. All of them have to show a challenge."""

    def __init__(self, network: Network, nodes: Callable[[], Iterable[Place]]) -> None:
        self._network = network
        self._nodes = nodes

    async def shown(self, host: str, token: str, value: bytes, patience: float) -> list[str]:
        """See Reach."""
        del patience
        await self._network.meet(f"shown {host}")
        if any(node.answers.file(host, token) != value for node in self._nodes()):
            raise NotShown(f"{host} does not show the challenge")
        return []

    async def wait(self, zone: str, owner: str, value: str, own: Any, patience: float) -> list[str]:
        """See Propagation."""
        del zone, own, patience
        await self._network.meet(f"shown {owner}")
        if any(value not in node.records.at(owner) for node in self._nodes()):
            raise NotShown(f"{owner} does not show the record")
        return []


class Zones:
    """See OwnZones."""

    def __init__(self) -> None:
        self.zones: set[str] = {"example.org"}
        #: Names at which a CNAME is written.
        self.written: set[str] = set()
        self.loaded = True

    def zone_above(self, name: str) -> str | None:
        """See OwnZones."""
        if not self.loaded:
            raise Unavailable("the zones are not read yet")
        if ".." in name or len(name) > 253:
            raise ValueError("no name")
        while name:
            if name in self.zones:
                return name
            name = name.partition(".")[2]
        return None

    def is_alias(self, name: str) -> bool:
        """See OwnZones."""
        return name in self.written or self.zone_above(name) is None

    def nameservers(self, zone: str) -> Sequence[str]:
        """See OwnZones."""
        del zone
        return [NAMESERVER]


class Sites:
    """See LiveSites."""

    def __init__(self) -> None:
        self.sites: set[str] = set()
        self.loaded = True

    def live(self) -> set[str]:
        """See LiveSites."""
        if not self.loaded:
            raise Unavailable("the sites are not read yet")
        return self.sites


class Records:
    """See ChallengeRecords."""

    def __init__(self) -> None:
        self.texts: dict[str, tuple[str, Sequence[str], int]] = {}

    def hold(self, doc_id: str, name: str, texts: Sequence[str], generation: int) -> None:
        """See ChallengeRecords."""
        self.texts[doc_id] = name, tuple(texts), generation

    def loaded(self) -> None:
        """See ChallengeRecords."""

    async def when_answered(self, doc_id: str, generation: int, patience: float) -> None:
        """See ChallengeRecords."""
        del doc_id, generation, patience

    def at(self, name: str) -> list[str]:
        """Give what is answered at a name."""
        return sorted(text for owner, texts, _ in self.texts.values() if owner == name for text in texts)
