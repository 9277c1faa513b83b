"""The HTTP client on a real network: treq on one persistent pool (I/O)."""

from typing import Any

CONNECT_SECONDS = 10
CACHED_SECONDS = 30
"""A connection unused for so long is closed by us, before most servers and proxies close it under a request."""


def make_http(reactor: Any, connections: int) -> Any:
    """Make a ``treq.client.HTTPClient`` with up to *connections* kept open. TLS servers must prove who they are.

    OpenSSL's variable SSL_CERT_FILE names further trusted authorities.
    """
    # Imported here: it takes a fifth of a second, in which the hashing threads are at work already.
    from treq.client import HTTPClient
    from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool

    pool = HTTPConnectionPool(reactor)
    pool.maxPersistentPerHost = connections
    pool.cachedConnectionTimeout = CACHED_SECONDS
    pool.retryAutomatically = False  # what may be repeated, retry.py decides
    return HTTPClient(Agent(reactor, BrowserLikePolicyForHTTPS(), connectTimeout=CONNECT_SECONDS, pool=pool))
