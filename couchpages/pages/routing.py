"""From a request target to a file of one manifest, decided (pure).

The work is bounded by the depth of the path: a few lookups in the manifest, nothing built from it. The manifest's paths have passed
``check_manifest_path``; even if not, what is served is always a path that the manifest holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from couchpages.pages.paths import LONGEST_PATH, BadTarget, decode_target

INDEX = "index.html"
ERROR_PAGE = "404.html"

# RFC 3986: pchar of section 3.3 without the escapes, and for the query also "/", "?" and what is encoded already. Browsers send
# a few more characters in queries (WHATWG URL, query percent-encode set), and these go back as they came.
_PATH_SAFE = "/!$&'()*+,;=:@"
_QUERY_SAFE = "/!$&'()*+,;=:@?%[]|^`{}\\"


@dataclass(frozen=True, slots=True)
class Serve:
    """The file at *path* of the manifest; *blob* is the SHA-256 of its content in hexadecimal."""

    path: str
    blob: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """The folder was named without its slash: *location* is the path with it, encoded, and the request's query."""

    location: bytes


@dataclass(frozen=True, slots=True)
class NotFound:
    """The manifest has no such file; *page* is the nearest ``404.html`` up the tree, if the site has one."""

    page: Serve | None


@dataclass(frozen=True, slots=True)
class Malformed:
    """The target is no valid request target; *detail* says why in a sentence."""

    detail: str


Verdict = Serve | Redirect | NotFound | Malformed


def route(files: Mapping[str, str], target: bytes) -> Verdict:
    """Decide what *target* (as sent, RFC 9112 section 3.2) gets from *files*, a manifest of path to SHA-256.

    ``/`` and ``dir/`` give the ``index.html`` in them; a file goes before a folder of the same name; the query decides nothing.
    """
    try:
        path, query = decode_target(target)
    except BadTarget as error:
        return Malformed(str(error))
    names_folder = not path or path[-1] == "/"
    if names_folder:
        path += INDEX
    blob = files.get(path)
    if blob is not None:
        return Serve(path, blob)
    if not names_folder and f"{path}/{INDEX}" in files:
        return Redirect(_location(f"{path}/", query))
    return NotFound(_error_page(files, path))


def _location(path: str, query: bytes) -> bytes:
    """Encode a relative reference (RFC 3986 section 4.2).

    It begins with exactly one slash, because no decoded path begins with one: two would name another host.
    """
    return f"/{quote(path, safe=_PATH_SAFE)}{quote(query, safe=_QUERY_SAFE)}".encode("ascii")


def _error_page(files: Mapping[str, str], path: str) -> Serve | None:
    """Find the nearest error page; what is longer than any manifest path is not walked, so that a long target costs little."""
    folder = path[:LONGEST_PATH]
    while folder:
        folder = folder.rpartition("/")[0]
        page = f"{folder}/{ERROR_PAGE}" if folder else ERROR_PAGE
        blob = files.get(page)
        if blob is not None:
            return Serve(page, blob)
    return None
