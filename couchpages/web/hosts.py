"""Which application a request's host is for (pure)."""

from collections.abc import Sequence

from couchpages.web.exchange import Application, Exchange
from couchpages.web.message import RequestHead

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
        if not self._api_hosts or not head.target.startswith(API_PATHS):
            return False
        named = head.headers.all(b"host")
        host = named[0].lower().rsplit(b":", 1)[0].rstrip(b".") if len(named) == 1 else b""
        return host in self._api_hosts
