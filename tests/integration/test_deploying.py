"""Deployments with the real command on a real node: what each step uploads, shows and leaves behind."""

import json
import re
import shutil
from pathlib import Path

from tests.integration.cases import NodeCase, OnApacheCouchDB
from tests.integration.node import Ended, lines, write_files
from tests.integration.visitor import call_api, fetch

PAGES = {
    "index.html": "<h1>one</h1>",
    "about/index.html": "about",
    "style.css": "body {}",
    "404.html": "nowhere",
    ".well-known/security.txt": "Contact: mailto:root@localhost",
}


class Deploying(NodeCase):
    """One site's life."""

    def setUp(self) -> None:
        """Write a site."""
        super().setUp()
        # Contents that no other test has stored.
        self.files = {path: f"{content}<!-- {self.site} -->" for path, content in PAGES.items()}
        self.one = self.files["index.html"]
        self.public = write_files(self.folder / "public", self.files)

    def page(self, host: str, target: str = "/") -> str:
        """Fetch a page."""
        return fetch(self.node.http, host, target).body.decode()

    def change(self, content: str) -> None:
        """Change the front page."""
        write_files(self.public, {"index.html": content})

    def refused(self, *arguments: str, code: int, says: str, **more: str) -> Ended:
        """Run a command that must fail with *code* and one line in which *says* is found."""
        ended = self.node.run(*arguments, env=more)
        self.assertEqual(ended.code, code, ended.err)
        self.assertEqual(ended.out, "")
        self.assertRegex(ended.err, says)
        self.assertNotIn("Traceback", ended.err)
        self.assertEqual(len([line for line in lines(ended.err) if "trying again" not in line]), 1, ended.err)
        return ended

    def test_first_deployment(self) -> None:
        """The first deployment uploads every content once, is live, and every address that it prints shows it."""
        done = self.node.deploy(self.public, self.site, "--commit", "abcdef1")
        self.assertEqual(done["uploaded"], {"files": 5, "bytes": sum(map(len, self.files.values()))})
        self.assertTrue(done["live"])
        self.assertEqual(len(done["addresses"]), 3)
        for address in done["addresses"]:
            host = re.fullmatch(rf"http://(.+):{self.node.http}/", address)
            assert host is not None, address
            self.assertEqual(self.page(host[1]), self.one)

    def test_prints_addresses(self) -> None:
        """Without --json, stdout is the deployment's line and its addresses, and stderr has no progress where no terminal is."""
        ended = self.node.run(
            "deploy", str(self.public), "--site", self.site, "--branch", "main", "--commit", "abcdef2"
        )
        first, *addresses = lines(ended.out)
        self.assertEqual(ended.code, 0, ended.err)
        self.assertRegex(first, rf"^deployment [a-z0-9]+ of {self.site}: live; 5 files, .*, 5 uploaded$")
        self.assertEqual(addresses[0], f"http://{self.site}:{self.node.http}/")
        self.assertNotIn("\x1b", ended.err)

    def test_repeated(self) -> None:
        """Deploying the same again uploads nothing, and is a deployment of its own."""
        first = self.node.deploy(self.public, self.site)
        again = self.node.deploy(self.public, self.site)
        self.assertEqual(again["uploaded"], {"files": 0, "bytes": 0})
        self.assertNotEqual(first["id"], again["id"])

    def test_one_file_changed(self) -> None:
        """One changed file is one upload, and the new page is served when the command ends."""
        self.node.deploy(self.public, self.site)
        two = f"<h1>two</h1> of {self.site}"
        self.change(two)
        self.assertEqual(self.node.deploy(self.public, self.site)["uploaded"], {"files": 1, "bytes": len(two)})
        self.assertEqual(self.page(self.site), two)
        self.assertEqual(self.page(self.site, "/about/"), self.files["about/index.html"])

    def test_preview(self) -> None:
        """Another branch than main shows at its previews alone, and the live site stays."""
        self.node.deploy(self.public, self.site)
        self.change("preview")
        done = self.node.run(
            "deploy", str(self.public), "--site", self.site, "--branch", "topic", "--commit", "1234567", "--json"
        ).json()
        self.assertEqual((done["preview"], done["live"], len(done["addresses"])), (True, False, 2))
        self.assertEqual(self.page(self.site), self.one)
        self.assertEqual(self.page(f"{done['id']}.{self.site}"), "preview")
        self.assertEqual(self.page(f"1234567.{self.site}"), "preview")

    def test_rollback(self) -> None:
        """Rollback makes the deployment before live again; rollback to an id makes that one live; both stay listed."""
        first = self.node.deploy(self.public, self.site)
        self.change("two")
        second = self.node.deploy(self.public, self.site)
        self.assertEqual(self.node.run("rollback", self.site, "--json").json()["id"], first["id"])
        self.assertEqual(self.page(self.site), self.one)
        self.assertEqual(self.node.run("rollback", self.site, second["id"]).code, 0)
        self.assertEqual(self.page(self.site), "two")
        self.assertEqual([each["id"] for each in self.listed()], [second["id"], first["id"]])

    def test_rollback_of_the_first(self) -> None:
        """There is nothing before the first deployment: exit code 1, and it stays live."""
        self.node.deploy(self.public, self.site)
        self.refused("rollback", self.site, code=1, says="no production deployment before")
        self.assertEqual(self.page(self.site), self.one)

    def test_delete_of_the_live_one(self) -> None:
        """The live deployment is not deleted: exit code 1, the reason, and it is still served."""
        done = self.node.deploy(self.public, self.site)
        self.refused("delete", self.site, done["id"], "--yes", code=1, says=f"{done['id']} is live")
        self.assertEqual(self.page(self.site), self.one)

    def test_delete_of_another(self) -> None:
        """A deployment that is not live is deleted with its preview host."""
        first = self.node.deploy(self.public, self.site)
        self.change("two")
        second = self.node.deploy(self.public, self.site)
        self.assertEqual(self.node.run("delete", self.site, first["id"], "--yes").code, 0)
        self.assertEqual(fetch(self.node.http, f"{first['id']}.{self.site}", "/").status, 404)
        self.assertEqual([each["id"] for each in self.listed()], [second["id"]])

    def test_delete_asks(self) -> None:
        """Without --yes and without a terminal nothing is deleted: exit code 2."""
        self.node.deploy(self.public, self.site)
        self.refused("delete", self.site, code=2, says="--yes")
        self.assertEqual(self.page(self.site), self.one)

    def test_delete_of_the_site(self) -> None:
        """A deleted site is gone with its previews and from the list; other sites are not."""
        done = self.node.deploy(self.public, self.site)
        self.node.deploy(self.public, f"other-{self.site}")
        ended = self.node.run("delete", self.site, "--yes", "--json")
        self.assertEqual(ended.json(), {"deleted": {"site": self.site, "id": None}})
        for host in (self.site, f"{done['id']}.{self.site}"):
            self.assertEqual(fetch(self.node.http, host, "/").status, 404)
        sites = {each["site"] for each in self.node.run("sites", "--json").json()["sites"]}
        self.assertNotIn(self.site, sites)
        self.assertIn(f"other-{self.site}", sites)

    def test_lists(self) -> None:
        """The lists parse as JSON, and as lines of cells between tabs, and name what is live."""
        done = self.node.deploy(self.public, self.site)
        row = next(each for each in self.node.run("sites", "--json").json()["sites"] if each["site"] == self.site)
        self.assertEqual((row["live"], row["deployments"]), (done["id"], 1))
        self.assertIn(f"{self.site}\t{done['id']}\t1\t", self.node.run("sites").out)
        self.assertIn(f"{done['id']}\tlive\tmain\t-\t", self.node.run("deployments", self.site).out)

    def test_unknown_site(self) -> None:
        """Listing or deleting what does not exist ends with exit code 1 and says so."""
        for arguments in (("deployments", self.site), ("delete", self.site, "--yes"), ("rollback", self.site)):
            self.refused(*arguments, code=1, says=f"there is no site {self.site}")

    def test_what_is_left_out(self) -> None:
        """.git and other names with a dot stay at home and are counted; .well-known is published."""
        write_files(self.public, {".git/config": "[core]", ".env": "SECRET=1", "sub/.htpasswd": "me:secret"})
        done = self.node.deploy(self.public, self.site)
        self.assertEqual((done["files"], done["left_out"]), (5, 3))
        for target in ("/.git/config", "/.env", "/sub/.htpasswd"):
            self.assertEqual(fetch(self.node.http, self.site, target).status, 404)
        security = fetch(self.node.http, self.site, "/.well-known/security.txt")
        self.assertEqual((security.status, security.headers["content-type"]), (200, "text/plain; charset=utf-8"))

    def test_empty_folder(self) -> None:
        """An empty folder, or one of which nothing is published, is exit code 2."""
        for folder in (write_files(self.folder / "e", {}), write_files(self.folder / "g", {".git/config": "x"})):
            folder.mkdir(exist_ok=True)
            self.refused("deploy", str(folder), "--site", self.site, code=2, says="holds no file to publish")

    def test_symbolic_links(self) -> None:
        """A link that leaves the folder is exit code 2 and named; one within it is published as a copy."""
        outside = self.public / "passwords"
        outside.symlink_to("/etc/passwd")
        self.refused(
            "deploy", str(self.public), "--site", self.site, code=2, says="^couchpages: passwords: .*leaves the folder"
        )
        outside.unlink()
        (self.public / "copy.css").symlink_to("style.css")
        self.node.deploy(self.public, self.site)
        self.assertEqual(self.page(self.site, "/copy.css"), self.files["style.css"])

    def test_odd_names(self) -> None:
        """Names with spaces, percent signs, quotes, plus signs, hashes and letters of any script are served under their encoding."""
        names = (
            "a b.txt",
            "100%.txt",
            "50%25.txt",
            "q?.txt",
            "h#.txt",
            "plus+.txt",
            "'\"&<>.txt",
            "日本/ö.txt",
            "a;b=c,d.txt",
        )
        self.node.deploy(write_files(self.folder / "odd", {name: name for name in names}), self.site)
        for name in names:
            encoded = "/" + "".join(f"%{byte:02x}" if byte != ord("/") else "/" for byte in name.encode())
            self.assertEqual(self.page(self.site, encoded), name)

    def test_idempotency(self) -> None:
        """A deployment that is asked for twice under one Idempotency-Key is made once."""
        self.node.deploy(self.public, self.site)
        files = {"index.html": {"sha256": sha256_of(self.public / "index.html"), "size": len(self.one)}}
        path = f"/api/v2/sites/{self.site}/deployments"
        answers = [
            call_api(
                self.node.api,
                self.node.key,
                "POST",
                path,
                {"branch": "main", "files": files},
                **{"Idempotency-Key": "k"},
            )
            for _ in range(2)
        ]
        self.assertEqual([answer.status for answer in answers], [201, 200])
        self.assertEqual(answers[0].json()["id"], answers[1].json()["id"])

    def test_survives_a_restart(self) -> None:
        """What was deployed is served after the daemon was killed and started again."""
        node = self.new_node().start()
        node.deploy(self.public, self.site)
        node.kill()
        node.start()
        self.assertEqual(fetch(node.http, self.site, "/").body.decode(), self.one)
        self.assert_serving(node)

    def listed(self) -> list[dict[str, object]]:
        """Give the deployments that the command lists."""
        deployments: list[dict[str, object]] = self.node.run("deployments", self.site, "--json").json()["deployments"]
        return deployments


