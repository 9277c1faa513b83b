"""The table of rules itself, and the oracle beside it (pure)."""

from collections import Counter

import dns.name
from dns.rdatatype import RdataType
from twisted.trial.unittest import SynchronousTestCase

from tests.dns.oracle import expected, read_zones
from tests.dns.rules import ALL, zone_files
from tests.dns.rules.asking import RR, read_record
from tests.dns.rules.row import Record, Row

ZONES = read_zones(zone_files.texts())


def _read(records: tuple[Record, ...] | None) -> list[RR]:
    return sorted(read_record(each) for each in records or ())


def _is_lookup(row: Row) -> bool:
    """Tell whether the zones alone decide the answer."""
    return row.question.rdclass == "IN" and row.question.type not in {"AXFR", "IXFR"} and not row.question.version


class TableTests(SynchronousTestCase):
    """The rows."""

    def test_names_are_unique(self) -> None:
        """No two rows ask the same."""
        self.assertEqual([name for name, times in Counter(row.name for row in ALL).items() if times > 1], [])

    def test_there_are_many(self) -> None:
        """No file of rows is left out."""
        self.assertGreater(len(ALL), 500)

    def test_the_oracle_agrees(self) -> None:
        """What follows from the zones by the RFCs' algorithms is what the rows say."""
        for row in filter(_is_lookup, ALL):
            found = expected(ZONES, dns.name.from_text(row.question.name), RdataType.make(row.question.type))
            self.assertEqual((found.rcode, found.aa), (row.rcode, row.aa), row.name)
            self.assertEqual(sorted(found.authority), _read(row.authority), row.name)
            choices = row.alternatives or (row.answer,)
            self.assertEqual(sorted(map(sorted, found.one_of or [found.answer])), sorted(map(_read, choices)), row.name)
            if not row.tc:
                self.assertEqual(sorted(found.glue), _read(row.glue), row.name)
