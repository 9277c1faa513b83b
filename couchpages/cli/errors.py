"""What ends a command early, with its exit code and its one line for people (pure).

Exit codes: 0 done; 1 tried and failed; 2 called wrongly, or given a folder that cannot be published: nothing was sent;
130 stopped by Ctrl-C, 143 by SIGTERM (128 and the signal's number, as shells count).
"""

FAILED = 1
WRONG_CALL = 2
INTERRUPTED = 130


class CommandError(Exception):
    """The command failed; the message says what was wrong, where and what to do, in one line."""

    exit_code = FAILED


class WrongCallError(CommandError):
    """The command was called wrongly; nothing was sent to any server."""

    exit_code = WRONG_CALL


class StoppedError(CommandError):
    """Ctrl-C or SIGTERM stopped the command; the message says what state that leaves."""

    exit_code = INTERRUPTED


def printable(text: str) -> str:
    """Give *text* in one line and without control characters, which a terminal would obey."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in " ".join(text.split()))
