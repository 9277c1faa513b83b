"""A real node in processes of its own: twistd, and the couchpages command (starts and stops them, by their ids)."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from itertools import cycle, product
from pathlib import Path
from typing import Any

from tests.integration.stores import Settings, Store

BIN = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parents[2]
#: Seconds after which a process that does not do what it should is given up.
PATIENCE = 30.0
#: Seconds in which a node usually has read everything from its CouchDB.
LOADING = 3.0
#: Ports that the system gives to nobody.
UNGIVEN = range(20_000, 32_000)
#: Runs of tests that may choose ports beside each other.
BLOCKS = 24
_LOCKED: list[ExitStack] = []
#: Of the environment, what programs need; nothing that a developer or a CI may have set for couchpages.
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "COVERAGE_PROCESS_START")


@cache
def _own_ports() -> Iterator[int]:
    """Give the ports of this process, one after the other and again: those of the first block that no other run of tests has locked."""
    for number in range(BLOCKS):
        # Another user's file cannot be opened.
        with suppress(OSError), ExitStack() as stack:
            file = stack.enter_context((Path(tempfile.gettempdir()) / f"couchpages-test-ports-{number}").open("w"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _LOCKED.append(stack.pop_all())
            return cycle(UNGIVEN[number::BLOCKS])
    raise AssertionError("too many runs of tests at once")


def free_ports(
    number: int, hosts: Sequence[str] = ("127.0.0.1",), kinds: Sequence[int] = (socket.SOCK_STREAM,)
) -> list[int]:
    """Give ports of all *hosts* on which nobody listens with any of these *kinds* of sockets.

    They are none of those that the system gives to whoever connects (Linux's ip_local_port_range): one of these may be taken a moment
    later. Nor are they given to another run of tests, or twice in a row.
    """
    found: list[int] = []
    while len(found) < number:
        port = next(_own_ports())
        with ExitStack() as stack, suppress(OSError):
            for kind, host in product(kinds, hosts):
                stack.enter_context(socket.socket(type=kind)).bind((host, port))
            found.append(port)
    return found


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give a plain environment, and *more*: what runs is the checkout that the tests are of, whichever is installed."""
    plain = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**plain, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT), **(more or {})}


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that ran: its exit code, and what it wrote."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Read stdout as the one JSON document that ``--json`` promises; the command must have succeeded."""
        assert self.code == 0, f"the command ended with {self.code}: {self.err}"
        return json.loads(self.out)


