"""A process that runs an embedded store until it is killed, for the tests that kill it (does).

`python -m tests.couch.embedded.store_process PATH` prints the port that it listens on.
"""

import sys
from pathlib import Path
from typing import Any

from couchpages.couch.embedded.service import EmbeddedStore

USERNAME, PASSWORD, DATABASE = "couchpages", "made-up", "files"


def _tell(port: Any) -> None:
    print(port.getHost().port, flush=True)  # noqa: T201  # its purpose


def main() -> None:
    """Run."""
    from twisted.internet import reactor as imported
    from twisted.internet.endpoints import TCP4ServerEndpoint

    reactor: Any = imported
    store = EmbeddedStore(
        reactor=reactor,
        endpoint=TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1"),
        path=Path(sys.argv[1]),
        username=USERNAME,
        password=PASSWORD,
        databases=[DATABASE],
    )
    store.startService()
    store.whenListening().addCallback(_tell)
    reactor.run()


if __name__ == "__main__":
    main()
