"""Tells which readers of HTTP/2 take nothing, whatever else they send (pure).

A reader who holds a window of flow control shut gets as many seconds for what waits for him, and what he holds already, as one over
HTTP/1 whose socket is full.
"""

from collections.abc import Callable

#: The connection's own window, among the streams' numbers.
ALL = 0
#: Bytes that a reader may have got and not taken yet: the window that RFC 9113 section 6.9.2 begins with.
HELD = 65_535


class Taking:
    """Watches windows of one connection that are shut. *time_to_read* gives the seconds that a reader has for so many bytes."""

    def __init__(self, time_to_read: Callable[[int], float]) -> None:
        self._time_to_read = time_to_read
        self._due: dict[int, tuple[float, int]] = {}

    def overdue(self, stream: int, now: float, sent: int, unsent: int, *, shut: bool) -> bool:
        """Tell whether *stream*, on which *sent* bytes went out and *unsent* wait, has not taken in time what waited for it."""
        if not shut or not unsent:
            self.forget(stream)
            return False
        due, mark = self._due.get(stream, (now, sent))
        if sent >= mark:
            self._due[stream] = (now + self._time_to_read(unsent + min(sent, HELD)), sent + unsent)
            return False
        return due <= now

    def forget(self, stream: int) -> None:
        """Watch it no more."""
        self._due.pop(stream, None)
