"""Hypothesis strategies of names and messages in wire form, with every octet that a text could take for something else (pure)."""

from hypothesis import strategies as st

from couchpages.dns.names import LONGEST_NAME, Name

#: Labels in which something looks like the end of a name, a length, a pointer, a dot, or a letter that is none.
ODD = (b"\0", b".", b"\xff", b"\x03www", b"\x07example", b"a.b", b"\xc0\x0c", b"*", b"\\", b"[", b"{", b"@", b"a" * 63)

labels = st.one_of(
    st.sampled_from(ODD), st.sampled_from((b"a", b"b", b"A", b"www", b"WWW")), st.binary(min_size=1, max_size=63)
)


def name_of(*parts: bytes) -> Name:
    """Write a name of these labels; it may be longer than names can be."""
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def _fitting(parts: list[bytes]) -> list[bytes]:
    while len(name_of(*parts)) > LONGEST_NAME:
        parts = parts[1:]
    return parts


names = st.lists(labels, max_size=6).map(_fitting).map(lambda parts: name_of(*parts))
#: Names of few labels, which meet each other.
near = st.lists(st.sampled_from((b"a", b"b", b"A", b"*")), max_size=4).map(lambda parts: name_of(*parts))
