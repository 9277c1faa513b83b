"""What is counted of DNS questions, and how Prometheus sees it."""

from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from twisted.trial.unittest import SynchronousTestCase

from couchpages.families import NAMED, QueryFamilies
from couchpages.metrics import Metrics
from couchpages.tallies import UNNAMED, QueryTally
from tests.test_tallies import FORMATS, figures

WAYS: tuple[tuple[Any, Any], ...] = ((generate_latest, parse_text), (generate_openmetrics, parse_openmetrics))
PREFIX = "couchpages_dns_"


class Counting(SynchronousTestCase):
    """``QueryTally``."""

    def test_cells(self) -> None:
        """The figure of a type and a code is one cell, whoever asks for it and holds it."""
        tally = QueryTally()
        cell = tally.cell(1, 0)
        cell[0] += 2
        self.assertIs(tally.cell(1, 0), cell)
        self.assertIsNot(tally.cell(1, 3), cell)
        self.assertEqual(tally.cells, {(1, 0): [2], (1, 3): [0]})

    def test_unnamed_types(self) -> None:
        """Defect: who asked for all 65,536 types made 65,536 figures of each code, which took a second at each look."""
        tally = QueryTally(NAMED)
        for type_ in range(0x10000):
            tally.cell(type_, 0)[0] += 1
        self.assertLess(len(tally.cells), 200)
        self.assertEqual(sum(count for (count,) in tally.cells.values()), 0x10000)
        self.assertIs(tally.cell(65280, 0), tally.cell(65281, 0))
        self.assertIs(tally.cell(65280, 0), tally.cell(UNNAMED, 0))


class Shown(SynchronousTestCase):
    """``QueryFamilies``."""

    def setUp(self) -> None:
        """Count some questions."""
        self.registry = CollectorRegistry()
        families = QueryFamilies(self.registry)
        tally = families.labels("udp")
        for type_, rcode, count in ((1, 0, 5), (28, 3, 2), (65280, 0, 1), (65281, 0, 2), (255, 16, 1), (65, 5, 4)):
            tally.cell(type_, rcode)[0] += count
        tally.ready, tally.truncated, tally.dropped, tally.unsent = 3, 2, 7, 1
        tally.malformed[1] = 4
        tally.malformed[4] = 2
        for seconds in (0.00005, 0.0002, 20.0):
            tally.seconds.observe(seconds)
        self.assertIs(families.labels("udp"), tally)
        families.labels("tcp").cell(1, 0)[0] += 1

    def figures(self, write: Any, parse: Any) -> dict[tuple[str, ...], float]:
        """Give each figure by its name and its labels' values, in the order of these."""
        return {
            (sample.name.removeprefix(PREFIX), *sorted(sample.labels.values())): sample.value
            for family in parse(write(self.registry).decode())
            for sample in family.samples
        }

    def test_figures(self) -> None:
        """Both formats tell the same: types and codes by name, unnamed types together, and what got nothing."""
        for write, parse in WAYS:
            found = self.figures(write, parse)
            for key, value in (
                (("queries_total", "udp", "A", "NOERROR"), 5),
                (("queries_total", "udp", "AAAA", "NXDOMAIN"), 2),
                (("queries_total", "udp", "other", "NOERROR"), 3),
                (("queries_total", "udp", "ANY", "BADVERS"), 1),
                (("queries_total", "udp", "HTTPS", "REFUSED"), 4),
                (("queries_total", "tcp", "A", "NOERROR"), 1),
                (("ready_answers_total", "udp"), 3),
                (("truncated_answers_total", "udp"), 2),
                (("malformed_messages_total", "udp", "none"), 7),
                (("malformed_messages_total", "udp", "FORMERR"), 4),
                (("malformed_messages_total", "udp", "NOTIMP"), 2),
                (("unsent_answers_total", "udp"), 1),
                (("unsent_answers_total", "tcp"), 0),
                (("answer_seconds_count", "udp"), 3),
                (("answer_seconds_bucket", "udp", "0.0001"), 1),
                (("answer_seconds_bucket", "udp", "0.00025"), 2),
                (("answer_seconds_bucket", "udp", "10.0"), 2),
                (("answer_seconds_bucket", "udp", "+Inf"), 3),
            ):
                self.assertEqual(found.get((key[0], *sorted(key[1:]))), value, key)

    def test_in_all(self) -> None:
        """A node's page of metrics has them, in both formats."""
        metrics = Metrics()
        metrics.queries.labels("udp").cell(1, 0)[0] += 3
        for accept, parse in FORMATS:
            found = figures(metrics, accept, parse)
            self.assertEqual(found[f"{PREFIX}queries_total", ("NOERROR", "udp", "A")], 3)
