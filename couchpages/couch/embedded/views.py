"""What readers ask to see of documents, listings and changes, decided (pure)."""

from dataclasses import dataclass, replace

from couchpages.couch.embedded.errors import bad_request
from couchpages.couch.embedded.json_text import read_json
from couchpages.couch.embedded.query import Parameters, flag
from couchpages.couch.embedded.revisions import Revision, parse_revision


@dataclass(frozen=True, slots=True)
class View:
    """What a reader wants beside the document itself.

    With `attachments`, their contents: of all, or with `atts_since` of those that are newer than the newest of these
    revisions which is an ancestor. `encoding_info` tells how they are kept.
    """

    revs: bool = False
    revs_info: bool = False
    conflicts: bool = False
    deleted_conflicts: bool = False
    local_seq: bool = False
    attachments: bool = False
    atts_since: tuple[Revision, ...] | None = None
    encoding_info: bool = False

    def with_contents(self) -> "View":
        """Give the same view, with the contents of attachments."""
        return replace(self, attachments=True)

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
        flag(parameters, "attachments") or "atts_since" in parameters,
        revisions_of(parameters["atts_since"]) if "atts_since" in parameters else None,
        flag(parameters, "att_encoding_info"),
    )


def revisions_of(text: str) -> tuple[Revision, ...]:
    """Read a JSON list of revisions, as `open_revs` and `atts_since` have it."""
    value = read_json(text.encode("utf-8", "surrogateescape"))
    if not isinstance(value, list):
        raise bad_request("Invalid list of revisions")
    return tuple(parse_revision(each) for each in value)


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
    """How changes are written: all leaves or the winner, with documents (as `shown` tells) or without, backwards or not.

    `only` are the names of the documents that are told of, None for all; `design` tells of design documents alone.
    """

    all_leaves: bool = False
    include_docs: bool = False
    shown: View = View()  # a frozen value
    descending: bool = False
    only: frozenset[str] | None = None
    design: bool = False

    def tells_of(self, name: str) -> bool:
        """Whether changes of this document are wanted."""
        return (self.only is None or name in self.only) and (not self.design or name.startswith("_design/"))
