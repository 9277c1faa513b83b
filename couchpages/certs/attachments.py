"""Brings the first system's files from CouchDB, where they are attachments (does I/O)."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from random import random
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from couchpages.certs.boxes import Cause, Refused
from couchpages.certs.first_system import ATTACHMENT, LARGEST, Encrypted, nonce_of
from couchpages.pauses import Pauses
from couchpages.ports import Database, Json, NotFound, StoreError
from couchpages.quoting import named

#: Seconds, on average, before what failed is tried again, doubling up to the second; CouchDB's return ends the pause.
PAUSE, LONGEST_PAUSE = 5.0, 80.0
#: Files that are brought at a time.
AT_ONCE = 4


class TooLongError(Exception):
    """More comes than is read."""


class Attachments:
    """Brings the file of each document that :meth:`want` names, and hands it to *arrived*. Used in *reactor*'s thread.

    *refuse* is told of documents whose file is none, *idle* when none is under way any more. Of a document that changed meanwhile nothing
    is told: another call wants the newer one.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        secrets: Database,
        arrived: Callable[[str, Encrypted], object],
        refuse: Callable[[str, Json, Refused], object],
        idle: Callable[[], object],
        chance: Callable[[], float] = random,
    ) -> None:
        self._secrets = secrets
        self._arrived = arrived
        self._refuse = refuse
        self._idle = idle
        self._pauses = Pauses(reactor, chance)
        self._turns = DeferredSemaphore(AT_ONCE)
        self._running: dict[str, Deferred[None]] = {}

    @property
    def is_busy(self) -> bool:
        """Whether files are under way."""
        return bool(self._running)

    def want(self, doc_id: str, doc: Json) -> None:
        """Bring the file of a document, if it has one; what was under way for an older revision of it is left."""
        self.leave(doc_id)
        try:
            nonce = nonce_of(doc)
        except Refused as error:
            self._refuse(doc_id, doc, error)
            return
        if nonce is not None:
            running = Deferred.fromCoroutine(self._bring(doc_id, doc, nonce))
            if not running.called:
                self._running[doc_id] = running
            running.addBoth(self._ended, doc_id, running)

    def leave(self, doc_id: str) -> None:
        """Leave what is under way for a document."""
        running = self._running.pop(doc_id, None)
        if running is not None:
            running.cancel()

    def wake(self) -> None:
        """Try again at once what failed: CouchDB is there."""
        self._pauses.wake()

    def stop(self) -> "Deferred[Any]":
        """Leave everything that is under way."""
        running = list(self._running.values())
        for each in running:
            each.cancel()
        return gatherResults(running)

    def _ended(self, result: object, doc_id: str, running: "Deferred[None]") -> None:
        if self._running.get(doc_id) is running:
            del self._running[doc_id]
            if not self._running:
                self._idle()
        if isinstance(result, Failure) and result.check(CancelledError) is None:
            # Law 4: no document stops a service.
            self.log.failure("secrets/{doc_id} could not be read", failure=result, doc_id=named(doc_id))

    async def _bring(self, doc_id: str, doc: Json, nonce: bytes) -> None:
        pause = PAUSE
        while True:
            try:
                content = await self._turns.run(lambda: Deferred.fromCoroutine(self._read(doc_id, doc)))
            except NotFound:
                # It was deleted, or written anew without a file: a change tells.
                return
            except TooLongError:
                refused = Refused(
                    Cause.MALFORMED, f"its attachment has more than {LARGEST:,} bytes, which are not read"
                )
                self._refuse(doc_id, doc, refused)
                return
            except StoreError as error:
                self.log.debug("secrets/{doc_id} is not read yet: {error}", doc_id=named(doc_id), error=error)
                await self._pauses.rest(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
            else:
                if content is not None:
                    self._arrived(doc_id, Encrypted(doc, nonce, content))
                return

    async def _read(self, doc_id: str, doc: Json) -> bytes | None:
        """Give the attachment, or None when the document is another by now, and the attachment may be too."""
        parts = list[bytes]()
        held = 0

        def receive(part: bytes) -> None:
            nonlocal held
            held += len(part)
            if held > LARGEST:
                raise TooLongError
            parts.append(part)

        await self._secrets.read_attachment(doc_id, ATTACHMENT, receive)
        newest = await self._secrets.get(doc_id)
        return b"".join(parts) if newest.get("_rev") == doc.get("_rev") else None


def to_record(encrypted: Encrypted) -> Json:
    """Write a file as it is kept on disk, still encrypted."""
    return {"doc": encrypted.doc, "data": b64encode(encrypted.content).decode()}


def from_record(record: Json) -> Encrypted:
    """Read what was kept. Raises ValueError."""
    doc, data = record.get("doc"), record.get("data")
    if not isinstance(doc, dict) or not isinstance(data, str):
        raise ValueError("it is none of ours")
    nonce = nonce_of(doc)
    if nonce is None:
        raise ValueError("it has no nonce")
    return Encrypted(doc, nonce, b64decode(data, validate=True))
