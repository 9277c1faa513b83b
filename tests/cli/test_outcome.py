"""What became of what was asked for."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.issuing.orders.order import Order, State
from couchpages.cli.outcome import Asked, Failed, Issued, Waiting, is_over, outcome
from tests.certs.made import certificate

ISSUED = Order("a.test", ("a.test",), State.ISSUED, by="web1", requested=5, handled=5)
ASKED = Asked("a.test", 5, ("a.test", "b.test"))
BOTH = replace(certificate("a.test", "b.test"), issued_by="https://ca.test/directory")


class OutcomeTests(SynchronousTestCase):
    """``outcome``."""

    def test_issued(self) -> None:
        """It is there when the certificate, or the order that was carried out, is for all names; a wildcard counts for one label."""
        one = replace(certificate("a.test"), issued_by="https://ca.test/directory")
        wild = replace(certificate("a.test", "*.a.test"), issued_by="https://ca.test/directory")
        self.assertEqual(outcome(ASKED, ISSUED, [BOTH]), Issued())
        self.assertEqual(outcome(ASKED, replace(ISSUED, names=("b.test", "a.test")), []), Issued())
        self.assertEqual(outcome(Asked("a.test", 5), ISSUED, []), Issued())
        self.assertEqual(outcome(Asked("a.test", 5, ("a.test", "www.a.test")), ISSUED, [wild]), Issued())
        self.assertEqual(outcome(Asked("a.test", 5, ("a.test",)), ISSUED, [one]), Issued())

    def test_without_names(self) -> None:
        """Defect: names that the configuration had no certificate issued for were told to be issued."""
        self.assertEqual(
            outcome(ASKED, ISSUED, [replace(certificate("a.test"), issued_by="x"), certificate("a.test", "b.test")]),
            Failed(
                "a.test: a certificate was issued, but not for b.test: the configuration or a site decides what it is for; "
                "list the names in [acme] certificates, or ask for them by a certificate of their own",
                ("b.test",),
            ),
        )

    def test_newest(self) -> None:
        """What an older certificate was for, of a kind that is not issued any more, does not count."""
        newer = replace(certificate("a.test"), issued_by="x", made=BOTH.made + 1)
        self.assertIsInstance(outcome(ASKED, ISSUED, [BOTH, newer]), Failed)

    def test_somebody_else_asks(self) -> None:
        """An order that somebody asks for again says what he wants, and not what was issued; ours was dealt with all the same."""
        again = replace(ISSUED, names=("a.test", "b.test"), requested=9)
        self.assertIsInstance(outcome(ASKED, again, []), Failed)
        self.assertEqual(outcome(ASKED, again, [BOTH]), Issued())
        self.assertEqual(outcome(Asked("a.test", 9), again, [BOTH]), Waiting(""))
        self.assertEqual(outcome(ASKED, replace(again, state=State.FAILED, reason="no"), []), Failed("no"))

    def test_ordering(self) -> None:
        """Defect: an order that was under way again was told to be issued, because the request had been dealt with."""
        ordering = replace(ISSUED, state=State.ORDERING)
        self.assertFalse(is_over(ASKED, ordering))
        self.assertEqual(outcome(ASKED, ordering, [BOTH]), Waiting("web1"))

    def test_nobody(self) -> None:
        """Who saw to an earlier try is not at it."""
        self.assertEqual(outcome(ASKED, replace(ISSUED, state=State.FAILED, handled=0), []), Waiting(""))

    def test_given_up(self) -> None:
        """What nobody wants any more is not issued."""
        given_up = outcome(ASKED, replace(ISSUED, state=State.NEW), [])
        assert isinstance(given_up, Failed)
        self.assertIn("a.test: it was given up", given_up.reason)
