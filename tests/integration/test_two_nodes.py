"""Two nodes and CouchDB's replication: the second switches when all of a deployment is there, and serves what it had until then."""

from http import HTTPStatus
from typing import Any

from couchpages.pages.manifest import FIELD
from couchpages.pages.moments import from_text, to_text
from tests.integration.hammering import Hammering
from tests.integration.node import wait_until
from tests.integration.two_nodes import THERE
from tests.integration.two_nodes_case import PAGES, TwoNodesCase

SWITCHES = 20


class ManifestsBeforeBlobs(TwoNodesCase):
    """What law 2 says while the blobs of a deployment are still on their way to the second node."""

    def waits_for(self, deployment: str) -> None:
        """Wait until the second node has heard of a deployment that is to become live there."""

        def is_waiting() -> bool:
            answer = self.second.call("GET", f"{self.site}/deployments")
            return answer.status == 200 and answer.json()["waiting"] == deployment

        wait_until(is_waiting, f"{deployment} of {self.site} as the one that is waited for")

    def assert_waiting(self, live: str | None, waiting: str, blobs: int) -> None:
        """Assert what the second node's list says of the two."""
        answer = self.second.listed(self.site)
        self.assertEqual((answer["live"], answer["waiting"]), (live, waiting))
        for each in answer["deployments"]:
            self.assertEqual(each["live"], each["id"] == live)
            if each["id"] == waiting:
                self.assertEqual(each["waiting"]["blobs"], blobs)
                self.assertRegex(each["waiting"]["since"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
            else:
                self.assertIsNone(each["waiting"])

    def under_way(self) -> tuple[str, str]:
        """Have version 1 served by both, and version 2 by the first, while the second waits for its blobs; give both ids."""
        previous = self.start_with(1)
        self.pair.cut("files", directions=(THERE,))
        following = self.deploy(self.first, 2, commit="abcdef2")
        self.waits_for(following)
        return previous, following

    def test_next_deployment(self) -> None:
        """The second node goes on with the previous one and says what it waits for; with the last blob it switches for good."""
        previous, following = self.under_way()
        self.assert_waiting(previous, following, PAGES)
        self.assert_serves(self.second, 1)
        visitor = Hammering(self.second.node.http, self.site, self.versions, 0, conditional=True)
        visitor.start()
        self.addCleanup(visitor.end)
        self.assert_serves(self.second, 1)
        self.pair.heal("files")
        self.wait_for(self.second, 2)
        visitor.end()
        self.assertEqual(visitor.wrong, [])
        self.assertEqual(visitor.versions, sorted(visitor.versions), "a connection went back")
        self.assertEqual(set(visitor.versions), {1, 2})
        self.assert_converged(following, [previous, following])

    def test_previews(self) -> None:
        """The previews of a deployment whose blobs are not here are 503 on every path, of the previous one's they are served."""
        previous, following = self.under_way()
        for host in (f"{following}.{self.site}", f"abcdef2.{self.site}"):
            self.wait_until_known(host)
            self.assert_unavailable(self.second, host, "", "0.html", "7.html", "nowhere.html")
            self.assert_serves(self.first, 2, host)
        self.assert_serves(self.second, 1, f"{previous}.{self.site}")
        self.pair.heal("files")
        self.wait_for(self.second, 2)
        for host in (f"{following}.{self.site}", f"abcdef2.{self.site}"):
            self.assert_serves(self.second, 2, host)

    def wait_until_known(self, host: str) -> None:
        """Wait until the second side knows a host: a deployment's own document may be heard of after the site's."""
        wait_until(lambda: self.second.get(host, "/").status != HTTPStatus.NOT_FOUND, f"{host} to be known")

    def test_first_deployment(self) -> None:
        """A site whose first deployment has not all blobs here is 503, never 404, on every path and as preview; other names are 404."""
        self.pair.cut("files", directions=(THERE,))
        deployment = self.deploy(self.first, 1)
        self.waits_for(deployment)
        self.assert_waiting(None, deployment, PAGES)
        self.assert_unavailable(self.second, self.site, "", "0.html", "nowhere.html")
        preview = f"{deployment}.{self.site}"
        self.wait_until_known(preview)
        self.assert_unavailable(self.second, preview, "", "0.html", "nowhere.html")
        self.assertEqual(self.second.get(f"other-{self.site}").status, 404)
        self.pair.heal("files")
        self.wait_for(self.second, 1)
        self.assertEqual(self.second.get(self.site, "/nowhere.html").status, 404)
        self.assert_serves(self.second, 1, f"{deployment}.{self.site}")

    def test_one_blob_after_the_other(self) -> None:
        """With each blob that arrives the node waits for one fewer, as metrics say too, and serves the previous deployment."""
        waiting = self.second.metric("couchpages_deployments_waiting")
        blobs = self.second.metric("couchpages_waiting_blobs")
        previous, following = self.under_way()
        self.assertEqual(self.second.metric("couchpages_deployments_waiting"), waiting + 1)
        arriving = sorted(self.blobs_of(2))
        for left in range(PAGES, 0, -1):
            self.assert_waiting(previous, following, left)
            self.assertEqual(self.second.metric("couchpages_waiting_blobs"), blobs + left)
            self.assert_serves(self.second, 1)
            self.first.copy("files", arriving.pop(), self.second)
            wait_until(lambda now=left: self._waits_for_fewer(following, now), "fewer blobs to wait for")
        self.wait_for(self.second, 2)
        self.assertIsNone(self.second.listed(self.site)["waiting"])
        self.assertEqual(self.second.metric("couchpages_deployments_waiting"), waiting)
        self.assertEqual(self.second.metric("couchpages_waiting_blobs"), blobs)

    def _waits_for_fewer(self, deployment: str, blobs: int) -> bool:
        waiting = self.in_list(self.second, deployment)["waiting"]
        return waiting is None or waiting["blobs"] < blobs

    def test_restarted_while_waiting(self) -> None:
        """A node that is restarted while it waits goes on with the previous deployment, and waits again."""
        previous, following = self.under_way()
        self.second.node.stop()
        self.second.node.start()
        self.assert_serves(self.second, 1)
        self.waits_for(following)
        self.assert_waiting(previous, following, PAGES)
        self.pair.heal("files")
        self.wait_for(self.second, 2)

    def test_several_under_way(self) -> None:
        """Of two deployments under way each is served when its blobs are here, if that is before the later one is."""
        previous, between = self.under_way()
        following = self.deploy(self.first, 3)
        self.waits_for(following)
        self.assert_waiting(previous, following, PAGES)
        self.copy_blobs_of(2)
        self.wait_for(self.second, 2)
        self.assert_waiting(between, following, PAGES)
        self.pair.heal("files")
        self.wait_for(self.second, 3)
        self.assert_converged(following, [previous, between, following])

    def test_overtaken_under_way(self) -> None:
        """When the blobs of the later one are here first, those of the earlier one make it a preview and nothing more."""
        previous, overtaken = self.under_way()
        following = self.deploy(self.first, 3)
        self.waits_for(following)
        self.copy_blobs_of(3)
        self.wait_for(self.second, 3)
        self.assertIsNone(self.second.listed(self.site)["waiting"])
        self.assert_unavailable(self.second, f"{overtaken}.{self.site}", "0.html")
        self.pair.heal("files")
        wait_until(lambda: self.second.get(f"{overtaken}.{self.site}", "/0.html").status == 200, "the preview")
        self.assert_serves(self.second, 2, f"{overtaken}.{self.site}")
        self.assert_serves(self.second, 3)
        self.assert_converged(following, [previous, overtaken, following])

    def test_rolled_back_under_way(self) -> None:
        """A deployment that is rolled back before its blobs are here is waited for no longer, and its blobs switch nothing."""
        previous, rolled_back = self.under_way()
        self.assertEqual(self.first.call("POST", f"{self.site}/rollback", {"id": previous}).status, 200)
        wait_until(lambda: self.second.listed(self.site)["waiting"] is None, "the rollback")
        self.assertEqual(self.second.listed(self.site)["live"], previous)
        self.assert_unavailable(self.second, f"{rolled_back}.{self.site}", "0.html")
        self.copy_blobs_of(2)
        wait_until(lambda: self.second.get(f"{rolled_back}.{self.site}", "/0.html").status == 200, "the preview")
        self.assert_serves(self.second, 1)
        self.assert_converged(previous, [previous, rolled_back])

    def copy_blobs_of(self, version: int) -> None:
        """Bring the blobs of a version to the second node, one after the other."""
        for sha256 in sorted(self.blobs_of(version)):
            self.first.copy("files", sha256, self.second)

    def test_blobs_first(self) -> None:
        """When the blobs arrive before the manifest, the second node switches when it hears of the manifest."""
        self.start_with(1)
        self.pair.cut("manifests", directions=(THERE,))
        following = self.deploy(self.first, 2)
        for sha256 in self.blobs_of(2):
            wait_until(lambda name=sha256: self.second.document("files", name) is not None, "a blob")
        self.assert_serves(self.second, 1)
        self.assertIsNone(self.in_list(self.second, following))
        self.pair.heal("manifests")
        self.wait_for(self.second, 2)

    def test_never_completed(self) -> None:
        """A deployment whose blobs exist nowhere disturbs nothing: the previous one stays on both, and a later one becomes live on both."""
        previous = self.start_with(1)
        lost = self._write_what_never_completes()
        for side in self.pair.sides:
            wait_until(lambda side=side: side.listed(self.site)["waiting"] == lost, "the lost one as waited for")
            self.assertEqual(side.listed(self.site)["live"], previous)
            self.assert_serves(side, 1)
            self.assert_unavailable(side, f"{lost}.{self.site}", "", "0.html")
        following = self.deploy(self.second, 2)
        self.wait_for(self.first, 2)
        self.assert_converged(following, [previous, lost, following])

    def _write_what_never_completes(self) -> str:
        """Write a live deployment of blobs that nobody has past the second node, as a node would write it; give its id."""
        lost = "zzzzzzzzzzzz"
        live = self.second.document("manifests", self.site)
        ours = live["couchpages"]
        moment = to_text(from_text(ours["activated"]) + 1)
        files = {path: f"{number:x}" * 64 for number, path in enumerate(live["URLHashDictionary"])}
        theirs = {**ours, "id": lost, "commit": None, "created": moment, "activated": moment}
        document = {**live, "GitHash": lost, "URLHashDictionary": files, FIELD: theirs}
        own = {**document, "_id": f"{lost}.{self.site}", FIELD: _without(theirs, "activated")}
        self.second.write("manifests", _without(own, "_rev"))
        self.second.write("manifests", document)
        return lost


def _without(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != name}


class BesideEachOther(TwoNodesCase):
    """Two nodes in peace."""

    def test_visitor_of_the_other_node(self) -> None:
        """While the first node takes deployment after deployment, a visitor of the second sees whole pages only, and none goes back."""
        self.start_with(1)
        visitor = Hammering(self.second.node.http, self.site, self.versions, 0, conditional=False)
        visitor.start()
        self.addCleanup(visitor.end)
        for version in range(2, SWITCHES + 2):
            self.deploy(self.first, version)
        self.wait_for(self.second, SWITCHES + 1)
        visitor.end()
        self.assertEqual(visitor.wrong, [])
        self.assertEqual(visitor.versions, sorted(visitor.versions), "a connection went back")
        self.assertEqual((visitor.versions[0], visitor.versions[-1]), (1, SWITCHES + 1))
        self.assertEqual(len(self.second.listed(self.site)["deployments"]), SWITCHES + 1)

    def test_deployments_on_both_in_turn(self) -> None:
        """Each node's deployment replaces the other's on both, without conflicts; rolling back on one node rolls back on the other."""
        ids = [self.start_with(1)]
        for version, (here, there) in enumerate([self.pair.sides[::-1], self.pair.sides] * 2, 2):
            ids.append(self.deploy(here, version))
            self.wait_for(there, version)
        self.assertEqual(self.second.call("POST", f"{self.site}/rollback", {"id": ids[1]}).status, 200)
        self.assert_serves(self.second, 2)
        self.wait_for(self.first, 2)
        self.assert_converged(ids[1], ids)
