"""Let's Encrypt's test CA, Debian's ``pebble``, on loopback (starts a process)."""

import json
import signal
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from couchpages.testing.authority import Authority
from tests.integration.node import PATIENCE, environment, free_ports
from tests.integration.requirements import program_path

#: A key for external account binding, and what *accounts* may be.
EXTERNAL_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
ACCOUNTS = {"kid-1": EXTERNAL_KEY}


class Pebble:
    """A CA that runs from its making on; everything that it writes lies in *folder*, which is made.

    It really validates: names are asked for at *dns* (a port of 127.0.0.1, or ``ADDRESS:PORT``), HTTP-01 at *http_port* and
    TLS-ALPN-01 at *tls_port* of the address that it is told there. Certificates are valid for *validity* seconds, without it for
    five years. With *accounts*, which are keys (base64url) by their ids, a new account needs one of them (external account
    binding, RFC 8555 section 7.3.4). *rejected* of a hundred nonces are refused, *reused* of a hundred authorizations that are
    valid stand for the next order too. *roots* alternate chains are offered beside the first; a chain has *length*
    intermediates. It has neither renewal information (ARI) nor profiles, and knows nothing any more after :meth:`restart`.

    Tests with it need ``pebble``: ``needs = ("pebble",)``.
    """

    def __init__(
        self,
        folder: Path,
        dns: int | str,
        *,
        http_port: int = 80,
        tls_port: int = 443,
        validity: int | None = None,
        accounts: Mapping[str, str] | None = None,
        rejected: int = 20,
        reused: int = 0,
        roots: int = 0,
        length: int = 1,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self.management = free_ports(2)
        self.ca_file = folder / "ca.pem"
        self._log_file = folder / "pebble.log"
        self._config = folder / "pebble.json"
        self._dns = dns if isinstance(dns, str) else f"127.0.0.1:{dns}"
        self._environment = {
            "PEBBLE_VA_NOSLEEP": "1",
            "PEBBLE_WFE_NONCEREJECT": f"{rejected}",
            "PEBBLE_AUTHZREUSE": f"{reused}",
            "PEBBLE_ALTERNATE_ROOTS": f"{roots}",
            "PEBBLE_CHAIN_LENGTH": f"{length}",
        }
        chain, key = self._own_certificate(folder)
        settings: dict[str, Any] = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(chain),
            "privateKey": str(key),
            "httpPort": http_port,
            "tlsPort": tls_port,
            "externalAccountBindingRequired": bool(accounts),
            "externalAccountMACKeys": dict(accounts or {}),
        }
        if validity is not None:
            settings["certificateValidityPeriod"] = validity
        self._config.write_text(json.dumps({"pebble": settings}))
        self._process: subprocess.Popen[bytes] | None = None
        self._start()

    def _own_certificate(self, folder: Path) -> tuple[Path, Path]:
        """Make the certificate and key that it serves its own API with, and the file of the root that clients trust."""
        authority = Authority()
        files = folder / "chain.pem", folder / "key.pem"
        for file, content in zip(files, authority.issue("localhost", "127.0.0.1"), strict=True):
            file.write_bytes(content)
        self.ca_file.write_bytes(authority.root.pem)
        return files

    @property
    def directory(self) -> str:
        """The address of its directory."""
        return f"https://127.0.0.1:{self.port}/dir"

    def root(self, number: int = 0) -> bytes:
        """Give the root (PEM) at the end of a chain; with alternate *roots* there is more than number 0."""
        return self._manage(f"roots/{number}")

    def intermediate(self, number: int = 0) -> bytes:
        """Give the certificate (PEM) that signs, of the chain *number*."""
        return self._manage(f"intermediates/{number}")

    def status(self, serial: int) -> str:
        """Say of the certificate with this serial number whether it is ``Valid`` or ``Revoked``."""
        about = json.loads(self._manage(f"cert-status-by-serial/{serial:x}"))
        return str(about["Status"])

    def _manage(self, path: str) -> bytes:
        return self._get(f"https://127.0.0.1:{self.management}/{path}")

    def _get(self, url: str) -> bytes:
        context = ssl.create_default_context(cafile=self.ca_file)
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        with urllib.request.build_opener(*handlers).open(url, timeout=10) as answer:
            assert answer.status == HTTPStatus.OK, f"{url}: {answer.status}"
            content: bytes = answer.read()
        return content

    def stop(self) -> None:
        """Stop it, if it runs."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        # One that hangs would end only after that.
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def restart(self) -> None:
        """Stop it if it runs, and start it at the same addresses, with new issuers and without accounts, orders and certificates."""
        self.stop()
        self._start()

    def hang(self) -> None:
        """Have it answer nobody, though its ports are open, until :meth:`go_on`."""
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        """Have it answer again."""
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None, "pebble does not run"
        self._process.send_signal(number)

    def _start(self) -> None:
        command = [program_path("pebble") or "pebble", "-strict", "-config", str(self._config), "-dnsserver", self._dns]
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environment(self._environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise AssertionError(f"pebble does not answer:\n{self.log()}")
            time.sleep(0.03)

    def _answers(self) -> bool:
        try:
            return bool(self._get(self.directory) and self.root())
        except OSError:
            return False

    def log(self) -> str:
        """Give what it wrote."""
        return self._log_file.read_text(errors="replace") if self._log_file.exists() else ""
