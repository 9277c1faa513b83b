from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.checks import findings
from couchpages.dns.names import from_text
from couchpages.dns.zone_file_writing import as_sets, places, written
from couchpages.dns.zone_files import ZoneFileReader
from tests.dns.zone_text import APEX, HEAD, no_file

LABELS = st.binary(min_size=1, max_size=5) | st.sampled_from(
    [b"*", b"www", b"_x", b"$", b"@", b".", b"a b", b'"', b"(", b"\\"]
)
NAMES = st.lists(LABELS, max_size=3).map(lambda labels: b"".join(bytes([len(each)]) + each for each in labels) + APEX)
RDATAS = st.one_of(
    st.tuples(st.just(1), st.binary(min_size=4, max_size=4)),
    st.tuples(
        st.just(16),
        st.lists(st.binary(max_size=20), min_size=1, max_size=3).map(
            lambda texts: b"".join(bytes([len(t)]) + t for t in texts)
        ),
    ),
    st.tuples(st.just(15), st.tuples(st.binary(min_size=2, max_size=2), NAMES).map(b"".join)),
    st.tuples(st.just(65280), st.binary(max_size=10)),
    st.tuples(st.just(257), st.binary(max_size=10).map(lambda value: b"\x00\x05issue" + value)),
)


def told(sets: list[dict[str, Any]]) -> set[tuple[object, ...]]:
    """Give record sets in a form that can be compared."""
    return {(from_text(each["name"]).lower(), each["type"], each["ttl"], frozenset(each["records"])) for each in sets}


class WritingTests(SynchronousTestCase):
    """Zone files of record sets."""

    def read(self, text: str) -> list[dict[str, Any]]:
        """Read a file into record sets."""
        return as_sets(ZoneFileReader(APEX, no_file).read("zone", text))

    @settings(deadline=None, max_examples=200)
    @given(st.lists(st.tuples(NAMES, RDATAS, st.integers(0, 2**31 - 1)), max_size=8))
    def test_there_and_back(self, found: list[tuple[bytes, tuple[int, bytes], int]]) -> None:
        """Export and import give the same zone, whatever octets are in names and data."""
        from couchpages.dns.records import Record
        from couchpages.dns.zone_files import Line

        lines = [Line("", 1, Record(0, name, type_, ttl, data)) for name, (type_, data), ttl in found]
        sets = as_sets(lines)
        self.assertEqual(told(self.read("".join(written(APEX, sets, None)))), told(sets))

    def test_order(self) -> None:
        """The SOA is first and has the serial that is served; then names in canonical order."""
        text = "b A 192.0.2.1\na.b A 192.0.2.2\nB.a A 192.0.2.3\n@ A 192.0.2.4\n* A 192.0.2.5"
        lines = list(written(APEX, self.read(HEAD + text), 4294967295))
        self.assertEqual(lines[0], "; zone example.org\n")
        self.assertIn("\tSOA\tns1.example.net. host.example.org. 4294967295 3600", lines[1])
        names = [line.split("\t")[0] for line in lines[2:]]
        wanted = ["", "", "*.", "B.a.", "b.", "a.b."]
        self.assertEqual(names, [f"{each}example.org." for each in wanted])

    def test_places(self) -> None:
        """A finding is told with the line of the record that it is about."""
        lines = ZoneFileReader(APEX, no_file).read("zone", HEAD + "www CNAME x.example.net.\nwww A 192.0.2.1")
        found = findings(APEX, [line.record for line in lines])
        self.assertEqual(
            places(lines, found),
            ["error: zone:4: www.example.org CNAME: a CNAME stands alone (RFC 1034 section 3.6.2)"],
        )
