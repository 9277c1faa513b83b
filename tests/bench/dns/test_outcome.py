from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.bench.dns.dnsperf import outcome_of
from tests.bench.dns.outcome import Outcome, ratio, shown
from tests.bench.hot_path.wrk import WrongAnswer

OUT = """
Statistics:

  Queries sent:         212099
  Queries completed:    212090 (100.00%)
  Queries lost:         9 (0.00%)

  Response codes:       {codes}
  Average packet size:  request 33, response 83
  Run time (s):         3.004388
  Queries per second:   70597.747053
"""
FINE = Outcome(200_000, 2.0, 0, 0, 0, 1.6, 2.0)


class OutcomeTests(SynchronousTestCase):
    """Tests of what generators tell, and of how it is shown."""

    def test_figures(self) -> None:
        """A server that is busy for a part of the time answers more in a CPU second than in a second."""
        self.assertEqual((FINE.rate, FINE.share, FINE.per_cpu_second), (100_000, 0.8, 125_000))
        slower = replace(FINE, answers=160_000)
        text = shown([FINE, slower, slower])
        self.assertEqual(text, "80,000 (80,000 to 100,000); server busy 80%; 100,000 a CPU second")

    def test_trouble(self) -> None:
        """One wrong answer is trouble; so are no answers, many that are lost, and ones to questions that nobody asked."""
        self.assertIsNone(FINE.trouble())
        self.assertIsNone(replace(FINE, lost=100, stray=100).trouble())
        for change in ({"wrong": 1}, {"answers": 0}, {"lost": 201}, {"stray": 1}):
            self.assertIsNotNone(replace(FINE, **change).trouble(), change)

    def test_lost(self) -> None:
        """What was lost is shown."""
        self.assertTrue(shown([FINE, replace(FINE, lost=3)]).endswith("; 3 lost"))

    def test_ratio(self) -> None:
        """Ratios are those of servers in the same round, and their median is shown, not the ratio of medians."""
        own = [replace(FINE, answers=each) for each in (10, 90, 20)]
        other = [replace(FINE, answers=each) for each in (20, 100, 5)]
        self.assertEqual(ratio(own, other), "0.90 (0.50 to 4.00)")
        self.assertEqual(ratio(own, [replace(FINE, answers=1)] * 3), "20 (10 to 90)")


class DnsperfTests(SynchronousTestCase):
    """Tests of what is read from dnsperf."""

    def test_read(self) -> None:
        """Answers, seconds and what was lost are dnsperf's own figures."""
        outcome = outcome_of(OUT.format(codes="NOERROR 212090 (100.00%)"), 2.5, 3.0)
        self.assertEqual(outcome, Outcome(212_090, 3.004388, 0, 9, 0, 2.5, 3.0))

    def test_wrong(self) -> None:
        """An answer with another code is wrong."""
        self.assertEqual(outcome_of(OUT.format(codes="NOERROR 212000 (99.96%), SERVFAIL 90 (0.04%)"), 1, 1).wrong, 90)
        self.assertEqual(outcome_of(OUT.format(codes="REFUSED 212090 (100.00%)"), 1, 1).wrong, 212_090)

    def test_nothing(self) -> None:
        """Output that tells nothing is no outcome."""
        with self.assertRaises(WrongAnswer):
            outcome_of("[Status] Command line: dnsperf", 1, 1)
