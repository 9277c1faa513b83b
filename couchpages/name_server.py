"""The name server of a node: its zones, its sockets and what answers on them (wires, decides nothing)."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from twisted.application.service import Service
from twisted.python.threadpool import ThreadPool

from couchpages.config_values import SocketAddress
from couchpages.couch.database import CouchDatabase
from couchpages.couch.follower import Follower
from couchpages.couch.transport import Transport
from couchpages.dns.administration import Administration
from couchpages.dns.api import DnsApi
from couchpages.dns.chaos import Identity
from couchpages.dns.first_system import FirstSystemDns
from couchpages.dns.intake import Names
from couchpages.dns.names import from_text
from couchpages.dns.new_zone import ZoneDefaults
from couchpages.dns.record_administration import RecordAdministration
from couchpages.dns.record_writer import RecordWriter
from couchpages.dns.reply import Opt
from couchpages.dns.responder import OVER_TCP, Responder, over_udp
from couchpages.dns.served_zones import ServedZones
from couchpages.dns.service import UdpListener
from couchpages.dns.slices import Slices
from couchpages.dns.sockets import OneAddress
from couchpages.dns.stream import Listening, Stream
from couchpages.dns.submission import read_mailbox
from couchpages.dns.zone_folder import ZoneFolder
from couchpages.dns.zone_keeper import ZoneKeeper
from couchpages.dns.zones import Zones
from couchpages.metrics import Metrics
from couchpages.ports import Authority, Readiness
from couchpages.services import Listener, Prepared
from couchpages.settings import Settings
from couchpages.web.census import Census
from couchpages.web.connections import Connections
from couchpages.web.routes import Route
from couchpages.web.second import Second

#: The part of the descriptors that a process may have that TCP connections of the name server take at most, in percent.
DESCRIPTORS = 20


class NameServer:
    """What a node has of it.

    *ready_parts* tell what keeps it from serving, *routes* are its calls, *services* come up in their order, before the *listeners*.
    *challenges* and *own_zones* are for other rooms (:class:`couchpages.ports.ChallengeRecords`, :class:`couchpages.ports.OwnZones`).
    """

    def __init__(
        self,
        reactor: Any,
        threads: ThreadPool,
        transport: Transport,
        settings: Settings,
        metrics: Metrics,
        authority: Authority,
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._metrics = metrics
        self._served = ServedZones()
        couchdb, dns = settings.couchdb, settings.dns
        zones_database = CouchDatabase(transport, couchdb.dns_zones)
        records_database = CouchDatabase(transport, couchdb.dns_records)
        defaults = ZoneDefaults(
            tuple(map(from_text, dns.nameservers)),
            read_mailbox(dns.hostmaster, "hostmaster") if dns.hostmaster else None,
        )
        slices = Slices(reactor)
        keeper = ZoneKeeper(reactor, threads, ZoneFolder(settings.data.resolve() / "zones"), metrics, slices)
        names = Names(couchdb.dns_zones, couchdb.dns_records)
        self._zones = Zones(reactor, slices, self._served, defaults.substitute, metrics, keeper, names)
        self.challenges = self._zones.challenges
        self.own_zones = self._zones.own_zones
        # Without an address to answer on, nobody waits for it.
        vital = bool(dns.listen)
        self._followers = [
            Follower(reactor, database, sink, metrics, known=known, vital=vital, leaves=True)
            for database, sink, known in (
                (zones_database, self._zones.zone_sink, self._zones.known_zones),
                (records_database, self._zones.record_sink, self._zones.known_records),
            )
        ]
        administration = Administration(
            zones_database,
            records_database,
            RecordAdministration(self._zones, RecordWriter(records_database, slices), slices),
            defaults,
        )
        self.routes: Sequence[Route] = (
            *DnsApi(authority, administration).routes(),
            *FirstSystemDns(authority, administration).routes(),
        )

    @property
    def ready_parts(self) -> Sequence[Readiness]:
        """What tells whether zones could be read."""
        return [*self._followers, self._zones]

    @property
    def services(self) -> Sequence[Service]:
        """What has to be up before questions are taken; it needs the threads and CouchDB's connections."""
        return [
            Prepared("kept zones", self._zones.restore),
            Prepared("zones", lambda: None, self._zones.stop),
            *self._followers,
        ]

    def listeners(self, second: Second, *, descriptors: int, backlog: int) -> Sequence[UdpListener | Listener]:
        """Make what listens for questions; nothing, where no address is configured."""
        dns, metrics = self._settings.dns, self._metrics
        identity = Identity(dns.version.encode(), dns.identity.encode())
        opt = Opt(dns.udp_size, identity.host)
        udp = Responder(self._served, over_udp(dns.udp_size), opt, identity, metrics.queries.labels("udp"))
        tcp = Responder(self._served, OVER_TCP, opt, identity, metrics.queries.labels("tcp"))
        most = min(dns.tcp_connections, descriptors * DESCRIPTORS // 100)
        connections = Connections(self._reactor, second, Census(most, dns.tcp_connections_per_address))
        metrics.dns_connections.set_function(lambda: len(connections))
        listening = Listening(self._reactor, tcp, connections, second, dns.tcp_idle_timeout)
        return [
            *(UdpListener(self._reactor, address, udp) for address in dns.listen),
            *(self._tcp(address, listening, backlog) for address in dns.listen),
        ]

    def _tcp(self, address: SocketAddress, listening: Listening, backlog: int) -> Listener:
        endpoint = OneAddress(self._reactor, address.host, address.port, backlog)
        return Listener(self._reactor, endpoint, f"tcp {address} (dns)", listening, partial(Stream, listening))
