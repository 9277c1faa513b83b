"""Streams of HTTP/2 over TLS, as the h2 library, curl and h2load use them."""

import hashlib
import os
import signal
import ssl
import subprocess
from pathlib import Path
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, StreamEnded
from h2.settings import SettingCodes

from tests.integration.curl import curl
from tests.integration.https_case import HttpsCase, Secured, settled, trusting_all
from tests.integration.node import Node, write_files

BIG = hashlib.shake_256(b"big").digest(20_000_000)
FILES: dict[str, str | bytes] = {
    "big.bin": BIG,
    "folder/index.html": "in a folder",
    **{f"{number}.txt": f"file {number}" for number in range(100)},
}


class Client:
    """One connection; *window* is the one that streams begin with."""

    def __init__(self, node: Node, site: str, window: int | None = None) -> None:
        context = trusting_all()
        context.set_alpn_protocols(["h2"])
        self.site = site
        self.secured = Secured(node.https, site, context)
        self.h2 = H2Connection(H2Configuration(client_side=True))
        self.h2.initiate_connection()
        if window is not None:
            self.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.flush()

    def flush(self) -> None:
        """Send what is written."""
        self.secured.send(self.h2.data_to_send())

    def ask(self, target: str, method: str = "GET") -> int:
        """Send a request, and give its stream."""
        stream = self.h2.get_next_available_stream_id()
        fields = [(":method", method), (":path", target), (":scheme", "https"), (":authority", self.site)]
        self.h2.send_headers(stream, fields, end_stream=True)
        self.flush()
        return stream

    def next(self, *, takes: bool = True) -> list[Any]:
        """Wait for events; *takes* tells whether what comes opens the windows again."""
        data = self.secured.socket.recv(65536)
        if not data:
            raise EOFError
        events = list(self.h2.receive_data(data))
        for event in events:
            if takes and isinstance(event, DataReceived) and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        self.flush()
        return events

    def until(self, kind: type[Any], *, takes: bool = True) -> list[Any]:
        """Wait for events until one of *kind* came."""
        came: list[Any] = []
        while not any(isinstance(event, kind) for event in came):
            came += self.next(takes=takes)
        return came

    def body(self, target: str) -> bytes:
        """Ask, and read the body of the answer."""
        self.ask(target)
        return b"".join(event.data for event in self.until(StreamEnded) if isinstance(event, DataReceived))

    def close(self) -> None:
        """Close the socket."""
        self.secured.socket.close()


def open_blobs(node: Node) -> int:
    """Give how many files of sites a daemon has open."""
    found = 0
    for descriptor in Path(f"/proc/{node.pid}/fd").iterdir():
        try:
            found += "blobs" in str(descriptor.readlink())
        except FileNotFoundError:
            continue
    return found


class Streams(HttpsCase):
    """The h2 library on the reactor that twistd installs."""

    always = True

    def serving_files(self) -> Node:
        """Start a node with files of several sizes."""
        node = self.serving({"https": {"http2": True}})
        node.deploy(write_files(self.new_folder(), FILES), self.site)
        return node

    def test_cancelled_downloads_close_their_files(self) -> None:
        """Defect: a download that was reset, or whose connection was lost, held its file for 262 s, then logged a traceback."""
        node = self.serving_files()
        client = Client(node, self.site)
        for _ in range(50):
            stream = client.ask("/big.bin")
            client.until(DataReceived, takes=False)
            client.h2.reset_stream(stream, ErrorCodes.CANCEL)
            client.h2.increment_flow_control_window(65_535)
            client.flush()
        settled(lambda: open_blobs(node), 0, "files of streams that were reset", 5)
        for _ in range(10):
            client.ask("/big.bin")
        client.until(DataReceived, takes=False)
        self.assertGreater(open_blobs(node), 0)
        client.close()
        settled(lambda: open_blobs(node), 0, "files of a connection that was lost", 5)

    def test_large_file_through_small_windows(self) -> None:
        """20 MB come whole through a window of 10,000 bytes, and through one of 2 GiB."""
        node = self.serving_files()
        for window in (10_000, 2**31 - 1):
            client = Client(node, self.site, window)
            self.assertEqual(hashlib.sha256(client.body("/big.bin")).digest(), hashlib.sha256(BIG).digest())
            client.close()

    def test_shutdown_says_goodbye(self) -> None:
        """Defect: at shutdown a connection was cut without a word. It is told with GOAWAY, and which stream is the last."""
        node = self.serving_files()
        client = Client(node, self.site)
        client.body("/1.txt")
        os.kill(node.pid, signal.SIGTERM)
        (goodbye,) = (event for event in client.until(ConnectionTerminated) if isinstance(event, ConnectionTerminated))
        self.assertEqual((goodbye.error_code, goodbye.last_stream_id), (ErrorCodes.NO_ERROR, 1))
        with self.assertRaises((EOFError, ssl.SSLEOFError, ssl.SSLZeroReturnError)):
            client.next()
        client.close()

    def test_redirects(self) -> None:
        """A folder without its slash is sent there."""
        node = self.serving_files()
        address = f"{self.site}:{node.https}"
        options = ("--http2", "--insecure", "--resolve", f"{address}:127.0.0.1")
        answer = curl(f"https://{address}/folder", *options)
        self.assertEqual((answer.status, answer.headers["location"]), (308, "/folder/"))
        self.assertEqual(curl(f"https://{address}/folder/", *options).body, b"in a folder")

    def test_refused_upload_is_answered_at_once(self) -> None:
        """Defect: an upload to a site was read to its end, or reset; now 405 comes at once."""
        node = self.serving_files()
        address = f"{self.site}:{node.https}"
        file = write_files(self.new_folder(), {"big.bin": BIG}) / "big.bin"
        options = ("--http2", "--insecure", "--resolve", f"{address}:127.0.0.1", "--data-binary", f"@{file}")
        self.assertEqual(curl(f"https://{address}/", *options).status, 405)

    def test_hundred_at_once(self) -> None:
        """h2load has 100 files at once over one connection, 900 times, each whole."""
        node = self.serving_files()
        # nothing resolves the site's name; its address goes on the wire by SNI's and the request's own names.
        folder = self.new_folder()
        (folder / "urls").write_text("".join(f"https://{self.site}:{node.https}/{n}.txt\n" for n in range(100)))
        command = [
            "h2load",
            f"--input-file={folder / 'urls'}",
            "--requests=900",
            "--clients=1",
            "--max-concurrent-streams=100",
        ]
        command.append(f"--connect-to=127.0.0.1:{node.https}")
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        self.assertIn("900 succeeded, 0 failed, 0 errored", done.stdout, done.stdout + done.stderr)
        self.assertIn("status codes: 900 2xx", done.stdout)


class StreamsOnEpoll(Streams):
    """The same on Twisted's epoll reactor."""

    twistd = ("--reactor=epoll",)
