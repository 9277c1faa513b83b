"""Asks with curl, a client that nobody here wrote (starts a process)."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Curled:
    """What curl got: header names in lower case; *status* is 0 where no answer came."""

    status: int
    version: str
    headers: dict[str, str]
    body: bytes
    uploaded: int


def curl(url: str, *options: str, host: str | None = None) -> Curled:
    """Run curl on *url*, as it stands; *host* goes into the Host field."""
    arguments = ["curl", "--silent", "--noproxy", "*", "--max-time", "40", "--path-as-is", "--include", "--globoff"]
    arguments += ["--write-out", "%{stderr}%{http_code} %{http_version} %{size_upload}"]
    arguments += ["--header", f"Host: {host}"] if host is not None else []
    done = subprocess.run(
        [*arguments, *options, url], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )
    status, version, uploaded = done.stderr.decode().rpartition("\n")[2].split()
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    while head.startswith(b"HTTP/1.1 100"):
        head, _, body = body.partition(b"\r\n\r\n")
    fields = [line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:]]
    return Curled(int(status), version, {name.lower(): value for name, value in fields}, body, int(uploaded))


def save(folder: Path, name: str, content: bytes) -> str:
    """Write what curl is to send, and give curl's word for it: ``@PATH``."""
    file = folder / name
    file.write_bytes(content)
    return f"@{file}"
