"""Which application a request's host is for."""

from twisted.trial.unittest import SynchronousTestCase

from couchpages.testing.asking import head_of
from couchpages.web.exchange import Discarded, Exchange
from couchpages.web.hosts import ByHost
from couchpages.web.message import RequestHead, Response


class Named:
    """An application that tells its name."""

    def __init__(self, status: int) -> None:
        self._status = status

    def admit(self, head: RequestHead) -> Exchange:
        """Admit everything."""
        del head

        async def respond() -> Response:
            return Response(self._status)

        return Exchange(respond, Discarded())


API, REST = 299, 200


class ByHostTests(SynchronousTestCase):
    """``ByHost``."""

    def status(self, target: bytes, *hosts: bytes, api_hosts: tuple[str, ...] = ("api.example",)) -> int:
        """Tell which application a request gets."""
        application = ByHost(api_hosts, Named(API), Named(REST))
        fields = tuple((b"host", host) for host in hosts)
        try:
            application.admit(head_of("GET", target, fields)).respond().__await__().send(None)
        except StopIteration as done:
            return int(done.value.status)
        raise AssertionError("it waits")

    def test_api(self) -> None:
        """The API's paths under its host, however that is written."""
        for host in (b"api.example", b"API.Example", b"api.example:8080", b"api.example."):
            self.assertEqual(self.status(b"/api/v2/sites", host), API, host)
        self.assertEqual(self.status(b"/v1/dnsapi/Zone/List", b"api.example"), API)

    def test_absolute_form(self) -> None:
        """Defect: Host decided where the target had an authority, which alone counts (RFC 9112 section 3.2.2)."""
        for target in (b"http://api.example/api/v2/sites", b"HTTPS://API.example.:8443/api/v2/sites"):
            for hosts in ((b"www.example",), (b"api.example",), ()):
                self.assertEqual(self.status(target, *hosts), API, (target, hosts))

    def test_rest(self) -> None:
        """Other paths under that host, other hosts, several hosts and none are for visitors."""
        for target, hosts in (
            (b"/", (b"api.example",)),
            (b"/metrics", (b"api.example",)),
            (b"/healthz", (b"api.example",)),
            (b"/api", (b"api.example",)),
            (b"/x/api/v2/sites", (b"api.example",)),
            (b"/api/v2/sites", (b"www.example",)),
            (b"/api/v2/sites", (b"evil.api.example",)),
            (b"/api/v2/sites", (b"api.example", b"api.example")),
            (b"/api/v2/sites", ()),
            (b"/api/v2/sites", (b"",)),
            (b"/api/v2/sites", (b"api.example:1:2",)),
            (b"http://www.example/api/v2/sites", (b"api.example",)),
            (b"http://api.example@www.example/api/v2/sites", (b"api.example",)),
            (b"http:///api/v2/sites", (b"api.example",)),
            (b"ftp://api.example/api/v2/sites", (b"api.example",)),
        ):
            self.assertEqual(self.status(target, *hosts), REST, (target, hosts))

    def test_no_api_hosts(self) -> None:
        """Without such hosts the public port has no API, also for requests that name no host."""
        for hosts in ((), (b"",), (b"api.example",)):
            self.assertEqual(self.status(b"/api/v2/sites", *hosts, api_hosts=()), REST)
