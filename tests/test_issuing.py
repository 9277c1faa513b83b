"""What an issuer is made of: the files that ``[acme]`` names, and ``--check-config`` that reads them."""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from couchpages.config import ConfigurationError
from couchpages.issuing import check_files
from couchpages.settings import AcmeSettings
from couchpages.tap import Options
from couchpages.testing.authority import Authority

#: A certificate that is none.
BROKEN = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


class Files(SynchronousTestCase):
    """``check_files``, and ``twistd couchpages --check-config``."""

    def setUp(self) -> None:
        """Have a folder."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def file(self, content: bytes | None, name: str = "file") -> Path:
        """Write a file, or see to it that there is none."""
        file = self.folder / name
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_bytes(content)
        return file

    def check_config(self, *lines: str) -> str:
        """Run ``--check-config`` on a configuration; give what it ends with."""
        config = self.file("\n".join(["[acme]", *lines]).encode(), "couchpages.toml")
        with redirect_stdout(StringIO()):
            ended = self.assertRaises(SystemExit, Options().parseOptions, ["--config", str(config), "--check-config"])
        return str(ended.code)

    def test_right(self) -> None:
        """The root of the authority, and the key as it hands it out, whatever white space is around it."""
        chain, _ = Authority().issue("ca.test")
        roots, key = self.file(chain), self.file(b" c2VjcmV0\n", "key")
        external = check_files(AcmeSettings(ca_file=roots, eab_key_id="kid-1", eab_key_file=key))
        assert external is not None
        self.assertEqual((external.key_id, external.secret), ("kid-1", b"secret"))
        self.assertIsNone(check_files(AcmeSettings()))

    def test_wrong(self) -> None:
        """Files that are not there, or something else, are told with file, key and what is wrong, and their content is not."""
        for key, content, words in (
            ("ca_file", None, "cannot be read: "),
            ("ca_file", b"", "there is no certificate in it"),
            ("ca_file", BROKEN, "a certificate in it cannot be read"),
            ("eab_key_file", None, "cannot be read: "),
            ("eab_key_file", b"c2Vj cmV0!", "is no base64url"),
            ("eab_key_file", b"\xff\xfe", "is no base64url"),
            ("eab_key_file", b"\n", "is no base64url"),
        ):
            file = self.file(content)
            given: Any = {key: file, "eab_key_id": "kid-1"}
            message = str(self.assertRaises(ConfigurationError, check_files, AcmeSettings(**given)))
            self.assertTrue(message.startswith(f"{file}: [acme] {key}"), message)
            self.assertEqual((message.count("[acme]"), message.count("\n")), (1, 0), message)
            self.assertIn(words, message)
            self.assertNotIn("c2Vj", message)

    def test_check_config(self) -> None:
        """Defect: it said "right" of files with which the daemon did not start. Nodes that are not among the issuers are checked too."""
        gone = self.folder / "gone"
        for more in ((), ('issuers = ["somebody-else"]',)):
            ended = self.check_config('directory = "letsencrypt"', f'ca_file = "{gone}"', *more)
            self.assertTrue(ended.startswith(f"couchpages: {gone}: [acme] ca_file cannot be read: "), ended)
        self.assertEqual(self.check_config('directory = "letsencrypt"', "terms_agreed = false"), "0")
        # Nothing reads it there.
        self.assertEqual(self.check_config(f'ca_file = "{gone}"'), "0")
