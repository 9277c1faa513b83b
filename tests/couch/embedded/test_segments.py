"""Answers in segments, decided: lengths, joining, and contents in each form."""

from base64 import b64encode
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.embedded.attachments import Stored
from couchpages.couch.embedded.compression import CompressedDataError, compressed
from couchpages.couch.embedded.segments import Content, Form, Segment, Writing, contents_of, joined, length_of


def stored(length: int = 5, encoding: str | None = None) -> Stored:
    """Make an attachment up."""
    return Stored("a", "a/b", 1, 7, length, b"\0" * 16, encoding)


segments = st.lists(
    st.binary(max_size=5) | st.builds(lambda length: Content(stored(length), Form.STORED), st.integers(0, 99))
)


class SegmentTests(SynchronousTestCase):
    """Lists of them."""

    @settings(deadline=None)
    @given(segments)
    def test_joined(self, model: list[Segment]) -> None:
        """Joining leaves no two texts beside each other, and changes neither the length nor the contents nor their places."""
        found = joined(model)
        self.assertFalse(any(isinstance(one, bytes) and isinstance(two, bytes) for one, two in pairwise(found)))
        self.assertEqual((length_of(found), contents_of(found)), (length_of(model), contents_of(model)))
        self.assertEqual(self.flat(found), self.flat(model))

    def flat(self, model: list[Segment]) -> list[object]:
        """List single bytes and contents."""
        return [item for each in model for item in (each if isinstance(each, bytes) else [each])]


def wrote(content: Content, pieces: list[bytes]) -> bytes:
    """Write a content."""
    writing = Writing(content)
    return b"".join([*(piece for each in pieces for piece in writing.feed(each)), writing.finish()])


class WritingTests(SynchronousTestCase):
    """Forms of a content."""

    @settings(deadline=None)
    @given(st.lists(st.binary(max_size=20)))
    def test_as_it_came(self, pieces: list[bytes]) -> None:
        """What is not compressed is written as it is, or in base64 that does not depend on the pieces."""
        data = b"".join(pieces)
        self.assertEqual(wrote(Content(stored(), Form.STORED), pieces), data)
        self.assertEqual(wrote(Content(stored(), Form.IDENTITY), pieces), data)
        self.assertEqual(wrote(Content(stored(), Form.BASE64), pieces), b64encode(data))

    @settings(deadline=None)
    @given(st.binary(max_size=200), st.integers(1, 30))
    def test_compressed(self, data: bytes, step: int) -> None:
        """What is compressed is written as it is stored, or undone."""
        kept = compressed(data)
        pieces = [kept[at : at + step] for at in range(0, len(kept), step)]
        packed = stored(len(kept), "gzip")
        self.assertEqual(wrote(Content(packed, Form.STORED), pieces), kept)
        self.assertEqual(wrote(Content(packed, Form.IDENTITY), pieces), data)
        self.assertEqual(wrote(Content(packed, Form.BASE64), pieces), b64encode(data))

    def test_no_gzip(self) -> None:
        """What is said to be compressed and is not is refused, also when only its end is missing."""
        packed = Content(stored(3, "gzip"), Form.IDENTITY)
        for pieces in ([b"not gzip"], [compressed(b"x" * 99)[:-1]], []):
            self.assertRaises(CompressedDataError, wrote, packed, pieces)
