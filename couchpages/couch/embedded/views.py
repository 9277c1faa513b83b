"""What readers ask to see of documents, listings and changes, decided (pure)."""

from dataclasses import dataclass

from couchpages.couch.embedded.query import Parameters, flag


@dataclass(frozen=True, slots=True)
class View:
    """What a reader wants beside the document itself."""

    revs: bool = False
    revs_info: bool = False
    conflicts: bool = False
    deleted_conflicts: bool = False
    local_seq: bool = False
    attachments: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether only the revision decides what the answer is, so that it may carry an ETag."""
        return not (self.revs_info or self.conflicts or self.deleted_conflicts or self.local_seq)


def view_of(parameters: Parameters) -> View:
    """Read the parameters of `GET /{database}/{document}`."""
    meta = flag(parameters, "meta")
    return View(
        flag(parameters, "revs"),
        meta or flag(parameters, "revs_info"),
        meta or flag(parameters, "conflicts"),
        meta or flag(parameters, "deleted_conflicts"),
        flag(parameters, "local_seq"),
        flag(parameters, "attachments"),
    )


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which ids `_all_docs` lists, in the order of their bytes: from `first` on, up to `last`."""

    first: bytes | None = None
    last: bytes | None = None
    inclusive: bool = True
    descending: bool = False
    empty: bool = False


@dataclass(frozen=True, slots=True)
class ChangesView:
    """How changes are written: all leaves or the winner, with documents or without, backwards or not."""

    all_leaves: bool = False
    include_docs: bool = False
    conflicts: bool = False
    descending: bool = False
