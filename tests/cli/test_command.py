"""The whole command in a process of its own, against the fake on loopback."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.cli.fake_api import KEY, FakeApi, HangUp, Reply, problem, served

SITE = "example.org"
SECONDS = 60
"""Until a process that hangs is killed; no test waits for it otherwise."""


class CommandCase(SynchronousTestCase):
    """A folder, the fake, and the command."""

    def setUp(self) -> None:
        """Make folder and fake."""
        self.folder = Path(self.mktemp()).absolute()
        (self.folder / ".git").mkdir(parents=True)
        (self.folder / ".git" / "HEAD").write_text("no repository")
        for number in range(5):
            (self.folder / f"{number}.html").write_text(f"page {number}")
        self.fake = FakeApi()
        serving = served(self.fake)
        self.server = serving.__enter__()
        self.addCleanup(serving.__exit__, None, None, None)

    def start(self, *arguments: str, key: str = KEY, server: str = "") -> "subprocess.Popen[str]":
        """Begin a process."""
        # Only what a process needs: a pipeline's variables would decide branch and commit.
        environ = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG", "LC_ALL") if name in os.environ}
        environ |= {
            "COUCHPAGES_API_KEY": key,
            "COUCHPAGES_SERVER": server or self.server,
            "GIT_CEILING_DIRECTORIES": "/",
        }
        environ |= {"PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", "from couchpages.cli.main import main; main()", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, env=environ, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )

    def ended(self, *arguments: str, key: str = KEY, server: str = "") -> tuple[int, str, str]:
        """Run it to its end and give exit code, stdout and stderr."""
        with self.start(*arguments, key=key, server=server) as process:
            try:
                out, err = process.communicate(timeout=SECONDS)
            finally:
                process.kill()
        self.assertNotIn("Traceback", err)
        self.assertNotIn(key, out + err)
        return process.returncode, out, err

    def deploy(self, *arguments: str, key: str = KEY, server: str = "") -> tuple[int, str, str]:
        """Deploy the folder."""
        return self.ended(
            "deploy", str(self.folder), "--site", SITE, "--branch", "main", *arguments, key=key, server=server
        )


class OwnNode(CommandCase):
    """Commands on the node's own CouchDB."""

    def test_unusable_data_folder(self) -> None:
        """Defect: ``init`` and ``keys`` hung for ever when the data folder could not be made, or the password not be used."""
        config, data = self.folder / "couchpages.toml", self.folder / "data"
        config.write_text(f"data = {json.dumps(str(data))}")
        data.write_text("no folder")
        self.assertEqual(self.ended("init", "--config", str(config))[:2], (1, ""))
        data.unlink()
        data.mkdir()
        (data / "store-password").write_text("secret")
        (data / "store-password").chmod(0o644)
        code, out, err = self.ended("keys", "list", "--config", str(config))
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, r"\Acouchpages: [^\n]+chmod 600[^\n]+\n\Z")


class DeployTests(CommandCase):
    """couchpages deploy."""

    def test_for_people(self) -> None:
        """Stdout has the id and the addresses, stderr what was left out."""
        code, out, err = self.deploy()
        self.assertEqual(code, 0)
        first, *addresses = out.splitlines()
        self.assertIn("deployment1 of example.org: live; 5 files", first)
        self.assertEqual(addresses, ["http://example.org/", "http://deployment1.example.org/"])
        self.assertIn("left out 1 (.git)", err)
        self.assertEqual(json.loads(self.fake.calls[-1].body)["files"].keys(), {f"{n}.html" for n in range(5)})

    def test_for_machines(self) -> None:
        """Stdout is one JSON document; --quiet leaves stderr empty."""
        code, out, err = self.deploy("--json", "--quiet", "--commit", "ABCDEF0")
        self.assertEqual((code, err), (0, ""))
        made = json.loads(out)
        self.assertEqual((made["id"], made["commit"], made["live"]), ("deployment1", "abcdef0", True))
        self.assertEqual((made["uploaded"], made["left_out"]), ({"files": 5, "bytes": 30}, 1))

    def test_a_path_before_the_api(self) -> None:
        """A server below a path, with slashes at its end."""
        self.assertEqual(self.deploy(server=self.server + "/pages//")[0], 1)
        self.assertEqual(self.fake.calls[0].path, f"/pages/api/v2/sites/{SITE}/missing")

    def test_trouble_that_passes(self) -> None:
        """Lost connections and a starting server are survived, with a remark each."""
        self.fake.fail("PUT", HangUp())
        self.fake.fail("POST", problem(503, "starting", ("Retry-After", "1")))
        code, _, err = self.deploy()
        self.assertEqual(code, 0)
        self.assertEqual(err.count("trying again in"), 2)

    def test_failures(self) -> None:
        """Exit code 1, nothing on stdout, and one line at the end."""
        html = Reply(200, b"<html>", "text/html")
        for fault, told in (
            (problem(422, "files: no"), "files: no (422)"),
            (problem(413, "too many files"), "too many files (413)"),
            (html, "text/html instead of JSON"),
            (Reply(200, b'{"missing": ['), "broken or cut off"),
        ):
            self.fake.fail("POST", fault)
            code, out, err = self.deploy("--quiet", "--json")
            self.assertEqual((code, out), (1, ""))
            self.assertRegex(err, r"\Acouchpages: [^\n]+\n\Z")
            self.assertIn(told, err)
        self.assertEqual(self.deploy(key="cpk_wrong")[0], 1)

    def test_no_server(self) -> None:
        """Nobody there: one line that says what to do."""
        code, out, err = self.deploy("--quiet", server="http://127.0.0.1:1")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("is the server running there?", err)


