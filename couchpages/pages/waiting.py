"""Deployments that wait for their blobs, decided (pure): whom an arriving blob completes, and who may be forgotten.

Replication can bring a manifest before its blobs. Law 2: the deployment before it stays until the last blob is here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from couchpages.pages.manifest import Deployment
from couchpages.ports import Unavailable

#: Waits of one document at a time. More than one, because a node that is always a little behind must get to the versions in between.
MOST = 4


class Incomplete(Unavailable):
    """Not all blobs of a deployment are here yet."""


@dataclass(slots=True, eq=False)
class Wait:
    """A revision of a manifest's document that is to be served once *missing* is empty; then *whole* is called with it.

    *blobs* are all that it must go on having meanwhile. *since* is in milliseconds since 1970. *checked* tells that CouchDB was asked
    which blobs are missing, so that those which are left really are.
    """

    doc_id: str
    rev: str
    deployment: Deployment
    blobs: frozenset[str]
    missing: set[str]
    since: int
    whole: Callable[["Wait"], object]
    checked: bool = False


class WaitingList:
    """Who waits, by document, in the order in which the revisions came; and for which blobs."""

    def __init__(self) -> None:
        self._waits: dict[str, list[Wait]] = {}
        self._wanting: dict[str, list[Wait]] = {}

    def __iter__(self) -> Iterator[Wait]:
        return (wait for waits in self._waits.values() for wait in waits)

    def __len__(self) -> int:
        return sum(map(len, self._waits.values()))

    def of(self, doc_id: str) -> list[Wait]:
        """Give a document's waits, the newest revision last."""
        return list(self._waits.get(doc_id, ()))

    def wanted(self) -> set[str]:
        """Give every blob that somebody waits for."""
        return set(self._wanting)

    def add(self, wait: Wait) -> None:
        """Add a wait for at least one blob, the newest of its document.

        Of too many the one before it leaves: the oldest is the nearest to being whole, and the newest is what is wanted in the end.
        """
        waits = self._waits.setdefault(wait.doc_id, [])
        waits.append(wait)
        for sha256 in wait.missing:
            self._wanting.setdefault(sha256, []).append(wait)
        if len(waits) > MOST:
            self._remove(waits[-2])

    def withdraw(self, doc_id: str) -> None:
        """Forget a document's waits."""
        for wait in self.of(doc_id):
            self._remove(wait)

    def arrived(self, sha256: str) -> list[Wait]:
        """Note that a blob is here; give the waits that are whole now, and forget them with what their documents had before."""
        wanting = self._wanting.pop(sha256, ())
        for wait in wanting:
            wait.missing.discard(sha256)
        return [wait for wait in wanting if not wait.missing and self._finish(wait)]

    def left(self, sha256: str) -> bool:
        """Note that a blob is here no longer; tell whether somebody waits for it now who did not before."""
        concerned = [wait for wait in self if sha256 in wait.blobs and sha256 not in wait.missing]
        for wait in concerned:
            wait.missing.add(sha256)
            self._wanting.setdefault(sha256, []).append(wait)
        return bool(concerned)

    def _finish(self, wait: Wait) -> bool:
        """Forget a wait and those before it; False when it was forgotten already, with a newer one."""
        waits = self.of(wait.doc_id)
        if wait not in waits:
            return False
        for each in waits[: waits.index(wait) + 1]:
            self._remove(each)
        return True

    def _remove(self, wait: Wait) -> None:
        waits = self._waits[wait.doc_id]
        waits.remove(wait)
        if not waits:
            del self._waits[wait.doc_id]
        for sha256 in wait.missing:
            wanting = self._wanting[sha256]
            wanting.remove(wait)
            if not wanting:
                del self._wanting[sha256]
