"""Listens for questions over UDP (does I/O). TCP is :class:`couchpages.services.Listener`'s, with :mod:`couchpages.dns.stream`."""

import errno
import socket
from collections.abc import Callable
from time import perf_counter
from typing import Any

from twisted.application.service import Service
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.main import CONNECTION_LOST
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from couchpages.config_values import SocketAddress
from couchpages.dns.batches import Batches, are_supported
from couchpages.dns.datagrams import AT_ONCE, Datagrams, OneByOne, bound
from couchpages.dns.responder import Responder
from couchpages.reactors import running_loop

#: Seconds for which more is looked for before the reactor, and whoever else waits for it, has a turn.
TURN = 0.002
#: Of so many turns, one is timed.
SAMPLE = 16


class UdpListener(Service):
    """Answers questions that come to one address.

    It binds before privileges are shed, so that port 53 may be had, and gives a sentence instead of a traceback when it cannot.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        address: SocketAddress,
        responder: Responder,
        make: Callable[[socket.socket], Datagrams] | None = None,
    ) -> None:
        self._reactor = reactor
        self._address = address
        self._responder = responder
        self._make = make or (Batches if are_supported() else OneByOne)
        self._socket: socket.socket | None = None
        self._reader: _Reader | None = None
        self.name = f"DNS over UDP on {address}"

    def privilegedStartService(self) -> None:  # noqa: N802 -- Twisted's name
        """Bind."""
        super().privilegedStartService()
        try:
            self._socket = bound(self._address.host, self._address.port)
        except OSError as error:
            raise SystemExit(f"couchpages: cannot listen on {self._address} (dns): {error.strerror}") from None

    def startService(self) -> None:  # noqa: N802 -- Twisted's name
        """Begin to answer."""
        if self._socket is None:
            self.privilegedStartService()
        super().startService()
        assert self._socket is not None  # noqa: S101 -- bound above
        self._reader = _Reader(self._reactor, self._socket, self._make(self._socket), self._responder)
        # In the reactor's next turn, because its loop does not run yet while it starts.
        self._reactor.callLater(0, self._reader.start)
        self.log.info("listening on {address}", address=f"udp {self._address} (dns)")

    def stopService(self) -> None:  # noqa: N802 -- Twisted's name
        """Take no more questions."""
        super().stopService()
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.stop()
        sock, self._socket = self._socket, None
        if sock is not None:
            sock.close()


@implementer(IReadDescriptor)
class _Reader:
    """What the reactor, or its asyncio loop, which costs less for each wake-up, tells of a socket that has something to read."""

    _log = Logger()

    def __init__(self, reactor: Any, sock: socket.socket, datagrams: Datagrams, responder: Responder) -> None:
        self._reactor = reactor
        self._descriptor = sock.fileno()
        self._datagrams = datagrams
        self._responder = responder
        self._loop: Any = None
        self._stopped = False
        self._turns = 0

    def start(self) -> None:
        """Begin to read."""
        if self._stopped:
            return
        self._loop = running_loop()
        if self._loop is not None:
            self._loop.add_reader(self._descriptor, self.doRead)
        else:
            self._reactor.addReader(self)

    def stop(self) -> None:
        """Read no more."""
        self._stopped = True
        if self._loop is not None:
            self._loop.remove_reader(self._descriptor)
        else:
            self._reactor.removeReader(self)

    def doRead(self) -> None:  # noqa: N802 -- Twisted's name
        """Answer what has come."""
        self._turns += 1
        try:
            if self._turns % SAMPLE:
                self._exchange()
            else:
                self._timed()
        except OSError as error:
            # A peer's message that its port is closed, or want of memory: the next turn goes on.
            if error.errno != errno.ECONNREFUSED:
                self._log.warn("questions could not be read: {error}", error=error)
        except Exception:  # noqa: BLE001 -- a defect must not end the reading; the batch is lost, and asked for again
            self._log.failure("questions could not be answered")

    def _exchange(self) -> int:
        total = 0
        until = perf_counter() + TURN
        while True:
            count = self._datagrams.exchange(self._responder)
            total += count
            if count < AT_ONCE or perf_counter() > until:
                return total

    def _timed(self) -> None:
        began = perf_counter()
        if self._exchange():
            self._responder.tally.seconds.observe(perf_counter() - began)

    # IReadDescriptor.

    def fileno(self) -> int:
        """Give the descriptor."""
        return self._descriptor

    def logPrefix(self) -> str:  # noqa: N802 -- Twisted's name
        """Name it in the log."""
        return "dns"

    def connectionLost(self, reason: Failure = Failure(CONNECTION_LOST)) -> None:  # noqa: N802, B008 -- Twisted's
        """Do nothing: a socket without connections loses none."""
