"""What stands behind nginx in the first system's shape: twisted.web, answering from memory. Runs as a process: PORT PATH LENGTH."""

import sys
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.web.resource import Resource
from twisted.web.server import Request, Site


class Page(Resource):
    """One text, at one path of the root."""

    isLeaf = True  # noqa: N815 -- Twisted's name

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._content = content

    def render_GET(self, request: Request) -> bytes:
        """Answer."""
        request.setHeader(b"content-type", b"text/css; charset=utf-8")
        return self._content


def main(port: str, path: str, length: str) -> None:
    """Serve until ended by a signal."""
    root = Resource()
    root.putChild(path.lstrip("/").encode(), Page(b"x" * int(length)))
    reactor: Any = _reactor
    reactor.listenTCP(int(port), Site(root), backlog=1024, interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