class Node:
    """One node, in *folder*, which holds all of it but what *store* keeps elsewhere."""

    def __init__(self, folder: Path, store: Store, settings: Settings | None = None) -> None:
        self.folder = folder
        self.store = store
        self.http, self.api, self.store_port, self.dns, self.https = free_ports(5)
        self.data = folder / "data"
        self.config = folder / "couchpages.toml"
        self.log_file = folder / "daemon.log"
        self.key = ""
        self._daemon: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._write(merged(self._own_settings(), store.settings(self.store_port), settings or {}))

    def _own_settings(self) -> Settings:
        return {
            "http": {"listen": [f"tcp:{self.http}:interface=127.0.0.1"]},
            "https": {"listen": [f"tcp:{self.https}:interface=127.0.0.1"]},
            "api": {"listen": [f"tcp:{self.api}:interface=127.0.0.1"]},
            "dns": {"listen": [f"127.0.0.1:{self.dns}"]},
            "node": {"name": "under-test", "location": "AMS", "country": "NL"},
        }

    def _write(self, settings: Settings) -> None:
        lines = [f"data = {json.dumps(str(self.data))}"]
        for section, values in settings.items():
            lines.append(f"[{section}]")
            # What JSON writes for texts, numbers and lists of them is TOML as well.
            lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        self.config.write_text("\n".join(lines) + "\n")

    @property
    def server(self) -> str:
        """The API's address."""
        return f"http://127.0.0.1:{self.api}"

    @property
    def pid(self) -> int:
        """The daemon's process id."""
        assert self._daemon is not None, "the daemon was not started"
        return self._daemon.pid

    def environment(self) -> dict[str, str]:
        """Give the environment of the daemon and of commands."""
        return environment(
            {**self.store.environment(), "COUCHPAGES_SERVER": self.server, "COUCHPAGES_API_KEY": self.key}
        )

    def start(
        self, *options: str, ready: bool = True, twistd: Sequence[str] = (), env: Mapping[str, str] | None = None,
        by: Sequence[str] = (), passed: Sequence[int] = (),
    ) -> "Node":  # fmt: skip
        """Start the daemon, and wait until it is ready, or not *ready* but listening.

        *options* are ours, *twistd* twistd's own; *env* is added to the environment. *by* is the beginning of a command line that
        ends in becoming the daemon, and gets the descriptors *passed*.
        """
        words = ["-n", "--pidfile=", *twistd, "couchpages", "--config", str(self.config), *options]
        with self.log_file.open("ab") as log:
            self._daemon = subprocess.Popen(
                [*by, str(BIN / "twistd"), *words], cwd=self.folder, env={**self.environment(), **(env or {})},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=tuple(passed),
            )  # fmt: skip
        if ready:
            self.wait_until_ready()
        else:
            wait_until(self.is_listening, "the daemon to listen")
        return self

    def is_listening(self) -> bool:
        """Try the public port."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.http)) == 0

    def wait_until_ready(self) -> None:
        """Wait for /readyz; raise AssertionError with the log when that does not come."""
        until = time.monotonic() + PATIENCE
        while not self.is_ready():
            if self._daemon is not None and self._daemon.poll() is not None:
                raise AssertionError(f"the daemon ended with {self._daemon.returncode}:\n{self.log()}")
            if time.monotonic() > until:
                raise AssertionError(f"the daemon did not become ready:\n{self.log()}")
            time.sleep(0.03)
        self._wait_for_couchdb()

    def _wait_for_couchdb(self) -> None:
        """Give a node that is ready with what it kept a moment to read from its CouchDB what there is, if that is there."""
        until = time.monotonic() + LOADING
        while time.monotonic() < until and not self.is_ready(without_troubles=True):
            time.sleep(0.03)

    def is_ready(self, *, without_troubles: bool = False) -> bool:
        """Ask /readyz, and perhaps whether it tells of any trouble."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.server}/readyz", timeout=2) as answer:
                troubles = json.load(answer)["troubles"]
                return answer.status == 200 and not (troubles and without_troubles)
        except OSError:
            return False

    def init(self) -> str:
        """Run ``couchpages init`` and keep the key that it shows."""
        ended = self.run("init", "--json", "--config", str(self.config))
        assert ended.code == 0, f"init failed: {ended.err}{self.log()}"
        self.key = ended.json()["api_key"] or ""
        return self.key

    def run(self, *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Ended:
        """Run the couchpages command to its end."""
        done = subprocess.run(
            [BIN / "couchpages", *arguments],
            env={**self.environment(), **(env or {})},
            cwd=cwd or self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=2 * PATIENCE,
            check=False,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def begin(self, *arguments: str, env: Mapping[str, str] | None = None) -> "Running":
        """Start the couchpages command."""
        return Running(
            subprocess.Popen(
                [BIN / "couchpages", *arguments],
                env={**self.environment(), **(env or {})},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )

    def deploy(self, directory: Path, site: str, *more: str) -> Any:
        """Deploy, and give what ``--json`` says; it must succeed."""
        ended = self.run("deploy", str(directory), "--site", site, "--branch", "main", "--json", *more)
        assert ended.code == 0, f"deploy ended with {ended.code}: {ended.err}\n{self.log()}"
        return ended.json()

    def stop(self) -> None:
        """Stop the daemon as systemd does: twistd shuts down, and then ends by the signal that it was sent."""
        code = self._end(signal.SIGTERM)
        assert code in (None, -signal.SIGTERM), f"the daemon ended with {code}:\n{self.log()}"

    def send(self, number: signal.Signals) -> None:
        """Send the daemon a signal, and wait for nothing."""
        assert self._daemon is not None, "the daemon was not started"
        self._daemon.send_signal(number)

    def interrupt(self) -> int | None:
        """Press Ctrl-C, and give its exit code."""
        return self._end(signal.SIGINT)

    def kill(self) -> None:
        """End the daemon as a power cut does."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int | None:
        if self._daemon is None:
            return None
        self.send(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end of a daemon that was sent a signal, and give its exit code."""
        daemon, self._daemon = self._daemon, None
        assert daemon is not None, "the daemon was not started"
        try:
            return daemon.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
            raise AssertionError(f"the daemon did not end:\n{self.log()}") from None

    def remove(self) -> None:
        """Stop it, and remove what the folder does not hold."""
        try:
            self.stop()
        finally:
            self.store.remove()

    def log(self, start: int = 0) -> str:
        """Give what the daemon wrote, from byte *start*."""
        return self.log_file.read_bytes()[start:].decode(errors="replace") if self.log_file.exists() else ""

    def log_size(self) -> int:
        """Give the length of its log in bytes."""
        return self.log_file.stat().st_size

    def spooled(self) -> list[str]:
        """Give the names in its folder of uploads under way."""
        return sorted(each.name for each in (self.data / "spool").iterdir())


class Running:
    """A command under way."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self, seconds: float = 2 * PATIENCE) -> Ended:
        """Wait for its end."""
        try:
            out, err = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            raise AssertionError(f"the command did not end: {out.decode()}{err.decode()}") from None
        return Ended(self.process.returncode, out.decode(), err.decode())


def wait_until(condition: Any, what: str, seconds: float = PATIENCE) -> None:
    """Wait until *condition* holds; raise AssertionError, which says *what*, when it does not."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"in vain waited for: {what}")
        time.sleep(0.02)


def merged(*settings: Settings) -> Settings:
    """Put settings over each other, the last on top."""
    found: Settings = {}
    for each in settings:
        for section, values in each.items():
            found.setdefault(section, {}).update(values)
    return found


def write_files(folder: Path, files: Mapping[str, bytes | str]) -> Path:
    """Write *files*, path to content, into *folder*."""
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def lines(text: str) -> Sequence[str]:
    """Give the lines of *text* that are not empty."""
    return [line for line in text.splitlines() if line.strip()]
