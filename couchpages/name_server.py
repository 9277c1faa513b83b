"""The name server of a node: its sockets and what answers on them (wires, decides nothing)."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from couchpages.config import Settings
from couchpages.dns.chaos import Identity
from couchpages.dns.reply import Opt
from couchpages.dns.responder import OVER_TCP, Responder, over_udp
from couchpages.dns.served_zones import ServedZones
from couchpages.dns.service import UdpListener
from couchpages.dns.sockets import OneAddress
from couchpages.dns.stream import Listening, Stream
from couchpages.metrics import Metrics
from couchpages.services import Listener
from couchpages.web.census import Census
from couchpages.web.connections import Connections
from couchpages.web.second import Second

#: The part of the descriptors that a process may have that TCP connections of the name server take at most, in percent.
DESCRIPTORS = 20


def listeners(
    reactor: Any,
    settings: Settings,
    metrics: Metrics,
    zones: ServedZones,
    second: Second,
    *,
    descriptors: int,
    backlog: int,
) -> Sequence[UdpListener | Listener]:
    """Make what listens for questions about *zones*; nothing, where no address is configured."""
    dns = settings.dns
    identity = Identity(dns.version.encode(), dns.identity.encode())
    opt = Opt(dns.udp_size, identity.host)
    udp = Responder(zones, over_udp(dns.udp_size), opt, identity, metrics.queries.labels("udp"))
    tcp = Responder(zones, OVER_TCP, opt, identity, metrics.queries.labels("tcp"))
    most = min(dns.tcp_connections, descriptors * DESCRIPTORS // 100)
    connections = Connections(reactor, second, Census(most, dns.tcp_connections_per_address))
    metrics.dns_connections.set_function(lambda: len(connections))
    listening = Listening(reactor, tcp, connections, second, dns.tcp_idle_timeout)
    return [
        *(UdpListener(reactor, address, udp) for address in dns.listen),
        *(
            Listener(
                reactor,
                OneAddress(reactor, address.host, address.port, backlog),
                f"tcp {address} (dns)",
                listening,
                partial(Stream, listening),
            )
            for address in dns.listen
        ),
    ]
