"""Connections to an authority: whose certificates are trusted, and how much may come (does I/O)."""

from typing import Any

from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.web.client import URI, Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory, IPolicyForHTTPS
from zope.interface import implementer

from couchpages.certs.pem_blocks import blocks_in

#: Bytes of one answer with its headers, which Twisted reads without a limit of its own.
MOST_RECEIVED = 2 * 2**20
#: Seconds; authorities close idle connections, and who meets a closed one has to try again.
KEPT_OPEN = 10
_ABORT = "couchpages_abort"
_ENDS = ("abortConnection", "loseConnection")


def trusting(ca_pem: bytes | None) -> IPolicyForHTTPS:
    """Give what trusts the platform's roots, or those in *ca_pem* alone. Raises ValueError for what holds no certificate."""
    if ca_pem is None:
        return BrowserLikePolicyForHTTPS()
    found = [block.pem for block in blocks_in(ca_pem) if block.label == "CERTIFICATE"]
    if not found:
        raise ValueError("[acme] ca_file: there is no certificate in it; one begins with -----BEGIN CERTIFICATE-----")
    try:
        roots = [Certificate.loadPEM(pem) for pem in found]
    except Exception:  # noqa: BLE001 -- pyOpenSSL's errors have lists for words
        raise ValueError("[acme] ca_file: a certificate in it cannot be read") from None
    return BrowserLikePolicyForHTTPS(trustRoot=trustRootFromCertificates(roots))


def pool_for(reactor: Any) -> HTTPConnectionPool:
    """Give a pool for few requests, one behind the other."""
    pool = HTTPConnectionPool(reactor, persistent=True)
    pool.cachedConnectionTimeout = KEPT_OPEN
    return pool


def agent_for(reactor: Any, policy: IPolicyForHTTPS, pool: HTTPConnectionPool, connect: float) -> Agent:
    """Give an agent whose connections are made within *connect* seconds and end when an answer is too large."""
    agent: Agent = Agent.usingEndpointFactory(reactor, _Endpoints(reactor, policy, connect), pool=pool)
    return agent


@implementer(IAgentEndpointFactory)
class _Endpoints:
    def __init__(self, reactor: Any, policy: IPolicyForHTTPS, connect: float) -> None:
        self._reactor = reactor
        self._policy = policy
        self._connect = connect

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:  # noqa: N802 -- Twisted's name
        """Give where to connect to."""
        host = uri.host.decode("ascii")
        endpoint: Any = HostnameEndpoint(self._reactor, host, uri.port, timeout=self._connect)
        if uri.scheme == b"https":
            endpoint = wrapClientTLS(self._policy.creatorForNetloc(uri.host, uri.port), endpoint)
        return _Bounded(endpoint)


@implementer(IStreamClientEndpoint)
class _Bounded:
    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint

    def connect(self, factory: Any) -> Any:
        """Connect, and count what comes."""
        return self._endpoint.connect(_CountingFactory(factory))


class _CountingFactory(Factory):
    """Makes the protocols of another factory, each of which ends its connection when an answer gets too large."""

    noisy = False

    def __init__(self, factory: Any) -> None:
        self._factory = factory

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802 -- Twisted's name
        """Make a protocol that counts."""
        protocol = self._factory.buildProtocol(addr)
        _count(protocol)
        return protocol


def end_connection(response: Any, transport: Any) -> None:
    """End the connection over which a *response* comes, at once. *transport* is what its body is delivered by.

    That can only close in good order, for which TLS waits until the other side agrees, and it may never do so.
    """
    while response is not None and not hasattr(response, _ABORT):
        # treq's responses have Twisted's inside.
        response = getattr(response, "original", None)
    found = (getattr(response, _ABORT, None), *(getattr(transport, name, None) for name in _ENDS))
    for end in found:
        if end is not None:
            end()
            return


def _count(protocol: Any) -> None:
    """Bound what *protocol* receives between one request and the next, and let its responses know how to end it.

    Twisted has no hook for either, so its two methods are replaced.
    """
    receive, request = protocol.dataReceived, protocol.request
    received = 0

    def counting(data: bytes) -> None:
        nonlocal received
        received += len(data)
        if received <= MOST_RECEIVED:
            receive(data)
        elif received - len(data) <= MOST_RECEIVED:
            # What is waited for fails with ConnectionAborted, which nothing else in here causes.
            protocol.transport.abortConnection()

    def anew(*args: Any, **kwargs: Any) -> Any:
        nonlocal received
        received = 0
        return request(*args, **kwargs).addCallback(knowing)

    def knowing(response: Any) -> Any:
        setattr(response, _ABORT, protocol.transport.abortConnection)
        return response

    protocol.dataReceived, protocol.request = counting, anew
