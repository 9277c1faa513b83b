"""What this node answers certificate authorities with: every challenge that its CouchDB tells of, until its end (timers only)."""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.logger import Logger

from couchpages.certs.boxes import Refused, SealingKey
from couchpages.certs.issuing.challenges.documents import (
    Answer,
    Challenge,
    Where,
    from_document,
    is_challenge,
    named_by,
)
from couchpages.certs.issuing.revisions import generation
from couchpages.metrics import Metrics
from couchpages.ports import ChallengeRecords, Change, Json
from couchpages.quoting import named

#: Seconds between two looks at what ended, at least.
LEAST_PAUSE = 0.05
#: Seconds that a timer runs at most, so that a clock that is set right counts.
LONGEST_PAUSE = 60.0


class Answers:
    """A :class:`~couchpages.ports.ChangesSink` of challenges. *wall* gives seconds since 1970. Used in *reactor*'s thread.

    Once all documents were told, *is_loaded* stays true, whatever becomes of CouchDB: what is not here was not there then.
    """

    log = Logger()

    def __init__(self, reactor: Any, records: ChallengeRecords, metrics: Metrics, wall: Callable[[], float]) -> None:
        self.is_loaded = False
        self._reactor = reactor
        self._records = records
        self._refused = metrics.acme.refused
        self._wall = wall
        self._keys: Sequence[SealingKey] = ()
        self._docs: dict[str, Json] = {}
        self._held: dict[str, Challenge] = {}
        # By host and token, those of each document: two issuers with one account may be given the same token.
        self._files: dict[tuple[str, str], dict[str, Answer]] = {}
        self._files_of: dict[str, tuple[tuple[str, str], ...]] = {}
        self._timer: Any = None

    def file(self, host: str, token: str) -> bytes | None:
        """Give the file that a CA looks for on *host*, None where there is none, none any more, or, until *is_loaded*, none yet."""
        found = self._files.get((host, token))
        if found is None:
            return None
        last = max(found.values(), key=lambda answer: answer.until)
        return last.value.encode() if last.until > self._now() else None

    def use(self, keys: Sequence[SealingKey]) -> None:
        """Believe what was signed with these keys from now on."""
        self._keys = keys
        for doc_id, doc in list(self._docs.items()):
            self._take(doc_id, doc)

    def apply(self, change: Change) -> None:
        """Take a challenge. Raises ValueError for one that is not believed: then nothing is answered of it."""
        if not is_challenge(change.doc_id):
            return
        if change.doc is None:
            self._docs.pop(change.doc_id, None)
            self._drop(change.doc_id, 0)
            return
        self._docs[change.doc_id] = change.doc
        reason = self._take(change.doc_id, change.doc)
        if reason is not None:
            raise ValueError(reason)

    def loaded(self) -> None:
        """Every document was told. What is answered does not wait for that; what is denied over HTTP, and the serials of zones, do."""
        self.is_loaded = True
        self._records.loaded()

    def stop(self) -> None:
        """Leave what is under way."""
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _take(self, doc_id: str, doc: Json) -> str | None:
        """Answer with a document; give why not, where it is refused."""
        try:
            challenge = from_document(doc_id, doc, self._keys)
        except Refused as error:
            self._refused.labels(str(error.cause)).inc()
            self._drop(doc_id, generation(doc))
            return str(error)
        if challenge.answers:
            self._held[doc_id] = challenge
        else:
            self._held.pop(doc_id, None)
        self._show(challenge, generation(doc))
        self._wait()
        return None

    def _drop(self, doc_id: str, number: int) -> None:
        self._held.pop(doc_id, None)
        challenge = named_by(doc_id)
        if challenge is not None:
            self._show(challenge, number)
        self._wait()

    def _show(self, challenge: Challenge, number: int) -> None:
        now = self._now()
        current = [each for each in challenge.answers if each.until > now]
        if challenge.where is Where.DNS:
            self._show_texts(challenge, [each.value for each in current], number)
        else:
            self._show_files(challenge, current)

    def _show_texts(self, challenge: Challenge, texts: Sequence[str], number: int) -> None:
        try:
            self._records.hold(challenge.doc_id, challenge.name, texts, number)
        except ValueError as error:
            self.log.warn(
                "the challenge {doc_id} is not answered: {error}", doc_id=named(challenge.doc_id), error=error
            )

    def _show_files(self, challenge: Challenge, current: Sequence[Answer]) -> None:
        """Answer with the files of a document, and leave those of others, which may be the same."""
        for key in self._files_of.pop(challenge.doc_id, ()):
            of_documents = self._files[key]
            del of_documents[challenge.doc_id]
            if not of_documents:
                del self._files[key]
        shown = {(challenge.name, each.token): each for each in sorted(current, key=lambda answer: answer.until)}
        for key, answer in shown.items():
            self._files.setdefault(key, {})[challenge.doc_id] = answer
        if shown:
            self._files_of[challenge.doc_id] = tuple(shown)

    # What ends.

    def _wait(self) -> None:
        ends = [
            each.until for challenge in self._held.values() for each in challenge.answers if each.until > self._now()
        ]
        self.stop()
        if ends:
            pause = min(max(LEAST_PAUSE, (min(ends) - self._now()) / 1000 + LEAST_PAUSE), LONGEST_PAUSE)
            self._timer = self._reactor.callLater(pause, self._end)

    def _end(self) -> None:
        """Answer no longer with what ended."""
        self._timer = None
        now = self._now()
        for doc_id, challenge in list(self._held.items()):
            if any(each.until <= now for each in challenge.answers):
                self._show(challenge, generation(self._docs[doc_id]))
                if all(each.until <= now for each in challenge.answers):
                    del self._held[doc_id]
        self._wait()

    def _now(self) -> float:
        return self._wall() * 1000
