r"""Which zones an API key reaches (pure).

Names are compared as names: the text of one whose label has a dot in it, ``evil\.example.org``, ends as that of a name below
``example.org`` does.
"""

from functools import lru_cache

from couchpages.dns.names import ROOT, Name, canonical, from_text, is_within
from couchpages.ports import Grant

EVERY_ZONE = "*"


def reaches(grant: Grant, apex: Name) -> bool:
    """Whether a key may act on a zone: ``*`` covers all, ``*.example.org`` all below it (not itself), else only the same name."""
    return any(_covers(pattern, apex) for pattern in grant.zones)


def _covers(pattern: str, apex: Name) -> bool:
    if pattern == EVERY_ZONE:
        return True
    name = _name(pattern.removeprefix("*."))
    if name is None:
        return False
    return apex != name and is_within(apex, name) if pattern.startswith("*.") else apex == name


@lru_cache(maxsize=1024)
def _name(text: str) -> Name | None:
    """Read a name; None for what is none, and for the root, which is no zone of ours."""
    try:
        name = canonical(from_text(text))
    except ValueError:
        return None
    return None if name == ROOT else name
