"""Zones and records in the API's answers, and in arguments (pure). The source of every member is docs/api.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from couchpages.cli.errors import CommandError, WrongCallError
from couchpages.dns.names import Name, canonical, from_text, shown


class StrangeAnswerError(CommandError):
    """The answer is not one that the API gives."""

    def __init__(self, what: str) -> None:
        super().__init__(f'the answer has no "{what}" as the API gives it; is that server a node of CouchDB Pages?')


@dataclass(frozen=True, slots=True)
class Counts:
    """How many records a change adds, changes and removes."""

    added: int
    changed: int
    removed: int

    def __str__(self) -> str:
        return f"{self.added:,} added, {self.changed:,} changed, {self.removed:,} removed"

    @property
    def any(self) -> bool:
        """Whether there is a change."""
        return bool(self.added or self.changed or self.removed)


def zone_name(text: str, source: str = "ZONE") -> Name:
    """Give the canonical name of a zone in an argument, or raise WrongCallError."""
    try:
        name = canonical(from_text(text))
    except ValueError as error:
        raise WrongCallError(f"{source}: {error}") from None
    if len(name) == 1:
        raise WrongCallError(f"{source}: {text!r} is no name of a zone; write for instance example.org")
    return name


def zone_text(text: str) -> str:
    """Give a zone's name as the API's paths have it."""
    return shown(zone_name(text))


def items(raw: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Give the objects in a list of an answer."""
    found = raw.get(name)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise StrangeAnswerError(name)
    return found


def text(raw: Mapping[str, Any], name: str) -> str:
    """Give a text, or a number as text; a dash for null."""
    value = raw.get(name)
    if value is None:
        return "-"
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise StrangeAnswerError(name)
    return str(value)


def counts(raw: Mapping[str, Any]) -> Counts:
    """Give what a change does."""
    found = [raw.get(name) for name in ("added", "changed", "removed")]
    if not all(isinstance(each, int) and not isinstance(each, bool) for each in found):
        raise StrangeAnswerError("added")
    return Counts(*(int(each or 0) for each in found))


def record_row(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Give a record as a row: id, name, TTL, type, content, and what is special about it."""
    special = [text(raw, "flag")] if raw.get("flag") else []
    special += ["disabled"] if raw.get("disabled") is True else []
    return (*(text(raw, name) for name in ("id", "name", "ttl", "type", "content")), " ".join(special))


def findings(raw: Mapping[str, Any], name: str) -> list[str]:
    """Give findings or warnings, a line each."""
    return [_finding(each) for each in items(raw, name)]


def _finding(raw: Mapping[str, Any]) -> str:
    kind = f" {text(raw, 'type')}" if raw.get("type") else ""
    return f"{text(raw, 'severity')}: {text(raw, 'name').removesuffix('.')}{kind}: {text(raw, 'reason')}"


def has_errors(raw: Sequence[Mapping[str, Any]]) -> bool:
    """Whether there is an error among findings."""
    return any(each.get("severity") == "error" for each in raw)
