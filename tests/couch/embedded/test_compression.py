"""Compression, decided: it is undone whatever the pieces, and what is no gzip is refused."""

import gzip

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.embedded.compression import (
    PIECE,
    CompressedDataError,
    Compressor,
    Decompressor,
    compressed,
    is_compressible,
)

pieces = st.lists(st.binary(max_size=200), max_size=10)


def undone(data: bytes, step: int = 2**30) -> bytes:
    """Undo compression, fed in steps of so many bytes."""
    decompressor = Decompressor()
    found = [piece for at in range(0, len(data), step) for piece in decompressor.feed(data[at : at + step])]
    decompressor.finish()
    return b"".join(found)


class CompressionTests(SynchronousTestCase):
    """There and back."""

    @settings(deadline=None)
    @given(pieces, st.integers(1, 50))
    def test_round_trip(self, model: list[bytes], step: int) -> None:
        """What comes out does not depend on the pieces, and anybody's gzip undoes it."""
        compressor = Compressor()
        data = b"".join([*map(compressor.feed, model), compressor.finish()])
        self.assertEqual(data, compressed(b"".join(model)))
        self.assertEqual((undone(data, step), gzip.decompress(data)), (b"".join(model), b"".join(model)))

    @settings(deadline=None)
    @given(st.lists(st.binary(max_size=100), min_size=1, max_size=4), st.integers(1, 50))
    def test_members(self, model: list[bytes], step: int) -> None:
        """Several gzip members after each other are one content."""
        self.assertEqual(undone(b"".join(map(gzip.compress, model)), step), b"".join(model))

    @settings(deadline=None)
    @given(st.binary(min_size=1, max_size=300))
    def test_no_gzip(self, data: bytes) -> None:
        """What is not gzip, or is cut off, is refused with CompressedDataError and nothing else."""
        whole = compressed(data)
        for broken in (data, whole[:-1], whole[: len(whole) // 2], whole[:-8] + b"\0" * 8, b""):
            self.assertRaises(CompressedDataError, undone, broken)

    def test_bomb(self) -> None:
        """However much a few bytes stand for, it comes in pieces of bounded size, and only as it is taken."""
        bomb = gzip.compress(b"\0" * (20 * PIECE + 1))
        sizes = [len(piece) for piece in Decompressor().feed(bomb)]
        self.assertEqual((sum(sizes), max(sizes)), (20 * PIECE + 1, PIECE))
        self.assertEqual(len(next(Decompressor().feed(bomb))), PIECE)

    def test_exact_pieces(self) -> None:
        """A content of exactly so many pieces comes whole."""
        for size in (PIECE - 1, PIECE, PIECE + 1, 2 * PIECE):
            self.assertEqual(len(undone(gzip.compress(b"\0" * size))), size)

    def test_types(self) -> None:
        """Texts, JSON, XML and JavaScript, whatever letters and parameters."""
        for kind in ("text/html", "TEXT/x; charset=y", "application/json", "application/xml", "application/javascript"):
            self.assertTrue(is_compressible(kind), kind)
        for kind in (
            "",
            "text",
            "image/png",
            "application/json5",
            "application/octet-stream",
            "x-text/html",
        ):
            self.assertFalse(is_compressible(kind), kind)
