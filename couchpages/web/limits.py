"""What connections and requests may cost, each limit with the precedent that it was taken from (pure)."""

from dataclasses import dataclass, replace

from couchpages.web.heads import DEFAULT_LIMITS, HeadLimits

#: Seconds for which a connection that we end is still read, so that the last response is not lost with a reset: nginx's
#: ``lingering_timeout``. A reader that is given up gets as many at least.
LINGER = 5.0


DEFAULT_WRITE_RATE = 500.0


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one port bears. Times are seconds, sizes bytes.

    :ivar connections: in all; one more closes the one that has been idle for longest, or is refused where none is idle. nginx does so
        when its ``worker_connections`` are used up (768 at Debian, "worker_connections are not enough, reusing connections").
    :ivar connections_per_address: from one IPv4 address or one IPv6 network of 64 bits, trusted proxies excepted. nginx's
        ``limit_conn`` and HAProxy's ``conn_cur`` have no default; browsers open six for a host (Apache's mod_qos suggests 50), and hundreds
        of people may share an address.
    :ivar requests_per_connection: after which it is closed: nginx's ``keepalive_requests`` is 1,000.
    :ivar head: of a request's head.
    :ivar idle: until a connection without a request is closed: nginx's ``keepalive_timeout`` is 75, Apache's 5.
    :ivar head_time: until a request's head, once begun, is whole: nginx's ``client_header_timeout`` is 60, Apache's
        ``RequestReadTimeout`` 20 to 40.
    :ivar write_rate: bytes a second that a reader takes at least, or is given up: Kestrel's ``MinResponseDataRate`` is 240, and our
        own for bodies that come in is Apache's 500.
    """

    connections: int = 16_384
    connections_per_address: int = 1_024
    requests_per_connection: int = 1_000
    head: HeadLimits = DEFAULT_LIMITS
    idle: float = 75.0
    head_time: float = 30.0
    write_rate: float = DEFAULT_WRITE_RATE

    def time_to_read(self, size: int) -> float:
        """Give the seconds that a reader has for *size* bytes."""
        return LINGER + size / self.write_rate

    def within(self, descriptors: int, percent: int) -> "ConnectionLimits":
        """Give the same limits with no more connections than so many percent of the *descriptors* that the process may have open."""
        return replace(self, connections=min(self.connections, descriptors * percent // 100))
