"""Stops services in order (does nothing else; imports no reactor, because the tap needs it before there is one)."""

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger


async def stop_in_turn(services: Iterable[Any], log: Logger) -> None:
    """Stop each service when the one before it has stopped. One that fails is logged, and the others are stopped all the same."""
    for service in services:
        try:
            await maybeDeferred(service.stopService)
        except Exception:  # noqa: BLE001 -- see above
            log.failure("{service} did not stop cleanly", service=service.name)
