"""Two nodes, cut off from each other and joined again and again, and on both sides whatever people may do to a site: law 7."""

import os
import random
from dataclasses import dataclass, field

from tests.integration.node import wait_until
from tests.integration.stores import DATABASES
from tests.integration.two_nodes import DIRECTIONS, Side
from tests.integration.two_nodes_case import TwoNodesCase

#: As in test_kill: another course of everything.
SEED = int(os.environ.get("COUCHPAGES_TEST_SEED", "1"))
ROUNDS = 8


@dataclass(slots=True)
class Expected:
    """What must be after the two are joined: *live* is a version or None; *versions* tells what each deployment is."""

    live: int | None = None
    versions: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Done:
    """What a side did while it was alone: its last *activation* as number of the action and version, None for a deleted site."""

    activation: tuple[int, int] | None = None
    wrote: bool = False


class AtRandom(TwoNodesCase):
    """Actions and cuts at random, the same in each run."""

    def setUp(self) -> None:
        """Begin with one deployment on both."""
        super().setUp()
        self.chance = random.Random(SEED)  # noqa: S311 -- the same course each time
        self.made = 1
        self.expected = Expected(1, {self.start_with(1): 1})

    def test_whatever_people_do(self) -> None:
        """Each time they are joined, both serve what was done last, whole, with the same list, and come to rest without conflicts."""
        for _ in range(ROUNDS):
            self.cut_off()
            done = {side: Done() for side in self.pair.sides}
            for number in range(self.chance.randint(1, 6)):
                side = self.chance.choice(self.pair.sides)
                self.act(side, number, done[side])
            self.join()
            self.pair.settle()
            self.expected.live = self.outcome(list(done.values()))
            for side in self.pair.sides:
                self.check(side)

    def cut_off(self) -> None:
        """Cut the manifests in both directions, and perhaps more."""
        self.pair.settle()
        self.pair.cut("manifests")
        for database in ("files", "secrets"):
            for direction in DIRECTIONS:
                if self.chance.random() < 0.5:
                    self.pair.cut(database, directions=(direction,))

    def join(self) -> None:
        """Heal in some order."""
        links = [(database, direction) for database in DATABASES[:3] for direction in DIRECTIONS]
        self.chance.shuffle(links)
        for database, direction in links:
            self.pair.heal(database, directions=(direction,))

    def act(self, side: Side, number: int, done: Done) -> None:
        """Do something on one side."""
        listed = side.call("GET", f"{self.site}/deployments")
        ids = [each["id"] for each in listed.json()["deployments"]] if listed.status == 200 else []
        kind = self.chance.choices(("deploy", "roll back", "delete"), (6, 3, 1))[0] if ids else "deploy"
        if kind == "delete":
            self.assertEqual(side.call("DELETE", self.site).status, 204)
            done.activation = None
        elif kind == "deploy":
            self.made += 1
            self.expected.versions[self.deploy(side, self.made)] = self.made
            done.activation = number, self.made
        else:
            target = self.chance.choice(sorted(ids))
            if target == listed.json()["live"]:
                # It is live already, so this does nothing.
                return
            self.assertEqual(side.call("POST", f"{self.site}/rollback", {"id": target}).status, 200)
            done.activation = number, self.expected.versions[target]
        done.wrote = True

    def outcome(self, done: list[Done]) -> int | None:
        """Tell which version is live after two sides that did this are joined."""
        if not any(each.wrote for each in done):
            return self.expected.live
        activations = [each.activation for each in done if each.activation is not None]
        return max(activations)[1] if activations else None

    def check(self, side: Side) -> None:
        """Assert that a side has what is expected, as the other has it."""
        if self.expected.live is None:
            self.assertEqual(side.get(self.site, "/0.html").status, 404)
            return
        self.wait_for(side, self.expected.live)
        wait_until(lambda: side.listed(self.site)["waiting"] is None, "every blob")
        listed = side.listed(self.site)
        self.assertEqual(self.expected.versions[listed["live"]], self.expected.live)
        other = self.second if side is self.first else self.first
        self.assertEqual(
            [each["id"] for each in listed["deployments"]],
            [each["id"] for each in other.listed(self.site)["deployments"]],
        )
        for each in listed["deployments"]:
            host = f"{each['id']}.{self.site}"
            wait_until(lambda host=host: side.get(host, "/0.html").status == 200, f"the preview {host}")
            self.assert_serves(side, self.expected.versions[each["id"]], host)
            self.assertNotIn("_conflicts", side.document("manifests", host) or {})
        self.assertNotIn("_conflicts", side.document("manifests", self.site))
