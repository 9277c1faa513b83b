"""How CouchDB names the revisions of a document (pure)."""

from couchpages.ports import Json

#: Digits of what CouchDB's integers hold.
DIGITS = 19


def edits(doc: Json) -> tuple[int, str]:
    """Give what CouchDB compares to choose the revision that it shows: the generation, 0 of what has none, and the rest."""
    number, _, digest = str(doc.get("_rev", "")).partition("-")
    return int(number) if number.isdecimal() and number.isascii() and len(number) <= DIGITS else 0, digest


def generation(doc: Json) -> int:
    """Give the generation of a document's revision; 0 of what has none."""
    return edits(doc)[0]
