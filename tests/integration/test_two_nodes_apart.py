"""Two nodes that take writes at the same time, cut off from each other, and are joined again: law 7."""

from tests.integration.node import wait_until
from tests.integration.two_nodes import Side
from tests.integration.two_nodes_case import TwoNodesCase


class Apart(TwoNodesCase):
    """What one side deploys says its version; both begin with version 1."""

    def setUp(self) -> None:
        """Have both serve version 1, and cut them off from each other."""
        super().setUp()
        self.original = self.start_with(1)
        self.pair.settle()
        self.pair.cut()

    def join(self, live: str, version: int, *others: str) -> None:
        """Join the two; assert that both come to serve *live*, which is *version*, and list the others and the original."""
        self.pair.heal()
        for side in self.pair.sides:
            self.wait_for(side, version)
        self.assert_converged(live, {self.original, live, *others})

    def roll_back(self, side: Side, deployment: str, version: int) -> None:
        """Roll back on one side, and assert that it serves that version at once."""
        answer = side.call("POST", f"{self.site}/rollback", {"id": deployment})
        self.assertEqual(answer.status, 200, answer.body)
        self.assert_serves(side, version)

    def roll_back_everywhere(self, side: Side, deployment: str, version: int, *listed: str) -> None:
        """Roll back on one side of the two that were joined, and assert that it counts on both."""
        self.roll_back(side, deployment, version)
        for each in self.pair.sides:
            self.wait_for(each, version)
        self.assert_converged(deployment, {self.original, deployment, *listed})


class DeploymentsApart(Apart):
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
        self.join(later, 5, *many)

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


class DeletedApart(Apart):
    """A site that is deleted on one side and deployed on the other."""

    def delete(self, side: Side) -> None:
        """Delete the site on one side."""
        self.assertEqual(side.call("DELETE", self.site).status, 204)
        self.assertEqual(side.get(self.site).status, 404)

    def joined(self, deployment: str) -> None:
        """Join the two; assert that both have the new deployment, live, and nothing else."""
        self.pair.heal()
        for side in self.pair.sides:
            self.wait_for(side, 2)
        self.assert_converged(deployment, {deployment})

    def test_deleted_then_deployed(self) -> None:
        """A deployment that is later than the deletion of the site elsewhere is live, and the only one."""
        self.delete(self.first)
        self.joined(self.deploy(self.second, 2))

    def test_deployed_then_deleted(self) -> None:
        """A deployment of which the side that deletes the site knows nothing is not lost either."""
        deployment = self.deploy(self.second, 2)
        self.delete(self.first)
        self.joined(deployment)

    def test_deleted_on_both(self) -> None:
        """Deleted on both sides, a site is gone on both."""
        for side in self.pair.sides:
            self.delete(side)
        self.pair.heal()
        self.pair.settle()
        for side in self.pair.sides:
            self.assertEqual(side.get(self.site).status, 404)
            self.assertEqual(side.call("GET", f"{self.site}/deployments").status, 404)

    def test_deleted_deployment_and_a_rollback_to_it(self) -> None:
        """A deployment that one side deletes and the other makes live goes on being served, whole, on both."""
        second = self.start_apart_with_two()
        self.assertEqual(self.first.call("DELETE", f"{self.site}/deployments/{self.original}").status, 204)
        self.assertEqual(self.second.call("POST", f"{self.site}/rollback", {"id": self.original}).status, 200)
        self.pair.heal()
        for side in self.pair.sides:
            self.wait_for(side, 1)
        self.pair.settle()
        for side in self.pair.sides:
            answer = side.listed(self.site)
            self.assertEqual(answer["live"], self.original)
            self.assertIn(second, [each["id"] for each in answer["deployments"]])

    def start_apart_with_two(self) -> str:
        """Have both serve version 2, and cut them off again; give its id."""
        self.pair.heal()
        second = self.deploy(self.first, 2)
        self.wait_for(self.second, 2)
        self.pair.settle()
        self.pair.cut()
        return second


class RepeatedApart(Apart):
    """One Idempotency-Key, used on both sides."""

    def ids_of(self, versions: tuple[int, int]) -> list[str]:
        """Deploy with one key, a version on each side; give the ids."""
        return [
            self.deploy(side, version, repeat=f"key of {self.site}")
            for side, version in zip(self.pair.sides, versions, strict=True)
        ]

    def test_same_files(self) -> None:
        """With the same files it is one deployment, live on both, listed once."""
        first, second = self.ids_of((2, 2))
        self.assertEqual(first, second)
        self.join(first, 2)

    def test_other_files(self) -> None:
        """With other files, which neither side could know, the later is live, and the earlier is listed under an id of its own."""
        (shared,) = set(self.ids_of((2, 3)))
        self.pair.heal()
        for side in self.pair.sides:
            self.wait_for(side, 3)
        self.pair.settle()
        listed = {each["id"] for each in self.first.listed(self.site)["deployments"]}
        self.assertEqual(len(listed), 3)
        self.assertLessEqual({self.original, shared}, listed)
        self.assert_converged(shared, listed)
        (other,) = listed - {self.original, shared}
        for side in self.pair.sides:
            self.assert_serves(side, 3, f"{shared}.{self.site}")
            self.assert_serves(side, 2, f"{other}.{self.site}")
        self.roll_back_everywhere(self.first, other, 2, shared)
