"""A document's leaves, as CouchDB's replication leaves them (pure; for tests).

Source: CouchDB documentation, "Replication and conflict model". A document is a tree of revisions, of which only the leaves are kept
here, each with the names of its ancestors.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import md5

from couchpages.ports import Json


@dataclass(frozen=True, slots=True)
class Leaf:
    """A revision without children: *history* is its name and its ancestors', the newest first; *body* is None for a tombstone.

    *remains* is what the body of a tombstone says, which nobody sees who asks for the document.
    """

    history: tuple[str, ...]
    body: Json | None
    attachments: Mapping[str, bytes] = field(default_factory=dict)
    remains: Json = field(default_factory=dict)

    @property
    def rev(self) -> str:
        """The revision's name."""
        return self.history[0]

    @property
    def order(self) -> tuple[bool, int, str]:
        """What CouchDB compares to choose the leaf that a reader sees: the living before tombstones, then generation and digest."""
        generation, _, digest = self.rev.partition("-")
        return self.body is not None, int(generation), digest


@dataclass(slots=True)
class Document:
    """A document with its leaves, at least one; *rev*, *body* and *attachments* are the winner's."""

    leaves: tuple[Leaf, ...]

    @property
    def winner(self) -> Leaf:
        """The leaf that a reader sees who names no revision."""
        return max(self.leaves, key=lambda leaf: leaf.order)

    @property
    def rev(self) -> str:
        """The winner's name."""
        return self.winner.rev

    @property
    def body(self) -> Json | None:
        """The winner's body, None when the document is deleted."""
        return self.winner.body

    @property
    def attachments(self) -> Mapping[str, bytes]:
        """The winner's attachments by their names."""
        return self.winner.attachments

    @property
    def living(self) -> list[Leaf]:
        """The leaves that are no tombstones, the winner first."""
        return sorted(
            (leaf for leaf in self.leaves if leaf.body is not None), key=lambda leaf: leaf.order, reverse=True
        )


def graft(leaves: Sequence[Leaf], new: Leaf) -> tuple[Leaf, ...]:
    """Add a revision that came with its ancestors: what is known changes nothing, what it continues is no leaf any more."""
    if any(new.rev in each.history for each in leaves):
        return tuple(leaves)
    return (*(each for each in leaves if each.rev not in new.history), new)


def successor(
    parent: Leaf | None, body: Json | None, attachments: Mapping[str, bytes], remains: Json | None = None
) -> Leaf:
    """Give the edit of *parent* that has these contents: the same name wherever it is made."""
    history = parent.history if parent is not None else ()
    told = [
        history[:1],
        {"_deleted": True, **remains} if remains else body,
        sorted((name, md5(data, usedforsecurity=False).hexdigest()) for name, data in attachments.items()),
    ]
    text = json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    digest = md5(text.encode(), usedforsecurity=False).hexdigest()
    generation = int(history[0].partition("-")[0]) + 1 if history else 1
    return Leaf((f"{generation}-{digest}", *history), body, dict(attachments), remains or {})
