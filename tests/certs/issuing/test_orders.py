"""Orders: as documents, as they change, as they are counted, and as they are merged."""

from dataclasses import replace
from itertools import permutations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.boxes import LATEST
from couchpages.certs.issuing.orders import ledger
from couchpages.certs.issuing.orders.limits import DAY, HOUR, KNOWN, Sort, full, limits_of, registered_domain
from couchpages.certs.issuing.orders.order import (
    AHEAD,
    LONGEST_PAUSE,
    REMEMBERED,
    LeftOut,
    Order,
    State,
    asked,
    from_document,
    to_document,
    waits,
)

T = 1_795_442_400_000
PRODUCTION = "https://acme-v02.api.letsencrypt.org/directory"
LIMITS = KNOWN["acme-v02.api.letsencrypt.org"]
NAME = "example.org"
MOMENTS = st.lists(st.integers(0, LATEST), max_size=5).map(lambda each: tuple(sorted(set(each))))
ORDERS = st.builds(
    Order, st.just(NAME), st.sampled_from([(), (NAME,), (NAME, "*." + NAME)]), st.sampled_from(State),
    changed=st.integers(0, LATEST), by=st.text(max_size=5), failures=st.integers(0, 99), next_try=st.integers(0, LATEST),
    requested=st.integers(0, 9), handled=st.integers(0, 9), by_hand=st.booleans(), renews=st.integers(0, LATEST),
    left_out=st.sampled_from([(), ("*." + NAME,)]), directory=st.sampled_from(["", PRODUCTION]),
    revoked=st.sampled_from([(), ("0" * 64,), ("1" * 64, "0" * 64)]), ordered=MOMENTS, added=MOMENTS, issued=MOMENTS, refused=MOMENTS,
)  # fmt: skip


class Documents(SynchronousTestCase):
    """``from_document`` and ``to_document``."""

    @given(ORDERS)
    @settings(deadline=None)
    def test_written_and_read(self, order: Order) -> None:
        """What was written is read."""
        self.assertEqual(from_document(order.doc_id, to_document(order)), order)

    def test_nonsense(self) -> None:
        """Nonsense is refused, whatever it is."""
        good = to_document(Order(NAME))
        wrong: list[dict[str, Any]] = [
            {"type": "lease"}, {"version": 2}, {"state": []}, {"state": "done"}, {"names": NAME}, {"names": ["a..b"]},
            {"names": ["Example.org"]}, {"names": [NAME] * 101}, {"changed": -1}, {"changed": True}, {"changed": 1.5},
            {"failures": LATEST + 1}, {"reason": 5}, {"reason": "x" * 2001}, {"ordered": 5}, {"issued": [None]},
            {"refused": [0] * (REMEMBERED + 1)}, {"directory": ["x"]}, {"left_out": ["a..b"]}, {"left_out": NAME},
            {"revoked": "0" * 64}, {"revoked": ["0" * 63]}, {"revoked": ["G" * 64]}, {"revoked": ["0" * 64] * 9},
        ]  # fmt: skip
        for each in wrong:
            with self.assertRaises(ValueError):
                from_document("order-" + NAME, {**good, **each})
        for doc_id in ("order-a..b", "order-", "lease", "order-Example.org"):
            with self.assertRaises(ValueError):
                from_document(doc_id, good)

    def test_waits(self) -> None:
        """It waits until its next try: a CA's seven days too, but neither for ever nor because of a clock that is ahead."""
        order = Order(NAME, changed=T, next_try=T + 7 * DAY)
        self.assertTrue(waits(order, T) and waits(order, T + 7 * DAY - 1))
        self.assertFalse(waits(order, T + 7 * DAY))
        self.assertFalse(waits(replace(order, next_try=LATEST), T))
        self.assertFalse(waits(replace(order, changed=T + 2 * AHEAD), T))

    def test_asked(self) -> None:
        """Who asks is seen to at once, also where the clock is behind that of who handled the last request."""
        order = asked(Order(NAME, handled=T + 5, requested=T + 5, next_try=T + HOUR, changed=T), (), T)
        self.assertTrue(order.is_asked_for)
        self.assertFalse(waits(order, T))


