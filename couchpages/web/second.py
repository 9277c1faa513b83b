"""The present second: a time that costs nothing to read, and the beginning of every response's head (needs a timer).

What is known to a second is enough for deadlines and for Date, which RFC 9110 section 5.6.7 has in whole seconds.
"""

from collections.abc import Callable, Iterable
from email.utils import formatdate
from typing import Any

from couchpages.web.message import field_lines
from couchpages.web.problem import title_of

SERVER = b"couchpages"


class Second:
    """Knows the time of the last tick. *wall* gives seconds since 1970; *reactor* calls :meth:`tick` once a second.

    :ivar now: the reactor's seconds at the last tick.
    :ivar starts: for each status, the beginning of a head: status line, Server and Date.
    """

    def __init__(self, reactor: Any, wall: Callable[[], float]) -> None:
        self._reactor = reactor
        self._wall = wall
        self._calls: list[Callable[[float], object]] = []
        self._timer: Any = None
        self._ports: list[Starts] = []
        self.starts: dict[int, bytes] = {}
        self.now = 0.0
        self._look()

    def each(self, call: Callable[[float], object]) -> None:
        """Have *call* called once a second with the reactor's seconds."""
        self._calls.append(call)

    def starts_with(self, fields: Iterable[tuple[bytes, bytes]]) -> "Starts":
        """Give the beginnings of heads of a port whose every response has *fields* too."""
        made = Starts(self, field_lines(fields))
        self._ports.append(made)
        return made

    def start(self) -> None:
        """Begin to tick."""
        if self._timer is None:
            self.tick()

    def stop(self) -> None:
        """Tick no more."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def tick(self) -> None:
        """Take the time, and come again when the next second begins."""
        self._look()
        self._timer = self._reactor.callLater(1.001 - self._wall() % 1, self.tick)
        for call in self._calls:
            call(self.now)

    def start_of(self, status: int) -> bytes:
        """Give the beginning of the head of a response with *status*, and keep it for this second."""
        line = b"HTTP/1.1 %d %s\r\n" % (status, title_of(status).encode())
        start = self.starts[status] = b"%bserver: %b\r\ndate: %b\r\n" % (line, SERVER, self._date)
        return start

    def _look(self) -> None:
        self.now = self._reactor.seconds()
        self._date = formatdate(self._wall(), usegmt=True).encode()
        self.starts.clear()
        for port in self._ports:
            port.starts.clear()


class Starts:
    """The beginnings of the heads of one port's responses, each with *lines* behind it.

    :ivar starts: as those of :class:`Second`.
    """

    def __init__(self, second: Second, lines: bytes) -> None:
        self._second = second
        self._lines = lines
        self.starts: dict[int, bytes] = {}

    def start_of(self, status: int) -> bytes:
        """See :meth:`Second.start_of`."""
        start = self.starts[status] = self._second.start_of(status) + self._lines
        return start
