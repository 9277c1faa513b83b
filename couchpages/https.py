"""HTTPS of a node: contexts, limits and listeners (wires, decides nothing)."""

import ipaddress
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from couchpages.certs.bundles import Bundles
from couchpages.certs.contexts import PyOpenSSL, StandardLibrary
from couchpages.certs.development import self_signed
from couchpages.certs.tls_contexts import Contexts
from couchpages.certs.tls_policy import policy
from couchpages.config import tcp_address
from couchpages.metrics import Metrics
from couchpages.pages.secure import Secure
from couchpages.reactors import is_asyncio, is_uvloop
from couchpages.secure_listener import SecureListener
from couchpages.services import Listener, Prepared
from couchpages.settings import Settings
from couchpages.web.edge import Edge
from couchpages.web.handshakes import Handshakes
from couchpages.web.hsts import hsts_fields
from couchpages.web.tls_native import Make, SecurePort
from couchpages.web.tls_twisted import SecureFactory

HTTPS_PORT = 443
#: The part of the descriptors that handshakes may take beside those of their connections, in percent: each has a duplicate of its socket.
PERCENT_FOR_HANDSHAKES = 10
#: Handshakes at a time on asyncio's own loop. Each has a quarter of a megabyte there, written to.
MOST_OF_ASYNCIO = 64
PUBLIC, API = "https", "api"


class Https:
    """What TLS ports need. *bundles* tell which certificates there are.

    :ivar contexts: of the public port, by the library that its connections take; None where there is no such port.
    """

    def __init__(self, reactor: Any, settings: Settings, metrics: Metrics, bundles: Bundles, descriptors: int) -> None:
        self._reactor = reactor
        self._most = most_handshakes(reactor, descriptors)
        self._settings = settings.https
        # Who comes from elsewhere would be sent to where nothing answers, unless somebody says that something does.
        self._is_nearer = (
            settings.https.public_port is None
            and is_local(settings.https.listen)
            and not is_local(settings.http.listen)
        )
        self._metrics = metrics
        self._bundles = bundles
        self._own = [self_signed(time.time())] if settings.https.self_signed else []
        self._native = is_asyncio(reactor)
        library: Any = StandardLibrary() if self._native else PyOpenSSL()
        # HTTP/2 is for visitors; the API's channel speaks HTTP/1.1 alone.
        self.contexts = self._contexts(library, http2=settings.https.http2) if settings.https.listen else None
        self._of_api = self._contexts(PyOpenSSL(), http2=False) if settings.api.tls else None
        bundles.tell(lambda _: self._serve())

    @property
    def secure(self) -> Secure | None:
        """Where visitors of plain HTTP are sent; None where they are not."""
        if self.contexts is None or not self._settings.redirect or self._is_nearer:
            return None
        address = tcp_address(self._settings.listen[0])
        port = self._settings.public_port or (address.port if address else None)
        return Secure(self.contexts.is_served, None if port == HTTPS_PORT else port)

    @property
    def fields(self) -> Sequence[tuple[bytes, bytes]]:
        """The fields of every response over HTTPS."""
        settings = self._settings
        return hsts_fields(settings.hsts, subdomains=settings.hsts_subdomains, preload=settings.hsts_preload)

    @property
    def service(self) -> Prepared:
        """What has to be up before somebody listens."""
        return Prepared("TLS contexts", self._serve, self._stop)

    def tell(self, told: Callable[[frozenset[str]], object]) -> None:
        """Call *told* with the names, wildcards among them, that may be served over HTTPS from now on, or no longer."""
        if self.contexts is not None:
            self.contexts.tell(told)

    def listeners(self, endpoint: Callable[[str], Any], edge: Edge, make: Make) -> list[Listener]:
        """Give the listeners of the public port, on whose connections *make* answers."""
        if self.contexts is None:
            return []
        pending = self._handshakes(edge, PUBLIC)
        if self._native:
            # Of the factory, no connection is ever made.
            unused = PyOpenSSL().base(policy(http2=False), lambda _: None)
            factory, native = (
                SecureFactory(pending, lambda: unused, make),
                SecurePort(pending, _base_of(self.contexts), make).accept,
            )
        else:
            factory, native = SecureFactory(pending, _base_of(self.contexts), make), None
        return [
            SecureListener(self._reactor, endpoint(each), f"{each} (https)", edge, factory, native)
            for each in self._settings.listen
        ]

    def api_listeners(
        self, endpoints: Sequence[str], endpoint: Callable[[str], Any], edge: Edge, make: Callable[[], Any]
    ) -> list[Listener]:
        """Give the listeners of the API's port: over TLS where that is configured."""
        if self._of_api is None:
            return [Listener(self._reactor, endpoint(each), f"{each} (api)", edge, make) for each in endpoints]
        factory = SecureFactory(self._handshakes(edge, API), _base_of(self._of_api), lambda _: make())
        return [
            SecureListener(self._reactor, endpoint(each), f"{each} (api, over TLS)", edge, factory)
            for each in endpoints
        ]

    def _contexts(self, library: Any, *, http2: bool) -> Contexts[Any]:
        made = partial(Contexts, self._reactor, library, policy(http2=http2), self._metrics, time.time)
        return made(self._settings.default_certificate, self._own)

    def _handshakes(self, edge: Edge, port: str) -> Handshakes:
        most = min(self._settings.handshakes, self._most)
        return Handshakes(edge, self._metrics, port, most, self._settings.handshake_timeout)

    def _every(self) -> list[Contexts[Any]]:
        return [each for each in (self.contexts, self._of_api) if each is not None]

    def _serve(self) -> None:
        for each in self._every():
            each.serve(self._bundles.certificates.values())

    def _stop(self) -> None:
        for each in self._every():
            each.stop()


def most_handshakes(reactor: Any, descriptors: int) -> int:
    """Give how many handshakes *reactor* bears at a time, of *descriptors* that the process may have open."""
    bears = MOST_OF_ASYNCIO if is_asyncio(reactor) and not is_uvloop(reactor) else descriptors
    return max(1, min(bears, descriptors * PERCENT_FOR_HANDSHAKES // 100))


def is_local(endpoints: Sequence[str]) -> bool:
    """Whether all *endpoints* are on the loopback."""
    return all(address is not None and _is_loopback(address.interface) for address in map(tcp_address, endpoints))


def _is_loopback(interface: str) -> bool:
    try:
        return ipaddress.ip_address(interface).is_loopback
    except ValueError:
        return interface == "localhost"


def _base_of(contexts: Contexts[Any]) -> Callable[[], Any]:
    return lambda: contexts.base