class Ledger(SynchronousTestCase):
    """How an order changes."""

    def test_other_directory(self) -> None:
        """Defect: what was tried at a staging directory counted for the limits of the production one, for seven days."""
        order = Order(NAME, directory="staging", ordered=(T,), added=(T,), issued=(T,) * 5, refused=(T,), failures=9)
        self.assertEqual(ledger.begun(order, (NAME,), "web1", "staging", T).issued, order.issued)
        begun = ledger.begun(order, (NAME,), "web1", PRODUCTION, T)
        self.assertEqual((begun.ordered, begun.added, begun.issued, begun.refused, begun.failures), ((), (), (), (), 0))

    def test_counted(self) -> None:
        """What is older than the CA counts is forgotten; what another node's clock had a little ahead is not."""
        order = ledger.got(Order(NAME, issued=(T - 7 * DAY, T - DAY, T + 5000)), None, T, is_new=True)
        self.assertEqual((order.issued, order.added), ((T - DAY, T + 5000, T), (T,)))
        order = ledger.failed(
            Order(NAME, refused=(T - HOUR, T - 5)), "dns", "x" * 9999, 60.0, T, refused=True, counts=True
        )
        self.assertEqual((order.refused, order.failures, len(order.reason)), ((T - 5, T), 1, 2000))

    def test_left_out(self) -> None:
        """What a certificate could not be issued for is known as soon as there is one, and no longer than that one."""
        left = LeftOut(("*." + NAME,), "caa", "CAA forbids it")
        order = ledger.got(Order(NAME, (NAME, "*." + NAME)), left, T, is_new=True)
        self.assertEqual((order.left_out, order.cause, order.reason), (left.names, "caa", "CAA forbids it"))
        self.assertEqual(ledger.failed(order, "dns", "", 9, T, refused=False, counts=True).left_out, left.names)
        self.assertEqual(ledger.got(order, None, T, is_new=False).left_out, ())

    def test_expected(self) -> None:
        """Another moment of renewal makes no order newer than what happened on another side of a partition."""
        order = Order(NAME, state=State.ISSUED, changed=T)
        self.assertEqual(ledger.expected(order, 9.5), replace(order, renews=9500))
        self.assertEqual(ledger.expected(replace(order, state=State.FAILED), 9.5).renews, 0)

    def test_longest_pause(self) -> None:
        """Defect: a pause of more than a day counted as none, and the CA was asked with every look."""
        order = ledger.failed(Order(NAME), "rate_limited", "", 7 * 86400.0, T, refused=False, counts=True)
        self.assertTrue(waits(order, T + 6 * DAY))
        order = ledger.failed(Order(NAME), "x", "", 1e12, T, refused=False, counts=True)
        self.assertEqual(order.next_try, T + LONGEST_PAUSE)

    @given(st.lists(ORDERS, min_size=2, max_size=4))
    @settings(deadline=None)
    def test_merged(self, orders: list[Order]) -> None:
        """Merging loses no request and nothing that counts, in whatever order; and once merged, nothing changes any more."""
        winner, *losers = orders
        results = set()
        for each in permutations(losers):
            made = winner
            for loser in each:
                made = ledger.merged(made, loser)
            for loser in each:
                self.assertEqual(ledger.merged(made, loser), made)
            results.add((made.requested, made.handled, made.by_hand, made.issued, made.ordered))
        self.assertEqual(len(results), 1)
        self.assertEqual(made.requested, max(order.requested for order in orders))


