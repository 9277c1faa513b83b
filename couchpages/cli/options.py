"""The options that every command with a server has, and the connection that they give (I/O: reads the key's file)."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from couchpages.cli.connection import (
    DEFAULT_SERVER,
    Connection,
    KeyGiven,
    KeyInFile,
    check_key,
    decide_key,
    decide_server,
    goes_in_clear,
)
from couchpages.cli.environment import check_site
from couchpages.cli.errors import WrongCallError
from couchpages.cli.output import remark

_Command = TypeVar("_Command", bound=Callable[..., Any])
_LONGEST_KEY_FILE = 4096


def connection_options(command: _Command) -> _Command:
    """Add --server, --api-key, --api-key-file and --json to a command."""
    command = click.option("--json", "as_json", is_flag=True, help="Write one JSON document to stdout.")(command)
    command = click.option(
        "--api-key-file", metavar="FILE", help="Read the key from FILE. Environment: COUCHPAGES_API_KEY_FILE."
    )(command)
    command = click.option(
        "--api-key",
        metavar="KEY",
        help="The key. Other users of this machine can read it here; better: COUCHPAGES_API_KEY, or --api-key-file.",
    )(command)
    return click.option(
        "--server", metavar="URL", help=f"The API's address. Environment: COUCHPAGES_SERVER. Default: {DEFAULT_SERVER}."
    )(command)


def connect(
    server: str | None,
    api_key: str | None,
    api_key_file: str | None,
    *,
    first_uploader: bool = False,
    quiet: bool = False,
) -> Connection:
    """Give the connection, or raise WrongCallError; warns of a key that others can read, unless *quiet*."""
    address = decide_server(server, os.environ, first_uploader=first_uploader)
    match decide_key(api_key, api_key_file, os.environ, first_uploader=first_uploader):
        case KeyGiven(key=key, visible=visible):
            warning = "--api-key: other users of this machine can read it; use COUCHPAGES_API_KEY or --api-key-file"
            warnings = [warning] if visible else []
        case KeyInFile(path=path):
            key, warnings = _read_key(path)
    if goes_in_clear(address):
        warnings.append(f"{address}: the API key crosses the network in clear; use https, or a tunnel")
    for warning in [] if quiet else warnings:
        remark(warning)
    return Connection(address, key)


def _read_key(path: str) -> tuple[str, list[str]]:
    try:
        with Path(path).open(encoding="utf-8") as file:
            open_to_others = os.fstat(file.fileno()).st_mode & 0o077
            text = file.read(_LONGEST_KEY_FILE)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no text"
        raise WrongCallError(f"{path}: the API key cannot be read from it ({reason})") from None
    lines = text.strip().splitlines()
    warning = f"{path}: other users of this machine can read the API key in it; chmod 600 ends that"
    return check_key(lines[0] if lines else "", path), [warning] if open_to_others else []


def site_argument(command: _Command) -> _Command:
    """Add the argument SITE, checked."""
    return click.argument("site", metavar="SITE", callback=lambda _ctx, _param, value: check_site(value, "SITE"))(
        command
    )
