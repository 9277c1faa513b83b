"""Debian's ``pebble-challtestsrv``, which answers the challenges that it is told, for clients without a node (starts a process)."""

import json
import socket
import subprocess
import urllib.request
from pathlib import Path

from tests.integration.node import environment, free_ports, wait_until
from tests.integration.requirements import program_path


class ChallengeServer:
    """Name server at *dns* and web server at *http*, ports of 127.0.0.1; writes its log into *folder*, which is made."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.dns, self.http, self._management = free_ports(3)
        command = [
            program_path("pebble-challtestsrv") or "pebble-challtestsrv",
            *("-defaultIPv6", "", "-dns01", f"127.0.0.1:{self.dns}", "-http01", f"127.0.0.1:{self.http}"),
            *("-https01", "", "-tlsalpn01", "", "-management", f"127.0.0.1:{self._management}"),
        ]
        with (folder / "challenges.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            wait_until(self._listens, "pebble-challtestsrv")
        except AssertionError:
            self.stop()
            raise

    def set_txt(self, host: str, value: str) -> None:
        """Publish a TXT record; *host* ends with a dot."""
        self._tell("set-txt", {"host": host, "value": value})

    def add_http(self, token: str, content: str) -> None:
        """Serve a file of the challenge http-01."""
        self._tell("add-http01", {"token": token, "content": content})

    def stop(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait(20)

    def _tell(self, what: str, document: dict[str, str]) -> None:
        url = f"http://127.0.0.1:{self._management}/{what}"
        handler = urllib.request.ProxyHandler({})
        with urllib.request.build_opener(handler).open(url, json.dumps(document).encode(), 10):
            pass

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._management)) == 0
