"""Certificates from pebble that live for seconds are renewed under traffic, and no handshake fails."""

import os
import sys
import time
from contextlib import ExitStack

from tests.integration.acme_case import ZONE, AcmeCase
from tests.integration.node import wait_until
from tests.integration.secure_traffic import SecureTraffic

#: Seconds for which 60-second certificates are renewed; without it, 30-second ones are until each was renewed twice.
LONG = float(os.environ.get("COUCHPAGES_TEST_RENEWALS", "0"))
SITES = [f"{name}.{ZONE}" for name in ("one", "two")]
RENEWALS = 2


class UnderTraffic(AcmeCase):
    """Two nodes, one of which issues, both visited all the time; every visitor shakes hands anew, and believes pebble's root alone."""

    authority = {"validity": 60 if LONG else 30}  # noqa: RUF012 -- never changed

    def test_no_failed_handshake(self) -> None:
        """Every site is renewed again and again on both nodes; nobody sees a certificate that has ended, or none, or an older one again."""
        first = self.issuing(issuers=["node1"])
        self.make_zone(first, "127.0.0.1", "127.0.0.2")
        second = self.beside(first, issuers=["node1"])
        self.deploy(first, *SITES)
        for site in SITES:
            for node in (first, second):
                self.issued(node, site)
        root = self.pebble.root()
        visitors = [SecureTraffic(node.https, site, root) for node in (first, second) for site in SITES]
        begun = time.monotonic()
        with ExitStack() as stack:
            for each in visitors:
                stack.enter_context(each)
            wait_until(
                lambda: time.monotonic() > begun + LONG and all(len(each.seen) > RENEWALS for each in visitors),
                f"{RENEWALS} renewals of each",
                LONG + 120,
            )
        took = time.monotonic() - begun
        self.assertEqual([each.failures for each in visitors], [[]] * len(visitors))
        for each in visitors:
            order = sorted(each.seen, key=each.seen.__getitem__)
            self.assertEqual(order, sorted(each.last, key=each.last.__getitem__), "an older one came again")
        self.assert_no_defect(first, second)
        if LONG:
            renewals = sum(len(each.seen) - 1 for each in visitors[: len(SITES)])
            handshakes = sum(each.answers for each in visitors)
            sys.stdout.write(f"\n{took:.0f} s: {renewals} renewals, {handshakes} handshakes, 0 failed\n")
