"""HTTPS of a node: contexts, limits and listeners (wires, decides nothing)."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from couchpages.certs.bundles import Bundles
from couchpages.certs.contexts import PyOpenSSL, StandardLibrary
from couchpages.certs.development import self_signed
from couchpages.certs.tls_contexts import Contexts
from couchpages.certs.tls_policy import policy
from couchpages.config import Settings, tcp_address
from couchpages.metrics import Metrics
from couchpages.pages.secure import Secure
from couchpages.reactors import is_asyncio
from couchpages.secure_listener import SecureListener
from couchpages.services import Listener, Prepared
from couchpages.web.edge import Edge
from couchpages.web.handshakes import Handshakes
from couchpages.web.hsts import hsts_fields
from couchpages.web.tls_native import Make, SecurePort
from couchpages.web.tls_twisted import SecureFactory

HTTPS_PORT = 443
PUBLIC, API = "https", "api"


class Https:
    """What TLS ports need. *bundles* tell which certificates there are.

    :ivar contexts: of the public port, by the library that its connections take; None where there is no such port.
    """

    def __init__(self, reactor: Any, settings: Settings, metrics: Metrics, bundles: Bundles) -> None:
        self._reactor = reactor
        self._settings = settings.https
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
        if self.contexts is None or not self._settings.redirect:
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
        return Handshakes(edge, self._metrics, port, self._settings.handshakes, self._settings.handshake_timeout)

    def _every(self) -> list[Contexts[Any]]:
        return [each for each in (self.contexts, self._of_api) if each is not None]

    def _serve(self) -> None:
        for each in self._every():
            each.serve(self._bundles.certificates.values())

    def _stop(self) -> None:
        for each in self._every():
            each.stop()


def _base_of(contexts: Contexts[Any]) -> Callable[[], Any]:
    return lambda: contexts.base
