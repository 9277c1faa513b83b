"""Attachments: how they are told, merging stubs with what the parent has, and ranges, decided (pure).

Source: CouchDB documentation, "Attachments"; ranges measured against Apache CouchDB 3.5.0.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from couchpages.couch.embedded.documents import Stub
from couchpages.couch.embedded.errors import bad_range, missing_stub

_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)", re.ASCII)
_DIGITS = 18  # more than any length has; Python refuses to read numbers of thousands of digits
Fresh = TypeVar("Fresh")


@dataclass(frozen=True, slots=True)
class Stored:
    """An attachment of a stored revision; `generation` is the one it came with (`revpos`), `content` its key.

    `length` and `digest` (MD5) are those of the bytes that are stored. With an `encoding`, those are compressed, and
    `identity` is the number of bytes before that, as far as it is known: of what came compressed it may be `length`.
    """

    name: str
    content_type: str
    generation: int
    content: int
    length: int
    digest: bytes
    encoding: str | None = None
    identity: int | None = None

    @property
    def md5(self) -> str:
        """The MD5 in base64, which CouchDB's digest and ETag are made of."""
        return b64encode(self.digest).decode()

    @property
    def told_length(self) -> int:
        """The length that a document tells."""
        return self.length if self.identity is None else self.identity

    @property
    def has_known_identity(self) -> bool:
        """Whether `told_length` is surely the number of bytes before compressing."""
        return self.encoding is None or self.told_length != self.length

    def stub(self, *, encoding: bool = False) -> Mapping[str, object]:
        """Describe it as `_attachments` of a document does; with `encoding`, say how it is kept."""
        return {**self.described(), "length": self.told_length, "stub": True} | self._encoding(told=encoding)

    def following(self) -> Mapping[str, object]:
        """Describe it for a multipart body, in which its bytes follow as they are stored."""
        return {**self.described(), "length": self.told_length, "follows": True} | self._encoding(told=True)

    def _encoding(self, *, told: bool) -> dict[str, object]:
        if not told or self.encoding is None:
            return {}
        return {"encoding": self.encoding, "encoded_length": self.length}

    def described(self, *, encoding: bool = False) -> Mapping[str, object]:
        """Give the members that all forms share."""
        told = {"content_type": self.content_type, "revpos": self.generation, "digest": f"md5-{self.md5}"}
        return told | self._encoding(told=encoding)

    @property
    def accepts_ranges(self) -> bool:
        """Whether parts of it are served."""
        return self.encoding is None


def merge_stubs(document: str, asked: Iterable[Stub | Fresh], known: Sequence[Stored]) -> list[Stored | Fresh]:
    """Put what the parent has in the place of stubs.

    412 for a stub of something it does not have, or has with another generation than the stub tells.
    """
    merged: list[Stored | Fresh] = []
    for each in asked:
        if isinstance(each, Stub):
            meant = (
                there for there in known if there.name == each.name and each.generation in (None, there.generation)
            )
            there = next(meant, None)
            if there is None:
                raise missing_stub(document, each.name)
            merged.append(there)
        else:
            merged.append(each)
    return merged


def part_of(header: str | None, length: int) -> range | None:
    """Choose the bytes that a Range header asks for, None for all of them; 416 for none.

    One range only: CouchDB answers several as multipart/byteranges, which nothing of ours asks for; they give all.
    """
    form = _RANGE.fullmatch(header.strip()) if header else None
    if form is None or form[0] == "bytes=-" or (length == 0 and form[1] == "0" and not form[2]):
        return None
    first, last = (text.lstrip("0")[:_DIGITS] or text[:1] for text in form.groups())
    if first:
        part = range(int(first), min(int(last) + 1, length) if last else length)
        if (last and int(last) < int(first)) or not part:
            raise bad_range()
        return part
    if int(last) == 0 or length == 0:
        raise bad_range()
    return range(max(0, length - int(last)), length)


def names_tag(header: str | None, tag: str) -> bool:
    """Tell whether If-None-Match names this entity tag; CouchDB knows lists, and gives `*` no meaning."""
    return header is not None and f'"{tag}"' in [each.strip().removeprefix("W/") for each in header.split(",")]
