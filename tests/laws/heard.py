"""What is logged while a test runs."""

from typing import Any

from twisted.logger import ILogObserver, LogEvent, eventAsText, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer


@implementer(ILogObserver)
class Heard:
    """Collects events until the test ends."""

    def __init__(self, test: SynchronousTestCase) -> None:
        self.events: list[dict[str, Any]] = []
        globalLogPublisher.addObserver(self)
        test.addCleanup(globalLogPublisher.removeObserver, self)

    def __call__(self, event: LogEvent) -> None:
        """Take an event."""
        self.events.append(event)

    @property
    def text(self) -> str:
        """Everything, as a person reads it."""
        return "\n".join(eventAsText(event) for event in self.events)


@implementer(ILogObserver)
class Deaf:
    """Hears nothing."""

    def __call__(self, event: LogEvent) -> None:
        """Let an event pass."""
