from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import click
from twisted.trial.unittest import SynchronousTestCase

from couchpages.cli.main import COMMANDS, commands, run

# Nothing of the machine's own may decide: trial itself may run in a pipeline.
NO_ENVIRONMENT = {"PATH": "/nonexistent"}


class RunCase(SynchronousTestCase):
    """The command in this process, as far as it comes without a server."""

    def ended(self, *arguments: str, environ: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Run it and give its exit code, stdout and stderr."""
        everything = {**NO_ENVIRONMENT, **(environ or {})}
        out, err = StringIO(), StringIO()
        with patch.dict("os.environ", everything, clear=True), redirect_stdout(out), redirect_stderr(err):
            code = run(list(arguments))
        return code, out.getvalue(), err.getvalue()

    def wrong(self, *arguments: str, environ: dict[str, str] | None = None) -> str:
        """Run it, be told in one line what is wrong, and give that line."""
        code, out, err = self.ended(*arguments, environ=environ)
        self.assertEqual((code, out), (2, ""))
        self.assertRegex(err, r"\Acouchpages: [^\n]+\n\Z")
        return err


class HelpTests(RunCase):
    """--help and --version."""

    def test_help(self) -> None:
        """Lists every command, and each has help of its own, which names the environment."""
        code, out, _ = self.ended("--help")
        self.assertEqual(code, 0)
        for name in COMMANDS:
            self.assertIn(name, out)
            self.assertEqual(self.ended(name, "--help")[0], 0)
        self.assertIn("COUCHPAGES_API_KEY", self.ended("deploy", "--help")[1])

    def test_version(self) -> None:
        """Says its name and a version."""
        code, out, _ = self.ended("--version")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"\Acouchpages \d+\.\d+")

    def test_every_command_has_json(self) -> None:
        """Each command can be read by a machine."""
        for name in COMMANDS:
            command = commands.get_command(click.Context(commands), name)
            assert command is not None
            if isinstance(command, click.Group):
                continue
            self.assertIn("--json", [option for parameter in command.params for option in parameter.opts], name)


class WrongCallTests(RunCase):
    """Wrong calls end with 2 and one line."""

    def setUp(self) -> None:
        """Make a folder to deploy."""
        self.site = Path(self.mktemp()).absolute()
        self.site.mkdir()
        (self.site / "index.html").write_text("x")
        self.key = {"COUCHPAGES_API_KEY": "cpk_secret"}

    def test_usage(self) -> None:
        """No command, an unknown one, unknown options, wrong numbers, too many arguments."""
        for arguments in (
            (),
            ("nonsense",),
            ("deploy", "--nonsense"),
            ("deploy", "x", "--parallel", "0"),
            ("deploy", "x", "--parallel", "many"),
            ("deploy", "x", "y"),
            ("rollback",),
            ("delete", "http://example.org/"),
        ):
            self.assertIn(
                "--help" if arguments != ("delete", "http://example.org/") else "SITE", self.wrong(*arguments)
            )

    def test_deploy(self) -> None:
        """What deploy needs, each missing in turn."""
        folder, site = str(self.site), ("--site", "example.org")
        empty = self.site / "empty"
        empty.mkdir()
        for arguments, environ, told in (
            ((), self.key, "no folder given"),
            ((folder,), self.key, "no site given"),
            ((folder,), {**self.key, "HOSTNAME": "a1b2c3"}, "no site given"),
            ((folder, *site), {}, "no API key given"),
            ((folder, *site, "--server", "x"), self.key, "--server"),
            ((folder, *site, "--commit", "x"), self.key, "--commit"),
            ((folder, *site, "--include", ".git"), self.key, "--include"),
            ((folder, "--site", "a b"), self.key, "--site"),
            ((str(self.site / "nowhere"), *site), self.key, "nowhere"),
            ((str(self.site / "index.html"), *site), self.key, "is no folder"),
            ((str(empty), *site), self.key, "holds no file"),
        ):
            line = self.wrong("deploy", *arguments, environ=environ)
            self.assertIn(told, line)
            self.assertNotIn("cpk_secret", line)

    def test_deletion_unasked(self) -> None:
        """Where nobody can be asked, nothing is deleted without --yes."""
        with patch("sys.stdin", StringIO("y\n")):
            self.assertIn("--yes", self.wrong("delete", "example.org", environ=self.key))
