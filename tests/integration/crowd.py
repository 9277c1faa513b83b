"""Thousands of connections from many addresses of the loopback, in one thread (does I/O)."""

import re
import resource
import selectors
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.integration.node import Node
from tests.integration.visitor import fetch

#: Addresses 127.0.0.2 and so on that connections come from.
ADDRESSES = 50


class Member:
    """One connection of a crowd: what it received, and whether the other end closed it."""

    __slots__ = ("ended", "received", "socket")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.received = bytearray()
        self.ended = False

    def send(self, data: bytes) -> None:
        """Send what the kernel takes at once; that the other end is gone is noticed when reading."""
        with suppress(OSError):
            self.socket.send(data)

    def read(self, most: int = 65536) -> None:
        """Take what is there, *most* bytes of it."""
        try:
            data = self.socket.recv(most)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.received += data
        self.ended = self.ended or not data


class Crowd:
    """Connections to a port of 127.0.0.1, closed at the end of a with statement."""

    def __init__(self, port: int) -> None:
        raise_limit()
        self._port = port
        self._selector = selectors.DefaultSelector()
        self.members: list[Member] = []

    def join(self, number: int, *, room: int | None = None, address: str | None = None) -> list[Member]:
        """Make *number* connections from all over, or from *address*, with *room* bytes for what was not read, and give them."""
        joined = []
        for _ in range(number):
            connection = socket.socket()
            # So that the kernel finds one of the ports that are free with this address, not one that is free with all.
            connection.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            if room is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
            connection.bind((address or f"127.0.0.{2 + len(self.members) % ADDRESSES}", 0))
            connection.settimeout(20)
            with suppress(ConnectionResetError):
                # Who is one too many may be cut before he sees that he is connected.
                connection.connect(("127.0.0.1", self._port))
            connection.setblocking(False)
            member = Member(connection)
            self._selector.register(connection, selectors.EVENT_READ, member)
            self.members.append(member)
            joined.append(member)
        return joined

    def listen(self, seconds: float = 0.0) -> None:
        """Read what comes for *seconds*, or what is there."""
        until = time.monotonic() + seconds
        while events := self._selector.select(max(until - time.monotonic(), 0)):
            for key, _ in events:
                member: Member = key.data
                member.read()
                if member.ended:
                    self.leave(member)

    def hear(self, members: Iterable[Member], what: bytes, seconds: float = 60) -> None:
        """Read until each of *members* has received *what*, or was closed; raise AssertionError where somebody waits in vain."""
        left = list(members)
        until = time.monotonic() + seconds
        while left := [each for each in left if what not in each.received and not each.ended]:
            assert time.monotonic() < until, f"{len(left)} did not hear {what!r}, one only {bytes(left[0].received)!r}"
            self.listen(0.05)

    def ignore(self, members: Iterable[Member]) -> None:
        """Read of these only when told to."""
        for member in members:
            self._selector.unregister(member.socket)

    def leave(self, member: Member) -> None:
        """Close a connection."""
        with suppress(KeyError, ValueError):
            self._selector.unregister(member.socket)
        member.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self.members:
            member.socket.close()
        self._selector.close()


def raise_limit() -> None:
    """Let this process open as many files as it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def resident(node: Node) -> float:
    """Give the megabytes of memory that a daemon has."""
    status = Path(f"/proc/{node.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None, status
    return int(found[1]) / 1000


def figure(node: Node, sample: str) -> float:
    """Give the value of a sample of /metrics, 0 where there is none."""
    text = fetch(node.api, "localhost", "/metrics").body.decode()
    found = re.search(rf"(?m)^{re.escape(sample)} (\S+)$", text)
    return float(found[1]) if found else 0.0


def connections(node: Node) -> float:
    """Give how many connections of visitors are open, as the daemon tells."""
    return figure(node, 'couchpages_http_connections{port="public"}')
