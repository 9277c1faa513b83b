"""What commands share that work on the node's own CouchDB (I/O)."""

import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from couchpages.cli.errors import CommandError, WrongCallError

if TYPE_CHECKING:
    from couchpages.cli.own_couchdb import OwnCouchDB
    from couchpages.settings import Settings

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])


def node_options(command: Command) -> Command:
    """Add the options ``--config`` and ``--json`` to a command."""
    command = click.option("--json", "as_json", is_flag=True, help="Write one JSON document to stdout.")(command)
    return click.option(
        "--config",
        metavar="FILE",
        help="The node's configuration. Default: couchpages.toml of this folder, if it is there.",
    )(command)


def with_couchdb(config: str | None, work: "Callable[[OwnCouchDB], Coroutine[Any, Any, T]]") -> T:
    """Run *work* on the node's CouchDB."""
    # Imported here, so that --help need not wait for Twisted.
    from couchpages.cli.own_couchdb import OwnCouchDB
    from couchpages.cli.running import run
    from couchpages.config import ConfigurationError
    from couchpages.ports import StoreError

    settings = node_settings(config)
    try:
        return run(lambda reactor: OwnCouchDB(reactor, settings).use(work))
    except StoreError as error:
        raise CommandError(f"CouchDB: {error}") from None
    except (OSError, RuntimeError, ConfigurationError) as error:
        raise CommandError(str(error)) from None


def node_settings(config: str | None) -> "Settings":
    """Read the node's configuration."""
    from couchpages.config import ConfigurationError, load

    try:
        return load(Path(config) if config else None, os.environ)
    except ConfigurationError as error:
        raise WrongCallError(str(error)) from None
