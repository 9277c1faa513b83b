"""Two nodes that take deployments at the same time, cut off from each other, and are joined again: law 7."""

from tests.integration.node import wait_until
from tests.integration.two_nodes import BACK, THERE, Side
from tests.integration.two_nodes_case import ApartCase


class DeploymentsApart(ApartCase):
    """Deployments and rollbacks on both sides."""

    def test_two_deployments(self) -> None:
        """Each side serves its own; joined, both serve the later one and list both, and rolling back to the earlier one works."""
        earlier = self.deploy(self.first, 2)
        later = self.deploy(self.second, 3)
        self.assert_serves(self.first, 2)
        self.join(later, 3, earlier)
        self.roll_back_everywhere(self.first, earlier, 2, later)

    def test_two_deployments_the_other_way_round(self) -> None:
        """The same when the first side's is the later one."""
        earlier = self.deploy(self.second, 2)
        later = self.deploy(self.first, 3)
        self.join(later, 3, earlier)
        self.roll_back_everywhere(self.second, earlier, 2, later)

    def test_fewer_revisions_but_later(self) -> None:
        """One later deployment wins over several earlier ones, though CouchDB prefers what was changed more often."""
        many = [self.deploy(self.first, version) for version in (2, 3, 4)]
        later = self.deploy(self.second, 5)
        with self.visited() as visitors:
            self.join(later, 5, *many)
        self.assertEqual([set(each.versions) for each in visitors], [{4, 5}, {5}])

    def test_manifests_joined_before_files(self) -> None:
        """While the blobs of the later one are not here, a side goes on with its own; the other side waits for nothing."""
        earlier = self.deploy(self.first, 2)
        later = self.deploy(self.second, 3)
        with self.visited() as visitors:
            self.pair.heal("manifests")
            wait_until(lambda: self.first.listed(self.site)["waiting"] == later, "the later one as waited for")
            wait_until(lambda: self.in_list(self.second, earlier) is not None, "the earlier one in the list")
            self.pair.settle()
            self.assertEqual(self.first.listed(self.site)["live"], earlier)
            self.assert_serves(self.first, 2)
            self.assertIsNone(self.second.listed(self.site)["waiting"])
            self.assert_serves(self.second, 3)
            self.join(later, 3, earlier)
        self.assertEqual([set(each.versions) for each in visitors], [{2, 3}, {3}])

    def test_second_side_hears_first(self) -> None:
        """The second side, when it hears of the first and is not heard, decides as both do later."""
        self.join_one_way_first(self.second, THERE)

    def test_first_side_hears_first(self) -> None:
        """The first side likewise, whose own deployment is overtaken."""
        self.join_one_way_first(self.first, BACK)

    def join_one_way_first(self, hearing: Side, direction: str) -> None:
        """Have a deployment on each side, the second's later, replicate in one direction, and then in both."""
        earlier, later = self.deploy(self.first, 2), self.deploy(self.second, 3)
        own = earlier if hearing is self.second else later
        unheard = self.first if hearing is self.second else self.second
        self.pair.heal(directions=(direction,))
        wait_until(lambda: len(hearing.listed(self.site)["deployments"]) == 3, "all three in the list")
        self.wait_for(hearing, 3)
        self.assertEqual({each["id"] for each in unheard.listed(self.site)["deployments"]}, {self.original, own})
        self.join(later, 3, earlier)

    def test_three_deployments(self) -> None:
        """Of three deployments, taken here, there and here, the last is live and all are listed."""
        ids = [
            self.deploy(side, version) for side, version in zip((*self.pair.sides, self.first), (2, 3, 4), strict=True)
        ]
        self.join(ids[2], 4, *ids[:2])
        self.roll_back_everywhere(self.second, ids[1], 3, ids[0], ids[2])

    def test_of_a_new_site(self) -> None:
        """Two first deployments of one site are no different."""
        self.site = f"new-{self.site}"
        earlier = self.deploy(self.first, 2)
        later = self.original = self.deploy(self.second, 3)
        self.join(later, 3, earlier)

    def test_of_the_same_moment(self) -> None:
        """Of two that became live at the same moment, the one with the greater id is live."""
        ids = {self.deploy(side, version): version for version, side in enumerate(self.pair.sides, 2)}
        moment = self.second.document("manifests", self.site)["couchpages"]["activated"]
        for side in self.pair.sides:
            live = side.document("manifests", self.site)
            side.write("manifests", {**live, "couchpages": {**live["couchpages"], "activated": moment}})
        greater, smaller = max(ids), min(ids)
        self.join(greater, ids[greater], smaller)

    def test_rollback_and_a_later_deployment(self) -> None:
        """A deployment that is later than a rollback on the other side is live."""
        second = self.deploy(self.first, 2)
        self.roll_back(self.first, self.original, 1)
        later = self.deploy(self.second, 3)
        self.join(later, 3, second)

    def test_deployment_and_a_later_rollback(self) -> None:
        """A rollback that is later than a deployment on the other side stays in force, and the deployment is listed."""
        second = self.deploy(self.first, 2)
        overtaken = self.deploy(self.second, 3)
        self.roll_back(self.first, self.original, 1)
        self.pair.heal()
        for side in self.pair.sides:
            self.wait_for(side, 1)
        self.assert_converged(self.original, {self.original, second, overtaken})

    def test_again_and_again(self) -> None:
        """Cut off and joined three times in a row, the two come to rest each time on what was last."""
        listed: list[str] = []
        for version in (2, 4, 6):
            self.pair.cut()
            listed += [self.deploy(side, version + number) for number, side in enumerate(self.pair.sides)]
            self.join(listed[-1], version + 1, *listed)

    def test_restarted_before_they_are_joined(self) -> None:
        """Nodes that are started again while conflicts arrive resolve them all the same."""
        earlier = self.deploy(self.first, 2)
        later = self.deploy(self.second, 3)
        for side in self.pair.sides:
            side.node.stop()
        self.pair.heal()
        wait_until(lambda: self.first.leaves("manifests") == self.second.leaves("manifests"), "replication")
        for side in self.pair.sides:
            self.assertIn("_conflicts", side.document("manifests", self.site))
        for side in self.pair.sides:
            side.node.start()
        self.join(later, 3, earlier)

    def test_counted(self) -> None:
        """A resolved conflict is counted on the node, or the nodes, that resolved it."""
        before = self.resolved()
        earlier = self.deploy(self.first, 2)
        later = self.deploy(self.second, 3)
        self.join(later, 3, earlier)
        self.assertGreater(self.resolved(), before)

    def resolved(self) -> float:
        """Give how many conflicts of manifests both nodes say that they resolved."""
        name = "couchpages_conflicts_resolved_total"
        return sum(
            side.metric(f'{name}{{database="{side.node.store.databases["manifests"]}"}}') for side in self.pair.sides
        )
