"""Two deployments to one site at once, from two processes."""

from pathlib import Path

from tests.integration.cases import NodeCase, OnApacheCouchDB
from tests.integration.node import write_files
from tests.integration.visitor import fetch

ROUNDS = 6
FILES = 20


class AtOnce(NodeCase):
    """Many rounds of two at once."""

    def test_two_at_once(self) -> None:
        """Both succeed and are listed, one of them is live, and every file of it is served, whole and nothing else."""
        for number in range(ROUNDS):
            folders = [self._write(number, side) for side in "ab"]
            commands = [
                self.node.begin("deploy", str(folder), "--site", self.site, "--branch", "main", "--json")
                for folder in folders
            ]
            ended = [command.wait() for command in commands]
            self.assertEqual([each.code for each in ended], [0, 0], [each.err for each in ended])
            ids = [each.json()["id"] for each in ended]
            listed = self.node.run("deployments", self.site, "--json").json()
            self.assertEqual(len(listed["deployments"]), 2 * (number + 1))
            self.assertLessEqual(set(ids), {each["id"] for each in listed["deployments"]})
            self.assertIn(listed["live"], ids)
            self.assertEqual([each["id"] for each in listed["deployments"] if each["live"]], [listed["live"]])
            self._assert_served(self.site, folders[ids.index(listed["live"])])
            for folder, each in zip(folders, ids, strict=True):
                self._assert_served(f"{each}.{self.site}", folder)
        self.assert_serving(self.node)

    def test_of_one_commit(self) -> None:
        """Two deployments of one commit and one content at once are both right."""
        folder = self._write(0, "a")
        arguments = ("deploy", str(folder), "--site", self.site, "--branch", "main", "--commit", "abcdef0", "--json")
        commands = [self.node.begin(*arguments) for _ in range(2)]
        ended = [command.wait() for command in commands]
        self.assertEqual([each.code for each in ended], [0, 0], [each.err for each in ended])
        self._assert_served(self.site, folder)
        self._assert_served(f"abcdef0.{self.site}", folder)

    def _write(self, number: int, side: str) -> Path:
        common = {"common.txt": f"{self.site} {number}"}
        files = {f"{each}.txt": f"{self.site} {number} {side} {each}" * 50 for each in range(FILES)}
        return write_files(self.folder / f"{number}{side}", {**common, **files, f"only-{side}.txt": side})

    def _assert_served(self, host: str, folder: Path) -> None:
        for file in folder.iterdir():
            self.assertEqual(fetch(self.node.http, host, f"/{file.name}").body, file.read_bytes())
        other = {"a": "b", "b": "a"}[folder.name[-1]]
        self.assertEqual(fetch(self.node.http, host, f"/only-{other}.txt").status, 404)


class AtOnceOnApacheCouchDB(OnApacheCouchDB, AtOnce):
    """The same on Apache CouchDB."""
