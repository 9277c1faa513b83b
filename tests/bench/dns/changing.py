"""Changes a zone many times a second, in a thread of its own (does I/O)."""

import threading
import time
from itertools import count
from typing import Self

from tests.bench.dns.own import Own, Writer
from tests.bench.dns.zone import Zone

#: Changes a second.
RATE = 10.0


class Changing:
    """Gives one host after the other another address, at :data:`RATE`, during a ``with`` block; *done* counts them."""

    def __init__(self, own: Own, zone: Zone) -> None:
        self.done = 0
        self.seconds = 0.0
        self._own, self._zone = own, zone
        self._over = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def rate(self) -> float:
        """Changes a second that were made, after the block."""
        return self.done / self.seconds

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.seconds = time.monotonic() - self._began
        if self._error:
            raise self._error

    def _run(self) -> None:
        try:
            with Writer(self._own.node, self._zone) as writer:
                for number in count():
                    due = self._began + number / RATE
                    if self._over.wait(max(due - time.monotonic(), 0)):
                        return
                    writer.change(number % self._zone.hosts, 1 + number // self._zone.hosts)
                    self.done += 1
        except Exception as error:  # noqa: BLE001 -- raised again where the block ends
            self._error = error
