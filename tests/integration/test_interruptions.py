"""Deployments that are broken off: by Ctrl-C, by a server that dies, is away, or starts again."""

import contextlib
import signal
import socket
from pathlib import Path

from tests.integration.cases import NodeCase, OnApacheCouchDB
from tests.integration.node import Node, free_ports, lines, wait_until, write_files
from tests.integration.relay import Relay
from tests.integration.visitor import fetch

MUCH = 300_000


class Interruptions(NodeCase):
    """A site that is live, and a larger version on its way through a relay that holds it."""

    def setUp(self) -> None:
        """Write both versions."""
        super().setUp()
        self.old = write_files(self.folder / "old", {"index.html": f"old {self.site}"})
        files = {f"{number}.txt": f"{number} of {self.site}\n" * 2000 for number in range(30)}
        self.new = write_files(self.folder / "new", {"index.html": f"new {self.site}", **files})

    def arguments(self, port: int) -> tuple[str, ...]:
        """Give the command for deploying the new version by way of *port*."""
        return (
            "deploy",
            str(self.new),
            "--site",
            self.site,
            "--branch",
            "main",
            "--json",
            "--server",
            f"http://127.0.0.1:{port}",
        )

    def live(self, node: Node) -> str:
        """Fetch what is live."""
        return fetch(node.http, self.site, "/").body.decode()

    def test_ctrl_c(self) -> None:
        """Ctrl-C in the middle of the uploads is exit code 130 and one line; the old version stays live, alone in the list."""
        self.stop_with(signal.SIGINT, 130)

    def test_sigterm(self) -> None:
        """SIGTERM does the same, with exit code 143."""
        self.stop_with(signal.SIGTERM, 143)

    def stop_with(self, number: signal.Signals, code: int) -> None:
        """Stop a deployment with a signal while its uploads are held."""
        self.node.deploy(self.old, self.site)
        with Relay(self.node.api, MUCH) as relay:
            command = self.node.begin(*self.arguments(relay.port))
            self.assertTrue(relay.held.wait(20), "nothing was uploaded")
            command.signal(number)
            ended = command.wait(10)
        self.assertEqual((ended.code, ended.out), (code, ""), ended.err)
        self.assertEqual(len(lines(ended.err)), 2, ended.err)
        self.assertIn("the live deployment is unchanged", lines(ended.err)[-1])
        self.assertEqual(self.live(self.node), f"old {self.site}")
        self.assertEqual(len(self.node.run("deployments", self.site, "--json").json()["deployments"]), 1)
        again = self.node.deploy(self.new, self.site)
        self.assertLess(again["uploaded"]["files"], 31)
        self.assertEqual(self.live(self.node), f"new {self.site}")

    def test_ctrl_c_while_connecting(self) -> None:
        """Ctrl-C ends the command also while it still waits for a connection to a server that does not answer."""
        with (
            socket.create_server(("127.0.0.1", 0), backlog=0) as deaf,
            socket.socket() as one,
            socket.socket() as other,
        ):
            # Two connections fill the queue of a listener that accepts none; the third hears nothing.
            for each in (one, other):
                each.setblocking(False)
                each.connect_ex(deaf.getsockname())
            command = self.node.begin(*self.arguments(deaf.getsockname()[1]))
            wait_until(lambda: _connects_to(deaf.getsockname()[1], command.process.pid), "an attempt to connect")
            command.signal(signal.SIGINT)
            ended = command.wait(10)
        self.assertEqual((ended.code, ended.out), (130, ""), ended.err)
        self.assertNotIn("trying again", ended.err)

    def test_server_killed_and_started_again(self) -> None:
        """A server that is killed in the middle of the uploads, and started again, costs the command some tries and nothing else."""
        node = self.new_node().start()
        node.deploy(self.old, self.site)
        with Relay(node.api, MUCH) as relay:
            command = node.begin(*self.arguments(relay.port))
            self.assertTrue(relay.held.wait(20), "nothing was uploaded")
            node.kill()
            relay.release()
            node.start()
            self.assertEqual(self.live(node), f"old {self.site}")
            ended = command.wait()
        self.assertEqual(ended.code, 0, ended.err)
        self.assertIn("trying again", ended.err)
        self.assertEqual(ended.json()["files"], 31)
        for number in range(30):
            answer = fetch(node.http, self.site, f"/{number}.txt")
            self.assertEqual(answer.body, (self.new / f"{number}.txt").read_bytes())
        self.assert_serving(node)

    def test_server_stopped_in_good_order(self) -> None:
        """A daemon that is told to stop does so also while an upload hangs, and leaves no spooled file to the next one."""
        node = self.new_node().start()
        with Relay(node.api, MUCH) as relay:
            command = node.begin(*self.arguments(relay.port))
            self.assertTrue(relay.held.wait(20), "nothing was uploaded")
            node.stop()
            command.signal(signal.SIGKILL)
            command.wait()
        node.start()
        self.assert_serving(node)

    def test_server_away(self) -> None:
        """Without a server: exit code 1 after a few tries, and a line that names the address."""
        (port,) = free_ports(1)
        ended = self.node.run(*self.arguments(port))
        self.assertEqual((ended.code, ended.out), (1, ""), ended.err)
        self.assertIn(f"http://127.0.0.1:{port}: no connection (connection refused)", lines(ended.err)[-1])
        self.assertNotIn("Traceback", ended.err)

    def test_file_changed_meanwhile(self) -> None:
        """A file that changes between hashing and uploading ends the command with 1 and its name; nothing is live of it."""
        self.node.deploy(self.old, self.site)
        with Relay(self.node.api, 20_000) as relay:
            command = self.node.begin(*self.arguments(relay.port), "--parallel", "1")
            self.assertTrue(relay.held.wait(20), "nothing was uploaded")
            for number in range(30):
                (self.new / f"{number}.txt").write_text("changed")
            relay.release()
            ended = command.wait()
        self.assertEqual((ended.code, ended.out), (1, ""), ended.err)
        self.assertRegex(lines(ended.err)[-1], r"^couchpages: \d+\.txt: .*chang")
        self.assertEqual(self.live(self.node), f"old {self.site}")


class InterruptionsOnApacheCouchDB(OnApacheCouchDB, Interruptions):
    """The same on Apache CouchDB."""


def _connects_to(port: int, pid: int) -> bool:
    """Tell whether a process has a socket in the state SYN-SENT to *port* of 127.0.0.1."""
    wanted = f" 0100007F:{port:04X} 02 "
    inodes = {line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines() if wanted in line}
    return any(f"socket:[{inode}]" in _descriptors(pid) for inode in inodes)


def _descriptors(pid: int) -> set[str]:
    """Tell what a process has open; one that closes while this looks is left out."""
    found = set()
    for each in Path(f"/proc/{pid}/fd").glob("*"):
        with contextlib.suppress(OSError):
            found.add(str(each.readlink()))
    return found
