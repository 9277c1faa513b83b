"""Pebble, the test authority of Let's Encrypt, with its server for challenges (starts processes)."""

import json
import os
import socket
import subprocess
import urllib.request
from pathlib import Path

from couchpages.testing.authority import Authority
from tests.integration.node import free_ports, wait_until
from tests.integration.requirements import program_path

EXTERNAL_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


class Pebble:
    """Everything that it writes lies in *folder*; *nonces* is how many in a hundred it refuses."""

    def __init__(self, folder: Path, *, external: bool = False, nonces: int = 20) -> None:
        ports = free_ports(6)
        self.port, management, http, tls, dns, self._challenges = ports
        folder.mkdir(parents=True)
        self.ca_file = folder / "ca.pem"
        self._write(folder, management, http, tls, external=external)
        environment = {**os.environ, "PEBBLE_WFE_NONCEREJECT": str(nonces), "PEBBLE_VA_NOSLEEP": "1"}
        with (folder / "log").open("wb") as log:
            self._processes = [
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
                for command in (
                    [
                        program_path("pebble-challtestsrv") or "pebble-challtestsrv",
                        *("-defaultIPv6", "", "-dns01", f"127.0.0.1:{dns}", "-http01", f"127.0.0.1:{http}"),
                        *("-https01", "", "-tlsalpn01", "", "-management", f"127.0.0.1:{self._challenges}"),
                    ],
                    [
                        program_path("pebble") or "pebble",
                        *("-strict", "-config", str(folder / "pebble.json"), "-dnsserver", f"127.0.0.1:{dns}"),
                    ],
                )
            ]
        try:
            wait_until(lambda: _listens(self.port) and _listens(self._challenges), "Pebble")
        except AssertionError:
            self.stop()
            raise

    @property
    def directory_url(self) -> str:
        """Where clients begin."""
        return f"https://127.0.0.1:{self.port}/dir"

    def set_txt(self, host: str, value: str) -> None:
        """Publish a TXT record; *host* ends with a dot."""
        self._tell("set-txt", {"host": host, "value": value})

    def add_http(self, token: str, content: str) -> None:
        """Serve a file of the challenge http-01."""
        self._tell("add-http01", {"token": token, "content": content})

    def stop(self) -> None:
        """Stop both."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(20)

    def _tell(self, what: str, document: dict[str, str]) -> None:
        url = f"http://127.0.0.1:{self._challenges}/{what}"
        with urllib.request.urlopen(url, json.dumps(document).encode(), 10):
            pass

    def _write(self, folder: Path, management: int, http: int, tls: int, *, external: bool) -> None:
        authority = Authority()
        chain, key = authority.issue("127.0.0.1")
        self.ca_file.write_bytes(authority.root.pem)
        (folder / "chain.pem").write_bytes(chain)
        (folder / "key.pem").write_bytes(key)
        settings = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{management}",
            "certificate": str(folder / "chain.pem"),
            "privateKey": str(folder / "key.pem"),
            "httpPort": http,
            "tlsPort": tls,
            "externalAccountBindingRequired": external,
            "externalAccountMACKeys": {"kid-1": EXTERNAL_KEY},
        }
        (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
