"""The sections of docs/measured.md (pure)."""

from collections.abc import Mapping, Sequence

_MARK = "\n## "


def section(title: str, rows: Sequence[tuple[str, str, str]]) -> str:
    """Write a section with its table."""
    lines = [f"## {title}", "", "| what | measured | aim |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows), ""])


def sections_of(text: str) -> dict[str, str]:
    """Give the sections of a document by their titles."""
    _, *found = f"\n{text}".split(_MARK)
    return {each.partition("\n")[0]: f"## {each.rstrip()}\n" for each in found}


def joined(head: str, sections: Mapping[str, str], order: Sequence[str]) -> str:
    """Write the document; sections stand in the order of their titles in *order*."""
    return "\n".join([head, *(sections[title] for title in order if title in sections)])
