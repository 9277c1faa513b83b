"""Hypothesis strategies for hosts, paths, manifests and request targets (pure; needs ``hypothesis``)."""

from hashlib import sha256
from string import ascii_lowercase, digits
from urllib.parse import quote_from_bytes

from hypothesis import strategies as st

from couchpages.pages.paths import LONGEST_PATH, RESERVED

_LETTERS = ascii_lowercase + digits
_ALPHABET = st.one_of(
    st.sampled_from("abcxyzABC019-_.~ %?#&=+:@;,'\"<>^|`{}[]"),
    st.sampled_from("éßñüİıſΩΩ日本語한글\u0301\u200d👍"),
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/\\"),
)


def labels() -> st.SearchStrategy[str]:
    """Give DNS labels in lower case: letters, digits and inner hyphens."""
    inner = st.text(_LETTERS + "-", max_size=20)
    return st.builds("{}{}{}".format, st.sampled_from(ascii_lowercase), inner, st.sampled_from(_LETTERS))


def site_names() -> st.SearchStrategy[str]:
    """Give names of sites in their canonical form."""
    return st.lists(labels(), min_size=1, max_size=4).map(".".join)


def segments() -> st.SearchStrategy[str]:
    """Give names of files and folders, with favour for those which mean something."""
    plain = st.sampled_from(
        ["index.html", "404.html", "docs", "a", "b", "style.css", ".well-known", "...", "é", "e\u0301", "%2e%2e"]
    )
    return st.one_of(plain, st.text(_ALPHABET, min_size=1, max_size=12)).filter(lambda name: name not in {".", ".."})


def manifest_paths() -> st.SearchStrategy[str]:
    """Give paths that may stand in a manifest."""
    paths = st.lists(segments(), min_size=1, max_size=5).filter(lambda names: names[0] != RESERVED).map("/".join)
    return paths.filter(lambda path: len(path.encode()) <= LONGEST_PATH)


def blobs() -> st.SearchStrategy[str]:
    """Give SHA-256 hashes in hexadecimal."""
    return st.binary(max_size=4).map(lambda content: sha256(content).hexdigest())


def manifests(max_size: int = 12) -> st.SearchStrategy[dict[str, str]]:
    """Give manifests: path to hash."""
    return st.dictionaries(manifest_paths(), blobs(), max_size=max_size)


def percent_encoded(path: str) -> st.SearchStrategy[bytes]:
    """Give request targets of *path*: each character that may stand for itself does, or is encoded, in either case of hex digits."""

    def encode(octets: bytes, also: frozenset[int], lower: bool) -> bytes:
        parts = []
        for octet in octets:
            raw = bytes([octet])
            plain = quote_from_bytes(raw, safe="/!$&'()*+,;=:@").encode()
            escaped = b"%%%02x" % octet if lower else b"%%%02X" % octet
            keep = plain == raw and (raw == b"/" or octet not in also)
            parts.append(raw if keep else escaped)
        return b"/" + b"".join(parts)

    return st.builds(encode, st.just(path.encode()), st.frozensets(st.integers(33, 126)), st.booleans())


def hostile_targets() -> st.SearchStrategy[bytes]:
    """Give request targets as attackers and broken clients write them, most of them made of telling pieces."""
    pieces = [
        b"/", b"//", b"..", b".", b"%2e", b"%2E%2e", b"%2f", b"%5c", b"\\", b"%00", b"\x00", b"%", b"%zz", b"%c3%a9", b"\xc3\xa9",
        b"%ff", b"?", b"#", b" ", b"%0d%0a", b"index.html", b"404.html", b"docs", b"a", b"b", b"evil.example", b"http://h", b"*", b":",
    ]  # fmt: skip
    return st.one_of(
        st.lists(st.sampled_from(pieces), max_size=8).map(b"".join), st.binary(max_size=20), _after_slash(pieces)
    )


def _after_slash(pieces: list[bytes]) -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(pieces), max_size=8).map(lambda parts: b"/" + b"".join(parts))
