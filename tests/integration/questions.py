"""Questions without a pause to a name server, while something happens to it (threads)."""

import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import dns.exception
import dns.message

from tests.integration.resolving import Reply, ask

#: Seconds after which a question counts as lost.
LOST = 2.0


class Questions(threading.Thread):
    """Asks one question again and again; *wrong* has what *is_right* did not like."""

    def __init__(
        self, port: int, name: str, type_: str, is_right: Callable[[Reply], bool], pause: float = 0.005
    ) -> None:
        super().__init__(daemon=True)
        self._asked = port, name, type_
        self._is_right = is_right
        self._pause = pause
        self._ended = threading.Event()
        self.wrong: list[str] = []
        self.answers = 0

    def run(self) -> None:
        """Ask until told to end."""
        while not self._ended.wait(self._pause):
            try:
                reply = ask(*self._asked)
            except (dns.exception.DNSException, OSError) as error:
                self.wrong.append(repr(error))
                continue
            self.answers += 1
            if not self._is_right(reply):
                self.wrong.append(str(reply.message))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self.join()


class Timed(threading.Thread):
    """Asks one question again and again by one socket, with little work of its own: *times* has how long each answer took, in seconds.

    *lost* counts what was not answered within :data:`LOST`, *other* the answers that were not as the first one, but for their id.
    """

    def __init__(self, port: int, name: str, type_: str = "A") -> None:
        super().__init__(daemon=True)
        self._address = "127.0.0.1", port
        self._question = dns.message.make_query(name, type_, flags=0, id=0).to_wire()
        self._ended = threading.Event()
        self.times: list[float] = []
        self.lost = 0
        self.other = 0

    def run(self) -> None:
        """Ask until told to end."""
        first = b""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(LOST)
            client.connect(self._address)
            number = 0
            while not self._ended.is_set():
                number = (number + 1) % 65536
                begun = time.perf_counter()
                client.send(number.to_bytes(2, "big") + self._question[2:])
                try:
                    answer = client.recv(65535)
                    while answer[:2] != number.to_bytes(2, "big"):
                        answer = client.recv(65535)
                except TimeoutError:
                    self.lost += 1
                    continue
                self.times.append(time.perf_counter() - begun)
                first = first or answer[2:]
                self.other += answer[2:] != first
                # Others need the machine too.
                time.sleep(0.0005)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self.join()

    def told(self) -> str:
        """Tell the times in milliseconds."""
        times = sorted(self.times)
        parts = {"median": 0.5, "99%": 0.99, "99.9%": 0.999}
        told = [f"{name} {times[int(len(times) * part)] * 1000:.2f} ms" for name, part in parts.items()]
        return f"{len(times)} answers: {', '.join(told)}, longest {times[-1] * 1000:.1f} ms, lost {self.lost}"