class DeployingOnApacheCouchDB(OnApacheCouchDB, Deploying):
    """The same on Apache CouchDB."""


class Keys(NodeCase):
    """API keys with the real command."""

    def setUp(self) -> None:
        """Write a site."""
        super().setUp()
        self.public = write_files(self.folder / "public", {"index.html": "keys"})

    def deploy_with(self, key: str, site: str) -> Ended:
        """Deploy with another key."""
        arguments = ("deploy", str(self.public), "--site", site, "--branch", "main")
        return self.node.run(*arguments, env={"COUCHPAGES_API_KEY": key})

    def keys(self, *arguments: str) -> Ended:
        """Run ``couchpages keys``."""
        ended = self.node.run("keys", *arguments, "--config", str(self.node.config), "--json")
        self.assertEqual(ended.code, 0, ended.err)
        return ended

    def create(self, *scope: str) -> tuple[str, str]:
        """Make a key; give its text and id once the node knows it."""
        made = self.keys("create", *scope).json()
        return made["api_key"], made["id"]

    def test_scoped_key(self) -> None:
        """A key for one site deploys to it within a second of being made, is refused for another (1), and lists only its own."""
        key, _ = self.create("--site", self.site, "--name", "for one")
        self.assertEqual(self.deploy_with(key, self.site).code, 0)
        other = self.deploy_with(key, f"other-{self.site}")
        self.assertEqual((other.code, other.out), (1, ""))
        self.assertIn("does not reach", other.err)
        listed = self.node.run("sites", "--json", env={"COUCHPAGES_API_KEY": key}).json()["sites"]
        self.assertEqual([each["site"] for each in listed], [self.site])

    def test_revoked_key(self) -> None:
        """A revoked key is refused within a second, and no longer listed."""
        key, key_id = self.create("--site", self.site)
        self.assertEqual(self.deploy_with(key, self.site).code, 0)
        self.keys("revoke", key_id)
        until_refused(self, self.node.api, key)
        self.assertEqual(self.deploy_with(key, self.site).code, 1)
        self.assertNotIn(key_id, self.keys("list").out)

    def test_lists_no_secret(self) -> None:
        """The list names a key and what it reaches, never its secret."""
        key, key_id = self.create("--site", "*.example.org", "--name", "a name")
        listed = self.keys("list")
        mine = next(each for each in listed.json()["keys"] if each["id"] == key_id)
        self.assertEqual((mine["name"], mine["sites"], mine["clear"]), ("a name", ["*.example.org"], False))
        self.assertNotIn(key.rpartition("_")[2], listed.out)

    def test_wrong_key(self) -> None:
        """A wrong key is exit code 1 and one line; no key at all is exit code 2."""
        wrong = self.deploy_with("cpk_0123456789_" + "A" * 43, self.site)
        self.assertEqual((wrong.code, wrong.out, len(lines(wrong.err))), (1, "", 1), wrong.err)
        self.assertIn("not known here", wrong.err)
        self.assertEqual(self.deploy_with("", self.site).code, 2)

    def test_init_again(self) -> None:
        """Repeating init is harmless: it makes nothing, and says null for the key."""
        ended = self.node.run("init", "--json", "--config", str(self.node.config))
        self.assertEqual((ended.code, json.loads(ended.out)), (0, {"api_key": None, "databases_created": []}))

    def test_key_from_a_file(self) -> None:
        """--api-key-file is read, and one that others can read earns a warning."""
        file = self.folder / "key"
        file.write_text(self.node.key + "\n")
        file.chmod(0o644)
        arguments = ("sites", "--json", "--api-key-file", str(file))
        ended = self.node.run(*arguments, env={"COUCHPAGES_API_KEY": ""})
        self.assertEqual(ended.code, 0, ended.err)
        self.assertIn("chmod 600", ended.err)
        file.chmod(0o600)
        self.assertEqual(self.node.run(*arguments, env={"COUCHPAGES_API_KEY": ""}).err, "")


