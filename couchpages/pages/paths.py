"""Paths of requests and of manifests, decided (pure).

A manifest path is relative, its segments are separated by ``/``, and it is compared character for character. A request's
path is split at its raw slashes first and decoded afterwards, once, segment by segment; so an encoded slash or dot segment never
becomes structure, and nothing is ever "cleaned" into a path that the visitor did not name.

Unicode normalisation: a request matches in exactly the form that the manifest has. Whoever deploys sends NFC; the server guesses nothing.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from urllib.parse import unquote_to_bytes

from couchpages.quoting import quoted
from couchpages.web.targets import split_absolute

LONGEST_PATH = 1024
"""Octets of a manifest path in UTF-8: the length of an object's key in Amazon S3, so that any site that lives there fits."""

NOWHERE = "\0"
"""Stands in a decoded path for the first segment that no manifest path can hold; NUL itself is in no manifest path."""

RESERVED = "cdn-cgi"
"""The folder at the top that answers for the node itself, as at Cloudflare: ``/cdn-cgi/trace``."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NOT_IN_TARGET = re.compile(rb"[\x00-\x20\x7f#]")  # RFC 9112 section 3.2 leaves no place for a fragment or white space
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")

# What nearly every request looks like: nothing encoded, and no segment that begins with a dot.
_PLAIN = re.compile(
    rb"/((?:[\w~!$&'()*+,;=:@-][\w~!$&'()*+,;=:@.-]*+/)*+(?:[\w~!$&'()*+,;=:@-][\w~!$&'()*+,;=:@.-]*+)?+)(\?[!-\"$-~]*+)?+"
)


class BadTarget(ValueError):
    """A request target is malformed and is answered with 400; the message says why."""


class InvalidPath(ValueError):
    """A path cannot stand in a manifest; the message quotes it and says what to do."""


def decode_target(target: bytes) -> tuple[str, bytes]:
    """Give the decoded path of a request target, without its first slash, and the raw query with its ``?`` (or empty).

    Slashes that follow each other count as one, as nginx and Cloudflare Pages count them: real sites have such links. A path that
    no manifest can hold (dot segments, an encoded slash or a backslash) ends in ``NOWHERE`` in place of its first such segment.

    Raises ``BadTarget`` for control characters, raw or encoded, white space, broken percent-encoding, what is not UTF-8, and what
    is neither in origin form nor in absolute form (RFC 9112 section 3.2).
    """
    if plain := _PLAIN.fullmatch(target):
        return plain[1].decode("ascii"), plain[2] or b""
    if _NOT_IN_TARGET.search(target):
        raise BadTarget("the request target contains white space, a control character or a fragment")
    raw, mark, query = _origin_form(target).partition(b"?")
    if _BAD_ESCAPE.search(raw):
        raise BadTarget('the path has a "%" without two hexadecimal digits behind it')
    return _decoded_path(raw), mark + query


def _origin_form(target: bytes) -> bytes:
    """Give *target* without scheme and authority; an empty path counts as ``/`` (RFC 9110 section 4.2.3)."""
    authority, rest = split_absolute(target)
    if authority is not None and not rest.startswith(b"/"):
        rest = b"/" + rest
    if not rest.startswith(b"/"):
        raise BadTarget('the request target does not begin with "/"')
    return rest


def _decoded_path(raw: bytes) -> str:
    try:
        *folders, last = (unquote_to_bytes(segment).decode("utf-8") for segment in raw[1:].split(b"/"))
    except UnicodeDecodeError:
        raise BadTarget("the path is not UTF-8") from None
    segments = [*(folder for folder in folders if folder), last]
    if any(_CONTROL.search(segment) for segment in segments):
        raise BadTarget("the path contains a control character")
    for place, segment in enumerate(segments):
        if _is_nowhere(segment):
            return "/".join([*segments[:place], NOWHERE])
    return "/".join(segments)


def _is_nowhere(segment: str) -> bool:
    return segment in {".", ".."} or "/" in segment or "\\" in segment


def check_manifest_path(path: str) -> None:
    """Raise ``InvalidPath`` unless *path* may stand in a manifest: then there is a request target that reaches it."""
    for wrong, advice in _RULES:
        if wrong(path):
            raise InvalidPath(f"{quoted(path)} {advice}")


def _is_not_utf8(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


# The order matters: the first rule that a path breaks gives the advice, and the later ones may count on the earlier.
_RULES: tuple[tuple[Callable[[str], object], str], ...] = (
    (lambda path: not path, "is empty; name a file"),
    (_is_not_utf8, "is not UTF-8; rename the file"),
    (
        lambda path: len(path.encode("utf-8")) > LONGEST_PATH,
        f"is longer than {LONGEST_PATH} octets; shorten names or nest folders less deeply",
    ),
    (_CONTROL.search, "contains a control character; rename the file"),
    (lambda path: "\\" in path, 'contains a backslash; separate folders with "/"'),
    (lambda path: path.startswith("/"), "is absolute; write paths relative to the site's top folder"),
    (lambda path: path.endswith("/"), 'ends in "/", but only files are deployed; name a file'),
    (lambda path: ".." in path.split("/"), 'climbs; write paths without ".."'),
    (lambda path: "." in path.split("/"), 'has a segment "."; leave it out'),
    (lambda path: "//" in path, 'has an empty segment; write one "/" between names'),
    (
        lambda path: path.split("/", 1)[0] == RESERVED,
        f'lies under "{RESERVED}/", where the node itself answers; use another folder',
    ),
)


def normalisation_collisions(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Give pairs of paths that differ only in Unicode normalisation (NFC): people cannot tell them apart, so they are refused.

    Each path stands beside the first of its kind, in the order given.
    """
    return _collisions(paths, _nfc)


def case_collisions(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Give pairs of paths that differ in case, and not only in normalisation: legal on the web, yet often a mistake.

    Each path stands beside the first of its kind, in the order given.
    """
    return [pair for pair in _collisions(paths, _folded) if _nfc(pair[0]) != _nfc(pair[1])]


def _nfc(path: str) -> str:
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def _folded(path: str) -> str:
    """Fold case as Unicode's canonical caseless match does (The Unicode Standard, section 3.13, D145)."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


def _collisions(paths: Iterable[str], key: Callable[[str], str]) -> list[tuple[str, str]]:
    first: dict[str, str] = {}
    pairs = ((first.setdefault(key(path), path), path) for path in paths)
    return [(one, other) for one, other in pairs if one != other]
