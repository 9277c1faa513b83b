from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.bench.hot_path.asking import Ask, Load
from tests.bench.hot_path.wrk import Outcome, outcome_of

OUT = """Running 1s test @ http://127.0.0.1:8080/
  1 threads and 48 connections
Requests/sec:  49000.00
{"requests": 100000, "bytes": 120000000, "microseconds": 2000000, "connect": 0, "read": 0, "write": 0, "status": 0, "timeout": 0}
"""
NONE = {"connect": 0, "read": 0, "write": 0, "status": 0, "timeout": 0}
KIB = Load((Ask("/one.css", 1024),))
NOTHING = Load((Ask("/one.css", 0, status=304),))


class OutcomeTests(SynchronousTestCase):
    """Tests of what is read from wrk."""

    def test_read(self) -> None:
        """The rate is that of the script's own figures."""
        outcome = outcome_of(OUT)
        self.assertEqual(outcome, Outcome(100_000, 120_000_000, 2.0, NONE))
        self.assertEqual(outcome.rate, 50_000)
        self.assertIsNone(outcome.wrong(KIB))

    def test_errors(self) -> None:
        """One error of any kind makes a run wrong, and so does a run without answers."""
        outcome = outcome_of(OUT)
        for kind in NONE:
            self.assertIn(kind, replace(outcome, errors={**NONE, kind: 1}).wrong(KIB) or "")
        self.assertIsNotNone(replace(outcome, requests=0).wrong(KIB))

    def test_lengths(self) -> None:
        """Answers with a body are not taken for 304, nor ones without a body for 200."""
        self.assertIn("1200 bytes an answer", outcome_of(OUT).wrong(NOTHING) or "")
        self.assertIsNone(replace(outcome_of(OUT), bytes=30_000_000).wrong(NOTHING))
        self.assertIn("300 bytes an answer", replace(outcome_of(OUT), bytes=30_000_000).wrong(KIB) or "")
