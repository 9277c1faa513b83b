"""The folder of certificates for other programs."""

import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.export_folder import ExportFolder, Written, write_files
from couchpages.certs.export_layout import LONGEST_VARIABLE, batches, folder_name, named_after
from couchpages.certs.pem import read_certificate
from couchpages.certs.pem_blocks import blocks_in
from tests.certs.made import certificate


class Layout(SynchronousTestCase):
    """``export_layout``."""

    def test_folders(self) -> None:
        """Wildcards have folders that shells take; nobody else takes those."""
        for name, folder in (("*.example.org", "_wildcard.example.org"), ("2001:db8::1", "2001:db8::1")):
            self.assertEqual((folder_name(name), named_after(folder)), (folder, name))
        self.assertRaises(ValueError, folder_name, "_wildcard.example.org")

    def test_batches(self) -> None:
        """Names are written into as few variables as their length allows, and none is left away."""
        self.assertEqual(list(batches([])), [])
        self.assertEqual(list(batches({"b.example", "*.a.example"})), ["*.a.example b.example"])
        names = {f"{number}.{'x' * 60}.example" for number in range(3000)}
        found = list(batches(names))
        self.assertEqual({name for batch in found for name in batch.split(" ")}, names)
        self.assertTrue(all(len(batch) <= LONGEST_VARIABLE for batch in found))


