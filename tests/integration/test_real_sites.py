"""Sites that nobody here wrote, from Debian's packages: every byte, type and link, and some pages in Chromium."""

import json
import mimetypes
import os
import re
import shutil
from pathlib import Path
from typing import Any, ClassVar

from tests.integration.cases import NodeCase, OnApacheCouchDB
from tests.integration.chromium import dump_dom
from tests.integration.links import Crawl, crawl
from tests.integration.node import Node, lines, write_files
from tests.integration.visitor import Answer, Visitor, target

HANDBOOK = "/usr/share/doc/debian-handbook/html"
PYTHON = "/usr/share/doc/python3.11/html"
#: Of the handbook's 26 languages: enough for 1,200 files, among them one written from right to left and one without Latin letters.
LANGUAGES = ("en-US", "ar-MA", "ja-JP", "pt-BR")
#: Where ours differ from Debian's table on purpose: text says its charset, and some files are only for saving.
TYPES = {
    "Makefile": "application/octet-stream", ".inv": "application/octet-stream", ".xpm": "application/octet-stream",
    ".js": "text/javascript", ".gz": "application/gzip", ".py": "text/plain", ".map": "application/json",
    ".buildinfo": "application/octet-stream",
}  # fmt: skip
CHARSET = re.compile("text/(html|css|javascript|plain)")

#: Looks at other pages of its own site, and writes what it saw into its own DOM.
LOOKING = """<!doctype html><title>looking</title><pre id=seen></pre><iframe id=frame src="%s" width=1000 height=800></iframe>
<script>
document.getElementById("frame").onload = function () {
    const page = this.contentDocument;
    const rules = [...page.styleSheets].map(sheet => { try { return sheet.cssRules.length } catch (error) { return -1 } });
    const images = [...page.images].map(image => image.naturalWidth);
    document.getElementById("seen").textContent = JSON.stringify(
        { title: page.title, rules: rules, images: images, text: page.body.innerText.length,
          links: page.links.length, background: getComputedStyle(page.body).fontFamily });
};
</script>
"""


def files_of(folder: Path) -> dict[str, Path]:
    """Give the files in *folder* that are published: path to file."""
    found = (Path(where) / name for where, _, names in os.walk(folder) for name in names if not name.startswith("."))
    return {str(file.relative_to(folder)): file for file in found}


