"""Keeps certificates for everything that is wanted (does I/O): txacme's service, with what is due, and how it is issued, of our own.

txacme's service checks every so often, and lets each certificate be issued by one at a time. Its own check knows fixed days before the
end and one name for each certificate; ours asks the plan. What fails is written down, name by name, and tried again when its time comes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from math import nan
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure
from txacme.service import AcmeIssuingService

from couchpages.certs.acme.client import Client
from couchpages.certs.acme.errors import AcmeError
from couchpages.certs.administration import ImportedError
from couchpages.certs.issuing.attempts import Attempts, NotOurTurn, Progress
from couchpages.certs.issuing.authority import Authority
from couchpages.certs.issuing.insisting import insisted
from couchpages.certs.issuing.lease_keeper import LeaseKeeper
from couchpages.certs.issuing.orders.order import Order
from couchpages.certs.issuing.outcomes import Done, Outcomes
from couchpages.certs.issuing.plan import Due
from couchpages.certs.issuing.survey import Survey
from couchpages.metrics import Metrics
from couchpages.ports import StoreError

#: Certificates that are issued at a time: one that waits for its name servers must not hold up the others.
AT_ONCE = 10
#: Certificates that are begun with, or wait for their turn; the others are found due again.
MOST_BEGUN = 200
#: Orders that are written with another moment of renewal, as the authority suggests it, in one go; the rest has time.
MOST_WRITTEN = 50
#: The type of an error that says that our account is not there any more (RFC 8555 section 6.7).
FORGOTTEN = "accountDoesNotExist"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the service stands on: *orders* are those that it was told of.

    *unable* says what keeps this node from issuing at all, so that another should; nothing where it can.
    """

    authority: Authority
    lease: LeaseKeeper
    survey: Survey
    attempts: Attempts
    outcomes: Outcomes
    orders: Mapping[str, Order]
    unable: Callable[[], str]


