"""What name servers are asked, as datagrams that are made ahead, and what must come back (pure)."""

import base64
import random
import string
from dataclasses import dataclass
from typing import Any, Self

import dns.message
import dns.rcode

from tests.bench.dns.zone import Zone
from tests.bench.hot_path.zipf import SEED, uniform

#: Questions in a load; their numbers are the lower bits of their ids.
SLOTS = 8192
#: What names that do not exist are made of, and how long their first label is.
LETTERS = string.ascii_lowercase + string.digits
LABEL = 12
#: The header's length, and that of the octet that tells a label's length.
_BEFORE_LABEL = 13
#: As the DNS flag day of 2020 recommends.
PAYLOAD = 1232


@dataclass(frozen=True, slots=True)
class Load:
    """Datagrams of questions with the id 0; each answer has *rcode*, *answers* records in that section, and AA.

    The octets at *random* become other :data:`LETTERS` each time that a datagram is sent again.
    """

    datagrams: tuple[bytes, ...]
    rcode: int = 0
    answers: int = 1
    random: tuple[int, ...] = ()

    def written(self) -> dict[str, Any]:
        """Give it as JSON."""
        encoded = [base64.b64encode(each).decode() for each in self.datagrams]
        return {"datagrams": encoded, "rcode": self.rcode, "answers": self.answers, "random": self.random}

    @classmethod
    def read(cls, written: dict[str, Any]) -> Self:
        """Read what :meth:`written` gave."""
        datagrams = tuple(map(base64.b64decode, written["datagrams"]))
        return cls(datagrams, written["rcode"], written["answers"], tuple(written["random"]))


def existing(zone: Zone, *, edns: bool = False) -> Load:
    """Ask for addresses of hosts drawn at random, each as likely as any other; *edns* as resolvers do, with DO."""
    drawn = uniform(zone.hosts, SLOTS)
    asked = {number: datagram(zone.host(number), edns=edns) for number in set(drawn)}
    return Load(tuple(asked[number] for number in drawn))


def missing(zone: Zone) -> Load:
    """Ask for names that do not exist, and which nobody asked for before."""
    chance = random.Random(SEED)  # noqa: S311 -- the same order each time
    labels = ("".join(chance.choices(LETTERS, k=LABEL)) for _ in range(SLOTS))
    asked = tuple(datagram(f"{label}.{zone.name}") for label in labels)
    return Load(asked, dns.rcode.NXDOMAIN, 0, tuple(range(_BEFORE_LABEL, _BEFORE_LABEL + LABEL)))


def datagram(name: str, kind: str = "A", *, edns: bool = False) -> bytes:
    """Write a question that does not ask for recursion."""
    options: dict[str, Any] = {"use_edns": 0, "payload": PAYLOAD, "want_dnssec": True} if edns else {"use_edns": False}
    return dns.message.make_query(name, kind, flags=0, id=0, **options).to_wire()


def for_dnsperf(zone: Zone) -> str:
    """Write dnsperf's input for the same questions as :func:`existing`."""
    return "".join(f"{zone.host(number)} A\n" for number in uniform(zone.hosts, SLOTS))
