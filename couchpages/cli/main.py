"""The ``couchpages`` command: its subcommands, and how each ends (I/O)."""

import sys
from importlib import import_module
from typing import Any

import click

from couchpages.cli.errors import FAILED, INTERRUPTED, CommandError, printable
from couchpages.cli.output import remark

COMMANDS = {
    "init": "couchpages.cli.node:init",
    "deploy": "couchpages.cli.deploy:deploy",
    "sites": "couchpages.cli.sites:sites",
    "deployments": "couchpages.cli.sites:deployments",
    "rollback": "couchpages.cli.sites:rollback",
    "delete": "couchpages.cli.sites:delete",
    "dns": "couchpages.cli.dns:dns",
    "keys": "couchpages.cli.node:keys",
    "certs": "couchpages.cli.certs:certs",
}
"""Each subcommand's name and where it lies, ``module:attribute``. Imported only when it is called, or for ``--help``."""


class Commands(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Give the names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a command; None without such a one."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


def _show_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        # Imported here: it takes longer than all else that --help needs.
        from importlib.metadata import version

        click.echo(f"couchpages {version('couchpages')}")
        ctx.exit()


@click.group(cls=Commands, no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
def commands() -> None:
    """Publish static sites on your own servers.

    Exit codes: 0 done, 1 failed, 2 called wrongly (nothing was sent), 130 stopped by Ctrl-C, 143 by SIGTERM.
    """


def run(arguments: list[str] | None = None) -> int:
    """Run the command with *arguments* (those of the process by default) and give its exit code."""
    try:
        code: Any = commands.main(arguments, prog_name="couchpages", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        return _end(_advice(error), error.exit_code)
    except CommandError as error:
        return _end(str(error), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _end("interrupted; nothing was sent", INTERRUPTED)
    except OSError as error:
        return _end(f"{error.filename or 'stdout'}: {error.strerror}", FAILED)
    return code if isinstance(code, int) else 0


def _advice(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    asked = context.command_path if context else "couchpages"
    return f"{error.format_message().rstrip('.')}; see: {asked} --help"


def _end(message: str, code: int) -> int:
    remark(printable(message))
    return code


def main() -> None:
    """Run the command and end the process: the entry point."""
    sys.exit(run())
