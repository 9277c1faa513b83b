"""Update sequences as the outside sees them: opaque strings bound to one life of a database, decided (pure).

CouchDB documentation, "Changes Feeds": clients keep them, hand them back, and read nothing into them. Like CouchDB, a
sequence of an earlier database of the same name starts again from the beginning.
"""

import re

from couchpages.couch.embedded.errors import bad_request

_FORM = re.compile(r"([0-9]{1,18})-([0-9a-f]{32})", re.ASCII)


def sequence(number: int, uuid: str) -> str:
    """Write the sequence of the database with this uuid (32 hexadecimal digits)."""
    return f"{number}-{uuid}"


def parse_since(text: str, *, uuid: str, latest: int) -> int:
    """Read `since`: `0`, `now`, or a sequence; one of another life or of a lost future means from the beginning."""
    if text == "0":
        return 0
    if text == "now":
        return latest
    form = _FORM.fullmatch(text)
    if form is None:
        raise bad_request("Malformed sequence supplied in 'since' parameter.")
    number = int(form[1])
    return number if form[2] == uuid and number <= latest else 0
