"""Records of answered requests as lines of an access log (pure).

Whatever a visitor sent, a line is printable ASCII and ends where it should: it neither breaks the log nor does anything to a terminal.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

Record: TypeAlias = tuple[float, str, bytes, int, int, float, str, str]
"""Moment (seconds since 1970), the visitor's address, the request's head as it came (request line and fields), status, bytes of the
body sent, seconds that the answer took, the site (empty where there is none), and where the content came from."""

Lines: TypeAlias = Callable[[Sequence[Record]], bytes]
"""What writes records as lines, one after the other."""

#: Names of months are English whatever the machine's language.
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: What nginx's ``log_format`` writes as ``\xHH`` with ``escape=default``.
_ESCAPED = re.compile(r"[^ !#-\[\]-~]")
_PLAIN = bytes(byte for byte in range(0x20, 0x7F) if byte not in b'"\\')
#: An address is no quoted string, and a scope behind an IPv6 address, which a proxy may pass on, can hold anything.
_ESCAPED_BARE = re.compile(r"[^!#-\[\]-~]")


class LoggedHead(NamedTuple):
    """What the log tells of a request's head; a field that did not come is None. *line* is the request line."""

    line: bytes
    host: bytes | None
    referer: bytes | None
    user_agent: bytes | None

    @property
    def words(self) -> tuple[bytes, bytes, bytes]:
        """Method, target and version; of a line that has not three words, all is target."""
        method, _, rest = self.line.partition(b" ")
        target, _, version = rest.rpartition(b" ")
        return (method, target, version) if target else (b"", self.line, b"")


def logged_head(head: bytes) -> LoggedHead:
    """Read a head, also one that is malformed; of several fields of one name, the first counts."""
    lower = head.lower()
    host, referer = _field(head, lower, b"\nhost:"), _field(head, lower, b"\nreferer:")
    user_agent = _field(head, lower, b"\nuser-agent:")
    return LoggedHead(head.partition(b"\n")[0].rstrip(b"\r"), host, referer, user_agent)


def combined(records: Sequence[Record]) -> bytes:
    r"""Write records in the "combined" format of Apache and nginx, with nginx's escapes (``\xHH``); times are UTC."""
    heads: dict[bytes, tuple[str, str]] = {}
    moments: dict[int, str] = {}
    lines = []
    for moment, address, head, status, size, _, _, _ in records:
        second = int(moment)
        time = moments.get(second) or moments.setdefault(second, _common_time(second))
        request, rest = heads.get(head) or heads.setdefault(head, _combined_head(head))
        lines.append(f'{_bare(address)} - - [{time}] "{request}" {status} {size} {rest}\n')
    return "".join(lines).encode("ascii")


def as_json(records: Sequence[Record]) -> bytes:
    r"""Write records as JSON objects, one a line. Bytes that are no UTF-8 stand in their strings as ``\xHH``; what did not come is null."""
    heads: dict[bytes, tuple[str, str]] = {}
    moments: dict[int, str] = {}
    names: dict[str, str] = {}
    lines = []
    for moment, address, head, status, size, seconds, site, cache in records:
        request, rest = heads.get(head) or heads.setdefault(head, _json_head(head))
        second, milliseconds = divmod(int(moment * 1000), 1000)
        time = moments.get(second) or moments.setdefault(second, _rfc_3339(second))
        quoted = [names.get(name) or names.setdefault(name, _quoted(name)) for name in (address, site, cache)]
        lines.append(
            f'{{"time": "{time}.{milliseconds:03}Z", "address": {quoted[0]}, {request}, "status": {status}, "bytes": {size}, '
            f'"seconds": {seconds:.6f}, "site": {quoted[1]}, "cache": {quoted[2]}, {rest}}}\n'
        )
    return "".join(lines).encode("ascii")


#: By their names in the configuration.
FORMATS: Mapping[str, Lines] = MappingProxyType({"combined": combined, "json": as_json})


def _field(head: bytes, lower: bytes, name: bytes) -> bytes | None:
    at = lower.find(name)
    if at < 0:
        return None
    begin = at + len(name)
    end = head.find(b"\n", begin)
    return head[begin : end if end >= 0 else len(head)].strip(b" \t\r")


def _combined_head(head: bytes) -> tuple[str, str]:
    read = logged_head(head)
    return _escaped(read.line or b"-"), f'"{_or_dash(read.referer)}" "{_or_dash(read.user_agent)}"'


def _or_dash(value: bytes | None) -> str:
    return "-" if value is None else _escaped(value)


def _escaped(value: bytes) -> str:
    text = value.decode("latin-1")
    # Most have nothing to escape, which is seen sooner so.
    return _ESCAPED.sub(_hexadecimal, text) if value.translate(None, _PLAIN) else text


def _bare(address: str) -> str:
    if _ESCAPED_BARE.search(address):
        return _ESCAPED_BARE.sub(_hexadecimal, address.encode("utf-8", "surrogateescape").decode("latin-1"))
    return address or "-"


def _hexadecimal(found: re.Match[str]) -> str:
    return f"\\x{ord(found[0]):02X}"


def _common_time(second: int) -> str:
    at = datetime.fromtimestamp(second, UTC)
    return f"{at.day:02}/{MONTHS[at.month - 1]}/{at.year:04}:{at:%H:%M:%S} +0000"


def _rfc_3339(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).replace(tzinfo=None).isoformat()


def _json_head(head: bytes) -> tuple[str, str]:
    read = logged_head(head)
    method, target, version = map(_text, read.words)
    request = f'"host": {_text(read.host)}, "method": {method}, "target": {target}, "version": {version}'
    return request, f'"referer": {_text(read.referer)}, "user_agent": {_text(read.user_agent)}'


def _text(value: bytes | None) -> str:
    return "null" if value is None else _quoted(value.decode("utf-8", "backslashreplace"))


def _quoted(text: str) -> str:
    # JSON itself lets a terminal's "delete" stand.
    return encode_basestring_ascii(text).replace("\x7f", "\\u007f")
