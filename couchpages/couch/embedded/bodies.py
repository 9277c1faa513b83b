"""Request bodies while they arrive: JSON in memory up to a limit, attachments into the store piece by piece (does).

Nothing is spooled into TMPDIR. A body belongs to one request; all methods are called in the reactor's thread.
"""

from typing import Protocol

from couchpages.couch.embedded.contents import Received
from couchpages.couch.embedded.errors import document_too_large
from couchpages.couch.embedded.intake import Intake

JSON_LIMIT = 64 * 1024 * 1024  # bytes: eight documents of the largest size, or their attachments in base64


class Body(Protocol):
    """Something that takes a body's bytes."""

    def write(self, data: bytes) -> None:
        """Take the next bytes."""

    def abandon(self) -> None:
        """Forget everything: the rest will not come, or is not wanted."""


class Ignored:
    """A body that nobody reads: it is taken from the connection and dropped."""

    def write(self, data: bytes) -> None:
        """Drop bytes."""

    def abandon(self) -> None:
        """Do nothing."""


class JsonBody:
    """A body that is kept whole in memory, up to a limit."""

    def __init__(self, limit: int = JSON_LIMIT) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._length = 0

    def write(self, data: bytes) -> None:
        """Keep bytes; beyond the limit, forget all of them."""
        self._length += len(data)
        if self._length > self._limit:
            self._pieces.clear()
        else:
            self._pieces.append(data)

    def text(self) -> bytes:
        """Return the whole body, or raise 413."""
        if self._length > self._limit:
            raise document_too_large("")
        return b"".join(self._pieces)

    def abandon(self) -> None:
        """Free the memory."""
        self._pieces.clear()


class UploadBody:
    """An attachment on its way in."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def write(self, data: bytes) -> None:
        """Take bytes."""
        self._intake.write(data)

    def received(self) -> Received:
        """Describe the whole content."""
        return self._intake.received()

    def check(self) -> None:
        """Raise what storing a piece has raised so far."""
        self._intake.check()

    def abandon(self) -> None:
        """Leave what was stored to the sweep."""
        self._intake.abandon()
