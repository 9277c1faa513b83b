from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from couchpages.cli.connection import Connection
from couchpages.cli.errors import WrongCallError
from couchpages.cli.options import connect

SERVER = "http://127.0.0.1:8081"


class ConnectTests(SynchronousTestCase):
    """Options become a connection, with warnings on stderr."""

    def connect(self, api_key: str | None, api_key_file: str | None, *, quiet: bool = False) -> tuple[Connection, str]:
        """Connect and give the connection and the warnings."""
        with redirect_stderr(StringIO()) as warnings:
            connection = connect(SERVER, api_key, api_key_file, quiet=quiet)
        return connection, warnings.getvalue()

    def test_key_on_the_command_line(self) -> None:
        """Works, with a warning that others can read it, which does not show it."""
        connection, warnings = self.connect("cpk_x", None)
        self.assertEqual(connection, Connection(SERVER, "cpk_x"))
        self.assertIn("other users", warnings)
        self.assertNotIn("cpk_x", warnings)
        self.assertEqual(self.connect("cpk_x", None, quiet=True)[1], "")

    def test_key_file(self) -> None:
        """The first line counts; a file that others can read gives a warning."""
        file = Path(self.mktemp())
        file.write_text("\n cpk_x \n# more\n")
        file.chmod(0o600)
        self.assertEqual(self.connect(None, str(file)), (Connection(SERVER, "cpk_x"), ""))
        file.chmod(0o644)
        self.assertIn("chmod 600", self.connect(None, str(file))[1])

    def test_unusable_key_files(self) -> None:
        """No file, an empty one, a folder, and bytes are told by the file's name."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "empty").write_text("")
        (folder / "bytes").write_bytes(b"\xff\xfe")
        for name in ("nothing", "empty", "bytes", "."):
            with self.assertRaisesRegex(WrongCallError, f"^{folder / name}"):
                self.connect(None, str(folder / name))
