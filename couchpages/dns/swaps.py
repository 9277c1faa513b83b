"""From documents to answers: has what came read, compiles what it concerns, and puts it in place, in slices (timers; logs).

All of it is one work that pauses after each small step. While it compiles, nothing new is read, so that a zone and its serial are of one
moment. What comes meanwhile waits, and is part of the next swap.
"""

from collections.abc import Callable, Collection, Generator, Iterable
from dataclasses import dataclass
from typing import Any

from twisted.internet.task import TaskStopped
from twisted.logger import Logger
from twisted.python.failure import Failure

from couchpages.dns import serials
from couchpages.dns.additions import NO_ADDITIONS, Additions, additions, with_additions
from couchpages.dns.compiling import Drafted, at_once, compiled
from couchpages.dns.entries import Served, substitute_digest
from couchpages.dns.holdings import Holdings
from couchpages.dns.intake import Intake
from couchpages.dns.last_served import LastServed
from couchpages.dns.names import Name, shown, suffixes
from couchpages.dns.published import Published
from couchpages.dns.rrsets import RRset
from couchpages.dns.settling import Settling
from couchpages.dns.slices import Slices, Work
from couchpages.dns.withheld import Withheld
from couchpages.dns.zone import Zone
from couchpages.dns.zone_keeper import ZoneKeeper
from couchpages.garbage import lasting
from couchpages.metrics import Metrics

#: Documents and steps of the first load, or of a burst, after which what is in memory is left out of garbage collections, which take
#: longer than a query may wait.
LASTING = 10_000
#: Seconds after which what comes is another burst.
BURST = 10.0
#: Names of a zone that are let go of in one step.
AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Written:
    """A zone as it is written, and what challenges add to it in what is answered.

    *revisions* is what :meth:`couchpages.dns.challenges.Challenges.revisions` was then.
    """

    zone: Zone
    added: Additions
    revisions: int


