"""Headless Chromium (starts processes)."""

import subprocess
from pathlib import Path

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions", "--disable-dev-shm-usage",
    "--no-proxy-server", "--host-resolver-rules=MAP * 127.0.0.1", "--dump-dom", "--virtual-time-budget=20000",
)  # fmt: skip


def dump_dom(url: str, profile: Path, *more: str) -> str:
    """Open *url* with a new profile and *more* flags, and give the page's DOM as HTML once it has loaded."""
    command = ["chromium", *FLAGS, *more, f"--user-data-dir={profile}", url]
    done = subprocess.run(command, capture_output=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout.decode()
