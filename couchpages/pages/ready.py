"""Answers made ready for the next visitor, as long as their deployment is served (pure).

What is ready of a file is its head, and its content where that is small; larger contents stay in the cache of blobs. An answer belongs to
what its site serves at that moment and is never given for anything else, whoever forgets to say that a site switched.
"""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from couchpages.pages.conditional import etag
from couchpages.pages.replies import Reply, file_reply
from couchpages.tallies import FROM_MEMORY, Tallies, Tally
from couchpages.web.message import Headers, field_lines

#: A target longer than this is not remembered: it is one of many that name the same, and nobody's link.
LONGEST_TARGET = 512
#: Contents up to this size are held with their heads: looking them up elsewhere costs more than they do.
SMALL = 4096
#: Answers that one put may spare: were all of them used, it would look through them all, and let go of itself.
MOST_SPARED = 32
#: What an answer costs beside its head and target: measured with CPython 3.11.
BYTES_FOR_AN_ANSWER = 500
#: What a shelf costs beside its answers, likewise.
BYTES_FOR_A_SHELF = 550


@dataclass(slots=True)
class Answer:
    """The answer to GET for one target: *fields* is everything behind the Date, the empty line included.

    *blob* names the content, or is None where *body* has it. Who has *tag* already is answered with *not_modified*. *key* is what a
    tally counts it by while its content is in memory.
    """

    status: int
    fields: bytes
    body: bytes
    blob: str | None
    key: tuple[int, str]
    tag: bytes = b""
    not_modified: bytes = b""
    used: bool = False


def file_answer(path: str, blob: str, size: int, content: bytes | None) -> Answer:
    """Make ready the file at *path*, and what whoever has it already is told.

    Its content has the SHA-256 *blob* and *size* bytes; *content* is held where it is there and small.
    """
    tag = etag(blob)
    answer = answer_of(file_reply(b"GET", Headers(), path, blob, size))
    unchanged = file_reply(b"GET", Headers(((b"if-none-match", tag),)), path, blob, size)
    if content is not None and size <= SMALL:
        answer.blob, answer.body = None, content
    answer.tag, answer.not_modified = tag, head_of(unchanged)
    return answer


def answer_of(reply: Reply) -> Answer:
    """Make ready *reply* to a GET without conditions."""
    body = b"".join(piece for piece in reply.body if isinstance(piece, bytes))
    key = FROM_MEMORY if reply.blob is not None and reply.status == FROM_MEMORY[0] else (reply.status, "none")
    return Answer(reply.status, head_of(reply), body, reply.blob, key)


def head_of(reply: Reply) -> bytes:
    """Write the fields of a reply, and the empty line behind them."""
    return field_lines(reply.headers) + b"\r\n"


class Shelf:
    """What is ready of one site, in the version *served*, for visitors who write its host as *host*."""

    __slots__ = ("answers", "host", "name", "served", "tally")

    def __init__(self, host: bytes, name: str, served: object, tally: Tally) -> None:
        self.host = host
        self.tally = tally
        self.name = name
        self.served = served
        self.answers: dict[bytes, Answer] = {}


class Ready:
    """Answers of all sites, up to *limit* bytes; those that were not used for long go first (second chance: a use spares one).

    :ivar shelves: by the line of the Host field as it came. Whoever takes an answer from a shelf
        sees to it that the site still serves what the shelf says, and marks the answer as used.
    """

    def __init__(self, limit: int, tallies: Tallies) -> None:
        self.limit = limit
        self._tallies = tallies
        self.held = 0
        self.shelves: dict[bytes, Shelf] = {}
        self._hosts: dict[str, set[bytes]] = {}
        self._queue: deque[tuple[Shelf, bytes]] = deque()
        self._dropped = 0

    def put(self, host: bytes, name: str, served: object, target: bytes, answer: Answer) -> Shelf:
        """Hold an answer of the site *name*, which serves *served* and was asked for as *host*; give its shelf."""
        shelf = self.shelves.get(host)
        if shelf is None or shelf.served is not served:
            self.drop(host)
            shelf = Shelf(host, name, served, self._tallies.of(name))
        if len(target) > LONGEST_TARGET or len(host) > LONGEST_TARGET:
            return shelf
        if host not in self.shelves:
            self.shelves[host] = shelf
            self._hosts.setdefault(name, set()).add(host)
            self.held += BYTES_FOR_A_SHELF
        if target not in shelf.answers:
            shelf.answers[target] = answer
            self.held += _cost(target, answer)
            self._queue.append((shelf, target))
            self._shrink()
        return shelf

    def fill(self, shelf: Shelf, target: bytes, content: bytes) -> None:
        """Hold the *content* of an answer with it, if it is small and the answer is held."""
        answer = shelf.answers.get(target) if self.shelves.get(shelf.host) is shelf else None
        if answer is not None and answer.blob is not None and len(content) <= SMALL:
            answer.blob, answer.body = None, content
            self.held += len(content)
            self._shrink()

    def forget(self, name: str) -> None:
        """Let go of what is ready of a site: it serves something else, or nothing."""
        for host in self._hosts.get(name, set()).copy():
            self.drop(host)

    def forget_names(self, names: Collection[str]) -> None:
        """Let go of what is ready of these hosts: they are answered otherwise; of everything where one is a wildcard."""
        if any(name.startswith("*.") for name in names):
            for host in list(self.shelves):
                self.drop(host)
        for name in names:
            self.forget(name)

    def drop(self, host: bytes) -> None:
        """Let go of what was ready for a host: the site serves something else."""
        shelf = self.shelves.get(host)
        if shelf is not None:
            self._remove(shelf)
            self.held -= sum(_cost(target, answer) for target, answer in shelf.answers.items())
            self._dropped += len(shelf.answers)
            shelf.answers.clear()

    def _shrink(self) -> None:
        if self._dropped > len(self._queue) // 2:
            self._queue = deque((shelf, target) for shelf, target in self._queue if target in shelf.answers)
            self._dropped = 0
        spared = 0
        while self.held > self.limit and self._queue:
            shelf, target = self._queue.popleft()
            answer = shelf.answers.get(target)
            if answer is None:
                self._dropped -= 1
            elif answer.used and spared < MOST_SPARED:
                spared += 1
                answer.used = False
                self._queue.append((shelf, target))
            else:
                self._let_go(shelf, target, answer)

    def _let_go(self, shelf: Shelf, target: bytes, answer: Answer) -> None:
        del shelf.answers[target]
        self.held -= _cost(target, answer)
        if not shelf.answers:
            self._remove(shelf)

    def _remove(self, shelf: Shelf) -> None:
        del self.shelves[shelf.host]
        self.held -= BYTES_FOR_A_SHELF
        hosts = self._hosts[shelf.name]
        hosts.discard(shelf.host)
        if not hosts:
            del self._hosts[shelf.name]


def _cost(target: bytes, answer: Answer) -> int:
    return BYTES_FOR_AN_ANSWER + len(target) + len(answer.fields) + len(answer.body) + len(answer.not_modified)
