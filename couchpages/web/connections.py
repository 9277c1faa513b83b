"""Who is connected to one port: how many may be, whose deadline has passed, who goes for a newcomer, and the end of all (thin).

Census, sweep and room decide; this asks them, and cuts.
"""

from typing import Any, Protocol

from twisted.internet.task import deferLater
from twisted.logger import Logger

from couchpages.web.census import Admission, Census
from couchpages.web.room import Room
from couchpages.web.second import Second
from couchpages.web.sweep import Sweep


class Connected(Protocol):
    """A connection of the port, whichever way answers on it.

    :ivar deadline: the reactor's seconds after which :meth:`overdue` is called, within a few seconds; infinity for never.
    :ivar origin: whom the census counts it for.
    :ivar waits: whether no request is under way, so that closing it harms least.
    :ivar since: the reactor's seconds since which it waits, to a second; minus infinity for what is lost or ends anyway.
    """

    deadline: float
    origin: str

    @property
    def waits(self) -> bool:
        """See the class."""
        ...

    @property
    def since(self) -> float:
        """See the class."""
        ...

    def overdue(self, now: float) -> None:
        """Act: the deadline has passed."""
        ...

    def finish(self) -> None:
        """Close now if it waits, else after the response under way."""
        ...

    def abort(self) -> None:
        """Cut it."""
        ...


class Connections:
    """The connections of one port. Used in the reactor's thread."""

    _log = Logger()

    def __init__(self, reactor: Any, second: Second, census: Census) -> None:
        self._reactor = reactor
        self._second = second
        self._census = census
        self._connected: Sweep[Connected] = Sweep()
        self._room: Room[Connected] = Room()
        second.each(self._sweep)

    def enter(self, connection: Connected, address: str) -> Admission:
        """Let a new connection from *address* in if it is welcome, for which one that waits may have to go."""
        origin = self._census.origin(address)
        admission = self._census.admit(origin)
        if admission is Admission.FULL and self._make_room():
            admission = Admission.WELCOME
        if admission is Admission.WELCOME:
            self._census.enter(origin)
            connection.origin = origin
            self._connected.add(connection)
        return admission

    def replace(self, connection: Connected, by: Connected) -> None:
        """Have another way answer on a connection from now on."""
        by.origin = connection.origin
        self._connected.discard(connection)
        self._connected.add(by)

    def leave(self, connection: Connected) -> bool:
        """Let go of a connection that is lost or being cut, once; tell whether that was now."""
        held = self._connected.discard(connection)
        if held:
            self._census.leave(connection.origin)
        return held

    def __len__(self) -> int:
        """How many connections are open."""
        return len(self._connected)

    async def drain(self, patience: float) -> None:
        """Let what is under way end for *patience* seconds, and close everything."""
        for connection in self._connected:
            connection.finish()
        until = self._reactor.seconds() + patience
        while len(self) and self._reactor.seconds() < until:
            await deferLater(self._reactor, 0.05)
        for connection in self._connected:
            connection.abort()

    def _make_room(self) -> bool:
        while (longest := self._room.longest(self._connected, self._second.now)) is not None:
            # It hears of its end in the loop's next turn; of many that are accepted in this one, each has to make room of its own.
            if self.leave(longest):
                longest.abort()
                return True
        return False

    def _sweep(self, now: float) -> None:
        for connection in self._connected.overdue(now):
            try:
                connection.overdue(now)
            except Exception:  # noqa: BLE001 -- the others have deadlines too
                self._log.failure("a connection that is overdue could not be ended")
                connection.abort()
