"""Which names in a folder are published (pure).

A name with a dot in front is left out: such files hold settings and secrets (``.env``, ``.htpasswd``, ``.git``) far more often
than pages. ``.well-known`` (RFC 8615) is published. ``--include`` publishes further names, but never a version control's.
"""

from collections.abc import Set as AbstractSet

WELL_KNOWN = ".well-known"
VERSION_CONTROL = frozenset({".git", ".hg", ".svn", ".bzr", ".jj", "_darcs", "CVS"})
# The daemon's own, made where it was started: the data hold private keys.
OWN = frozenset({"couchpages-data", "couchpages.toml"})
OF_DESKTOPS = frozenset({"Thumbs.db", "ehthumbs.db", "Desktop.ini", "desktop.ini", "__MACOSX"})


def is_left_out(name: str, included: AbstractSet[str] = frozenset()) -> bool:
    """Tell whether the file or folder called *name* stays at home, with all that is in it."""
    if name in VERSION_CONTROL or name in OWN:
        return True
    if name in included or name == WELL_KNOWN:
        return False
    return name.startswith(".") or name in OF_DESKTOPS


def cannot_be_included(name: str) -> bool:
    """Tell whether even ``--include`` does not publish *name*."""
    return name in VERSION_CONTROL or name in OWN or "/" in name or name in {"", ".", ".."}


def any_left_out(path: str, included: AbstractSet[str] = frozenset()) -> bool:
    """Tell whether any part of *path*, separated by slashes, is left out."""
    return any(is_left_out(part, included) for part in path.split("/"))
