"""Our daemon as a name server, and its record API: all that the benchmark knows of it (does I/O)."""

import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import Any, Self

from tests.bench import machine
from tests.bench.dns.servers import CORE
from tests.bench.dns.zone import Zone
from tests.bench.hot_path.peers import NotMeasurable
from tests.integration.node import Node, free_ports
from tests.integration.publisher import Publisher
from tests.integration.stores import EmbeddedStore

#: What the section ``[dns]`` has beside where it listens: no limit of rates, as with the others.
SETTINGS: Mapping[str, Any] = {}
#: Seconds in which a node has read a large zone.
PATIENCE = 120.0
#: Record sets in one call.
AT_ONCE = 10_000


class Own:
    """``twistd couchpages`` on the embedded store: see :class:`~tests.bench.dns.servers.NameServer`."""

    name = "couchpages"

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self._node: Node | None = None
        self._running = False

    @property
    def node(self) -> Node:
        """The node, which was prepared."""
        assert self._node is not None, "it was not prepared"
        return self._node

    @property
    def pids(self) -> tuple[int, ...]:
        """See :class:`~tests.bench.dns.servers.NameServer`."""
        return (self.node.pid,)

    def prepare(self, folder: Path, zone: Zone) -> None:
        """Write the zone through the API of a daemon that is stopped afterwards."""
        settings = {"dns": {"listen": [f"127.0.0.1:{self.port}"], **SETTINGS}}
        self._node = Node(folder / "node", EmbeddedStore(), settings)
        try:
            self._node.init()
            self.start()
            with Writer(self._node, zone) as writer:
                writer.create()
        except AssertionError as error:
            raise NotMeasurable(f"couchpages: {' '.join(str(error).split())[:200]}") from error
        finally:
            self.stop()

    def start(self) -> None:
        """See :class:`~tests.bench.dns.servers.NameServer`; waits until it listens for HTTP."""
        self._running = True
        self.node.start(by=machine.pinned(CORE), ready=False)

    def stop(self) -> None:
        """See :class:`~tests.bench.dns.servers.NameServer`."""
        if self._running:
            self._running = False
            self.node.stop()


class Writer:
    """Whoever writes the zone's records, over one connection to the node's API."""

    def __init__(self, node: Node, zone: Zone) -> None:
        self._publisher = Publisher(node)
        self._zone = zone
        self._until_ready()

    def create(self) -> None:
        """Create the zone with all its record sets."""
        self._call("POST", "/api/v2/zones", {"name": self._zone.name, "nameservers": [f"ns1.{self._zone.name}."]})
        rrsets = self._zone.rrsets()
        while more := list(islice(rrsets, AT_ONCE)):
            self._send(more)

    def change(self, number: int, version: int) -> None:
        """Give one host the address that it has in this version."""
        self._send([self._zone.rrset(number, version)])

    def _until_ready(self) -> None:
        """Wait until the node has read its keys and zones."""
        until = time.monotonic() + PATIENCE
        while self._publisher.call("GET", "/api/v2/zones").status != HTTPStatus.OK:
            assert time.monotonic() < until, "the node does not get ready"
            time.sleep(0.1)

    def _send(self, rrsets: Sequence[Mapping[str, Any]]) -> None:
        self._call("PATCH", f"/api/v2/zones/{self._zone.name}/rrsets", {"rrsets": rrsets})

    def _call(self, method: str, path: str, body: Any) -> None:
        answer = self._publisher.call(method, path, body)
        assert answer.status in (200, 201, 202, 204), f"{method} {path}: {answer.status} {answer.body[:300]!r}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._publisher.close()
