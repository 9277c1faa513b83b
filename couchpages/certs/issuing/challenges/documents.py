"""Challenge documents: what any node answers a certificate authority with, for a while (pure).

``secrets/challenge-KIND-ISSUER-NAME``: KIND is ``dns`` (TXT at NAME, RFC 8555 section 8.4) or ``http`` (files of the host NAME,
section 8.3), ISSUER the id of the node that asks for certificates. Each has its own documents, so that two of them never write the
same. A document has several answers, because a wildcard and its parent are proved at one name, each with the time of its end. All of
it is signed: whoever writes to CouchDB without the key proves nothing to a CA. A document is never deleted, but written without
answers, so that its generation, which counts in a zone's serial, only grows.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from couchpages.certs.boxes import LATEST, Cause, Refused, SealingKey, bind, check_signed, sign
from couchpages.certs.names import canonical
from couchpages.ports import Json

DOCUMENT_PREFIX = "challenge-"
TYPE = "challenge"
VERSION = 1
PURPOSE = "couchpages challenge"
#: Answers of one document: several orders for one name at once are rare, and each has two at most.
MOST_ANSWERS = 32
#: Characters of a token or a value: RFC 8555 has 43 for a value of DNS, and some 90 for a key authorization.
LONGEST = 512
_ID = re.compile(r"challenge-(dns|http)-([0-9a-f]{16})-(.+)")
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")


class Where(StrEnum):
    """Where a challenge is answered."""

    DNS = "dns"
    HTTP = "http"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered until *until*, in milliseconds since 1970: *value*, over HTTP under *token*, which is empty for DNS."""

    token: str
    value: str
    until: int


@dataclass(frozen=True, slots=True)
class Challenge:
    """A document, opened."""

    where: Where
    issuer: str
    name: str
    answers: tuple[Answer, ...] = ()

    @property
    def doc_id(self) -> str:
        """How the document is called."""
        return f"{DOCUMENT_PREFIX}{self.where}-{self.issuer}-{self.name}"


def is_challenge(doc_id: str) -> bool:
    """Whether a document of ``secrets`` is a challenge."""
    return doc_id.startswith(DOCUMENT_PREFIX)


def named_by(doc_id: str) -> Challenge | None:
    """Give what a document is called after, without answers; None for an id that names none."""
    found = _ID.fullmatch(doc_id)
    if found is None:
        return None
    try:
        return Challenge(Where(found[1]), found[2], found[3]) if canonical(found[3]) == found[3] else None
    except ValueError:
        return None


def to_document(challenge: Challenge, key: SealingKey) -> Json:
    """Write a document."""
    return {
        "type": TYPE,
        "version": VERSION,
        "answers": [{"token": each.token, "value": each.value, "until": each.until} for each in challenge.answers],
        **sign(_signed(challenge), key),
    }


def from_document(doc_id: str, doc: Json, keys: Iterable[SealingKey]) -> Challenge:
    """Open a document. Raises :class:`Refused`, and nothing else (law 4)."""
    named = named_by(doc_id)
    if named is None or doc.get("type") != TYPE:
        raise Refused(Cause.MALFORMED, "it is no challenge: challenge-KIND-ISSUER-NAME")
    if doc.get("version") != VERSION:
        raise Refused(Cause.VERSION, f"it has another version than {VERSION}, which this node knows")
    challenge = Challenge(named.where, named.issuer, named.name, _answers(doc.get("answers"), named.where))
    if challenge.answers:
        # Of one that says nothing, nothing is believed; it may be signed with a key that is not in use any more.
        check_signed(doc, _signed(challenge), keys)
    return challenge


def _answers(value: object, where: Where) -> tuple[Answer, ...]:
    if not isinstance(value, list) or len(value) > MOST_ANSWERS:
        raise Refused(Cause.MALFORMED, f"answers is no list of {MOST_ANSWERS} at most")
    return tuple(_answer(each, where) for each in value)


def _answer(value: object, where: Where) -> Answer:
    match value:
        case {"token": str(token), "value": str(text), "until": int(until)} if (
            not isinstance(until, bool)
            and 0 <= until <= LATEST
            and len(token) <= LONGEST
            and 0 < len(text) <= LONGEST
            and text.isascii()
            and text.isprintable()
            and (_TOKEN.fullmatch(token) if where is Where.HTTP else not token)
        ):
            return Answer(token, text, until)
    raise Refused(Cause.MALFORMED, "one of its answers is none")


def _signed(challenge: Challenge) -> bytes:
    answers: Sequence[Sequence[object]] = [[each.token, each.value, each.until] for each in challenge.answers]
    return bind(PURPOSE, VERSION, challenge.doc_id, answers)
