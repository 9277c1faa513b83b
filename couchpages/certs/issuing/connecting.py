"""Connects to one address, and says why nobody was reached, in words (does I/O)."""

from typing import Any, TypeVar

from twisted.internet import error
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.protocol import Factory, Protocol

P = TypeVar("P", bound=Protocol)


class _Quiet(Factory):
    """Does not log that it starts and stops."""

    noisy = False


async def connect(reactor: Any, address: str, port: int, protocol: type[P]) -> P:
    """Connect to an IP address, for as long as it takes. Raises :class:`twisted.internet.error.ConnectError`; see :func:`told`."""
    endpoint = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
    connected: P = await endpoint(reactor, address, port).connect(_Quiet.forProtocol(protocol))  # type: ignore[assignment]
    return connected


def told(trouble: BaseException) -> str:
    """Say why a connection was not made, to continue an address."""
    match trouble:
        case error.ConnectionRefusedError() | ConnectionRefusedError():
            return "refuses connections"
        case error.TimeoutError() | TimeoutError():
            return "does not answer"
        case error.ConnectError(osError=OSError(strerror=str(words))) | OSError(strerror=str(words)):
            return f"cannot be reached: {words}"
        case _:
            return f"cannot be reached: {trouble}"
