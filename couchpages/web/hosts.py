"""Which application a request's host is for (pure)."""

from collections.abc import Sequence

from couchpages.web.exchange import Application, Exchange
from couchpages.web.message import RequestHead
from couchpages.web.targets import split_absolute

#: Health and metrics are not among them: they answer on the API port only.
API_PATHS = (b"/api/", b"/v1/dnsapi/")


class ByHost:
    """Gives the API's calls to *api* under *api_hosts*, and everything else to *rest*."""

    def __init__(self, api_hosts: Sequence[str], api: Application, rest: Application) -> None:
        self._api_hosts = frozenset(host.encode() for host in api_hosts)
        self._api = api
        self._rest = rest

    def admit(self, head: RequestHead) -> Exchange:
        """See :class:`couchpages.web.exchange.Application`."""
        return (self._api if self.is_call(head) else self._rest).admit(head)

    def is_call(self, head: RequestHead) -> bool:
        """Whether a request is for the API."""
        if not self._api_hosts:
            return False
        authority, path = split_absolute(head.target)
        return path.startswith(API_PATHS) and self._is_api_host(authority, head.headers.all(b"host"))

    def _is_api_host(self, authority: bytes | None, hosts: Sequence[bytes]) -> bool:
        """Go by the target's authority if it has one, whatever Host says (RFC 9112 section 3.2.2)."""
        named = hosts if authority is None else [authority]
        return len(named) == 1 and named[0].lower().rsplit(b":", 1)[0].rstrip(b".") in self._api_hosts
