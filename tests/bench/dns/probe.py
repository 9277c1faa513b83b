"""Single questions: whether a server answers already, and whether its answers are right (does I/O)."""

import socket
import threading
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from tests.bench.dns.questions import datagram
from tests.bench.dns.zone import Zone
from tests.bench.hot_path.wrk import WrongAnswer

#: Seconds for one answer, and between two attempts.
_PATIENCE, _BETWEEN = 0.3, 0.001
#: Seconds in which a server reads the greatest zone.
LOADING = 180.0
#: Of a great zone, how many names are asked for.
MOST_CHECKED = 1000
_NOTHING = "does-not-exist"


def asked(port: int, question: bytes) -> dns.message.Message | None:
    """Ask once; give None when nothing came back, or nobody listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.settimeout(_PATIENCE)
        try:
            server.connect(("127.0.0.1", port))
            server.send(question)
            return dns.message.from_wire(server.recv(4096))
        except (TimeoutError, ConnectionRefusedError):
            return None


def address(port: int, name: str) -> str | None:
    """Give the one address that an authoritative answer has for *name*, or None."""
    answer = asked(port, datagram(name))
    if answer is None or answer.rcode() != dns.rcode.NOERROR or not answer.flags & dns.flags.AA:
        return None
    found = [str(record) for rrset in answer.answer for record in rrset]
    return found[0] if len(found) == 1 else None


def answers(port: int, zone: Zone) -> bool:
    """Say whether the zone's last name resolves."""
    return address(port, zone.host(zone.hosts - 1)) == zone.address(zone.hosts - 1)


def check(name: str, port: int, zone: Zone) -> None:
    """See that hosts have their addresses, and that other names do not exist. Raises :class:`WrongAnswer`."""
    for number in range(0, zone.hosts, max(zone.hosts // MOST_CHECKED, 1)):
        found = address(port, zone.host(number))
        if found != zone.address(number):
            raise WrongAnswer(f"{name}: {zone.host(number)} has {found}, not {zone.address(number)}")
    nothing = asked(port, datagram(f"{_NOTHING}.{zone.name}"))
    if (
        nothing is None
        or nothing.rcode() != dns.rcode.NXDOMAIN
        or [each.rdtype for each in nothing.authority] != [dns.rdatatype.SOA]
    ):
        raise WrongAnswer(f"{name}: to a name that does not exist it says: {nothing}")


class FirstAnswer:
    """Asks again and again, from when it is made, until the zone answers."""

    def __init__(self, port: int, zone: Zone) -> None:
        self._began = time.perf_counter()
        self._took: float | None = None
        self._thread = threading.Thread(target=self._ask, args=(port, zone), daemon=True)
        self._thread.start()

    def seconds(self) -> float:
        """Wait for it, and give how long it took."""
        self._thread.join(LOADING)
        if self._took is None:
            raise WrongAnswer(f"the zone did not answer within {LOADING:.0f} s")
        return self._took

    def _ask(self, port: int, zone: Zone) -> None:
        while time.perf_counter() - self._began < LOADING:
            if answers(port, zone):
                self._took = time.perf_counter() - self._began
                return
            time.sleep(_BETWEEN)
