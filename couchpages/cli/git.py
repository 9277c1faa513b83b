"""Asks git which branch and commit a folder belongs to (I/O: one short child process)."""

import subprocess

from couchpages.cli.environment import GitFacts

_SECONDS = 5


def ask_git(directory: str) -> GitFacts | None:
    """Give git's facts about *directory*; None without git, outside a work tree, and before the first commit.

    Blocks, at most a few seconds: called before the reactor runs.
    """
    command = ["git", "-C", directory, "rev-parse", "HEAD", "--abbrev-ref", "HEAD"]
    try:
        # S603, S607: no shell; git is looked up in PATH as every user of git does.
        done = subprocess.run(  # noqa: S603
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False, encoding="utf-8"
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.split()
    if done.returncode != 0 or len(lines) != 2:  # noqa: PLR2004 - the two that were asked for
        return None
    commit, branch = lines
    return GitFacts(branch=None if branch == "HEAD" else branch, commit=commit)