class OtherCommandTests(CommandCase):
    """The other commands."""

    def test_json(self) -> None:
        """Each command's --json is one document."""
        for _ in range(2):
            self.deploy()
        self.assertEqual(json.loads(self.ended("sites", "--json")[1])["sites"][0]["deployments"], 2)
        listed = json.loads(self.ended("deployments", SITE, "--json")[1])
        self.assertEqual([each["id"] for each in listed["deployments"]], ["deployment2", "deployment1"])
        self.assertEqual(json.loads(self.ended("rollback", SITE, "--json")[1])["id"], "deployment1")
        deleted = json.loads(self.ended("delete", SITE, "deployment2", "--yes", "--json")[1])
        self.assertEqual(deleted, {"deleted": {"site": SITE, "id": "deployment2"}})

    def test_for_people(self) -> None:
        """Rows and sentences; deleting the live deployment is refused with 1."""
        self.deploy()
        self.assertEqual(self.ended("sites")[1].split("\t")[:3], [SITE, "deployment1", "1"])
        self.assertEqual(self.ended("deployments", SITE)[1].split("\t")[:3], ["deployment1", "live", "main"])
        self.assertEqual(self.ended("delete", SITE, "deployment1", "--yes")[0], 1)
        self.assertIn("with all its deployments", self.ended("delete", SITE, "--yes")[1])
        self.assertEqual(self.ended("deployments", SITE)[0], 1)

    def test_waiting(self) -> None:
        """What a server does not serve yet says what it waits for, wherever it is listed."""
        self.deploy()
        made = self.fake.deployments[SITE][0]
        made |= {"live": False, "waiting": {"blobs": 1234, "since": "2026-11-23T14:00:00.123Z"}}
        self.assertEqual(self.ended("deployments", SITE)[1].split("\t")[1], "waits for 1,234 blobs")
        self.assertIn("waits for 1,234 blobs", self.ended("rollback", SITE, "deployment1")[1])


class InterruptTests(CommandCase):
    """Ctrl-C and SIGTERM while the server is silent."""

    def stopped(self, number: signal.Signals) -> tuple[int, str]:
        """Send the signal once an upload has begun; give exit code and stderr."""
        uploading = threading.Event()
        self.fake.fail("PUT", *[problem(503, "wait", ("Retry-After", "50"))] * 9)
        self.fake.on_call = lambda call: uploading.set() if call.method == "PUT" else None
        arguments = ("deploy", str(self.folder), "--site", SITE, "--branch", "main", "--quiet")
        with self.start(*arguments) as process:
            try:
                self.assertTrue(uploading.wait(SECONDS))
                process.send_signal(number)
                out, err = process.communicate(timeout=SECONDS)
            finally:
                process.kill()
        self.assertEqual((out, self.fake.deployments), ("", {}))
        return process.returncode, err

    def test_ctrl_c(self) -> None:
        """Ends with 130 and says that the live deployment is unchanged; the next run goes on."""
        code, err = self.stopped(signal.SIGINT)
        self.assertEqual(code, 130)
        self.assertRegex(err, r"\Acouchpages: interrupted; the live deployment is unchanged[^\n]*\n\Z")
        self.fake.faults.clear()
        self.assertEqual(self.deploy()[0], 0)

    def test_sigterm(self) -> None:
        """Ends with 143."""
        self.assertEqual(self.stopped(signal.SIGTERM)[0], 143)
