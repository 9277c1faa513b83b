"""Documents between their arrival and their turn: what comes is queued, because reading it takes longer than a query may wait (logs)."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from twisted.logger import Logger

from couchpages.dns.challenges import Challenge
from couchpages.dns.holdings import Holdings
from couchpages.dns.reading import Arrival
from couchpages.dns.zone_keeper import ZoneKeeper
from couchpages.metrics import Metrics
from couchpages.ports import Change
from couchpages.quoting import named

#: Documents of one kind of mistake that are logged by name.
NAMED = 20


@dataclass(frozen=True, slots=True)
class Names:
    """How the two databases are called, for logs and metrics."""

    zones: str = "dns_zones"
    records: str = "dns_records"


class Intake:
    """Puts documents into *holdings* one by one, and notes for *keeper* which changed.

    A malformed one is logged and counted in the follower's words, who has passed it on by then. Design documents are none of ours.
    """

    log = Logger()

    def __init__(self, holdings: Holdings, keeper: ZoneKeeper | None, metrics: Metrics, databases: Names) -> None:
        self._holdings = holdings
        self._keeper = keeper
        self._metrics = metrics
        self._databases = databases
        self._zones: OrderedDict[str, Change] = OrderedDict()
        self._records: OrderedDict[str, Arrival] = OrderedDict()
        #: Documents that were read and are not in the answers yet.
        self.read: set[str] = set()
        self._challenges: OrderedDict[str, Challenge] = OrderedDict()
        self.read_challenges: set[str] = set()
        self._told: set[tuple[str, str]] = set()

    def zone_came(self, change: Change) -> bool:
        """Queue a change of ``dns_zones``; tell whether it is news. Of one document only the newest is read."""
        if _is_design(change) or (change.doc_id not in self._zones and self._holdings.knows_zone(change)):
            return False
        self._note_told(self._databases.zones, change)
        self._zones[change.doc_id] = change
        return True

    def record_came(self, change: Change) -> bool:
        """Queue a change of ``dns_records``; tell whether it is news."""
        arrival = Arrival.of(change)
        if _is_design(change) or (arrival.doc_id not in self._records and self._holdings.knows(arrival)):
            return False
        self._note_told(self._databases.records, change)
        self._records[arrival.doc_id] = arrival
        return True

    def challenge_came(self, doc_id: str, challenge: Challenge) -> bool:
        """Queue what a challenge's document asks for; tell whether it is news."""
        if doc_id not in self._challenges and self._holdings.challenges.documents.get(doc_id) == challenge:
            return False
        self._challenges[doc_id] = challenge
        return True

    def _note_told(self, database: str, change: Change) -> None:
        """Note whether the follower said already what is wrong with a document."""
        key = database, change.doc_id
        if change.unreadable:
            self._told.add(key)
        else:
            self._told.discard(key)

    def __bool__(self) -> bool:
        return bool(self._challenges or self._zones or self._records)

    @property
    def has_challenges(self) -> bool:
        """Whether challenges wait to be read."""
        return bool(self._challenges)

    def is_challenge_waiting(self, doc_id: str) -> bool:
        """Whether something came of a challenge's document that is not in the answers yet."""
        return doc_id in self.read_challenges or doc_id in self._challenges

    def is_waiting(self, doc_id: str) -> bool:
        """Whether something came of a document that is not in the answers yet."""
        return doc_id in self.read or doc_id in self._zones or doc_id in self._records

    def read_next(self) -> None:
        """Read the document whose turn it is: a challenge first, which somebody waits for."""
        if self._challenges:
            doc_id, challenge = self._challenges.popitem(last=False)
            self._holdings.challenges.hold(doc_id, challenge)
            self.read_challenges.add(doc_id)
            return
        if self._zones:
            doc_id, change = self._zones.popitem(last=False)
            self._try(self._databases.zones, doc_id, lambda: self._holdings.apply_zone(change))
            if self._keeper is not None:
                self._keeper.note_zone(doc_id)
        else:
            doc_id, arrival = self._records.popitem(last=False)
            before = self._shelves(doc_id)
            self._try(self._databases.records, doc_id, lambda: self._holdings.apply(arrival))
            if self._keeper is not None:
                self._keeper.note(doc_id, *{*self._shelves(doc_id), *before})
        self.read.add(doc_id)

    def _shelves(self, doc_id: str) -> tuple[int | None, ...]:
        return (self._holdings.shelf_number(doc_id),) if doc_id in self._holdings.documents else ()

    def _try(self, database: str, doc_id: str, apply: Callable[[], None]) -> None:
        told = (database, doc_id) in self._told
        self._told.discard((database, doc_id))
        try:
            apply()
        except ValueError as error:
            if not told:
                self._malformed(database, doc_id, str(error))
        except Exception:  # noqa: BLE001 -- law 4: no document stops a service
            self._metrics.malformed.labels(database).inc()
            self.log.failure("{database}/{doc_id} could not be applied", database=database, doc_id=named(doc_id))

    def answered(self) -> None:
        """Take note that what was read is in the answers."""
        self.read.clear()
        self.read_challenges.clear()

    def misplaced(self, documents: Mapping[str, str]) -> None:
        """Tell of records that came before their zone, and are not within it; each with what is wrong."""
        for doc_id, error in list(documents.items())[:NAMED]:
            self._malformed(self._databases.records, doc_id, error)
        more = len(documents) - NAMED
        if more > 0:
            self._metrics.malformed.labels(self._databases.records).inc(more)
            self.log.warn("{more} more records are not within their zones", more=more)

    def _malformed(self, database: str, doc_id: str, error: str) -> None:
        self._metrics.malformed.labels(database).inc()
        self.log.warn(
            "{database}/{doc_id} is malformed and left out: {error}",
            database=database,
            doc_id=named(doc_id),
            error=error,
        )


def _is_design(change: Change) -> bool:
    return change.doc_id.startswith("_design/")