def expected_type(path: str, debian: mimetypes.MimeTypes) -> str:
    """Give the Content-Type that *path* should have, from Debian's media-types and the differences on purpose."""
    name = path.rpartition("/")[2]
    own = TYPES.get(name) or TYPES.get(Path(name).suffix)
    kind = own or debian.guess_type(name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if CHARSET.fullmatch(kind) else kind


class RealSite(NodeCase):
    """A site that is deployed once for all its tests."""

    chosen: ClassVar[dict[tuple[type, type], tuple[str, Path, dict[str, Any]]]] = {}

    def source(self) -> Path:
        """Write the site into a folder, without what no deployment takes."""
        raise NotImplementedError

    def deployed(self) -> tuple[str, Path, dict[str, Any]]:
        """Deploy; give site, folder and what deploy said."""
        owner = next(each for each in type(self).__mro__ if "source" in vars(each))
        if (owner, self.store) not in self.chosen:
            folder = self.source()
            self.chosen[owner, self.store] = self.site, folder, self.node.deploy(folder, self.site)
        return self.chosen[owner, self.store]

    def kept_folder(self) -> Path:
        """Make a folder that stays for the other tests of the run."""
        folder = self.node.folder / type(self).__name__
        folder.mkdir()
        return folder

    def check_every_file(self) -> None:
        """Assert of every file: its bytes, type and length, and that its folder redirects and is served."""
        site, folder, said = self.deployed()
        files = files_of(folder)
        self.assertGreater(len(files), 1000)
        self.assertEqual(
            (said["files"], said["bytes"]), (len(files), sum(file.stat().st_size for file in files.values()))
        )
        debian = mimetypes.MimeTypes(filenames=("/etc/mime.types",))
        with Visitor(self.node.http) as visitor:
            for path, file in files.items():
                answer = visitor.get(site, target(path))
                self.assertEqual(answer.status, 200, path)
                self.assertEqual(answer.body, file.read_bytes(), path)
                self.assertEqual(answer.headers["content-type"], expected_type(path, debian), path)
            self._check_folders(visitor, site, files)

    def _check_folders(self, visitor: Visitor, site: str, files: dict[str, Path]) -> None:
        folders = {"/".join(path.split("/")[:depth]) for path in files for depth in range(1, path.count("/") + 1)}
        for folder in folders:
            slashed, plain = visitor.get(site, f"{target(folder)}/"), visitor.get(site, target(folder))
            if f"{folder}/index.html" in files:
                self.assertEqual(slashed.body, files[f"{folder}/index.html"].read_bytes(), folder)
                self.assertEqual((plain.status // 100, plain.headers["location"]), (3, f"{target(folder)}/"))
            else:
                self.assertEqual((slashed.status, plain.status), (404, 404), folder)

    def crawled(self, start: str) -> Crawl:
        """Follow all links from *start*; assert that what is there is what the folder has."""
        site, folder, _ = self.deployed()
        with Visitor(self.node.http) as visitor:

            def get(path: str) -> tuple[int, str, str]:
                answer: Answer = visitor.get(site, path)
                return (
                    answer.status,
                    answer.headers.get("location") or answer.headers["content-type"],
                    answer.body.decode("utf-8", "replace"),
                )

            result = crawl(start, get)
        for path in result.found:
            file = folder / path[1:]
            self.assertTrue(file.is_file() or (file / "index.html").is_file(), path)
        for path, origin in result.missing.items():
            file = folder / path[1:]
            self.assertFalse(
                file.is_file() or (file / "index.html").is_file(), f"{path} is on disk and not served; on {origin}"
            )
        return result

    def check_again(self) -> None:
        """Assert that deploying again uploads nothing."""
        site, folder, _ = self.deployed()
        self.assertEqual(self.node.deploy(folder, site)["uploaded"], {"files": 0, "bytes": 0})


class Handbook(RealSite):
    """The Debian Administrator's Handbook."""

    needs = (HANDBOOK, "/etc/mime.types")

    def source(self) -> Path:
        """See :meth:`RealSite.source`."""
        folder = self.kept_folder()
        for language in LANGUAGES:
            shutil.copytree(Path(HANDBOOK, language), folder / language)
        return folder

    def test_every_file(self) -> None:
        """Each of over 1,000 files has its bytes and its type, each folder its redirect."""
        self.check_every_file()

    def test_links(self) -> None:
        """Every link from the English title page leads to a page, or to what the package lacks too."""
        result = self.crawled("/en-US/")
        self.assertGreater(len(result.found), 150)

    def test_again(self) -> None:
        """Deploying it again uploads nothing."""
        self.check_again()


class HandbookOnApacheCouchDB(OnApacheCouchDB, Handbook):
    """The same on Apache CouchDB."""


class PythonsDocumentation(RealSite):
    """The documentation of Python 3.11."""

    needs = (PYTHON, "/etc/mime.types")

    def source(self) -> Path:
        """See :meth:`RealSite.source`: with the files that its links lead to in their place."""
        folder = self.kept_folder() / "html"
        shutil.copytree(PYTHON, folder, symlinks=False, ignore_dangling_symlinks=True)
        return folder

    def test_links_that_leave(self) -> None:
        """The package as it is has links to files of other packages: deploy refuses it with one line, and uploads nothing."""
        ended = self.node.run("deploy", PYTHON, "--site", self.site, "--branch", "main")
        self.assertEqual((ended.code, ended.out, len(lines(ended.err))), (2, "", 1), ended.err)
        self.assertRegex(
            ended.err, r"^couchpages: _static/(jquery|underscore)\.js: is a link (that leaves the folder|to nothing)"
        )

    def test_every_file(self) -> None:
        """Each of over 1,000 files has its bytes and its type, each folder its redirect."""
        self.check_every_file()

    def test_links(self) -> None:
        """Every link from the front page leads to a page, or to what the package lacks too."""
        result = self.crawled("/index.html")
        self.assertGreater(len(result.found), 450)

    def test_left_out(self) -> None:
        """Its .buildinfo stays at home, and is counted."""
        site, _, said = self.deployed()
        self.assertEqual(said["left_out"], 1)
        with Visitor(self.node.http) as visitor:
            self.assertEqual(visitor.get(site, "/.buildinfo").status, 404)


class InChromium(NodeCase):
    """Some pages of both in a browser."""

    needs = ("chromium", HANDBOOK, PYTHON)

    def look(self, node: Node, site: str, path: str) -> dict[str, Any]:
        """Let a page of ours look at *path* in Chromium, and give what it saw."""
        looking = re.sub(r"\W", "-", path)
        dom = dump_dom(f"http://{site}:{node.http}/looking{looking}.html", self.folder / f"profile{looking}")
        seen = re.search(r'<pre id="seen">(.*?)</pre>', dom, re.DOTALL)
        assert seen is not None and seen[1], dom
        facts: dict[str, Any] = json.loads(seen[1].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
        return facts

    def deploy(self, source: Path, paths: tuple[str, ...]) -> None:
        """Deploy *source* with pages that look at *paths*."""
        public = self.folder / "public"
        shutil.copytree(source, public, ignore_dangling_symlinks=True)
        write_files(public, {f"looking{re.sub(chr(92) + 'W', '-', path)}.html": LOOKING % path for path in paths})
        self.node.deploy(public, self.site)

    def test_handbook(self) -> None:
        """Pages of the handbook have their title, text, styles and every image."""
        paths = ("/sect.graphical-desktops.html", "/sect.installation-steps.html")
        self.deploy(Path(HANDBOOK, "en-US"), paths)
        for path in paths:
            seen = self.look(self.node, self.site, path)
            self.assertTrue(seen["title"])
            self.assertGreater(seen["text"], 1000)
            self.assertTrue(seen["rules"] and min(seen["rules"]) > 0, seen)
            # Those of the page's head are linked with two slashes: Common_Content/images//image_left.png
            self.assertTrue(len(seen["images"]) > 5 and min(seen["images"]) > 0, seen)

    def test_pythons_documentation(self) -> None:
        """Pages of Python's documentation have their title, text, styles and every image, and their scripts ran."""
        paths = ("/library/asyncio-task.html", "/")
        self.deploy(Path(PYTHON), paths)
        for path in paths:
            seen = self.look(self.node, self.site, path)
            self.assertIn("3.11", seen["title"])
            self.assertGreater(seen["text"], 1000)
            self.assertTrue(seen["rules"] and min(seen["rules"]) > 0, seen)
            self.assertTrue(seen["images"] and min(seen["images"]) > 0, seen)
        # Sphinx's search works in the browser alone: with the index and scripts that we serve as such.
        dom = dump_dom(f"http://{self.site}:{self.node.http}/search.html?q=coroutine", self.folder / "search")
        self.assertRegex(dom, r'<a href="[^"]*asyncio-task\.html')
