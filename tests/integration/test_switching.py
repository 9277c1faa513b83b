"""New versions of a site while many visit it: every answer is wholly of one version, and none goes back."""

import re
import subprocess

from tests.integration.cases import NodeCase, OnApacheCouchDB
from tests.integration.hammering import Hammering, Versions
from tests.integration.node import Node, write_files
from tests.integration.visitor import fetch

PAGES = 200
VERSIONS = Versions(PAGES)
WRK = """
local number = 0
local seen = 0
local wrong = 0
function request()
    number = (number + 7) %% %(pages)d
    return wrk.format("GET", "/" .. number .. ".html", {["Host"] = "%(site)s"})
end
function response(status, headers, body)
    seen = seen + 1
    local first = body:match("^version (%%d+)")
    local length = headers["content-length"] or headers["Content-Length"]
    if status ~= 200 or not first or body:match("version (%%d+)$") ~= first or #body ~= tonumber(length) then
        wrong = wrong + 1
        print("wrong: " .. status .. " " .. body:sub(1, 100))
    end
end
"""


class Switching(NodeCase):
    """A site of 200 pages in several versions."""

    def version(self, number: int) -> tuple[str, str]:
        """Write a version; give the deploy command's folder and commit."""
        folder = self.folder / str(number)
        write_files(folder, VERSIONS.files(number))
        return str(folder), f"{number:07d}"

    def deploy(self, node: Node, number: int) -> None:
        """Deploy a version, and assert that from now on it alone is served."""
        node.deploy(self.folder / str(number), self.site, "--commit", f"{number:07d}")
        for each in (0, 1, PAGES - 1):
            self.assertEqual(fetch(node.http, self.site, f"/{each}.html").body, VERSIONS.page(number, each))

    def test_while_clients_hammer(self) -> None:
        """With eight keep-alive visitors, five switches and a rollback show whole versions only, and none goes back on a connection."""
        node = self.node
        for number in range(1, 6):
            self.version(number)
        self.deploy(node, 1)
        visitors = [
            Hammering(node.http, self.site, VERSIONS, each * 23, conditional=bool(each % 2)) for each in range(8)
        ]
        for each in visitors:
            each.start()
        try:
            for number in range(2, 6):
                self.deploy(node, number)
        finally:
            for each in visitors:
                each.end()
        for each in visitors:
            self.assertEqual(each.wrong, [])
            self.assertEqual(each.versions, sorted(each.versions), "a connection went back")
            self.assertEqual((each.versions[0], each.versions[-1]), (1, 5))

    def test_rollback_while_clients_hammer(self) -> None:
        """A rollback is a switch like any other: from its end on, the earlier version alone is served, whole."""
        node = self.node
        for number in (1, 2):
            self.version(number)
            self.deploy(node, number)
        visitor = Hammering(node.http, self.site, VERSIONS, 0, conditional=False)
        visitor.start()
        self.assertEqual(node.run("rollback", self.site).code, 0)
        for each in range(PAGES):
            self.assertEqual(fetch(node.http, self.site, f"/{each}.html").body, VERSIONS.page(1, each))
        visitor.end()
        self.assertEqual(visitor.wrong, [])
        self.assertEqual(visitor.versions, sorted(visitor.versions, reverse=True))

    def test_pages_that_vanish(self) -> None:
        """A page that the new version lacks is 404 from the end of deploy on, and one that it adds is there."""
        node = self.node
        node.deploy(write_files(self.folder / "a", {"old.html": "old", "both.html": "1"}), self.site)
        node.deploy(write_files(self.folder / "b", {"new.html": "new", "both.html": "2"}), self.site)
        answers = [fetch(node.http, self.site, target) for target in ("/old.html", "/new.html", "/both.html")]
        self.assertEqual([(each.status, each.body) for each in answers][1:], [(200, b"new"), (200, b"2")])
        self.assertEqual(answers[0].status, 404)


class SwitchingOnApacheCouchDB(OnApacheCouchDB, Switching):
    """The same on Apache CouchDB."""


class SwitchingUnderWrk(NodeCase):
    """The same with wrk as the visitors."""

    needs = ("wrk",)

    def test_wrk(self) -> None:
        """With 32 connections of wrk at full speed, three switches give no answer that is not 200 and whole, and no error."""
        node = self.node
        for number in range(1, 5):
            write_files(self.folder / str(number), VERSIONS.files(number))
        node.deploy(self.folder / "1", self.site)
        script = self.folder / "hammer.lua"
        script.write_text(WRK % {"pages": PAGES, "site": self.site})
        command = ["wrk", "-t1", "-c32", "-d6s", "-s", str(script), f"http://127.0.0.1:{node.http}/"]
        wrk = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            for number in range(2, 5):
                node.deploy(self.folder / str(number), self.site)
        finally:
            out = wrk.communicate(timeout=40)[0].decode()
        self.assertNotIn("wrong:", out)
        self.assertNotIn("Socket errors", out)
        self.assertNotIn("Non-2xx", out)
        requests = re.search(r"(\d+) requests in", out)
        self.assertGreater(int(requests[1]) if requests else 0, 100, out)
