"""The zones that are served: who is told what of a change."""

from collections.abc import Collection

from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.names import Name, from_text
from couchpages.dns.served_zones import ServedZones
from tests.dns.changes import Change, Line, changed

TEST, A, B = map(from_text, ("test.", "a.test.", "b.test."))
ADDRESS = ("A", 60, "192.0.2.1")


class Publishing(SynchronousTestCase):
    """``ServedZones``."""

    def setUp(self) -> None:
        """Listen to it."""
        self.zones = ServedZones()
        self.told: list[Collection[Name] | None] = []
        self.zones.tell(self.told.append)

    def put(self, name: Name, *lines: Line) -> None:
        """Change a name in the zone "test"."""
        before = self.zones.by_apex.get(TEST)
        self.zones.publish(changed(before, Change(TEST, {name: lines}), len(self.told)), {name})

    def test_names(self) -> None:
        """A new zone may change any answer, a changed one those of the names that changed."""
        self.put(A, ADDRESS)
        self.put(B, ADDRESS)
        self.put(A)
        self.assertEqual(self.told, [None, {B}, {A}])

    def test_cuts(self) -> None:
        """Where a cut or a DNAME comes or goes, any answer below may change; not where it changes and stays."""
        self.put(A, ADDRESS)
        self.put(A, ("NS", 60, "b.test."))
        self.put(A, ("NS", 60, "c.test."))
        self.put(A, ("DNAME", 60, "c.test."))
        self.put(A)
        self.assertEqual(self.told, [None, None, {A}, {A}, None])

    def test_withdrawing(self) -> None:
        """A zone that is withdrawn is not served any more; of one that is not served nobody is told."""
        self.put(A, ADDRESS)
        self.zones.withdraw(TEST)
        self.zones.withdraw(TEST)
        self.assertEqual((self.told, self.zones.by_apex), ([None, None], {}))

    def test_withholding(self) -> None:
        """A zone is withheld until it is published or withdrawn, and everybody is told of each."""
        held = self.zones.withheld
        for _ in range(2):
            self.zones.withhold(TEST)
        self.assertEqual((held, self.told), ({TEST}, [None]))
        self.put(A, ADDRESS)
        self.assertEqual((held, self.told), (set(), [None, None]))
        self.zones.withhold(B)
        self.zones.withdraw(B)
        self.assertEqual((held, self.told), (set(), [None] * 4))

    def test_whole(self) -> None:
        """Once all is known, whoever was told SERVFAIL may be told something else."""
        self.assertFalse(self.zones.all_known)
        self.zones.complete()
        self.assertEqual((self.zones.all_known, self.told), (True, [None]))

    def test_all_challenges(self) -> None:
        """So it is once all challenges are answered, of which it is told once."""
        for _ in range(2):
            self.zones.complete_challenges()
        self.assertEqual((self.zones.challenges_known, self.told), (True, [None]))

    def test_the_same_dict(self) -> None:
        """Whoever holds the zones sees them change."""
        held = self.zones.by_apex
        self.put(A, ADDRESS)
        self.assertIs(held[TEST], self.zones.by_apex[TEST])
