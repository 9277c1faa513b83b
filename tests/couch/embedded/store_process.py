"""Processes that run an embedded store until they are killed, for the tests that kill them (does).

`python -m tests.couch.embedded.store_process PATH` starts one for each line that it reads, which is a fork and so takes
little time, and prints its process id and the port that it listens on.
"""

import os
import sys
from pathlib import Path
from typing import Any

from couchpages.couch.embedded.service import EmbeddedStore

USERNAME, PASSWORD, DATABASE = "couchpages", "made-up", "files"


def _tell(port: Any) -> None:
    print(os.getpid(), port.getHost().port, flush=True)  # noqa: T201  # its purpose


def main() -> None:
    """Start processes, one after the other."""
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            run()
        os.waitpid(child, 0)


def run() -> None:
    """Run a store."""
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
