"""Two nodes, cut off from each other, of which one deletes what the other deploys, or both repeat one call: law 7."""

from tests.integration.two_nodes import Side
from tests.integration.two_nodes_case import ApartCase


class DeletedApart(ApartCase):
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


class RepeatedApart(ApartCase):
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
