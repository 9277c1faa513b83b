"""Reads a large JSON object whose one member is a long list, an item at a time (pure).

:mod:`json` would hold the interpreter until it has read all of it, and questions would wait for that.
"""

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

from couchpages.web.problem import Problem

#: Characters of an item, or of another member. A set that fits into a message takes no more; reading as much takes a fraction of a second.
LONGEST_ITEM = 2**19
MOST_MEMBERS = 100
#: Characters that are given to the decoder, which has to be kept from what stands behind; most items are short.
_WINDOWS = (2**12, 2**16, LONGEST_ITEM)
_WHITE = re.compile(r"[ \t\n\r]{0,65535}")


class SlicedObject:
    """The object in *body*. Iterating gives the items of the member *listed*; when that is at its end, *members* has the others.

    With *others*, members that are not among them are refused before they are read. Raises :class:`Problem` for what is not JSON, wherever
    in the body that is, and for what would take too long to be read.
    """

    def __init__(self, body: bytes, listed: str, others: Collection[str] | None = None) -> None:
        self.members: dict[str, Any] = {}
        self.has_list = False
        self._listed = listed
        self._others = others
        self._names: set[str] = set()
        self._at = 0
        self._decoder = json.JSONDecoder()
        try:
            self._text = body.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise Problem(400, "the body is not UTF-8") from None

    def __iter__(self) -> Iterator[Any]:
        if self._next() != "{":
            self._value()
            raise Problem(400, "the body is JSON, but not an object")
        self._at += 1
        if not self._ends("}"):
            yield from self._members()
        if self._next():
            raise self._broken("something stands behind the object")

    def _members(self) -> Iterator[Any]:
        while True:
            name = self._value() if self._next() == '"' else None
            if not isinstance(name, str):
                raise self._broken("a member's name is missing")
            self._admit(name)
            self._expect(":")
            if name == self._listed and self._next() == "[":
                self.has_list = True
                yield from self._items()
            else:
                self.members[name] = self._value()
            if self._ends("}"):
                return
            self._expect(",")

    def _admit(self, name: str) -> None:
        if self._others is not None and name != self._listed and name not in self._others:
            raise Problem(400, f"nobody reads a member {name[:40]!r} here; leave it out", field=name[:40])
        if name in self._names:
            raise Problem(400, f"the member {name[:40]!r} is there twice", field=name[:40])
        if len(self._names) >= MOST_MEMBERS:
            raise Problem(400, f"the object has more than {MOST_MEMBERS} members")
        self._names.add(name)

    def _items(self) -> Iterator[Any]:
        self._at += 1
        if self._ends("]"):
            return
        while True:
            yield self._value()
            if self._ends("]"):
                return
            self._expect(",")

    def _next(self) -> str:
        """Give the next character that is not white space, without taking it; nothing at the end."""
        found = _WHITE.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._text[self._at : self._at + 1]

    def _ends(self, character: str) -> bool:
        if self._next() != character:
            return False
        self._at += 1
        return True

    def _expect(self, character: str) -> None:
        if not self._ends(character):
            raise self._broken(f"{character!r} is missing")

    def _value(self) -> Any:
        self._next()
        left = len(self._text) - self._at
        for window in _WINDOWS:
            try:
                value, length = self._decoder.raw_decode(self._text[self._at : self._at + window + 1])
            except RecursionError:
                raise Problem(400, "the body is JSON nested too deeply") from None
            except ValueError:
                continue
            # A number that ends where the text does that was given may go on behind it.
            if length <= window or length == left:
                self._at += length
                return value
        if left > LONGEST_ITEM:
            raise self._broken(f"a value is malformed, or has more than {LONGEST_ITEM:,} characters")
        raise self._broken("a value is malformed")

    def _broken(self, why: str) -> Problem:
        return Problem(400, f"the body is not JSON: {why} at character {self._at}")
