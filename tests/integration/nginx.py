"""Debian's nginx as a proxy in front of a node (starts a process)."""

import os
import socket
import subprocess
from pathlib import Path

from tests.integration.node import free_ports, wait_until
from tests.integration.requirements import program_path

CONFIGURATION = """
{user}
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto https;
        }}
    }}
}}
"""


class Nginx:
    """A proxy for the port *upstream*; everything that it writes lies in *folder*."""

    def __init__(self, folder: Path, upstream: int) -> None:
        (self.port,) = free_ports(1)
        folder.mkdir()
        configuration = folder / "nginx.conf"
        # Started by root, its workers would be somebody else, who may not write here.
        user = "user root;" if os.geteuid() == 0 else ""
        configuration.write_text(CONFIGURATION.format(user=user, folder=folder, port=self.port, upstream=upstream))
        command = [
            program_path("nginx") or "nginx",
            "-p",
            str(folder),
            "-e",
            str(folder / "error.log"),
            "-c",
            str(configuration),
        ]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(self._listens, "nginx")
        except AssertionError:
            self.stop()
            raise

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait(20)
