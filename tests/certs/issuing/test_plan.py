"""What is wanted, and what of it is due."""

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.acme.ari import RenewalInfo
from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.issuing.orders.order import Order, State, asked
from couchpages.certs.issuing.plan import Due, Plan, Planning, Situation, outdated
from couchpages.certs.issuing.wanted import (
    Imported,
    Origin,
    Wanted,
    Wanting,
    covers,
    is_candidate,
    is_excluded,
    is_possible,
)
from tests.certs.made import DAY, NOW, certificate

CA = "https://ca.test/directory"
ECDSA, RSA = Kind.ECDSA, Kind.RSA


def issued(*names: str, ends: float = 80.0, kind: Kind = ECDSA, by: str = CA) -> Certificate:
    """Give a certificate that ends in days, as if it were for these names."""
    return replace(
        certificate(),
        name=names[0],
        names=names,
        kind=kind,
        issued_by=by,
        not_before=NOW - 5 * DAY,
        not_after=NOW + ends * DAY,
    )


class Wishes(SynchronousTestCase):
    """``Wanting`` and ``Imported``."""

    def test_sites(self) -> None:
        """Each site, with its previews where its zone is ours; none that no public name may be called, none that is excluded."""
        sites = [
            "example.org",
            "www.example.net",
            "localhost",
            "intern",
            "x.onion",
            "a.lan.example.org",
            "b.example.org",
        ]
        wanting = Wanting([], [])
        for site in sites:
            if is_candidate(site, ["*.lan.example.org", "b.example.org"]):
                wanting.take(site, has_zone=site.endswith("example.org"))
        found = wanting.wanted()
        self.assertEqual(
            {each.names for each in found.values()}, {("example.org", "*.example.org"), ("www.example.net",)}
        )

    def test_long_names(self) -> None:
        """A site whose wildcard would be too long has none."""
        site = ".".join(["a" * 63] * 3 + ["b" * 60])
        wanting = Wanting([], [])
        wanting.take(site, has_zone=True)
        self.assertEqual(wanting.wanted()[site].names, (site,))

    def test_origins(self) -> None:
        """What is configured counts before sites; what was asked for by a site's name is added to what the site gets."""
        wanting = Wanting(
            [("b.test.org", "d.test.org"), ("e.test.org",), ()],
            [("a.test.org", "c.test.org")],
        )
        for site in ("a.test.org", "b.test.org"):
            wanting.take(site, has_zone=False)
        found = wanting.wanted()
        self.assertEqual(found["a.test.org"], Wanted(("a.test.org", "c.test.org"), Origin.CONFIGURED))
        self.assertEqual(found["b.test.org"], Wanted(("b.test.org", "d.test.org"), Origin.SITE))
        self.assertEqual(found["e.test.org"], Wanted(("e.test.org",), Origin.ASKED))

    def test_exclusions(self) -> None:
        """A pattern is a name, or all below one."""
        for site, patterns, excluded in (
            ("a.b.c", ["*.b.c"], True), ("a.b.c", ["*.c"], True), ("b.c", ["*.b.c"], False), ("b.c", ["b.c"], True),
            ("ab.c", ["b.c"], False),
        ):  # fmt: skip
            self.assertEqual(is_excluded(site, patterns), excluded, (site, patterns))
        self.assertFalse(is_possible("x.invalid"))

    def test_imported(self) -> None:
        """What was imported is not ours: by its name even when it ended, and by another name if it is valid and for all that is needed."""
        each = {name: Wanted((name, f"*.{name}"), Origin.SITE) for name in ("a.b.org", "c.b.org", "d.org")}
        each["m.org"] = Wanted(("m.org", "*.m.org"), Origin.CONFIGURED)
        there = [
            issued("a.b.org", ends=-1, by=""),
            issued("*.b.org", by=""),
            issued("x.org", "m.org", by=""),
            issued("d.org"),
        ]
        imported = Imported(there, NOW)
        others = {name: imported.instead_of(wanted) for name, wanted in each.items()}
        self.assertEqual(others, {"a.b.org": "a.b.org", "c.b.org": "*.b.org", "d.org": None, "m.org": None})
        ended = Imported([issued("*.b.org", by="", ends=-1)], NOW)
        self.assertEqual([ended.instead_of(wanted) for wanted in each.values()], [None] * 4)

    def test_covers(self) -> None:
        """A wildcard is for one label, and for no wildcard."""
        wild = issued("*.example.org")
        self.assertTrue(covers(wild, "a.example.org") and covers(wild, "*.example.org"))
        for name in ("example.org", "a.b.example.org", "*.a.example.org"):
            self.assertFalse(covers(wild, name))


