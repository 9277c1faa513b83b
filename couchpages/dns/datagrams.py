"""Takes questions from a UDP socket and sends answers, one at a time: what every system can do (does I/O).

:mod:`couchpages.dns.batches` does the same for many at a time, where the system has the calls.
"""

import socket
import sys
from typing import Any, Protocol

from couchpages.dns.query import LONGEST
from couchpages.dns.responder import Responder
from couchpages.dns.sockets import bound_to

#: The most that is read of a datagram: an octet more than a question may have, so that one that was cut off is not taken for whole.
QUESTION = LONGEST + 1
#: Questions that are answered before the clock is looked at, if all of them have to be worked out: they take a millisecond or two.
AT_ONCE = 16
_ANCILLARY = 64
#: IP_MTU_DISCOVER and IPV6_MTU_DISCOVER of linux/in.h and linux/in6.h, which Python's socket module may lack.
_MTU_DISCOVER = {socket.AF_INET: (socket.IPPROTO_IP, 10), socket.AF_INET6: (socket.IPPROTO_IPV6, 23)}
#: IP_PMTUDISC_OMIT there: fragments go out as the interface's own MTU asks, and what is heard of the path is ignored.
_OMIT = 5


class Datagrams(Protocol):
    """A UDP socket, bound and non-blocking, from which questions are answered."""

    def exchange(self, responder: Responder) -> int:
        """Answer what has come, up to a limit, and give how many there were: fewer than AT_ONCE where nothing is left. Raises OSError."""
        ...


class OneByOne:
    """See :class:`Datagrams`."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        # A socket on every address has to be told from which one to answer.
        self._ancillary = _ANCILLARY if is_on_every_address(sock) else 0

    def exchange(self, responder: Responder) -> int:
        """See :meth:`Datagrams.exchange`."""
        for count in range(AT_ONCE):
            try:
                data, ancillary, _, peer = self._socket.recvmsg(QUESTION, self._ancillary)
            except (BlockingIOError, InterruptedError):
                return count
            answer = responder.answer(data)
            if answer is not None:
                self._send(responder, answer, ancillary, peer)
        return AT_ONCE

    def _send(self, responder: Responder, answer: bytes, ancillary: Any, peer: Any) -> None:
        try:
            self._socket.sendmsg([answer], [_by_any_way(each, peer) for each in ancillary], 0, peer)
        except OSError:
            # No room, no way there, a firewall: whoever asked will ask again.
            responder.tally.unsent += 1


def _by_any_way(ancillary: tuple[int, int, bytes], peer: Any) -> tuple[int, int, bytes]:
    """Take out the interface that a question came on: from which address an answer leaves is ours to say, but not by which way."""
    level, kind, data = ancillary
    if level == socket.IPPROTO_IP:
        return level, kind, bytes(4) + data[4:]
    _, _, _, scope = peer
    # A link-local peer is reached by its own link only.
    return (level, kind, data) if scope else (level, kind, data[:16] + bytes(4))


def bound(host: str, port: int) -> socket.socket:
    """Make a UDP socket for one address, which may be that of all (``0.0.0.0``, ``::``). Raises OSError."""
    sock = bound_to(socket.SOCK_DGRAM, host, port)
    try:
        if is_on_every_address(sock):
            _tell_own_address(sock)
        _do_not_probe(sock)
    except OSError:
        sock.close()
        raise
    return sock


def is_on_every_address(sock: socket.socket) -> bool:
    """Whether a socket is bound to all addresses of the machine."""
    return sock.getsockname()[0] in ("0.0.0.0", "::")  # noqa: S104 -- compared with, not bound to


def _tell_own_address(sock: socket.socket) -> None:
    """Have the kernel tell with each datagram which address it came to (ip(7), RFC 3542 section 6.1)."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_PKTINFO", 8), 1)


def _do_not_probe(sock: socket.socket) -> None:
    """Believe no message about the path's MTU, which anybody can forge to have answers fall into pieces (RFC 9715 section 3.1)."""
    if sys.platform == "linux":
        level, option = _MTU_DISCOVER[sock.family]
        sock.setsockopt(level, option, _OMIT)
