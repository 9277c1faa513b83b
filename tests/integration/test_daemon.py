"""twistd with our plugin: what it says and how it ends. Needs nothing of others, so some of it always runs."""

import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import tomllib
from pathlib import Path

from couchpages.config import parse
from couchpages.settings import Settings
from tests.integration.cases import NodeCase
from tests.integration.node import BIN, ROOT, Ended, Node, environment, free_ports, lines, wait_until, write_files
from tests.integration.requirements import lacking
from tests.integration.stores import EmbeddedStore
from tests.integration.visitor import fetch


class Twistd(NodeCase):
    """The daemon's command line."""

    always = True

    def twistd(self, *arguments: str, cwd: Path | None = None, seconds: float = 30) -> Ended:
        """Run twistd to its end."""
        done = subprocess.run(
            [BIN / "twistd", *arguments], cwd=cwd or self.folder, env=environment(), stdin=subprocess.DEVNULL,
            capture_output=True, timeout=seconds, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def plain_node(self, folder: Path | None = None) -> Node:
        """Make a node of this test's own, without databases."""
        node = Node(folder or self.new_folder() / "node", EmbeddedStore())
        self.addCleanup(node.remove)
        return node

    def config(self, text: str) -> str:
        """Write a configuration."""
        return str(write_files(self.folder, {"bad.toml": text}) / "bad.toml")

    def test_is_listed(self) -> None:
        """``twistd --help`` lists couchpages, with a sentence, and says nothing of a plugin that could not be loaded."""
        ended = self.twistd("--help")
        self.assertEqual(ended.code, 0)
        self.assertRegex(ended.out, r"(?m)^ *couchpages +\S+")
        self.assertEqual(ended.err, "")

    def test_command_is_there(self) -> None:
        """The command tells its version and its subcommands, without a server."""
        for arguments, found in ((["--version"], r"^couchpages \d"), (["--help"], r"(?m)^  deploy +\S")):
            done = subprocess.run([BIN / "couchpages", *arguments], capture_output=True, env=environment(), check=False)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertRegex(done.stdout.decode(), found)

    def test_check_config(self) -> None:
        """--check-config says yes with 0 for a right file, and for none; it starts nothing and writes nothing."""
        node = self.plain_node()
        for arguments in (("--config", str(node.config)), ()):
            ended = self.twistd("couchpages", *arguments, "--check-config")
            self.assertEqual((ended.code, ended.err), (0, ""))
            self.assertIn("right", ended.out)
        self.assertEqual(list(self.folder.iterdir()), [])
        self.assertFalse(node.data.exists())

    def test_check_config_of_bad_ones(self) -> None:
        """A wrong file is exit code 1 and one line, which names the file, the key and what to write instead."""
        for text, found in (
            ('[http]\nlisten = ["8080"]', r"bad\.toml: \[http\] listen: .*8080.*write for instance listen = "),
            ("[http]\nlisen = []", r"\[http\] lisen: there is no such key; write for instance listen = "),
            ("[limits]\nfile_size = 'much'", r"\[limits\] file_size: .*much.*write for instance file_size = "),
            ("[htp]", r"htp: there is no such key; write for instance \[http\]"),
            ("listen = ", r"not TOML"),
            ("[couchdb]\npassword = 'secret'", r"password_file"),
        ):
            ended = self.twistd("-n", "couchpages", "--config", self.config(text), "--check-config")
            self.assertEqual((ended.code, ended.out, len(lines(ended.err))), (1, "", 1), ended.err)
            self.assertRegex(ended.err, found)
            self.assertNotIn("secret", ended.err.replace("secrets", ""))

    def test_bad_calls(self) -> None:
        """A file that is not there, and an unknown format of the log, are exit code 1 and one line."""
        for arguments, found in (
            (("--config", "nowhere.toml"), r"nowhere\.toml: .*cannot be read"),
            (("--log-format", "xml"), r"--log-format xml: write text or json"),
        ):
            ended = self.twistd("-n", "couchpages", *arguments)
            self.assertEqual((ended.code, len(lines(ended.err))), (1, 1), ended.err)
            self.assertRegex(ended.err, found)

    def test_starts_and_stops(self) -> None:
        """Started without a key or database, it becomes ready, answers health, and ends on SIGTERM; only its owner reads its data."""
        node = self.plain_node().start()
        self.assertEqual(fetch(node.api, "localhost", "/healthz").json(), {"status": "ok"})
        self.assertEqual(fetch(node.http, "nobody.example", "/").status, 404)
        self.assertIn(b"couchpages_", fetch(node.api, "localhost", "/metrics").body)
        node.stop()
        self.assertNotIn("Traceback", node.log())
        self.assertEqual(node.data.stat().st_mode & 0o777, 0o700)
        for file in node.data.iterdir():
            self.assertEqual(file.stat().st_mode & 0o077, 0, file)

    def test_stops_on_ctrl_c(self) -> None:
        """Ctrl-C ends it in good order as well."""
        node = self.plain_node().start()
        self.assertIn(node.interrupt(), (0, -signal.SIGINT))
        self.assertNotIn("Traceback", node.log())

    def assert_one_clear_line(self, ended: Ended, found: str) -> None:
        """Assert that a daemon ended with exit code 1 and a line that tells why, in its log or on stderr, without a traceback."""
        written = ended.out + ended.err
        self.assertEqual(ended.code, 1, written)
        self.assertRegex(written, rf"couchpages: .*{found}")
        self.assertNotIn("Traceback", written)

    def test_port_in_use(self) -> None:
        """A port that another holds is exit code 1 and one line, which names the port; nothing stays behind."""
        node = self.plain_node()
        for port in (node.http, node.api, node.store_port):
            with socket.create_server(("127.0.0.1", port)):
                ended = self.twistd("-n", "--pidfile=", "couchpages", "--config", str(node.config))
            self.assert_one_clear_line(ended, rf"cannot .*{port}.*[Aa]ddress already in use")

    def test_second_daemon(self) -> None:
        """A second daemon on one data folder ends with 1 and a line that names the folder; the first serves on."""
        first = self.plain_node().start()
        second = self.plain_node()
        text = second.config.read_text().replace(str(second.data), str(first.data))
        ended = self.twistd("-n", "--pidfile=", "couchpages", "--config", self.config(text))
        self.assert_one_clear_line(ended, rf"cannot start: another couchpages uses the data folder {first.data}")
        self.assertTrue(first.is_ready())
        self.assertNotIn("Traceback", first.log())

    def test_unwritable_data(self) -> None:
        """A data folder that cannot be made is exit code 1 and one line."""
        node = self.plain_node()
        node.data.write_text("a file is in its place")
        ended = self.twistd("-n", "--pidfile=", "couchpages", "--config", str(node.config))
        self.assert_one_clear_line(ended, str(node.data))

    def test_daemonised(self) -> None:
        """Without -n it goes to the background, with its pid in the pidfile and its log in the logfile, and ends on SIGTERM."""
        node = self.plain_node()
        pidfile, logfile = self.folder / "pid", self.folder / "log"
        ended = self.twistd(
            "--pidfile", str(pidfile), "--logfile", str(logfile), "couchpages", "--config", str(node.config)
        )
        self.assertEqual((ended.code, ended.out, ended.err), (0, "", ""))
        pid = int(pidfile.read_text())
        try:
            node.wait_until_ready()
            self.assertEqual(fetch(node.http, "nobody.example", "/").status, 404)
            os.kill(pid, signal.SIGHUP)
            wait_until(lambda: "SIGHUP" in logfile.read_text(), "a line about SIGHUP")
            self.assertTrue(node.is_ready())
        finally:
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not _lives(pid), "the daemon's end")
        self.assertFalse(pidfile.exists())
        self.assertIn("with uvloop.Loop\n", logfile.read_text())
        self.assertIn("listening on", logfile.read_text())
        self.assertNotIn("Traceback", logfile.read_text())

    def test_json_logs(self) -> None:
        """With --log-format json, and with [log] format, each line of the log is an object with time, level, logger and message."""
        for options, settings in ((("--log-format", "json"), None), ((), {"log": {"format": "json"}})):
            node = Node(self.new_folder() / "node", EmbeddedStore(), settings)
            self.addCleanup(node.remove)
            node.start(*options)
            fetch(node.http, "nobody.example", "/")
            node.stop()
            written = [json.loads(line) for line in lines(node.log())]
            self.assertTrue(written)
            for each in written:
                self.assertGreaterEqual(set(each), {"time", "level", "logger", "message"})
            self.assertIn("listening on", " ".join(each["message"] for each in written))

    def test_no_secret_in_the_log(self) -> None:
        """Neither keys nor the store's password are in the log, or in the configuration."""
        node = self.plain_node()
        node.init()
        node.start()
        node.deploy(write_files(self.folder / "public", {"index.html": "x"}), self.site)
        node.stop()
        secrets = [node.key, node.key.rpartition("_")[2], (node.data / "store-password").read_text().strip()]
        for secret in secrets:
            self.assertNotIn(secret, node.log())

    def test_ipv6(self) -> None:
        """Endpoints of IPv6 are served like those of IPv4."""
        if not _has_ipv6():
            self.skipTest("this machine has no IPv6 on its loopback")
        (port,) = free_ports(1)
        settings = {"http": {"listen": [f"tcp:{port}:interface=127.0.0.1", f"tcp:{port}:interface=\\:\\:1"]}}
        node = Node(self.new_folder() / "node", EmbeddedStore(), settings)
        self.addCleanup(node.remove)
        node.start()
        with socket.create_connection(("::1", port), timeout=10) as connection:
            connection.sendall(b"GET /cdn-cgi/trace HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            self.assertIn(b"\nip=::1\n", b"".join(iter(lambda: connection.recv(65536), b"")))


class Samples(NodeCase):
    """What ``etc/`` brings."""

    always = True
    sample = ROOT / "etc" / "couchpages.toml"

    def test_configuration_as_it_is(self) -> None:
        """The sample configuration, as it is, means the defaults."""
        self.assertEqual(parse(self.sample.read_text(), "etc/couchpages.toml"), Settings())

    def test_configuration_uncommented(self) -> None:
        """With every key uncommented it is right too, names each key that there is, and says the defaults where there are some."""
        text = re.sub(r"(?m)^# ([a-z0-9_]+ = )", r"\1", self.sample.read_text())
        settings = parse(text, "etc/couchpages.toml")
        with_examples = {"public_port", "hsts", "url", "password_file", "file", "rotate_size"}
        with_examples |= {"key_files", "export_dir", "export_command"}
        with_examples |= {"directory", "ca_file", "eab_key_id", "eab_key_file"}
        written, declared = tomllib.loads(text), Settings()
        for section in Settings.__dataclass_fields__:
            default = getattr(declared, section)
            fields = getattr(default, "__dataclass_fields__", None)
            if fields is None:
                self.assertEqual(getattr(settings, section), default)
                continue
            keys = {name for name, field in fields.items() if field.metadata}
            self.assertEqual(set(written[section]), keys, section)
            for name in keys - with_examples:
                self.assertEqual(getattr(getattr(settings, section), name), getattr(default, name), name)

    def test_unit(self) -> None:
        """The unit is one in which systemd finds nothing wrong, with the paths of this machine in it."""
        if reason := lacking("systemd-analyze"):
            self.skipTest(reason)
        text = (ROOT / "etc" / "systemd" / "couchpages.service").read_text()
        unit = self.folder / "couchpages.service"
        unit.write_text(
            text.replace("/opt/couchpages/bin", str(BIN)).replace("/etc/couchpages/couchpages.toml", str(self.sample))
        )
        done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, check=False)
        complaints = [line for line in lines(done.stderr.decode()) if "couchpages" in line]
        self.assertEqual((complaints, done.returncode), ([], 0), done.stderr.decode())

    def test_units_calls(self) -> None:
        """The commands in the unit are ones that twistd takes, with a configuration in its place."""
        text = (ROOT / "etc" / "systemd" / "couchpages.service").read_text()
        calls = re.findall(r"(?m)^ExecStart(?:Pre)?=(.*)$", text)
        self.assertEqual(len(calls), 2)
        for call in calls:
            words = (
                call.replace("/opt/couchpages/bin", str(BIN))
                .replace("/etc/couchpages/couchpages.toml", str(self.sample))
                .split()
            )
            check = [] if "--check-config" in words else ["--check-config"]
            done = subprocess.run(
                [*words, *check], capture_output=True, cwd=self.folder, env=environment(), check=False
            )
            self.assertEqual(done.returncode, 0, done.stderr)