class IssuingService(AcmeIssuingService):
    """Issues and renews while this node holds the lease. *wall* gives seconds since 1970. Used in *reactor*'s thread."""

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        store: Any,
        responders: Sequence[Any],
        check_interval: float,
        parts: Parts,
        metrics: Metrics,
        wall: Callable[[], float],
    ) -> None:
        check_every = timedelta(seconds=check_interval)
        super().__init__(store, parts.authority.client, reactor, responders, check_interval=check_every)
        self._parts = parts
        self._metrics = metrics.acme
        self._wall = wall
        self._slots = DeferredSemaphore(AT_ONCE)
        self._reactor = reactor
        self._aside_until = 0.0
        self._progress: dict[str, Progress] = {}
        self._trouble = ""
        self._checking: Deferred[None] | None = None
        self._is_stopping = False

    def came(self, changed: object) -> None:
        """Take note that certificates came."""
        del changed
        self._parts.attempts.came()

    # When.

    def _check_certs(self) -> "Deferred[None]":
        """Look at what is due, and begin with it. Never fails: txacme's timer would stop."""
        checking = Deferred.fromCoroutine(self._check())
        self._checking = None if checking.called else checking
        return checking.addErrback(self._could_not).addBoth(self._checked)

    async def _check(self) -> None:
        unable = self._parts.unable() or self._aside() or await self._parts.authority.unable()
        if unable:
            # Whoever holds the lease without being able to issue would keep those that are.
            await self._parts.lease.give_up()
            self._trouble = f"no certificates are issued here: {unable}"
            return
        held = await self._parts.lease.hold()
        if held:
            await self._look()
        self._trouble = ""

    def _aside(self) -> str:
        """Say why others shall try now; nothing where this node goes on. When nobody has taken the lease, it goes on."""
        now = self._reactor.seconds()
        if self._parts.outcomes.stands_aside():
            self._aside_until = now + 2 * self._parts.lease.seconds
            self.log.warn("the CA failed again and again: others may issue for some time")
        is_asked = any(order.is_asked_for for order in self._parts.orders.values())
        return f"{self._parts.outcomes.outage}; others may try now" if now < self._aside_until and not is_asked else ""

    async def _look(self) -> None:
        survey, now = self._parts.survey, self._wall()
        plan = await survey.plan(now)
        self._metrics.next_renewal.set(nan if plan.next is None else plan.next)
        for due in plan.due:
            if not self._is_left_alone(due.name):
                self._begin(due.name)
        await self._tidy_orders()
        await survey.tidy(now)
        await self._note_moved(plan.moved)

    async def _note_moved(self, moved: Mapping[str, float]) -> None:
        """Write down what the authority suggests by now, for people to read; that has time."""
        try:
            for name, renews in islice(moved.items(), MOST_WRITTEN):
                if self._parts.lease.is_held:
                    await self._parts.outcomes.expected(name, renews)
        except StoreError as error:
            self.log.debug("when certificates are renewed is not written down: {error}", error=error)

    def _begin(self, name: str) -> None:
        if name not in self._issuing and len(self._issuing) < MOST_BEGUN and not self._is_stopping:
            # How that ends is written down.
            self.issue_cert(name).addErrback(lambda _: None)

    async def _tidy_orders(self) -> None:
        """See to the orders of what is not ours to issue."""
        survey, outcomes = self._parts.survey, self._parts.outcomes
        others = [each for each in self._parts.orders.values() if each.name not in survey.wanted and each.is_asked_for]
        for order in others:
            if not survey.is_open(order.name):
                await outcomes.declined(order.name, survey.why_not(order.name))
        for name in survey.forsaken():
            await outcomes.forsaken(name)

    def _could_not(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, StoreError):
            # CouchDB is away, which others tell of, or not everything was read yet.
            self._trouble = f"certificates are not looked after: {error}"
            self.log.debug("certificates are not looked after: {error}", error=error)
        elif not isinstance(error, CancelledError):
            self._trouble = "certificates are not looked after: a defect"
            self.log.failure("certificates could not be looked after", failure)

    def _checked(self, result: None) -> None:
        del result
        self._checking = None
        held = self._parts.lease.is_held
        self._metrics.lease.set(held)
        if not held:
            self._metrics.next_renewal.set(nan)

    def stopService(self) -> "Deferred[None]":  # noqa: N802 -- Twisted's name
        """Leave what is under way, and let another issuer take over."""
        return Deferred.fromCoroutine(self._stop(super().stopService()))

    async def _stop(self, finished: "Deferred[None]") -> None:
        # First what begins with others.
        self._is_stopping = True
        if self._checking is not None:
            self._checking.cancel()
        await finished
        self._parts.authority.stop()
        self._parts.survey.stop()
        # Those that wait for their turn first, or they would get it from those that are cancelled.
        running = [issuing for issuing, _ in reversed(self._issuing.values())]
        for each in running:
            each.cancel()
        await gatherResults([each.addErrback(lambda _: None) for each in running])
        await self._parts.lease.give_up()
        self._checked(None)

    # What.

    def _with_client(self, work: Callable[[Client, str], Any], name: str) -> "Deferred[None]":
        """Have *work* done for a certificate in its turn, and write down how that ended."""
        return Deferred.fromCoroutine(self._tried(work, name))

    async def _tried(self, work: Callable[[Client, str], Any], name: str) -> None:
        await self._slots.acquire()
        outcomes = self._parts.outcomes
        self._progress[name] = Progress()
        try:
            due = self._due_now(name)
            await outcomes.begun(name, due.wanted.names)
            done = await self._with_account(work, name)
            await self._written(name, done)
        except (CancelledError, NotOurTurn):
            raise
        except ImportedError:
            await outcomes.declined(name, "a certificate was imported meanwhile, and is not replaced")
        except Exception as error:
            self._parts.authority.forget(error)
            await outcomes.failed(name, error, has_order=self._progress[name].has_order)
            raise
        finally:
            del self._progress[name]
            self._slots.release()

    async def _written(self, name: str, done: Done) -> None:
        """Write down that all is well: nothing is due any more that would do so later."""

        async def write() -> None:
            await self._parts.outcomes.issued(name, done)

        def complain(error: StoreError) -> None:
            self.log.debug("that {name} was issued is not written down yet: {error}", name=name, error=error)

        await insisted(self._reactor, write, complain)

    async def _with_account(self, work: Callable[[Client, str], Any], name: str) -> Done:
        """Have *work* done; once more where the authority has forgotten our account, for which another is made then."""
        try:
            done: Done = await work(await self._parts.authority.client(), name)
        except AcmeError as error:
            if error.type != FORGOTTEN:
                raise
            self._parts.authority.forget(error)
            done = await work(await self._parts.authority.client(), name)
        return done

    def _due_now(self, name: str) -> Due:
        """Give what is due, now that the turn has come. Raises :class:`NotOurTurn` where nothing is."""
        if self._is_left_alone(name):
            raise NotOurTurn(name)
        due = self._parts.survey.again(name, self._wall())
        if due is None:
            raise NotOurTurn(name)
        return due

    def _is_left_alone(self, name: str) -> bool:
        """Whether the authority is not asked for a certificate now; whoever asks by a command may know that it is well again."""
        order = self._parts.orders.get(name)
        return self._parts.outcomes.is_outage and not (order is not None and order.is_asked_for)

    def _issue_cert(self, client: Client, server_name: str) -> "Deferred[Done]":
        due, progress = self._due_now(server_name), self._progress[server_name]
        return Deferred.fromCoroutine(self._parts.attempts.issue(client, due, progress))

    # What others ask.

    def obstacles(self) -> list[str]:
        """See :class:`couchpages.ports.Readiness`: a node serves what it has."""
        return []

    def troubles(self) -> list[str]:
        """See :class:`couchpages.ports.Readiness`: what could not be issued again and again."""
        outcomes = self._parts.outcomes
        # What was seen while this node issued, others see otherwise.
        seen = [*self._parts.survey.troubles(), outcomes.outage] if self._parts.lease.is_held else []
        return [words for words in (*outcomes.troubles(), *seen, self._trouble) if words]
