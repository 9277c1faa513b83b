"""llhttp, as httptools has it, judging whole heads (pure: it keeps nothing from one to the next)."""

from httptools import HttpParserError, HttpRequestParser

from couchpages.web.heads import DEFAULT_LIMITS, HeadLimits


class Syntax:
    """Says whether a head is well-formed and within *limits*. What it refuses somebody else must look at, who knows what to answer."""

    def __init__(self, limits: HeadLimits = DEFAULT_LIMITS) -> None:
        self._size = limits.size
        # Each field is a line; the request line and the empty line come on top.
        self._lines = limits.fields + 2
        self._parser = HttpRequestParser(self)

    def accepts(self, head: bytes, *, closes: bool) -> bool:
        """Judge one whole head, its empty line included, of a request without a body; *closes* tells that its connection ends with it."""
        if len(head) > self._size or head.count(b"\n") > self._lines:
            return False
        try:
            self._parser.feed_data(head)
        except HttpParserError:
            # It may be the last head that ended a connection, by Proxy-Connection, which nobody else heeds.
            return self._accepts_anew(head)
        if closes:
            # llhttp takes nothing after the last request of a connection; here it sees those of many.
            self._parser = HttpRequestParser(self)
        return True

    def _accepts_anew(self, head: bytes) -> bool:
        self._parser = HttpRequestParser(self)
        try:
            self._parser.feed_data(head)
        except HttpParserError:
            self._parser = HttpRequestParser(self)
            return False
        return True
