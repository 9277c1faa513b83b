"""What an HTTP server answered, whole, and how its headers are read (pure)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

from couchpages.certs.acme.errors import AcmeError, nonsense
from couchpages.ports import Json
from couchpages.quoting import quoted

#: Of a Retry-After: the longest rate limits of Let's Encrypt are of a week.
LONGEST_RETRY = 7 * 86400.0
SHORTEST_RETRY = 1.0
_SECONDS = re.compile(r"[0-9]{1,12}")
#: RFC 8288 as far as ACME writes it: an address, and parameters that hold no comma outside quotes.
_LINK = re.compile(
    r'<([^<>]{1,2048})>((?:\s{0,9};\s{0,9}[\w!#$&+.^`|~*-]{1,64}\s{0,9}=\s{0,9}(?:"[^"]{0,512}"|[^",;\s]{1,512}))*)'
)
_RELATION = re.compile(r';\s{0,9}rel\s{0,9}=\s{0,9}(?:"([^"]*)"|([^",;\s]+))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. *url* is what was asked, *headers* are by name in lower case, *now* is when it came, in seconds since 1970."""

    url: str
    status: int
    headers: Mapping[str, tuple[str, ...]]
    body: bytes
    now: float

    @property
    def is_success(self) -> bool:
        """Whether HTTP calls it one."""
        return 200 <= self.status < 300  # noqa: PLR2004 -- HTTP's successes

    @property
    def media_type(self) -> str:
        """What the body says to be, without parameters."""
        return self.header("content-type").partition(";")[0].strip().lower()

    def header(self, name: str) -> str:
        """Give the first header of a *name* in lower case, or an empty text."""
        return next(iter(self.headers.get(name, ())), "")

    def json(self) -> Json:
        """Read the body as a JSON object. Raises AcmeError."""
        try:
            read = json.loads(self.body)
        except (ValueError, RecursionError):
            raise self.nonsense(f"answered {self._shape()}, no JSON") from None
        if not isinstance(read, dict):
            raise self.nonsense(f"answered JSON that is no object but {quoted(type(read).__name__)}")
        return read

    def retry_after(self) -> float | None:
        """Give what ``Retry-After`` says (RFC 9110 section 10.2.3), in seconds from now and bounded, or None."""
        return _seconds_until(self.header("retry-after").strip(), self.now)

    def links(self, relation: str, most: int) -> tuple[str, ...]:
        """Give the addresses of ``Link`` headers of a *relation* (RFC 8288), each once and *most* of them at most."""
        found: dict[str, None] = {}
        for value in self.headers.get("link", ())[:64]:
            for address, parameters in _LINK.findall(value[:8192]):
                if relation in _relations(parameters) and len(found) < most:
                    found[_joined(self.url, address)] = None
        return tuple(found)

    def nonsense(self, words: str) -> AcmeError:
        """Give the error that says what is wrong with it; *words* go on behind the address."""
        return nonsense(f"{self.url} {words}", self.status)

    def _shape(self) -> str:
        start = self.body[:256].lstrip().lower()
        if self.media_type == "text/html" or start.startswith((b"<!doctype html", b"<html")):
            return "HTML"
        return self.media_type[:80] if self.media_type.isprintable() and self.media_type else "something unnamed"


def _seconds_until(text: str, now: float) -> float | None:
    if _SECONDS.fullmatch(text):
        seconds = float(text)
    else:
        try:
            seconds = parsedate_to_datetime(text[:64]).timestamp() - now
        except (ValueError, TypeError, OverflowError, IndexError, OSError):
            return None
    return min(max(seconds, SHORTEST_RETRY), LONGEST_RETRY)


def _relations(parameters: str) -> list[str]:
    return [word.lower() for quoted_, bare in _RELATION.findall(parameters) for word in (quoted_ or bare).split()]


def _joined(base: str, address: str) -> str:
    """Resolve an address. One that cannot be is given as it is, and is refused where addresses are."""
    try:
        return urljoin(base, address)
    except ValueError:
        return address
