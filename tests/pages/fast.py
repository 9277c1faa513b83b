"""A visitor's connection to the public port of a node in memory, as the corpus sends to it (does no I/O)."""

from tests.pages.fronts import PublicPort
from tests.web.native import send
from tests.web.wire import Answer, answers_in


class FastConnection:
    """One connection to *port*."""

    def __init__(self, port: PublicPort) -> None:
        self.wire = port.connect()

    def send(self, *pieces: bytes) -> "FastConnection":
        """Let the node receive *pieces*, one after the other, while it reads."""
        send(self.wire, *pieces)
        return self

    def warmed(self, request: bytes) -> "FastConnection":
        """Have a request answered, and forget that it was."""
        self.send(request)
        assert self.wire.sent.startswith(b"HTTP/1.1 200 "), self.wire.sent
        self.wire.sent = b""
        return self

    def answers(self, *methods: bytes) -> list[Answer]:
        """Read the responses that came, which must be whole; see :func:`tests.web.wire.answers_in`."""
        return answers_in(self.wire.sent, *methods)

    @property
    def closed(self) -> bool:
        """Whether the node closed the connection, or its half of it."""
        return self.wire.half_closed or self.wire.is_closing()
