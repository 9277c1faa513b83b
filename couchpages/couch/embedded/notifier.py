"""Who waits for a database to change: the bell between the writer's commits and the changes feeds (does)."""

from collections import defaultdict

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Subscription:
    """One feed's interest in one database. Every change after it was made sets `changed`. Reactor's thread only."""

    def __init__(self, reactor: IReactorTime) -> None:
        self._reactor = reactor
        self._waiter: Deferred[None] | None = None
        self.changed = False
        self.closed = False

    def wake(self, *, closed: bool = False) -> None:
        """Note a change, or that the store is stopping."""
        self.changed = True
        self.closed = self.closed or closed
        self._fire()

    async def wait(self, seconds: float) -> None:
        """Return when something changed since `changed` was last set to False, or after so many seconds."""
        if self.changed or self.closed:
            return
        self._waiter = Deferred()
        timer: IDelayedCall = self._reactor.callLater(seconds, self._fire)
        try:
            await self._waiter
        finally:
            self._waiter = None
            if timer.active():
                timer.cancel()

    def _fire(self) -> None:
        if self._waiter is not None and not self._waiter.called:
            self._waiter.callback(None)


class Notifier:
    """Rings the subscriptions of databases, which it knows by their uuid. Reactor's thread only."""

    def __init__(self, reactor: IReactorTime) -> None:
        self._reactor = reactor
        self._subscriptions: defaultdict[str, set[Subscription]] = defaultdict(set)
        self._closed = False

    def subscribe(self, uuid: str) -> Subscription:
        """Begin to listen; give it back with `unsubscribe`."""
        subscription = Subscription(self._reactor)
        subscription.closed = self._closed
        self._subscriptions[uuid].add(subscription)
        return subscription

    def unsubscribe(self, uuid: str, subscription: Subscription) -> None:
        """Stop listening."""
        self._subscriptions[uuid].discard(subscription)
        if not self._subscriptions[uuid]:
            del self._subscriptions[uuid]

    def notify(self, uuids: frozenset[str]) -> None:
        """Ring for the databases that a commit changed."""
        for uuid in uuids & self._subscriptions.keys():
            for subscription in tuple(self._subscriptions[uuid]):
                subscription.wake()

    def close(self) -> None:
        """Ring for everybody, for the last time."""
        self._closed = True
        for subscriptions in tuple(self._subscriptions.values()):
            for subscription in tuple(subscriptions):
                subscription.wake(closed=True)