class Plans(SynchronousTestCase):
    """``Planning``."""

    def setUp(self) -> None:
        """Want two certificates."""
        self.wanted = [Wanted((name, f"*.{name}"), Origin.SITE) for name in ("a.org", "b.org")]
        self.orders: dict[str, Order] = {}
        self.windows: dict[str, RenewalInfo] = {}

    def plan(self, *there: Certificate, kinds: tuple[Kind, ...] = (ECDSA,), now: float = NOW) -> Plan:
        """Make it."""
        known = {(each.name, each.kind): each for each in there}
        order_of: Any = lambda name: self.orders.get(name) or Order(name)  # noqa: E731 -- short
        planning = Planning(Situation(known, order_of, kinds, CA, lambda each: self.windows.get(each.name)), now)
        for each in self.wanted:
            planning.take(each)
        return planning.plan()

    def names(self, *there: Certificate, **more: Any) -> list[tuple[str, tuple[Kind, ...]]]:
        """Give what is due."""
        return [(due.name, due.kinds) for due in self.plan(*there, **more).due]

    def test_missing(self) -> None:
        """What is missing is due, each kind for itself; what is there is not, and the next renewal is known."""
        self.assertEqual(self.names(kinds=(ECDSA, RSA)), [("a.org", (ECDSA, RSA)), ("b.org", (ECDSA, RSA))])
        made = self.plan(
            issued("a.org", "*.a.org"),
            issued("b.org", "*.b.org"),
            issued("a.org", "*.a.org", kind=RSA),
            kinds=(ECDSA, RSA),
        )
        self.assertEqual(made.due, (Due(self.wanted[1], (RSA,)),))
        assert made.next is not None
        self.assertTrue(NOW + 45 * DAY < made.next < NOW + 52 * DAY)
        self.assertIsNone(self.plan().next)

    def test_order(self) -> None:
        """What is missing comes first, then what ends soonest; what is missing and failed comes last, for there may be much of it."""
        self.wanted += [Wanted(("c.org",), Origin.SITE), Wanted(("d.org",), Origin.SITE)]
        there = issued("a.org", "*.a.org", ends=2), issued("b.org", "*.b.org", ends=1)
        self.orders["c.org"] = Order("c.org", failures=3)
        self.assertEqual([name for name, _ in self.names(*there)], ["d.org", "b.org", "a.org", "c.org"])

    def test_waits(self) -> None:
        """What failed waits, but not where somebody asks for it, nor because of another directory."""
        now = int(NOW * 1000)
        order = Order("a.org", state=State.FAILED, changed=now, next_try=now + 60_000, directory=CA, failures=1)
        for each, due in (
            (order, False),
            (asked(order, (), now), True),
            (replace(order, directory="https://staging"), True),
        ):
            self.orders["a.org"] = each
            self.assertEqual("a.org" in [name for name, _ in self.names()], due)

    def test_other_directory(self) -> None:
        """What another directory issued is issued anew; one that is for more than is wanted is good until it is renewed."""
        there = issued("a.org", "*.a.org", by="https://staging"), issued("b.org", "*.b.org", "c.b.org")
        self.assertEqual(self.names(*there), [("a.org", (ECDSA,))])
        self.assertEqual(self.names(issued("a.org"), there[1]), [("a.org", (ECDSA,))])

    def test_windows(self) -> None:
        """What the authority suggests counts."""
        there = issued("a.org", "*.a.org"), issued("b.org", "*.b.org")
        self.windows["a.org"] = RenewalInfo(NOW - 9 * DAY, NOW - DAY)
        self.assertEqual(self.names(*there), [("a.org", (ECDSA,))])

    def test_moved(self) -> None:
        """Another moment that the authority suggests is told, by an hour or more and in the future, where the order is at rest."""
        there = issued("a.org", "*.a.org"), issued("b.org", "*.b.org")
        self.windows["a.org"] = RenewalInfo(NOW + 20 * DAY, NOW + 20 * DAY)
        at, known = NOW + 20 * DAY, Order("a.org", state=State.ISSUED)
        for order, moved in (
            (replace(known, renews=int(NOW * 1000)), {"a.org": at}),
            (replace(known, renews=int((at + 3599) * 1000)), {}),
            (replace(known, renews=int((at + 3600) * 1000)), {"a.org": at}),
            (replace(known, state=State.ORDERING), {}),
        ):
            self.orders["a.org"] = order
            self.assertEqual(self.plan(*there).moved, moved)
        self.orders["a.org"] = known
        self.assertEqual(self.plan(*there, now=at + 1).moved, {})

    def test_left_out(self) -> None:
        """A certificate without the previews that it could not be issued for suffices, until somebody wants just these, or more."""
        there = issued("a.org"), issued("b.org", "*.b.org")
        self.orders["a.org"] = Order("a.org", state=State.ISSUED, left_out=("*.a.org",))
        self.assertEqual(self.names(*there), [])
        left_out = self.orders["a.org"]
        for wanted, order in (
            (Wanted(("a.org", "*.a.org", "c.org"), Origin.SITE), left_out),
            (Wanted(("a.org", "*.a.org"), Origin.CONFIGURED), left_out),
            (Wanted(("a.org", "*.a.org"), Origin.SITE), replace(left_out, asked=("a.org", "*.a.org"))),
        ):
            self.wanted[0], self.orders["a.org"] = wanted, order
            self.assertEqual(self.names(*there), [("a.org", (ECDSA,))])

    def test_revoked(self) -> None:
        """One that was revoked is due, as long as it is there."""
        there = issued("a.org", "*.a.org"), issued("b.org", "*.b.org")
        self.orders["a.org"] = Order("a.org", state=State.ISSUED, revoked=("0" * 64, there[0].fingerprint))
        self.assertEqual(self.names(replace(there[0], fingerprint="1" * 64), there[1]), [])
        self.assertEqual(self.names(*there), [("a.org", (ECDSA,))])

    def test_outdated(self) -> None:
        """What ended and is not wanted, or not of this kind, may go: only what was issued."""
        there = [
            issued("a.org", ends=-1),
            issued("x.org", ends=-1),
            issued("y.org", ends=-1, by=""),
            issued("z.org"),
            issued("a.org", ends=-1, kind=RSA),
        ]
        found = outdated(there, {"a.org": self.wanted[0]}, (ECDSA,), NOW)
        self.assertEqual(found, [("x.org", ECDSA), ("a.org", RSA)])
