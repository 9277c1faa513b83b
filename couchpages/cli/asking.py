"""What commands ask: the API, on the reactor, and people, on the terminal (I/O)."""

import signal
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import click

from couchpages.cli.connection import Connection
from couchpages.cli.errors import CommandError, WrongCallError
from couchpages.cli.output import remark

if TYPE_CHECKING:
    from couchpages.cli.api import ApiClient

_T = TypeVar("_T")


def ask(
    connection: Connection,
    question: "Callable[[ApiClient], Coroutine[Any, Any, _T]]",
    *,
    idle_seconds: float | None = None,
) -> _T:
    """Run one question to the API on the reactor. *idle_seconds* is how long the API may be silent, where that is longer than usual."""
    # Imported here, so that --help need not wait for Twisted.
    from couchpages.cli.api import ApiClient
    from couchpages.cli.exchange import IDLE_SECONDS
    from couchpages.cli.running import run
    from couchpages.cli.transport import make_http

    idle = idle_seconds or IDLE_SECONDS
    return run(
        lambda reactor: question(
            ApiClient(make_http(reactor, 1), reactor, connection, notice=remark, idle_seconds=idle)
        )
    )


def confirm(what: str, otherwise: str) -> None:
    """Ask whether to do *what*; end with *otherwise* if not, and wrongly where nobody can be asked."""
    if not sys.stdin.isatty():
        raise WrongCallError(f"nobody is there to ask whether to {what}; add --yes")
    # Also while the reactor runs: Ctrl-C ends the question, and with it the command.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        agreed = click.confirm(f"{what[0].upper()}{what[1:]}?", err=True)
    finally:
        signal.signal(signal.SIGINT, before)
    if not agreed:
        raise CommandError(otherwise)