class Folders(SynchronousTestCase):
    """``ExportFolder``."""

    def setUp(self) -> None:
        """Have a folder."""
        self.path = Path(self.mktemp()).absolute() / "out"
        self.folder = ExportFolder(self.path)

    def write(self, *certificates: Certificate, remove: bool = True) -> Written:
        """Write."""
        return self.folder.write(certificates, remove=remove)

    def names(self) -> set[str]:
        """Give what a person sees in the folder."""
        return {each.name for each in self.path.iterdir() if not each.name.startswith(".")}

    def versions(self) -> list[str]:
        """Give the versions."""
        return sorted(each.name for each in (self.path / ".couchpages").iterdir() if each.is_dir())

    def test_files(self) -> None:
        """Four files that belong together, which only their owner can read."""
        self.assertEqual(self.write(certificate(), certificate("*.b.example")).changed, {"example.org", "*.b.example"})
        self.assertEqual(self.names(), {"example.org", "_wildcard.b.example"})
        folder = self.path / "example.org"
        content = {each.name: each.read_bytes() for each in folder.iterdir()}
        self.assertEqual(set(content), {"fullchain.pem", "chain.pem", "cert.pem", "privkey.pem"})
        self.assertEqual(content["cert.pem"] + content["chain.pem"], content["fullchain.pem"])
        self.assertEqual(len(blocks_in(content["cert.pem"])), 1)
        self.assertEqual(read_certificate(content["fullchain.pem"], content["privkey.pem"], made=1000), certificate())
        for each in (folder.resolve(), *folder.iterdir()):
            self.assertEqual(stat.S_IMODE(each.stat().st_mode), 0o700 if each.is_dir() else 0o600)

    def test_both_kinds(self) -> None:
        """With both kinds, ECDSA is in the folder, and each in one of its own; without ECDSA, RSA is."""
        rsa, ecdsa = certificate(kind=Kind.RSA), certificate()
        self.write(rsa)
        folder = self.path / "example.org"
        self.assertEqual((folder / "privkey.pem").read_bytes(), rsa.key)
        self.write(rsa, ecdsa)
        self.assertEqual((folder / "privkey.pem").read_bytes(), ecdsa.key)
        self.assertEqual((folder / "rsa" / "privkey.pem").read_bytes(), rsa.key)
        self.assertEqual((folder / "ecdsa" / "fullchain.pem").read_bytes(), ecdsa.chain)
        self.write(ecdsa)
        self.assertFalse((folder / "rsa").exists())

    def test_unchanged(self) -> None:
        """What is there stays as it is, also for another process."""
        self.write(certificate())
        before = (self.path / "example.org").resolve()
        written = ExportFolder(self.path).write([certificate(made=2000)], remove=True)
        self.assertEqual((written.changed, (self.path / "example.org").resolve()), (set(), before))

    def test_newer(self) -> None:
        """A newer one takes its place at once, and the old version is removed."""
        self.write(certificate())
        before = self.versions()
        self.assertEqual(self.write(certificate(number=1)).changed, {"example.org"})
        self.assertEqual((self.path / "example.org" / "privkey.pem").read_bytes(), certificate(number=1).key)
        self.assertEqual(len(self.versions()), 1)
        self.assertNotEqual(self.versions(), before)

    def test_altered(self) -> None:
        """What somebody altered, opened to others, removed or added is written anew."""
        self.write(certificate())
        for number in range(4):
            file = self.path / "example.org" / "privkey.pem"
            if number == 0:
                file.write_text("x")
            elif number == 1:
                file.chmod(0o644)
            elif number == 2:
                file.unlink()
            else:
                (file.parent / "more").write_text("x")
            self.assertEqual(self.write(certificate()).changed, {"example.org"})
            self.assertEqual((self.path / "example.org" / "privkey.pem").read_bytes(), certificate().key)
            self.assertEqual(self.write(certificate()).changed, set())

    def test_removed(self) -> None:
        """Names that are gone are removed, once it is known that they are; what others put there stays."""
        self.write(certificate(), certificate("b.example"))
        (self.path / "mine").mkdir()
        (self.path / "link").symlink_to("mine")
        (self.path / "file").write_text("x")
        self.assertEqual(self.write(certificate(), remove=False).changed, set())
        self.assertEqual(self.write(certificate()).changed, {"b.example"})
        self.assertEqual(self.names(), {"example.org", "mine", "link", "file"})
        self.assertEqual(len(self.versions()), 1)

    def test_in_the_way(self) -> None:
        """A folder of this name that somebody else made is left alone, and told of; the others are written."""
        (self.path / "example.org").mkdir(parents=True)
        (self.path / "example.org" / "mine").write_text("x")
        written = self.write(certificate(), certificate("b.example"))
        self.assertEqual(written.changed, {"b.example"})
        self.assertIn(f"{self.path}/example.org was not made by couchpages", written.problems[0])
        self.assertTrue((self.path / "example.org" / "mine").exists())

    def test_interrupted(self) -> None:
        """What a killed process left is tidied up."""
        self.write(certificate())
        versions = self.path / ".couchpages"
        (versions / "~example.org").mkdir()
        (versions / "~example.org" / "privkey.pem").write_text("half")
        (versions / "~link").symlink_to("nowhere")
        (versions / "example.org.7").mkdir()
        self.assertEqual(self.write(certificate(number=1)).changed, {"example.org"})
        self.assertEqual(len(self.versions()), 1)
        self.assertEqual((self.path / "example.org" / "privkey.pem").read_bytes(), certificate(number=1).key)

    def test_untold(self) -> None:
        """The names that the command must hear of are remembered until it has, by the next process too."""
        self.assertEqual(self.folder.untold(), set())
        self.write(certificate("*.b.example"))
        self.write(certificate())
        self.assertEqual(ExportFolder(self.path).untold(), {"*.b.example", "example.org"})
        self.folder.told()
        self.assertEqual(self.folder.untold(), set())

    def test_write_files(self) -> None:
        """Single files take the place of others at once, with their mode."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "privkey.pem").write_text("old")
        (folder / "privkey.pem").chmod(0o644)
        write_files(folder, {"privkey.pem": b"new"})
        self.assertEqual((folder / "privkey.pem").read_bytes(), b"new")
        self.assertEqual(stat.S_IMODE((folder / "privkey.pem").stat().st_mode), 0o600)
        self.assertEqual(len(list(folder.iterdir())), 1)