class Quickstart(NodeCase):
    """What ``make run`` runs."""

    def setUp(self) -> None:
        """Copy what it needs; it uses the default ports, which another process of the test run may do at the moment."""
        super().setUp()
        turn = (Path(tempfile.gettempdir()) / "couchpages-test-default-ports").open("w")
        self.addCleanup(turn.close)
        fcntl.flock(turn, fcntl.LOCK_EX)
        for port in (8080, 8081, 8084):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    self.skipTest(f"port {port} is in use here, and make run uses it")
        shutil.copytree(ROOT / "etc", self.folder / "etc")

    def start(self) -> "subprocess.Popen[str]":
        """Start it as a terminal does, in a group of its own, and wait for its last line."""
        process = subprocess.Popen(
            ["etc/quickstart", str(BIN)], cwd=self.folder, env=environment(), text=True, process_group=0,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.addCleanup(_end_group, process)
        assert process.stdout is not None
        self.written = ""
        for line in process.stdout:
            self.written += line
            if "Ctrl-C ends the node" in line:
                return process
        raise AssertionError(f"it ended with {process.wait()}: {self.written}")

    def interrupt(self, process: "subprocess.Popen[str]") -> None:
        """Press Ctrl-C: the terminal tells the whole group."""
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 0, self.written + out)
        self.assertNotIn("Traceback", self.written + out)
        self.assertRaises(ProcessLookupError, os.killpg, process.pid, 0)
        for port in (8080, 8081, 8084):
            with socket.socket() as probe:
                self.assertNotEqual(probe.connect_ex(("127.0.0.1", port)), 0, port)

    def test_twice(self) -> None:
        """It shows the sample site and where the key lies, and ends cleanly on Ctrl-C; a second time key and own site are still there."""
        process = self.start()
        key_file = self.folder / "couchpages-data" / "api-key"
        key = key_file.read_text()
        self.assertEqual(key_file.stat().st_mode & 0o777, 0o600)
        self.assertIn("couchpages-data/api-key", self.written)
        sample = (ROOT / "etc" / "sample-site" / "index.html").read_bytes()
        self.assertEqual(fetch(8080, "localhost:8080", "/").body, sample)
        public = write_files(self.folder / "mine", {"index.html": "mine"})
        command = re.search(r"^ +(\S+/couchpages deploy FOLDER .*)$", self.written, re.MULTILINE)
        assert command is not None, self.written
        words = command[1].replace("FOLDER", str(public)).split()
        deployed = subprocess.run(
            [*words, "--branch", "main"], cwd=self.folder, env=environment(), capture_output=True, check=False
        )
        self.assertEqual(deployed.returncode, 0, deployed.stderr)
        self.assertEqual(fetch(8080, "localhost", "/").body, b"mine")
        self.interrupt(process)
        process = self.start()
        self.assertEqual(key_file.read_text(), key)
        self.assertEqual(fetch(8080, "localhost", "/").body, b"mine")
        self.interrupt(process)

    def test_lost_key(self) -> None:
        """Where the key's file was removed, it makes another key."""
        self.interrupt(self.start())
        (self.folder / "couchpages-data" / "api-key").unlink()
        process = self.start()
        self.assertTrue((self.folder / "couchpages-data" / "api-key").read_text().startswith("cpk_"))
        self.interrupt(process)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    # Nobody may collect a daemon's exit code in a container without init; then it stays as a zombie.
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def _end_group(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
