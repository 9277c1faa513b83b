"""Writes the challenges of this issuer into CouchDB, from which every node answers them (does I/O)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from couchpages.certs.boxes import Refused, SealingKey
from couchpages.certs.issuing.challenges.documents import (
    MOST_ANSWERS,
    Answer,
    Challenge,
    Where,
    from_document,
    to_document,
)
from couchpages.certs.key_files import Keys
from couchpages.in_turn import InTurn
from couchpages.ports import Conflict, Database, NotFound, Unavailable

#: Milliseconds for which an answer is given: longer than any order takes, for an issuer that ends before it could take it back.
LASTS = 3_600_000
TRIES = 5


@dataclass(frozen=True, slots=True)
class Written:
    """An answer that was written: the document's id, and its generation."""

    doc_id: str
    generation: int


class ChallengeWriter:
    """Adds and removes answers, of the node whose id is *issuer*. *keys* gives those that sign, *now* milliseconds since 1970.

    Methods raise a :class:`~couchpages.ports.StoreError`, and ValueError where there is no key.
    """

    def __init__(self, secrets: Database, issuer: str, keys: Callable[[], Keys], now: Callable[[], int]) -> None:
        self._secrets = secrets
        self._issuer = issuer
        self._keys = keys
        self._now = now
        self._in_turn = InTurn()

    async def add(self, where: Where, name: str, token: str, value: str) -> Written:
        """Have *value* answered at *name*, beside what else is."""
        answer = Answer(token, value, self._now() + LASTS)
        return await self._alter(Challenge(where, self._issuer, name), lambda others: [*others, answer], value)

    async def remove(self, where: Where, name: str, value: str) -> None:
        """Have *value* answered no longer."""
        await self._alter(Challenge(where, self._issuer, name), lambda others: others, value)

    async def _alter(
        self, challenge: Challenge, make: Callable[[Sequence[Answer]], Sequence[Answer]], value: str
    ) -> Written:
        """Write what *make* makes of the answers with other values than *value* that have not ended."""
        return await self._in_turn.run(challenge.doc_id, lambda: self._write(challenge, make, value))

    async def _write(
        self, challenge: Challenge, make: Callable[[Sequence[Answer]], Sequence[Answer]], value: str
    ) -> Written:
        keys = self._keys()
        for _ in range(TRIES):
            rev, before = await self._read(challenge, keys.keys)
            now = self._now()
            others = [each for each in before if each.until > now and each.value != value]
            made = replace(challenge, answers=tuple(make(others))[-MOST_ANSWERS:])
            if not made.answers and rev is None:
                # Nothing is to be taken back.
                return Written(challenge.doc_id, 0)
            try:
                new = await self._secrets.put(challenge.doc_id, to_document(made, keys.sealing), rev)
            except Conflict:
                continue
            return Written(challenge.doc_id, int(new.partition("-")[0]))
        raise Unavailable(f"{challenge.doc_id}: others write it again and again")

    async def _read(self, challenge: Challenge, keys: Sequence[SealingKey]) -> tuple[str | None, tuple[Answer, ...]]:
        try:
            doc = await self._secrets.get(challenge.doc_id)
        except NotFound:
            return None, ()
        try:
            return str(doc["_rev"]), from_document(challenge.doc_id, doc, keys).answers
        except Refused:
            return str(doc["_rev"]), ()