class Counting(SynchronousTestCase):
    """Let's Encrypt's limits (https://letsencrypt.org/docs/rate-limits/)."""

    def words(self, names: tuple[str, ...], orders: list[Order], sort: Sort = Sort.NEW, now: int = T) -> Any:
        """Give what is full, and when it is not any more."""
        placed = [replace(order, directory=PRODUCTION) for order in orders]
        found = full(LIMITS, PRODUCTION, names, placed, now, sort)
        return (found.words, found.until) if found is not None else None

    def test_known(self) -> None:
        """Those of Let's Encrypt are known, and of nobody else."""
        self.assertEqual(limits_of(PRODUCTION), LIMITS)
        for other in ("https://ca.test/directory", "", "nonsense://["[:11]):
            self.assertIsNone(limits_of(other))

    def test_same_names(self) -> None:
        """Five certificates for the same names in seven days, in whatever order they stand; renewals count, replacements do not."""
        order = Order(NAME, ("*." + NAME, NAME), issued=tuple(T - each for each in (5, 4, 3, 2, 1)))
        for sort in (Sort.NEW, Sort.SAME):
            words, until = self.words((NAME, "*." + NAME), [order], sort)
            self.assertEqual(until, T - 5 + 7 * DAY)
            self.assertEqual(words, "there were 5 certificates for these names in 7 days, and the CA allows no more")
        self.assertIsNone(self.words((NAME, "*." + NAME), [order], Sort.REPLACEMENT))
        self.assertIsNone(self.words((NAME,), [order]))
        self.assertIsNone(self.words((NAME, "*." + NAME), [order], now=T + 7 * DAY))

    def test_names_that_were_left_out(self) -> None:
        """Defect: what was issued for the site alone was counted for its previews, and not for the site."""
        order = Order(NAME, (NAME, "*." + NAME), left_out=("*." + NAME,), issued=(T,) * 5)
        self.assertIsNotNone(self.words((NAME,), [order], Sort.SAME))
        self.assertIsNone(self.words((NAME, "*." + NAME), [order], Sort.SAME))

    def test_failed_orders(self) -> None:
        """Defect: orders that failed counted as certificates, and after five tries a name had to wait for a week."""
        order = Order(NAME, (NAME,), ordered=tuple(range(T - 20, T)))
        self.assertIsNone(self.words((NAME,), [order]))

    def test_domain(self) -> None:
        """Fifty new certificates for names of one registered domain; renewals are free, and other domains."""
        orders = [
            Order(f"s{number}.example.co.uk", (f"s{number}.example.co.uk",), added=(T - number,))
            for number in range(50)
        ]
        words, until = self.words(("new.example.co.uk",), orders)
        self.assertIn("50 certificates for names of example.co.uk", words)
        self.assertEqual(until, T - 49 + 7 * DAY)
        self.assertIsNone(self.words(("new.example.co.uk",), orders, Sort.SAME))
        self.assertIsNone(self.words(("new.other.co.uk",), orders))
        self.assertIsNone(self.words(("new.example.co.uk",), orders[1:]))

    def test_account(self) -> None:
        """Three hundred new orders in three hours."""
        orders = [Order(f"s{number}.test", (f"s{number}.test",), ordered=(T - number,)) for number in range(300)]
        self.assertIn("300 orders of this account in 3 hours", self.words((NAME,), orders)[0])
        self.assertIsNone(self.words((NAME,), orders, now=T + 3 * HOUR))
        self.assertIsNone(self.words((NAME,), orders, Sort.SAME))

    def test_refusals(self) -> None:
        """Five validations of a name that failed in an hour; whatever it is asked for in."""
        order = Order(NAME, (NAME,), refused=(T - 5, T - 4, T - 3, T - 2, T - 1))
        words, until = self.words(("a.test", NAME), [order], Sort.REPLACEMENT)
        self.assertEqual(
            (words, until),
            (f"there were 5 validations of {NAME} that failed in an hour, and the CA allows no more", T - 5 + HOUR),
        )

    def test_other_directory(self) -> None:
        """What another CA issued counts for nothing here."""
        order = Order(NAME, (NAME,), issued=(T,) * 9, directory="https://ca.test")
        self.assertIsNone(full(LIMITS, PRODUCTION, (NAME,), [order], T, Sort.NEW))

    def test_clocks(self) -> None:
        """A little in the future counts, because clocks differ; far in the future is nonsense."""
        self.assertIsNotNone(self.words((NAME,), [Order(NAME, (NAME,), issued=(T + 1000,) * 5)]))
        self.assertIsNone(self.words((NAME,), [Order(NAME, (NAME,), issued=(T + DAY,) * 5)]))

    def test_registered_domains(self) -> None:
        """They are one label below a public suffix."""
        for name, domain in (
            ("*.a.b.example.co.uk", "example.co.uk"),
            ("example.org", "example.org"),
            ("co.uk", "co.uk"),
        ):
            self.assertEqual(registered_domain(name), domain)
