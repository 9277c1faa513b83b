"""The bodies of requests and answers, streamed, with a watch on those that stall (does I/O)."""

from collections.abc import Callable
from typing import BinaryIO

from twisted.internet import task
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import FileBodyProducer, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IBodyProducer, IResponse

from couchpages.couch.losses import LateError
from couchpages.ports import Unavailable

PIECE = 2**16


class _Reported:
    """A file that reports each time that a piece of it is read."""

    def __init__(self, file: BinaryIO, report: Callable[[], object]) -> None:
        self._file = file
        self._report = report
        self.seek = file.seek
        self.tell = file.tell
        self.close = file.close

    def read(self, size: int) -> bytes:
        """Read, and report."""
        self._report()
        return self._file.read(size)


def producer_of(reactor: IReactorTime, file: BinaryIO, taken: Callable[[], object]) -> IBodyProducer:
    """Give what streams *file* as a request's body and closes it, in *reactor*'s turns; *taken* is called for each piece."""
    cooperator = task.Cooperator(scheduler=lambda work: reactor.callLater(0, work))
    producer: IBodyProducer = FileBodyProducer(_Reported(file, taken), cooperator=cooperator, readSize=PIECE)
    return producer


def collect(
    reactor: IReactorTime, response: IResponse, receive: Callable[[bytes], object], idle: float
) -> "Deferred[None]":
    """Deliver a response's body to *receive*; the Deferred fails with what it raises, on loss, and after *idle* silent seconds."""
    collector = _Collector(reactor, receive, idle)
    response.deliverBody(collector)
    return collector.done


def bounded(parts: list[bytes], most: int) -> Callable[[bytes], None]:
    """Give what receives a body into *parts*. It raises :class:`Unavailable` for more than *most* bytes."""
    held = 0

    def receive(data: bytes) -> None:
        nonlocal held
        held += len(data)
        if held > most:
            raise Unavailable(f"the answer is longer than {most} bytes")
        parts.append(data)

    return receive


class _Collector(Protocol):
    """Hands a body on and watches that it does not stall."""

    def __init__(self, reactor: IReactorTime, receive: Callable[[bytes], object], idle: float) -> None:
        self._receive = receive
        self._idle = idle
        self._timer = reactor.callLater(idle, self._fail, LateError(f"nothing came for {idle:g} seconds"))
        self.done: Deferred[None] = Deferred(lambda _: self._fail(CancelledError()))

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        if self._timer.active():
            self._timer.reset(self._idle)
        try:
            self._receive(data)
        except Exception:  # noqa: BLE001 -- handed to whoever awaits
            self._fail(Failure())

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 -- Twisted's name
        # Without a length, CouchDB always answers in chunks; an answer that only ends with its connection may be cut short.
        ended = reason.check(ResponseDone) is not None and not reason.check(PotentialDataLoss)
        self._settle(None if ended else reason)

    def _fail(self, reason: Exception | Failure) -> None:
        self._settle(reason if isinstance(reason, Failure) else Failure(reason))
        transport = self.transport
        if transport is not None:
            getattr(transport, "abortConnection", transport.loseConnection)()

    def _settle(self, reason: Failure | None) -> None:
        if self._timer.active():
            self._timer.cancel()
        done, self._receive = self.done, lambda _: None
        if not done.called:
            done.errback(reason) if reason is not None else done.callback(None)
