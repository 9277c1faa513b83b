"""How certificates and their orders are shown."""

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.administration import HANDED_OVER, Listed
from couchpages.certs.certificates import Certificate
from couchpages.certs.issuing.orders.order import Order, State
from couchpages.certs.issuing.words import UNWANTED
from couchpages.cli.certificate_shown import HEADINGS, lines_of
from tests.certs.made import DAY, NOW, certificate

ISSUED = replace(
    certificate(), not_before=NOW, not_after=NOW + 90 * DAY, fingerprint="0" * 64, issued_by="https://ca.test/directory"
)
ORDER = Order("example.org", ("example.org",), State.ISSUED, changed=int(NOW * 1000), handled=1, requested=1)


class Shown(SynchronousTestCase):
    """``lines_of``."""

    def line(self, found: Certificate, order: Order | None) -> tuple[dict[str, str], Any]:
        """Give the row, by heading, and the order as JSON has it."""
        orders = {} if order is None else {order.name: order}
        (line,) = lines_of([Listed(found.name, str(found.kind), found)], orders, NOW)
        return dict(zip(HEADINGS, line.row, strict=True)), line.json

    def test_renewed_when_the_issuer_says(self) -> None:
        """Defect: the third of its life was shown where the authority advised another time, which the issuer wrote down."""
        row, json = self.line(ISSUED, replace(ORDER, renews=int((NOW + 10 * DAY) * 1000)))
        self.assertEqual(row["order"], "renewed from 2026-12-03 on")
        self.assertEqual(json["order"]["renews"], "2026-12-03T14:00:00Z")

    def test_renewed_with_a_third_of_its_life_left(self) -> None:
        """Without an order, or one that says when, it is a third of its life before its end."""
        for order in (None, ORDER):
            row, json = self.line(ISSUED, order)
            self.assertEqual(row["order"], "renewed from 2027-01-22 on")
        self.assertIsNone(json["order"]["renews"])

    def test_left_out(self) -> None:
        """What a certificate was issued without, and why, is shown beside its renewal."""
        order = replace(ORDER, left_out=("*.example.org",), cause="caa", reason="*.example.org: CAA forbids")
        row, json = self.line(ISSUED, order)
        self.assertEqual(row["order"], "renewed from 2027-01-22 on; without *.example.org: *.example.org: CAA forbids")
        self.assertEqual((json["order"]["left_out"], json["order"]["cause"]), (["*.example.org"], "caa"))

    def test_handed_over(self) -> None:
        """Defect: what was imported and handed over was shown as issued, and as to be renewed, also when nobody could replace it."""
        handed = replace(ISSUED, issued_by=HANDED_OVER)
        declined = replace(ORDER, state=State.FAILED, cause=UNWANTED, reason="example.org: nobody wants it")
        failed = replace(ORDER, state=State.FAILED, cause="dns", reason="example.org: no")
        asked = replace(ORDER, state=State.NEW, requested=2)
        for order, words in (
            (declined, "declined: example.org: nobody wants it"),
            (failed, "failed, tried again soon: example.org: no"),
            (asked, "asked for"),
            (None, "not asked for; it stays until one is issued"),
            (replace(ORDER, renews=1), "not asked for; it stays until one is issued"),
        ):
            row, json = self.line(handed, order)
            self.assertEqual((row["source"], row["order"]), ("imported, handed over", words))
            self.assertEqual((json["source"], json["issued_by"]), ("imported, handed over", None))
