"""Our own responder on zones of zone files, in memory (pure)."""

from collections.abc import Iterable, Mapping
from functools import partial

import dns.name
import dns.rdataset
import dns.zone

from couchpages.dns import names
from couchpages.dns.chaos import Identity
from couchpages.dns.names import Name
from couchpages.dns.records import Record
from couchpages.dns.reply import Opt
from couchpages.dns.responder import OVER_TCP, Responder, over_udp
from couchpages.dns.rrsets import compile_name
from couchpages.dns.served_zones import ServedZones
from couchpages.dns.zone import Draft, Zone, substitute_soa
from couchpages.tallies import QueryTally
from tests.dns.rules.asking import Ask

UDP_SIZE = 1232


def records_of(text: str, origin: str) -> list[Record]:
    """Read a zone file."""
    zone = dns.zone.from_text(text, origin=origin, relativize=False, check_origin=False)
    return [
        Record(1, name.to_wire() or b"", int(rdata.rdtype), ttl, rdata.to_wire() or b"")
        for name, ttl, rdata in zone.iterate_rdatas()
    ]


def compiled(apex: Name, records: Iterable[Record], serial: int) -> Zone:
    """Compile a zone."""
    by_owner: dict[Name, list[Record]] = {}
    for record in records:
        by_owner.setdefault(record.owner, []).append(record)
    draft = Draft(apex)
    for owner, found in by_owner.items():
        draft.put(owner, compile_name(apex, found))
    return draft.finish(serial, substitute_soa(apex, apex, apex))


def zone_of(text: str, origin: str) -> Zone:
    """Read and compile a zone file; its serial is the one that is written in it."""
    apex = names.canonical(names.from_text(origin))
    records = records_of(text, origin)
    soa = next((each.rdata for each in records if each.type == 6 and each.owner == apex), bytes(20))
    return compiled(apex, records, int.from_bytes(soa[-20:-16], "big"))


def served(zones: Iterable[Zone]) -> ServedZones:
    """Serve zones, and nothing else."""
    found = ServedZones()
    for zone in zones:
        found.publish(zone, None)
    found.complete()
    found.complete_challenges()
    return found


def responders(zones: ServedZones, identity: Identity = Identity(), size: int = UDP_SIZE) -> dict[str, Responder]:  # noqa: B008
    """Make the responders of both transports."""
    opt = Opt(size, identity.host)
    return {
        "udp": Responder(zones, over_udp(size), opt, identity, QueryTally()),
        "tcp": Responder(zones, OVER_TCP, opt, identity, QueryTally()),
    }


def asking(texts: Mapping[str, str], identity: Identity = Identity()) -> Ask:  # noqa: B008 -- a frozen value
    """Give what asks our responders about the zones whose files are *texts*, by origin."""
    return asking_of(responders(served(zone_of(text, origin) for origin, text in texts.items()), identity))


def asking_of(by_transport: Mapping[str, Responder]) -> Ask:
    """Give what asks *by_transport*."""
    return partial(_ask, by_transport)


def _ask(by_transport: Mapping[str, Responder], wire: bytes, transport: str) -> bytes | None:
    return by_transport[transport].answer(wire)