class Swaps:
    """Used in *reactor*'s thread. *substitute* makes the SOA of a zone in which none is written.

    *zones* are published; *put_in_place* is called after each swap.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        slices: Slices,
        holdings: Holdings,
        intake: Intake,
        published: Published,
        substitute: Callable[[Name], RRset],
        keeper: ZoneKeeper | None,
        last: LastServed,
        metrics: Metrics,
        put_in_place: Callable[[], object],
    ) -> None:
        self.zones: dict[Name, Zone] = {}
        self._written: dict[Name, Written] = {}
        self.is_complete = False
        self._reactor = reactor
        self._slices = slices
        self._holdings = holdings
        self._intake = intake
        self._published = published
        self._substitute = substitute
        self._keeper = keeper
        self._last = last
        self.withheld = Withheld(reactor, holdings, last, published, metrics, self._given_up)
        self._swapped = metrics.dns_swaps
        self._put_in_place = put_in_place
        self._may_complete = False
        self._all_challenges = False
        self._loading = 0
        self._counted = 0.0
        self._settling = Settling()
        self._work: Work | None = None
        self._timer: Any = None
        self._changed = reactor.seconds()
        metrics.dns_zones.set_function(lambda: len(self.zones))
        metrics.dns_change_age.set_function(lambda: self._reactor.seconds() - self._changed)
        metrics.dns_guarded.set_function(lambda: len(self._last.guarded))

    # What the sinks tell.

    def came(self) -> None:
        """Something is to be read."""
        self._count()
        self._stir()

    def loaded(self) -> None:
        """Everything that both databases hold was told: when it is read, zones may be published."""
        self._may_complete = True
        self._stir()

    def challenges_loaded(self) -> None:
        """Every challenge was told: when those are answered, none is missing."""
        if not self._all_challenges:
            self._all_challenges = True
            self._settling.note(self._reactor.seconds())
            self._stir()

    def _given_up(self) -> None:
        """Take note that some zones are not withheld any more."""
        self._settling.note(self._reactor.seconds())
        self._stir()

    def stop(self) -> None:
        """Leave what is under way."""
        self.withheld.stop()
        if self._timer is not None:
            self._timer.cancel()
        if self._work is not None:
            self._work.stop()
        self._timer = self._work = None

    # When.

    def _stir(self) -> None:
        if self._work is None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._work = self._slices.run(self._run())
            self._work.whenDone().addErrback(self._broke)

    def _broke(self, failure: Failure) -> None:
        if failure.check(TaskStopped) is None:
            # A defect of ours: what comes next is another try.
            self._work = None
            self.log.failure("zones could not be renewed", failure=failure)

    def _run(self) -> Generator[None, None, None]:
        for _ in self._steps():
            self._count()
            yield
        self._work = None
        due = self._settling.due
        if self.is_complete and due is not None:
            self._timer = self._reactor.callLater(max(0.0, due - self._reactor.seconds()), self._timed)

    def _count(self) -> None:
        now = self._reactor.seconds()
        if now - self._counted > BURST and self.is_complete:
            # Of what changes now and then, nothing needs to be left out.
            self._loading = 0
        self._counted = now
        self._loading += 1
        if self._loading % LASTING == 0:
            lasting()

    def _steps(self) -> Generator[None, None, None]:
        while True:
            if self._is_due():
                yield from self._swap()
            elif self._intake:
                self._intake.read_next()
                self._settling.note(self._reactor.seconds())
                yield
            else:
                return

    def _timed(self) -> None:
        self._timer = None
        self._stir()

    def _is_due(self) -> bool:
        if not self.is_complete:
            return self._may_complete and not self._intake
        now = self._reactor.seconds()
        return self._settling.is_overdue(now) or (self._settling.is_due(now) and not self._intake)

    # What.

    def _swap(self) -> Generator[None, None, None]:
        self._settling = Settling()
        changes = self._holdings.take_changes()
        has_all_challenges = self._all_challenges and not self._intake.has_challenges
        # A zone below another first, so that its names are never the other's meanwhile.
        for apex in sorted(changes.zones, key=lambda name: (-len(name), name)):
            try:
                yield from self._renew(apex, changes.zones[apex], challenged=apex in changes.challenged)
            except Exception:  # noqa: BLE001 -- law 4: the zone stays as it is, and the others are not concerned
                self.log.failure("{zone} could not be compiled", zone=shown(apex))
        for apex in changes.gone:
            self.withheld.forget(apex)
        for apex in changes.gone & self.zones.keys():
            gone = self.zones.pop(apex), self._written.pop(apex).zone
            self._last.forget(apex)
            self._published.withdraw(apex)
            yield from _let_go(*gone)
        if has_all_challenges:
            self._last.all_read()
            self._published.complete_challenges()
        self._finish()

    def _renew(self, apex: Name, touched: Collection[Name] | None, *, challenged: bool) -> Generator[None, None, None]:
        before = self._written.get(apex)
        if before is None and self.withheld.withholds(apex):
            return
        if (
            before is not None
            and touched is not None
            and not touched
            and not challenged
            and self._last.next(apex, self._computed(apex), changed=False) == before.zone.serial
        ):
            yield
            return
        written = before.zone if before is not None else None
        drafted = yield from compiled(self._holdings, apex, written, touched, self._substitute(apex))
        self._intake.misplaced(drafted.misplaced)
        answered = self.zones.get(apex)
        yield from self._publish(apex, drafted, rises=drafted.changed if before is not None else self._may_differ(apex))
        yield
        if (
            answered is not None
            and before is not None
            and touched is None
            and self._written[apex].zone is not before.zone
        ):
            yield from _let_go(answered, before.zone)

    def _may_differ(self, apex: Name) -> bool:
        """Whether a zone that is not published may be another than it was when it was last: else its documents make the same serial."""
        last = self._served(apex, self._computed(apex), self._substitute(apex))
        return self._last.served.get(apex) != last

    def _computed(self, apex: Name) -> int:
        """Give the serial that the documents make, also those of challenges that are not read again yet."""
        return serials.of(
            self._holdings.serial(apex), self._challenged(apex) - self._holdings.challenges.generations(apex)
        )

    def _challenged(self, apex: Name) -> int:
        return self._last.challenged(apex, self._holdings.challenges.generations(apex))

    def _served(self, apex: Name, serial: int, substitute: RRset) -> Served:
        return Served(serial, self._digest(apex, substitute), self._challenged(apex))

    def _tell_aliased(self, apex: Name, names: Iterable[Name]) -> None:
        """Tell of challenges that cannot be answered in a zone, if it is theirs to answer."""
        for name in names:
            zone = self._holdings.register.above(name)
            if zone is not None and zone.apex == apex:
                self.log.warn(
                    "the challenge at {name} is not answered: a CNAME stands there, and stands alone", name=shown(name)
                )

    def _finish(self) -> None:
        self._intake.answered()
        self._changed = self._reactor.seconds()
        self._swapped.inc()
        if not self.is_complete:
            self.is_complete = True
            self._published.complete()
            lasting()
        if self._keeper is not None:
            self._keeper.soon()
        self._put_in_place()

    def _publish(self, apex: Name, drafted: Drafted, *, rises: bool) -> Generator[None, None, None]:
        """Answer from a zone; *rises* tells whether its serial has to rise whatever the documents make it."""
        before = self._written.get(apex)
        added = yield from additions(drafted.draft, self._holdings.challenges)
        others = added.changed(before.added if before is not None else NO_ADDITIONS)
        self._tell_aliased(apex, added.aliased - (before.added.aliased if before is not None else frozenset()))
        was_behind = self._last.was_behind(apex, self._holdings.challenges.generations(apex))
        revisions = self._holdings.challenges.revisions(apex)
        # What changes with the time, under the same revisions, changes no serial (see dns.serials); and those that are read again change
        # nothing that was not answered before.
        revised = before is not None and revisions != before.revisions and not was_behind
        rises = rises or (revised and bool(others))
        computed = self._computed(apex)
        serial = self._last.next(apex, computed, changed=rises)
        if before is not None and not drafted.changed and not others and serial == before.zone.serial:
            self._written[apex] = Written(before.zone, added, revisions)
            return
        substitute = self._substitute(apex)
        written = drafted.draft.finish(serial, substitute)
        yield
        zone = yield from with_additions(written, added)
        self._last.note(apex, computed, self._served(apex, serial, substitute))
        self.zones[apex], self._written[apex] = zone, Written(written, added, revisions)
        touched = drafted.touched if before is None or drafted.changed else ()
        self._published.publish(zone, None if touched is None else [*touched, *others])

    def _digest(self, apex: Name, substitute: RRset) -> str:
        return substitute_digest(None if self._holdings.has_soa(apex) else substitute)

    # What was known when the node last ran.

    def restore(self, numbers: Iterable[int]) -> None:
        """Publish the zones that are known from an earlier run, where *numbers* are those of zones whose records are known. Blocks.

        A zone above one that cannot be published is not published either: it would answer for the names of the other (law 3).
        """
        whole = set(numbers)
        register = self._holdings.register
        lacking = [zone.apex for zone in register.all() if zone.zone_id not in whole]
        withheld = {name for apex in lacking for name in suffixes(apex)}
        for apex in self._holdings.take_changes().zones:
            if apex in withheld or self.withheld.withholds(apex):
                self._holdings.rebuild(apex)
                continue
            substitute = self._substitute(apex)
            drafted = at_once(compiled(self._holdings, apex, None, None, substitute))
            served = self._last.served.get(apex)
            # The configuration may have been changed, and with it the SOA.
            changed = served is not None and served.substitute != self._digest(apex, substitute)
            at_once(self._publish(apex, drafted, rises=changed))
            lasting()


def _let_go(*zones: Zone) -> Generator[None, None, None]:
    """Take zones apart that nobody has any more: at once, 100,000 names would keep everybody waiting for a tenth of a second."""
    for names in (each for zone in zones for each in (zone.nodes, zone.children)):
        while names:
            for _ in range(min(AT_ONCE, len(names))):
                names.popitem()
            yield
