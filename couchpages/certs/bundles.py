"""The certificates that this node has, kept by a follower of ``secrets`` (does no I/O of its own; timers only).

What comes is opened in the reactor's next turns, a few milliseconds in each, because a thousand may come at once.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from twisted.logger import Logger

from couchpages.certs.boxes import SealingKey
from couchpages.certs.certificates import Certificate
from couchpages.certs.findings import day
from couchpages.certs.first_system import Encrypted, is_first_systems
from couchpages.certs.first_system_certificates import FirstSystemCertificates
from couchpages.certs.first_system_shelf import Named
from couchpages.certs.kept_bundles import BundleKeeper
from couchpages.certs.refusals import Refusals
from couchpages.certs.sealing import document_id, is_sealed, named_by
from couchpages.certs.shelf import Shelf
from couchpages.certs.troubles import few, troubles_of, troubles_of_refused
from couchpages.metrics import Metrics
from couchpages.ports import Change, Database, Json
from couchpages.quoting import named

#: Seconds of opening between two turns of the reactor: opening one takes half a millisecond.
SLICE = 0.004
Told: TypeAlias = Callable[[set[Named]], object]


class Bundles:
    """A :class:`~couchpages.ports.ChangesSink` of the database ``secrets``, and a :class:`~couchpages.ports.Readiness`.

    *wall* gives seconds since 1970. Used in *reactor*'s thread.
    """

    log = Logger()

    def __init__(
        self, reactor: Any, secrets: Database, keeper: BundleKeeper, metrics: Metrics, wall: Callable[[], float]
    ) -> None:
        self._reactor = reactor
        self._keeper = keeper
        self._expiry = metrics.certificates.expiry
        self._wall = wall
        self._keys: Sequence[SealingKey] = ()
        self._key_troubles: Sequence[str] = ()
        self._refusals = Refusals(metrics)
        self._shelf = Shelf()
        self._first = FirstSystemCertificates(reactor, secrets, keeper, self._refusals, self._soon, self._check_loaded)
        self._certificates: dict[Named, Certificate] = {}
        self._kept: dict[str, object] = {}
        self._due: dict[str, Change | Encrypted] = {}
        self._timer: Any = None
        self._told: list[Told] = []
        #: Whether everything that CouchDB holds was seen since this process began.
        self.is_loaded = self._is_told = False

    # What others ask.

    @property
    def certificates(self) -> Mapping[Named, Certificate]:
        """The good certificates by their names and kinds, expired ones too; it is always as it is now."""
        return MappingProxyType(self._certificates)

    @property
    def keys(self) -> Sequence[SealingKey]:
        """The keys that open."""
        return self._keys

    def tell(self, told: Told) -> None:
        """Call *told* with the names and kinds of certificates that came, went or became others, each time after some did.

        It is also called once with none, when everything is loaded.
        """
        self._told.append(told)

    def knows(self, doc_id: str) -> bool:
        """Whether a document's certificate is known."""
        return doc_id in self._shelf.good

    def known(self) -> list[str]:
        """Give the documents that are kept on disk, from this run or an earlier one."""
        return [*self._kept, *self._first.kept]

    def obstacles(self) -> list[str]:
        """See :class:`couchpages.ports.Readiness`: a node without certificates serves what it can."""
        return []

    def troubles(self) -> list[str]:
        """See :class:`couchpages.ports.Readiness`: certificates that ended, or soon will, those that are refused, keys that are none."""
        return few(
            [
                *self._key_troubles,
                *troubles_of(self._certificates.values(), self._wall()),
                *troubles_of_refused(self._shelf.lacking),
                *self._first.troubles(),
            ]
        )

    # What it is told.

    def restore(self) -> None:
        """Take what was kept on disk. Blocks until all is opened: nobody is served before."""
        for doc_id, record in self._keeper.restore().items():
            try:
                self._recall(doc_id, record)
            except Exception as error:  # noqa: BLE001 -- law 4: no file stops a service from starting
                self.log.warn("the kept certificate {doc_id} is refused: {error}", doc_id=named(doc_id), error=error)
                self._keeper.keep(doc_id, None)
        self._first.settle()
        self._publish({*self._first.names, *((each.name, each.kind) for each in self._shelf.good.values())})

    def use(self, keys: Sequence[SealingKey], troubles: Sequence[str] = ()) -> None:
        """Open with these keys from now on, and try what was refused again. *troubles* are what is wrong with files of keys."""
        self._keys, self._key_troubles = keys, troubles
        for doc_id, refusal in self._shelf.refused.items():
            if doc_id not in self._due:
                self._soon(doc_id, Change(doc_id, refusal.doc))
        self._first.try_again()

    def apply(self, change: Change) -> None:
        """Take a certificate, or let go of it, in the reactor's next turns."""
        if is_sealed(change.doc_id) or is_first_systems(change.doc_id):
            self._soon(change.doc_id, change)

    def loaded(self) -> None:
        """Everything that CouchDB holds was told; it may take a moment to open it."""
        self._is_told = True
        self._first.wake()
        self._check_loaded()

    def stop(self) -> Any:
        """Leave what is under way."""
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        return self._first.stop()

    # How.

    def _soon(self, doc_id: str, what: Change | Encrypted) -> None:
        self._due.pop(doc_id, None)
        self._due[doc_id] = what
        if self._timer is None:
            self._timer = self._reactor.callLater(0, self._turn)

    def _turn(self) -> None:
        """Open for a slice of time; more waits for the reactor's next turn."""
        end = time.perf_counter() + SLICE
        touched = set[Named]()
        while self._due:
            doc_id = next(iter(self._due))
            try:
                touched |= self._take(doc_id, self._due.pop(doc_id))
            except Exception:  # noqa: BLE001 -- law 4: no document stops a service
                self.log.failure("secrets/{doc_id} could not be taken", doc_id=named(doc_id))
            if time.perf_counter() >= end:
                break
        self._timer = self._reactor.callLater(0, self._turn) if self._due else None
        self._publish(touched)
        self._check_loaded()

    def _check_loaded(self) -> None:
        if self._is_told and not self.is_loaded and not self._due and not self._first.is_busy:
            self.is_loaded = True
            self._tell_all(set())

    def _take(self, doc_id: str, due: Change | Encrypted) -> set[Named]:
        """Take one document; give the certificates that may have changed."""
        if isinstance(due, Encrypted) or not is_sealed(doc_id):
            return self._take_first(doc_id, due)
        if due.doc is None:
            self._remove(doc_id, deleted=bool(due.revs))  # without a trace of it, nobody deleted it
        else:
            self._open(doc_id, due.doc)
        return {which} if (which := named_by(doc_id)) is not None else set()

    def _open(self, doc_id: str, doc: Json) -> None:
        before = self._shelf.good.get(doc_id)
        self._refusals.note(doc_id, self._shelf.take(doc_id, doc, self._keys), stays=before is not None)
        if doc_id in self._shelf.refused or self._kept.get(doc_id) == doc.get("_rev"):
            return
        self._kept[doc_id] = doc.get("_rev")
        self._keeper.keep(doc_id, self._shelf.record(doc_id, doc))
        now = self._shelf.good[doc_id]
        if not now.is_same(before):
            self.log.info(
                "the certificate {name} ({kind}) came, valid until {day}",
                name=now.name,
                kind=str(now.kind),
                day=day(now.not_after),
            )

    def _remove(self, doc_id: str, *, deleted: bool) -> None:
        before = self._shelf.good.get(doc_id)
        self._shelf.remove(doc_id, deleted=deleted)
        self._kept.pop(doc_id, None)
        if doc_id in self._shelf.floors:
            self._keeper.keep(doc_id, self._shelf.record(doc_id, None))
        if before is not None:
            self.log.info("the certificate {name} ({kind}) was deleted", name=before.name, kind=str(before.kind))

    def _take_first(self, doc_id: str, due: Change | Encrypted) -> set[Named]:
        before = self._first.names
        if isinstance(due, Encrypted):
            self._first.take(doc_id, due, self._keys)
        else:
            self._first.apply(due)
        self._first.settle()
        return before | self._first.names

    def _recall(self, doc_id: str, record: Json) -> None:
        if not is_sealed(doc_id):
            self._first.recall(doc_id, record, self._keys)
            return
        doc = self._shelf.recall(doc_id, record)
        if doc is not None:
            self._refusals.note(doc_id, self._shelf.take(doc_id, doc, self._keys), stays=False)
            # What does not open may have been damaged on disk: it is written anew when it comes again.
            self._kept[doc_id] = doc.get("_rev") if doc_id in self._shelf.good else None

    def _publish(self, touched: set[Named]) -> None:
        """Bring what others see up to date for some certificates, and tell of those that changed. Ours beat the first system's."""
        changed = set[Named]()
        for which in touched:
            now = self._shelf.good.get(document_id(*which)) or self._first.get(which)
            before = self._certificates.get(which)
            if now == before:
                continue
            # One that was sealed anew is a little newer, and nobody has to hear of that.
            if now is None or not now.is_same(before):
                changed.add(which)
            if now is None:
                del self._certificates[which]
                self._expiry.remove(which[0], str(which[1]))
            else:
                self._certificates[which] = now
                self._expiry.labels(which[0], str(which[1])).set(now.not_after)
        if changed:
            self._tell_all(changed)

    def _tell_all(self, changed: set[Named]) -> None:
        for told in self._told:
            try:
                told(set(changed))
            except Exception:  # noqa: BLE001 -- the others are told all the same
                self.log.failure("somebody who is told of certificates failed")
