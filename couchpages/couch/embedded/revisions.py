"""Revision trees of CouchDB: identity, winner, merging and stemming, decided (pure).

Source: CouchDB documentation, "Replication and conflict model". A document is a tree of revisions; only leaves carry
bodies. The winner is the living leaf of the highest generation, ties by the digest's bytes; without a living leaf, the
same among the tombstones. Merging paths gives the same tree in whatever order they come.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5

from couchpages.couch.embedded.errors import bad_revision, conflict

REVISION_LIMIT = 1000  # ancestors kept for each leaf, CouchDB's _revs_limit
_FORM = re.compile(r"([0-9]{1,18})-(\S+)", re.ASCII)
_HEX = re.compile(r"[0-9a-fA-F]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision's name: its generation (1 is the first) and its digest (usually 32 hexadecimal digits)."""

    generation: int
    digest: str

    def __str__(self) -> str:
        return f"{self.generation}-{self.digest}"

    @property
    def order(self) -> tuple[int, bytes]:
        """What CouchDB compares: the generation, then the digest's bytes (of hexadecimal digests, what they spell)."""
        spelt = bytes.fromhex(self.digest) if _HEX.fullmatch(self.digest) else self.digest.encode()
        return self.generation, spelt


def parse_revision(text: object) -> Revision:
    """Read `generation-digest`; anything else is refused as CouchDB does (400)."""
    form = _FORM.fullmatch(text) if isinstance(text, str) else None
    if form is None:
        raise bad_revision()
    digest = form[2].lower() if _HEX.fullmatch(form[2]) else form[2]
    return Revision(int(form[1]), digest)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A revision without children, and whether it is a tombstone."""

    revision: Revision
    deleted: bool


def winner(leaves: Iterable[Leaf]) -> Leaf:
    """Choose the leaf that a reader sees who names no revision; there must be at least one."""
    return max(leaves, key=lambda leaf: (not leaf.deleted, leaf.revision.order))


def conflicts(leaves: Iterable[Leaf], *, deleted: bool) -> list[Revision]:
    """List the losing leaves, the living ones or the tombstones, the greatest first."""
    every = list(leaves)
    best = winner(every)
    losers = [leaf.revision for leaf in every if leaf is not best and leaf.deleted is deleted]
    return sorted(losers, key=lambda revision: revision.order, reverse=True)


def parent_for(leaves: Sequence[Leaf], claimed: Revision | None, *, deleted: bool) -> Revision | None:
    """Choose the parent of a new edit, None for a first revision; raise 409 when the edit comes too late.

    A claimed parent must be a leaf. Of a document whose winner is a tombstone, Apache CouchDB takes no claim, and an
    edit without one continues that tombstone, unless it deletes (`deleted`). A claimed parent of a document that is not there is a
    conflict; Apache CouchDB 3.5.0 says so too in an empty shard, and in any other takes the claim for an ancestor.
    """
    best = winner(leaves) if leaves else None
    if claimed is None:
        if best is None:
            return None
        if best.deleted and not deleted:
            return best.revision
    elif best is not None and not best.deleted and any(leaf.revision == claimed for leaf in leaves):
        return claimed
    raise conflict()


def next_revision(
    parent: Revision | None, *, deleted: bool, body: bytes, attachments: Iterable[tuple[str, str, bytes]]
) -> Revision:
    """Name the revision that these contents make on this parent: the same contents, the same name, on every node.

    `attachments` are (name, content type, MD5) triples; their order does not matter.
    """
    content = md5(usedforsecurity=False)
    for part in (b"1" if deleted else b"0", str(parent or "").encode(), body):
        content.update(b"%d:" % len(part) + part)
    for name, content_type, digest in sorted(attachments):
        content.update(repr((name, content_type, digest)).encode("utf-8", "surrogatepass"))
    return Revision(1 if parent is None else parent.generation + 1, content.hexdigest())


@dataclass(frozen=True, slots=True)
class Tree:
    """All known revisions of a document, each with its parent (None at a root), and which leaves are tombstones."""

    parents: Mapping[Revision, Revision | None]
    tombstones: frozenset[Revision] = frozenset()

    def leaves(self) -> list[Leaf]:
        """List the revisions that have no children."""
        inner = set(self.parents.values())
        return [Leaf(each, each in self.tombstones) for each in self.parents if each not in inner]

    def path(self, revision: Revision) -> list[Revision]:
        """List a revision and its known ancestors, the newest first."""
        found: list[Revision] = []
        step: Revision | None = revision
        while step is not None:
            found.append(step)
            step = self.parents.get(step)
        return found


def merge(tree: Tree, path: Sequence[Revision], *, deleted: bool) -> Tree:
    """Add a revision and its ancestors, the newest first, each one generation below the one before it.

    What is known already stays; a root that the path knows a parent of is grafted on to it.
    """
    parents = dict(tree.parents)
    for child, parent in zip(path, [*path[1:], None], strict=True):
        if parents.get(child) is None:
            parents[child] = parent
    dead = tree.tombstones | {path[0]} if deleted and path[0] not in tree.parents else tree.tombstones
    inner = set(parents.values())
    return Tree(parents, frozenset(each for each in dead if each not in inner))


def stem(tree: Tree, limit: int = REVISION_LIMIT) -> Tree:
    """Forget ancestors further than `limit` revisions from every leaf."""
    kept = {each for leaf in tree.leaves() for each in tree.path(leaf.revision)[:limit]}
    parents = {each: parent if parent in kept else None for each, parent in tree.parents.items() if each in kept}
    return Tree(parents, tree.tombstones)
