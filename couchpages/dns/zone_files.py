"""Reads zone files as BIND has them (RFC 1035 section 5.1; pure, what ``$INCLUDE`` names is given by the caller).

dnspython cuts a file into words and reads the data. Its own reader of whole files drops names outside the zone without a word,
and opens any file; hence the lines are read here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import dns.ttl

from couchpages.dns import codes, rdata
from couchpages.dns.generating import generated, read_range
from couchpages.dns.names import Name, canonical, is_within, shown
from couchpages.dns.records import Record, read_ttl

#: How deep files may include files, and how many may be included in all.
DEEPEST, MOST_FILES = 10, 1000
#: Records of one file with all that it includes and generates.
MOST_RECORDS = 1_000_000


class ZoneFileError(ValueError):
    """A zone file cannot be read: *file*, *line* (counted from 1) and the *reason*."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Line:
    """A record and where it stands. The record's ``zone_id`` is 0."""

    file: str
    line: int
    record: Record


@dataclass(frozen=True, slots=True)
class _File:
    """A file that is being read; *depth* counts the files that include it, one in the other."""

    name: str
    words: dns.tokenizer.Tokenizer
    depth: int


class ZoneFileReader:
    """Reads a file for the zone *apex*. *include* gives the text of a file that one includes, or raises ValueError."""

    def __init__(self, apex: Name, include: Callable[[str], str]) -> None:
        self.lines: list[Line] = []
        self._apex = apex
        self._include = include
        self._files = 0
        self._default: int | None = None
        self._stated: int | None = None
        self._origin = _dnspython_name(apex)
        self._owner: dns.name.Name | None = self._origin

    def read(self, name: str, text: str) -> list[Line]:
        """Read a file, called *name* in errors. Raises :class:`ZoneFileError`."""
        self._read(name, text, 0)
        return self.lines

    def _read(self, name: str, text: str, depth: int) -> None:
        words = dns.tokenizer.Tokenizer(text, name, dns.name.IDNA_2008_Practical)
        file = _File(name, words, depth)
        line = 1
        try:
            # Asked for before a word is read: behind it, the line's end may have been looked at.
            while not (word := words.get(want_leading=True)).is_eof():
                if not word.is_eol():
                    self._entry(file, word, line)
                line = words.where()[1]
        except ZoneFileError:
            raise
        except (dns.exception.DNSException, ValueError, OverflowError, UnicodeError) as error:
            raise ZoneFileError(name, line, str(error) or "something is missing, or too much") from None

    def _entry(self, file: _File, word: dns.tokenizer.Token, line: int) -> None:
        if word.is_identifier() and word.value.startswith("$"):
            self._directive(file, word.value.upper(), line)
            return
        if word.is_whitespace():
            word = file.words.get()
            if word.is_eol_or_eof():
                return
            file.words.unget(word)
        else:
            self._owner = self._name(file, word)
        if self._owner is None:
            raise ValueError("no name stands before this record")
        ttl, type_ = self._ttl_and_type(file)
        data = self._data(file, type_)
        self._take(file, line, self._owner, ttl, type_, data)

    def _name(self, file: _File, word: dns.tokenizer.Token) -> dns.name.Name:
        if not word.is_identifier():
            raise ValueError("a name was expected")
        try:
            return file.words.as_name(word, self._origin)
        except (dns.exception.DNSException, UnicodeError) as error:
            raise ValueError(f"{word.value[:255]!r} is no domain name: {str(error).lower().rstrip('.')}") from None

    def _word(self, file: _File, what: str) -> str:
        word = file.words.get()
        if not word.is_identifier():
            raise ValueError(f"{what} was expected")
        return str(word.value)

    def _ttl_and_type(self, file: _File) -> tuple[int | None, int]:
        """Read ``[TTL] [class] type``, or the first two the other way round."""
        ttl = None
        while True:
            word = self._word(file, "a type of record")
            if word[0].isdigit():
                ttl = self._stated = _ttl(word)
            elif word.upper() in ("CH", "HS", "CS", "CLASS3", "CLASS4"):
                raise ValueError(f"class {word.upper()} is not served; all records of a zone are of class IN")
            elif word.upper() not in ("IN", "CLASS1"):
                return ttl, rdata.type_from_text(word)

    def _data(self, file: _File, type_: int) -> bytes:
        words = file.words
        try:
            found = dns.rdata.from_text(
                dns.rdataclass.IN, dns.rdatatype.RdataType(type_), words, self._origin, relativize=False
            )
            return bytes(found.to_wire() or b"")
        except (dns.exception.DNSException, ValueError, OverflowError, TypeError, IndexError) as error:
            raise ValueError(rdata.complaint(type_, error)) from None

    def _take(self, file: _File, line: int, owner: dns.name.Name, ttl: int | None, type_: int, data: bytes) -> None:
        name = bytes(owner.to_wire() or b"")
        if not is_within(canonical(name), self._apex):
            raise ValueError(f"{shown(name)} lies outside the zone {shown(self._apex)}")
        if ttl is None:
            ttl = self._default if self._default is not None else self._stated
        if ttl is None and type_ == codes.SOA:
            # As BIND has it, for files older than RFC 2308.
            ttl = self._stated = int.from_bytes(data[-4:], "big")
        if ttl is None:
            raise ValueError("no TTL stands here, and no $TTL before it (RFC 2308 section 4)")
        if len(self.lines) >= MOST_RECORDS:
            raise ValueError(f"there are more than {MOST_RECORDS:,} records")
        self.lines.append(Line(file.name, line, Record(0, name, type_, read_ttl(ttl), data)))

    # Directives.

    def _directive(self, file: _File, directive: str, line: int) -> None:
        match directive:
            case "$TTL":
                self._default = read_ttl(_ttl(self._word(file, "a TTL")))
                self._end(file)
            case "$ORIGIN":
                self._origin = self._name(file, file.words.get())
                self._end(file)
            case "$INCLUDE":
                self._including(file)
            case "$GENERATE":
                self._generate(file, line)
            case _:
                raise ValueError(f"there is no {directive[:20]}; zone files have $ORIGIN, $TTL, $INCLUDE and $GENERATE")

    def _end(self, file: _File) -> None:
        if not file.words.get().is_eol_or_eof():
            raise ValueError("something stands behind what belongs here")

    def _including(self, file: _File) -> None:
        word = file.words.get()
        if not (word.is_identifier() or word.is_quoted_string()):
            raise ValueError("$INCLUDE needs the name of a file")
        wanted = word.unescape().value
        before = self._origin, self._owner
        word = file.words.get()
        if not word.is_eol_or_eof():
            self._origin = self._name(file, word)
            self._end(file)
        self._files += 1
        if file.depth >= DEEPEST or self._files > MOST_FILES:
            raise ValueError(
                f"$INCLUDE goes {DEEPEST} files deep, and for {MOST_FILES:,} files; does a file include itself?"
            )
        self._read(wanted, self._include(wanted), file.depth + 1)
        # RFC 1035 section 5.1: the origin of the file that includes is not changed.
        self._origin, self._owner = before

    def _generate(self, file: _File, line: int) -> None:
        numbers = read_range(self._word(file, "a range such as 1-10"))
        owner = self._word(file, "a name with a $ in it")
        ttl, type_ = self._ttl_and_type(file)
        template = _rest(file)
        if len(self.lines) + len(numbers) > MOST_RECORDS:
            raise ValueError(f"there are more than {MOST_RECORDS:,} records")
        for number in numbers:
            name = dns.name.from_text(generated(owner, number), self._origin, dns.name.IDNA_2008_Practical)
            words = dns.tokenizer.Tokenizer(generated(template, number), file.name, dns.name.IDNA_2008_Practical)
            self._take(file, line, name, ttl, type_, self._data(_File(file.name, words, file.depth), type_))
            self._owner = name


def _rest(file: _File) -> str:
    words = []
    while not (word := file.words.get()).is_eol_or_eof():
        words.append(f'"{word.value}"' if word.is_quoted_string() else word.value)
    return " ".join(words)


def _ttl(text: str) -> int:
    try:
        return int(dns.ttl.from_text(text))
    except dns.ttl.BadTTL:
        raise ValueError(f"{text[:20]!r} is no TTL; write seconds, or for instance 1h30m") from None


def _dnspython_name(name: Name) -> dns.name.Name:
    return dns.name.from_wire(name, 0)[0]
