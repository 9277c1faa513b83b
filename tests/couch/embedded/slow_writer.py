"""A writer that does its jobs when it is told to, and a sender that notes whether it has to wait (does)."""

from collections.abc import Callable
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from couchpages.couch.embedded.writer import Transaction, Writer


class SlowWriter:
    """Keeps jobs until `work`; a real one does them in a thread of its own."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Callable[[Transaction], Any], Deferred[Any]]] = []

    def submit(self, job: Callable[[Transaction], Any], *, weight: int = 0) -> "Deferred[Any]":  # noqa: ARG002  # the writer's
        """Queue a job."""
        answer: Deferred[Any] = Deferred()
        self.jobs.append((job, answer))
        return answer

    def work(self, transaction: Transaction, count: int = 1) -> None:
        """Do some jobs, the oldest first."""
        for _ in range(count):
            job, answer = self.jobs.pop(0)
            try:
                result = job(transaction)
            except Exception:  # noqa: BLE001  # the answer is told, as the real writer does
                answer.errback(Failure())
            else:
                answer.callback(result)

    def fail(self, error: Exception) -> None:
        """Let the oldest job fail."""
        _, answer = self.jobs.pop(0)
        answer.errback(error)

    @property
    def writer(self) -> Writer:
        """This, as what it stands for."""
        return cast("Writer", self)


class Sender:
    """Bytes come from here."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        """Note it."""
        self.told.append("pause")

    def resumeProducing(self) -> None:
        """Note it."""
        self.told.append("resume")
