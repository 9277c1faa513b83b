"""Sockets bound to one address (does I/O)."""

import socket
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from zope.interface import implementer


def bound_to(kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    """Make a socket; one for IPv6 takes no IPv4, which may have another beside it. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


@implementer(IStreamServerEndpoint)
class OneAddress:
    """An endpoint for TCP on one address. Twisted's own takes IPv4 too where it is asked for all IPv6 addresses."""

    def __init__(self, reactor: Any, host: str, port: int, backlog: int) -> None:
        self._reactor = reactor
        self._host = host
        self._port = port
        self._backlog = backlog

    def listen(self, protocolFactory: IProtocolFactory) -> "Deferred[IListeningPort]":  # noqa: N803 -- Twisted's name
        """Listen."""
        try:
            with bound_to(socket.SOCK_STREAM, self._host, self._port) as sock:
                sock.listen(self._backlog)
                # Twisted takes a copy of the descriptor.
                return succeed(self._reactor.adoptStreamPort(sock.fileno(), sock.family, protocolFactory))
        except OSError as error:
            return fail(OSError(error.strerror or str(error)))
