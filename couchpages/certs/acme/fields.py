"""The members of an authority's JSON objects, read strictly (pure). What is wrong is an AcmeError that says which member it is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from couchpages.certs.acme.errors import AcmeError, nonsense
from couchpages.quoting import quoted

LONGEST_URL = 2048
#: Items of a list: an order has some for each of its names, and 100 names at most.
MOST_ITEMS = 256
_ASCII_URL = re.compile(r"[!#-;=?-\[\]_a-z~%]+")


@dataclass(frozen=True, slots=True)
class Fields:
    """One object. *where* is how messages call it; *secure* is whether addresses in it have to be HTTPS."""

    members: Mapping[str, Any]
    where: str
    secure: bool

    def text(self, name: str) -> str:
        """Give a text that must be there."""
        value = self.members.get(name)
        if not isinstance(value, str):
            raise self.wrong(name, "is no text" if name in self.members else "is missing")
        return value

    def text_or(self, name: str, default: str) -> str:
        """Give a text, or *default* where there is none."""
        return default if self.members.get(name) is None else self.text(name)

    def url(self, name: str) -> str:
        """Give an address that must be there."""
        return self.checked_url(name, self.text(name))

    def url_or_none(self, name: str) -> str | None:
        """Give an address, if there is one."""
        return None if self.members.get(name) is None else self.url(name)

    def urls(self, name: str) -> tuple[str, ...]:
        """Give a list of addresses, each once."""
        found = [self.checked_url(name, each) for each in self.items(name)]
        return tuple(dict.fromkeys(found))

    def items(self, name: str) -> list[Any]:
        """Give a list, of limited length."""
        value = self.members.get(name)
        if not isinstance(value, list):
            raise self.wrong(name, "is no list" if name in self.members else "is missing")
        if len(value) > MOST_ITEMS:
            raise self.wrong(name, f"has {len(value)} items; {MOST_ITEMS} are read at most")
        return value

    def objects(self, name: str) -> "list[Fields]":
        """Give a list of objects."""
        return [self._object(name, each) for each in self.items(name)]

    def object(self, name: str) -> "Fields":
        """Give an object, an empty one where there is none."""
        value = self.members.get(name)
        return self._object(name, {} if value is None else value)

    def flag(self, name: str) -> bool:
        """Give a truth value, False where there is none."""
        value = self.members.get(name, False)
        if not isinstance(value, bool):
            raise self.wrong(name, "is neither true nor false")
        return value

    def moment(self, name: str) -> float:
        """Give a moment that must be there (RFC 3339), in seconds since 1970."""
        try:
            read = datetime.fromisoformat(self.text(name)[:64])
            if read.tzinfo is None:
                raise self.wrong(name, "is a time without a zone")
            return read.timestamp()
        except (ValueError, OverflowError):
            raise self.wrong(name, f"is no time: {quoted(self.text(name))}") from None

    def moment_or_none(self, name: str) -> float | None:
        """Give a moment, if there is one."""
        return None if self.members.get(name) is None else self.moment(name)

    def checked_url(self, name: str, value: Any) -> str:
        """Give an address if it is one that we would ask; *name* is for the message."""
        if not isinstance(value, str):
            raise self.wrong(name, "is no address")
        why = trouble_with(value, secure=self.secure)
        if why:
            raise self.wrong(name, f"is {quoted(value)}, {why}")
        return value

    def wrong(self, name: str, words: str) -> AcmeError:
        """Give the error for a member."""
        return nonsense(f"{self.where}: {name} {words}")

    def _object(self, name: str, value: Any) -> "Fields":
        if not isinstance(value, dict):
            raise self.wrong(name, "is no object, or holds something that is none")
        return Fields(value, f"{self.where}: {name}", self.secure)


def trouble_with(url: str, *, secure: bool) -> str:
    """Say why an address is not asked; nothing if it is. Whoever is asked gets requests that we signed (RFC 8555 section 6.1)."""
    if len(url) > LONGEST_URL or not _ASCII_URL.fullmatch(url):
        return "which is no address"
    try:
        parts = urlsplit(url)
        named = parts.hostname and parts.port != 0
    except ValueError:
        return "which is no address"
    if parts.scheme not in ("https", "http") or not named:
        return "which is no address of the web"
    if secure and parts.scheme != "https":
        return "which is not https though the directory is"
    return "which has a name, a password or a fragment in it" if "@" in parts.netloc or parts.fragment else ""
