"""Attachments, decided: stubs, ranges, conditions."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.embedded.attachments import Stored, merge_stubs, names_tag, part_of
from couchpages.couch.embedded.documents import Inline, Stub
from couchpages.couch.embedded.errors import ApiError


def stored(name: str, content_type: str = "application/octet-stream") -> Stored:
    """Make an attachment up."""
    return Stored(name, content_type, 1, 7, 5, b"\x00" * 16)


class StubTests(SynchronousTestCase):
    """What a stub stands for."""

    def test_replaced(self) -> None:
        """Stubs become what the parent has, new ones stay, and what is not named is left out."""
        new = Inline("b", "x/y", b"hi")
        merged = merge_stubs("doc", [Stub("a"), new], [stored("a"), stored("c")])
        self.assertEqual(merged, [stored("a"), new])

    def test_missing(self) -> None:
        """A stub of nothing is refused, by name."""
        with self.assertRaises(ApiError) as caught:
            merge_stubs("doc", [Stub("b")], [stored("a")])
        self.assertEqual(caught.exception.reason, "Invalid attachment stub in doc for b")

    def test_description(self) -> None:
        """A stub tells type, generation, digest and length."""
        digest = "md5-AAAAAAAAAAAAAAAAAAAAAA=="
        told = {"content_type": "application/octet-stream", "revpos": 1, "digest": digest, "length": 5, "stub": True}
        self.assertEqual(stored("a").stub(), told)

    def test_told_of_what_is_compressed(self) -> None:
        """What is kept compressed tells the length before that, and to those who ask how it is kept; it has no ranges."""
        packed = replace(stored("a", "text/css"), encoding="gzip", identity=99)
        self.assertEqual((packed.told_length, packed.accepts_ranges, packed.has_known_identity), (99, False, True))
        self.assertNotIn("encoding", packed.stub())
        self.assertEqual(packed.stub(encoding=True)["encoded_length"], packed.length)
        self.assertEqual(packed.following()["length"], 99)
        unknown = replace(packed, identity=None)
        self.assertEqual((unknown.told_length, unknown.has_known_identity), (packed.length, False))
        self.assertTrue(stored("a", "text/css").accepts_ranges)

    def test_generation_of_a_stub(self) -> None:
        """A stub that names the generation means that one: of two attachments of one name, or none."""
        older, newer = stored("a"), replace(stored("a"), generation=3)
        self.assertEqual(merge_stubs("doc", [Stub("a", 3)], [older, newer]), [newer])
        self.assertEqual(merge_stubs("doc", [Stub("a", 1)], [older, newer]), [older])
        self.assertRaises(ApiError, merge_stubs, "doc", [Stub("a", 2)], [older, newer])


class RangeTests(SynchronousTestCase):
    """Parts of an attachment."""

    @settings(deadline=None)
    @given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 25))
    def test_first_and_last(self, first: int, last: int, length: int) -> None:
        """A range gives the bytes that exist of those that it names, and is refused when none does."""
        wanted = [each for each in range(first, last + 1) if each < length]
        if not wanted:
            self.assertRaises(ApiError, part_of, f"bytes={first}-{last}", length)
        else:
            part = part_of(f"bytes={first}-{last}", length)
            self.assertEqual(list(part or ()), wanted)

    @settings(deadline=None)
    @given(st.integers(1, 30), st.integers(1, 25))
    def test_suffix(self, last: int, length: int) -> None:
        """A suffix gives so many bytes from the end, or all."""
        self.assertEqual(list(part_of(f"bytes=-{last}", length) or ()), list(range(length))[-last:])

    @settings(deadline=None)
    @given(st.text(max_size=12))
    def test_never_breaks(self, header: str) -> None:
        """Whatever is sent is a range, is refused, or is ignored."""
        try:
            part = part_of(header, 10)
        except ApiError as error:
            self.assertEqual(error.status, 416)
        else:
            self.assertTrue(part is None or (0 <= part.start < part.stop <= 10))

    def test_ignored(self) -> None:
        """What is no single range of bytes means everything."""
        for header in (None, "", "bytes", "bytes=-", "bytes=x", "lines=0-1", "bytes=0-1,3-4"):
            self.assertIsNone(part_of(header, 10))


class TagTests(SynchronousTestCase):
    """If-None-Match."""

    def test_lists(self) -> None:
        """Any member of the list counts, weak ones too; a star does not."""
        for header in ('"x"', '"a", "x"', 'W/"x"'):
            self.assertTrue(names_tag(header, "x"), header)
        for other in (None, "", "*", "x", '"y"'):
            self.assertFalse(names_tag(other, "x"), other)
