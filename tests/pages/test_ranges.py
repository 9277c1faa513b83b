"""Range requests of RFC 9110 section 14."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.ranges import MOST_RANGES, ByteRange, Parts, Unsatisfiable, Verdict, Whole, requested_range

TAG = b'"xyzzy"'
SIZE = 10_000  # as in the examples of section 14.1.2


def parts(*ranges: tuple[int, int]) -> Parts:
    """Make parts of starts and stops."""
    return Parts(tuple(ByteRange(start, stop) for start, stop in ranges))


ANSWERS: dict[bytes, Verdict] = {
    # section 14.1.2
    b"bytes=0-499": parts((0, 500)),
    b"bytes=500-999": parts((500, 1000)),
    b"bytes=-500": parts((9500, 10_000)),
    b"bytes=9500-": parts((9500, 10_000)),
    b"bytes=0-0,-1": parts((0, 1), (9999, 10_000)),
    b"bytes= 0-999, 4500-5499, -1000": parts((0, 1000), (4500, 5500), (9000, 10_000)),
    b"bytes=500-600,601-999": parts((500, 601), (601, 1000)),
    b"bytes=500-700,601-999": parts((500, 701), (601, 1000)),
    # edges
    b"bytes=0-": parts((0, SIZE)),
    b"bytes=0-9999": parts((0, SIZE)),
    b"bytes=0-10000": parts((0, SIZE)),
    b"bytes=9999-20000": parts((9999, SIZE)),
    b"bytes=-10000": parts((0, SIZE)),
    b"bytes=-99999": parts((0, SIZE)),
    b"bytes=007-008": parts((7, 9)),
    b"bytes=0-" + b"9" * 6000: parts((0, SIZE)),
    b"bytes=-" + b"9" * 6000: parts((0, SIZE)),
    b"bytes=" + b"0" * 6000 + b"5-5": parts((5, 6)),
    b"BYTES=1-2": parts((1, 3)),
    b"bytes=,,1-2\t,": parts((1, 3)),
    b"bytes=20000-,1-2": parts((1, 3)),
    b"bytes=-0,1-2": parts((1, 3)),
    # nothing within
    b"bytes=10000-": Unsatisfiable(),
    b"bytes=10000-10001": Unsatisfiable(),
    b"bytes=-0": Unsatisfiable(),
    b"bytes=20000-,-0": Unsatisfiable(),
    b"bytes=" + b"9" * 6000 + b"-": Unsatisfiable(),
    # ignored: malformed, or another unit
    b"": Whole(),
    b"bytes": Whole(),
    b"bytes=": Whole(),
    b"bytes=,": Whole(),
    b"bytes=-": Whole(),
    b"bytes=1": Whole(),
    b"bytes=2-1": Whole(),
    b"bytes=2-1,3-4": Whole(),
    b"bytes=a-b": Whole(),
    b"bytes=0-1;2-3": Whole(),
    b"bytes=--1": Whole(),
    b"bytes=+1-2": Whole(),
    b"bytes=1 -2": Whole(),
    b"bytes=0x1-0x2": Whole(),
    b"bytes=1-2-3": Whole(),
    b"bytes =0-1": Whole(),
    b"bytes=\xd9\xa3-": Whole(),
    b"bytes=1-2\n": Whole(),
    b"items=0-1": Whole(),
    b"0-1": Whole(),
    # more than the content
    b"bytes=0-,0-": Whole(),
    b"bytes=0-,-1": Whole(),
    b"bytes=0-6000,4000-9999": Whole(),
}


class RequestedRangeTests(SynchronousTestCase):
    """``requested_range``."""

    def test_answers(self) -> None:
        """Each Range field gets the answer that section 14 asks for or allows."""
        for field, answer in ANSWERS.items():
            self.assertEqual(requested_range(field, None, TAG, SIZE), answer, field[:60])

    def test_no_range(self) -> None:
        """Without a Range field the whole is sent, whatever If-Range says."""
        self.assertEqual(requested_range(None, None, TAG, SIZE), Whole())
        self.assertEqual(requested_range(None, TAG, TAG, SIZE), Whole())

    def test_if_range(self) -> None:
        """If-Range lets the range count with the very same strong tag alone (section 13.1.5)."""
        self.assertEqual(requested_range(b"bytes=0-0", TAG, TAG, SIZE), parts((0, 1)))
        for other in (b'"other"', b'W/"xyzzy"', b"xyzzy", b"*", b"", b"Sat, 29 Oct 1994 19:43:31 GMT"):
            self.assertEqual(requested_range(b"bytes=0-0", other, TAG, SIZE), Whole())
            self.assertEqual(requested_range(b"bytes=99999-", other, TAG, SIZE), Whole())

    def test_empty_content(self) -> None:
        """Empty content is sent whole, because no range of it can be named."""
        for field in (b"bytes=0-", b"bytes=0-0", b"bytes=-1", b"bytes=-0"):
            self.assertEqual(requested_range(field, None, TAG, 0), Whole())

    def test_cve_2011_3192(self) -> None:
        """Many ranges, overlapping or not, get the whole, and the greatest number allowed is still served."""
        killer = b"bytes=0-," + b",".join(b"5-%d" % n for n in range(5, 1300))
        self.assertEqual(requested_range(killer, None, TAG, SIZE), Whole())
        most = b"bytes=" + b",".join(b"%d-%d" % (n, n) for n in range(MOST_RANGES))
        self.assertEqual(requested_range(most, None, TAG, SIZE), parts(*((n, n + 1) for n in range(MOST_RANGES))))
        self.assertEqual(requested_range(most + b",99-99", None, TAG, SIZE), Whole())

    @settings(deadline=None)
    @given(
        st.one_of(st.binary(), st.text("0123456789-, ").map(lambda text: b"bytes=" + text.encode())),
        st.integers(0, 200),
    )
    def test_within(self, field: bytes, size: int) -> None:
        """Any field gives ranges that are not empty, lie within the content, and add up to no more than it."""
        match requested_range(field, None, TAG, size):
            case Parts(ranges):
                self.assertTrue(ranges)
                self.assertLessEqual(sum(found.length for found in ranges), size)
                for found in ranges:
                    self.assertTrue(0 <= found.start < found.stop <= size)

    @settings(deadline=None)
    @given(st.integers(1, 300), st.integers(0, 400), st.integers(0, 400))
    def test_single(self, size: int, first: int, length: int) -> None:
        """One range is the slice of the content that it names, and 416 just when it begins behind the end."""
        answer = requested_range(b"bytes=%d-%d" % (first, first + length), None, TAG, size)
        content = range(size)[first : first + length + 1]
        expected = parts((content.start, content.stop)) if content else Unsatisfiable()
        self.assertEqual(answer, expected)
