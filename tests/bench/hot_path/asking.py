"""What is asked of every server, and what must come back (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

#: The site, where a row has only one.
SITE = "bench.test"
#: Chrome's, without Host and Connection: with these two there are thirteen.
BROWSER: Mapping[str, str] = {
    "sec-ch-ua": '"Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"',
    "sec-ch-ua-mobile": "?0",
    "sec-ch-ua-platform": '"Linux"',
    "Upgrade-Insecure-Requests": "1",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "en-GB,en;q=0.9,de;q=0.8",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as a browser sends it, with *more* headers; the answer must have *status* and a body of *length* bytes."""

    path: str
    length: int
    host: str = SITE
    status: int = 200
    closing: bool = False
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        """All its headers, in the order in which they are sent."""
        connection = "close" if self.closing else "keep-alive"
        return {"Host": self.host, "Connection": connection, **BROWSER, **self.more}

    def written(self) -> bytes:
        """Give its bytes."""
        lines = [f"GET {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


@dataclass(frozen=True, slots=True)
class Load:
    """*asks*, sent again and again in *order*, which holds their indices."""

    asks: tuple[Ask, ...]
    order: tuple[int, ...] = (0,)
