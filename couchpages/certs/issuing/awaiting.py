"""Waiting with a limit, and for several at once (does no I/O; timers only)."""

from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar, cast

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.python.failure import Failure

T = TypeVar("T")


class LateError(Exception):
    """We waited long enough."""


def within(reactor: Any, seconds: float, work: Coroutine[Any, Any, T]) -> "Deferred[T]":
    """Give what *work* gives, if it does within *seconds*; else it is cancelled, and the Deferred fails with :class:`LateError`.

    Cancelled from outside, the Deferred fails with CancelledError, whatever the libraries below make of it.
    """
    given_up: list[type[Exception]] = []

    def give_up(why: type[Exception]) -> None:
        given_up.append(why)
        running.cancel()

    def settle(result: Any) -> None:
        if timer.active():
            timer.cancel()
        if done.called:
            # It was slow to end, and whoever waited is gone.
            return
        if given_up and (isinstance(result, Failure) or given_up[0] is CancelledError):
            done.errback(Failure(given_up[0]()))
        elif isinstance(result, Failure):
            done.errback(result)
        else:
            done.callback(result)

    done: Deferred[T] = Deferred(lambda _: give_up(CancelledError))
    timer = reactor.callLater(seconds, give_up, LateError)
    running = Deferred.fromCoroutine(work)
    running.addBoth(settle)
    return done


async def together(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Give what all of *works* give, in their order. When one fails, or whoever waits is cancelled, the others are cancelled.

    Returns when all have ended. Raises the first failure.
    """
    failed: list[Failure] = []

    def fail(failure: Failure) -> None:
        failed.append(failure)
        for each in running:
            each.cancel()

    running = [Deferred.fromCoroutine(work) for work in works]
    results = await gatherResults([each.addErrback(fail) for each in running])
    if failed:
        failed[0].raiseException()
    return cast("list[T]", results)
