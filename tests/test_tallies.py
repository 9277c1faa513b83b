"""Counters for the hot path, and how Prometheus sees them."""

import time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from twisted.trial.unittest import SynchronousTestCase

from couchpages.metrics import Metrics
from couchpages.tallies import BOUNDS, UNKNOWN, Durations, PlainCounter, Tallies, Tally

MEMORY = (200, "memory")
#: What a scraper accepts, and how it reads what comes.
FORMATS = (("", parse_text), ("application/openmetrics-text; version=1.0.0", parse_openmetrics))


def figures(metrics: Metrics, accept: str, parse: Any) -> dict[tuple[str, tuple[str, ...]], float]:
    """Give each figure that a scraper reads, by its name and its labels' values in the order of their names."""
    _, page = metrics.exposition(accept)
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in parse(page.decode())
        for sample in family.samples
    }


class Counting(SynchronousTestCase):
    """What counts."""

    def test_tally(self) -> None:
        """A site's answers are counted by status and cache, their bytes together."""
        tally = Tally()
        for key, size in [(MEMORY, 5), ((304, "none"), 0), (MEMORY, 7)]:
            tally.count(key, size)
        self.assertEqual(tally.answers, {MEMORY: 2, (304, "none"): 1})
        self.assertEqual(tally.bytes, 12)

    def test_plain_counter(self) -> None:
        """Events are counted by their label, in either way."""
        counter = PlainCounter()
        counter.inc("memory")
        counter.inc("memory")
        counter.labels("public", 200).inc()
        self.assertEqual(counter.counts, {"memory": 2, ("public", 200): 1})

    def test_sites(self) -> None:
        """Each known site has a tally of its own; all others share one, which no name can make grow in number."""
        known = {"a.example", "b.example"}
        tallies = Tallies(known.__contains__)
        self.assertIs(tallies.of("a.example"), tallies.of("a.example"))
        self.assertIsNot(tallies.of("a.example"), tallies.of("b.example"))
        for number in range(100):
            self.assertIs(tallies.of(f"{number}.example"), tallies.unknown)
        self.assertEqual([label for label, _ in tallies.every()], [UNKNOWN, "a.example", "b.example"])

    def test_a_site_goes_and_comes_back(self) -> None:
        """What is no site any more is forgotten at the next look, and starts anew when it comes back."""
        known = {"a.example"}
        tallies = Tallies(known.__contains__)
        first = tallies.of("a.example")
        known.clear()
        self.assertEqual([label for label, _ in tallies.every()], [UNKNOWN])
        self.assertIs(tallies.of("a.example"), tallies.unknown)
        known.add("a.example")
        self.assertIsNot(tallies.of("a.example"), first)

    def test_nobody_said_what_is_known(self) -> None:
        """Until somebody says which sites there are, none is known."""
        tallies = Metrics().tallies
        self.assertIs(tallies.of("a.example"), tallies.unknown)

    def test_a_clock_that_was_put_back(self) -> None:
        """No duration is negative, and the sum never gets smaller."""
        durations = Durations()
        durations.observe(-5.0)
        self.assertEqual((durations.counts[0], durations.sum), (1, 0.0))

    @settings(deadline=None)
    @given(st.lists(st.one_of(st.floats(0, 100), st.sampled_from((0.0, *BOUNDS)))))
    def test_as_prometheus_client(self, seconds: list[float]) -> None:
        """The buckets, the sum and the count are those of prometheus-client's histogram."""
        registry = CollectorRegistry()
        theirs = Histogram("x_seconds", "X.", ["port"], buckets=BOUNDS, registry=registry).labels("public")
        metrics = Metrics()
        ours = metrics.response_seconds.labels("public")
        for each in seconds:
            theirs.observe(each)
            ours.observe(each)
        ends: list[dict[str, str]] = [{"le": str(each)} for each in BOUNDS]
        for suffix, more in (("sum", [{}]), ("count", [{}]), ("bucket", ends)):
            for labels in more:
                wanted = registry.get_sample_value(f"x_seconds_{suffix}", {"port": "public", **labels})
                name = f"couchpages_http_response_seconds_{suffix}"
                self.assertEqual(metrics.registry.get_sample_value(name, {"port": "public", **labels}), wanted)


class Shown(SynchronousTestCase):
    """What a scraper reads, in both formats."""

    def test_figures(self) -> None:
        """Every family has its name, its labels and its figures."""
        known = {"a.example", 'quoted"\\\n.example'}
        metrics = Metrics()
        metrics.tallies.is_known = known.__contains__
        for site in (*known, "other.example"):
            metrics.tallies.of(site).count(MEMORY, 10)
        metrics.responses.labels("public").inc(200)
        metrics.responses.labels("api").inc(404)
        metrics.response_seconds.labels("public").observe(0.0002)
        metrics.connections.labels("public").set_function(lambda: 3)
        metrics.blob_reads.inc("memory")
        for accept, parse in FORMATS:
            read = figures(metrics, accept, parse)
            for site in (*known, ""):
                self.assertEqual(read["couchpages_site_responses_total", ("memory", site, "200")], 1)
                self.assertEqual(read["couchpages_site_response_bytes_total", (site,)], 10)
            self.assertEqual(read["couchpages_http_responses_total", ("public", "200")], 1)
            self.assertEqual(read["couchpages_http_responses_total", ("api", "404")], 1)
            buckets = [
                read["couchpages_http_response_seconds_bucket", (end, "public")] for end in ("0.0001", "0.00025")
            ]
            self.assertEqual(buckets, [0, 1])
            self.assertEqual(read["couchpages_http_response_seconds_bucket", ("+Inf", "public")], 1)
            self.assertEqual(read["couchpages_http_response_seconds_sum", ("public",)], 0.0002)
            self.assertEqual(read["couchpages_http_response_seconds_count", ("public",)], 1)
            self.assertEqual(read["couchpages_http_connections", ("public",)], 3)
            self.assertEqual(read["couchpages_blob_reads_total", ("memory",)], 1)

    def test_types(self) -> None:
        """Prometheus is told what each family is."""
        types = {"http_responses": "counter", "http_response_seconds": "histogram", "site_responses": "counter"}
        for accept, parse in FORMATS:
            found = {family.name: family.type for family in parse(Metrics().exposition(accept)[1].decode())}
            for name, type_ in types.items():
                self.assertEqual(found[f"couchpages_{name}"], type_)

    def test_what_was_never_asked(self) -> None:
        """A site that answered nothing yet has no figures."""
        metrics = Metrics()
        metrics.tallies.is_known = lambda _: True
        metrics.tallies.of("a.example")
        self.assertNotIn(b"a.example", metrics.exposition("")[1])

    def test_many_sites(self) -> None:
        """Ten thousand sites are all shown; how long that takes is printed."""
        metrics = Metrics()
        metrics.tallies.is_known = lambda _: True
        for number in range(10_000):
            tally = metrics.tallies.of(f"site-{number}.example")
            for key in (MEMORY, (304, "none"), (404, "memory")):
                tally.count(key, 1000)
        began = time.perf_counter()
        _, page = metrics.exposition("")
        seconds = time.perf_counter() - began
        print(f"10,000 sites, {len(page):,} bytes: {seconds * 1000:.0f} ms")  # noqa: T201 -- a figure to look at
        self.assertEqual(page.count(b"couchpages_site_responses_total{"), 30_000)