class KeysOnApacheCouchDB(OnApacheCouchDB, Keys):
    """The same on Apache CouchDB."""


class Environment(NodeCase):
    """The variables that other people's machines set."""

    def test_first_uploader(self) -> None:
        """The first uploader's variables alone are enough to deploy."""
        public = write_files(self.folder / "public", {"index.html": "first"})
        env = {
            "COUCHPAGES_SERVER": "", "COUCHPAGES_API_KEY": "", "UPLOAD_DIRECTORY": str(public), "HOSTNAME": self.site,
            "GITHUB_SHA": "a" * 40, "BRANCH_NAME": "main", "API_KEY": self.node.key, "SERVER_URL": self.node.server,
        }  # fmt: skip
        ended = self.node.run("deploy", env=env)
        self.assertEqual(ended.code, 0, ended.err)
        self.assertIn(f"http://{'a' * 40}.{self.site}:", ended.out)
        self.assertEqual(fetch(self.node.http, self.site, "/").body, b"first")

    def test_git(self) -> None:
        """In a work tree, git's branch and commit count."""
        if shutil.which("git") is None:
            self.skipTest("git is not installed")
        public = write_files(self.folder / "public", {"index.html": "git"})
        import subprocess

        settings = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false")
        for arguments in (("init", "-q", "-b", "topic"), ("add", "."), (*settings, "commit", "-q", "-m", "one")):
            subprocess.run(["git", *arguments], cwd=public, check=True, capture_output=True)
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=public, check=True, capture_output=True).stdout.decode()
        done = self.node.run("deploy", str(public), "--site", self.site, "--json").json()
        self.assertEqual((done["branch"], done["commit"], done["preview"]), ("topic", head.strip(), True))


def sha256_of(file: Path) -> str:
    """Give a file's SHA-256 in hexadecimal."""
    import hashlib

    return hashlib.sha256(file.read_bytes()).hexdigest()


def until_refused(case: NodeCase, api: int, key: str) -> None:
    """Ask with *key* until it is refused; a second must do."""
    import time

    until = time.monotonic() + 1
    while call_api(api, key, "GET", "/api/v2/sites").status == 200:
        case.assertLess(time.monotonic(), until, "the key still works")
        time.sleep(0.02)
    case.assertEqual(call_api(api, key, "GET", "/api/v2/sites").status, 401)
