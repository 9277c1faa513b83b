"""What HTTPS is wired to: where visitors are sent, and how many may shake hands."""

import asyncio
import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import uvloop
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.bundles import Bundles
from couchpages.config import parse
from couchpages.edges import PERCENT, Edges
from couchpages.https import MOST_OF_ASYNCIO, Https, most_handshakes
from couchpages.metrics import Metrics
from couchpages.settings import Settings
from couchpages.web.second import Second
from tests.web.wire import Scripted

EVERYWHERE, HERE = "tcp:80:interface=\\:\\:", "tcp:8443:interface=127.0.0.1"


def settings_of(http: Sequence[str] = (HERE,), https: Sequence[str] = (), **more: Any) -> Settings:
    """Give settings, *more* of them in ``[https]``."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in more.items()]
    return parse(
        "\n".join(("[http]", f"listen = {json.dumps(http)}", "[https]", f"listen = {json.dumps(https)}", *lines)),
        "test",
    )


class Wired(SynchronousTestCase):
    """``Https`` and ``Edges``."""

    def https(self, http: str, https: str, **more: Any) -> Https:
        """Make it of two endpoints."""
        settings = settings_of(http=[http], https=[https], **more)
        bundles: Any = SimpleNamespace(tell=lambda _: None, certificates={})
        made: Bundles = bundles
        return Https(Clock(), settings, Metrics(), made, 1000)

    def test_nobody_is_sent_to_the_loopback(self) -> None:
        """Where HTTPS is on the loopback and HTTP is not, nobody is sent there, unless the port that others reach is configured."""
        for http, https, sent in (
            (EVERYWHERE, HERE, False),
            ("tcp:80", "tcp:8443:interface=localhost", False),
            ("tcp:80", "tcp:8443:interface=\\:\\:1", False),
            (HERE, HERE, True),
            (EVERYWHERE, EVERYWHERE, True),
            (EVERYWHERE, "systemd:domain=INET:index=0", True),
        ):
            self.assertEqual(self.https(http, https).secure is not None, sent, (http, https))
        self.assertIsNotNone(self.https(EVERYWHERE, HERE, public_port=443).secure)
        self.assertIsNone(self.https(EVERYWHERE, EVERYWHERE, redirect=False).secure)

    def test_handshakes(self) -> None:
        """A tenth of the descriptors is for their duplicates; asyncio's own loop bears few, because each takes memory for long."""
        for loop, most in ((asyncio.new_event_loop(), MOST_OF_ASYNCIO), (uvloop.new_event_loop(), 1000)):
            self.addCleanup(loop.close)
            self.assertEqual(most_handshakes(SimpleNamespace(_asyncioEventloop=loop), 10_000), most)
            self.assertEqual(most_handshakes(SimpleNamespace(_asyncioEventloop=loop), 200), 20)
        self.assertEqual(most_handshakes(Clock(), 10_000), 1000)

    def test_without_https(self) -> None:
        """With ``listen = []``, the plain port has the share of both."""
        for listen, percent in (([], PERCENT["public"] + PERCENT["https"]), ([HERE], PERCENT["public"])):
            settings = settings_of(https=listen)
            second = Second(Clock(), lambda: 0.0)
            edges = Edges(Clock(), settings, Metrics(), second, None, 1000)
            self.assertEqual(edges.edge(Scripted(), "public").limits.connections, 10 * percent)
