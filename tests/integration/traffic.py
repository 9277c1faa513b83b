"""Visitors who ask all the time (threads)."""

import threading
from typing import Self

from tests.integration.visitor import fetch


class Traffic:
    """Asks *host* for *target* without a pause while it is entered. *failures* are the answers that were not 200, in words."""

    def __init__(self, port: int, host: str, target: str) -> None:
        self._asked = (port, host, target)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self.answers = 0
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)

    def visit(self) -> int:
        """Ask once; give the answer's status. Raises OSError."""
        return fetch(*self._asked).status

    def _ask(self) -> None:
        while not self._over.wait(0.01):
            try:
                status = self.visit()
            except OSError as error:
                self.failures.append(repr(error))
                continue
            self.answers += 1
            if status != 200:
                self.failures.append(str(status))
