"""Blobs that are altered, cut short, missing or huge in CouchDB: what is on disk is served on, and the rest is 503 until it is mended."""

import hashlib
import shutil

from tests.integration.bad_data_case import BadDataCase
from tests.integration.cases import OnApacheCouchDB
from tests.integration.node import write_files
from tests.integration.past_the_api import counted
from tests.integration.visitor import fetch


class Files(BadDataCase):
    """The database ``files``."""

    purpose = "files"
    #: Larger than the disk cache.
    too_large = bytes(20_000_000)

    def setUp(self) -> None:
        """Deploy a site whose pages' blobs are then spoilt."""
        super().setUp()
        self.contents = {name: (name * 20_000).encode() for name in ("altered", "cut", "empty", "longer", "huge")}
        self.contents |= {name: name.encode() for name in ("without", "elsewhere", "small", "gone")}
        self.pages = write_files(self.folder / "pages", self.contents)
        self.spoilt.deploy(self.pages, self.site)

    def hash_of(self, name: str) -> str:
        """Give a page's hash."""
        return hashlib.sha256(self.contents[name]).hexdigest()

    def page(self, name: str) -> tuple[int, bytes]:
        """Fetch a page."""
        answer = fetch(self.spoilt.http, self.site, f"/{name}")
        self.assertEqual("retry-after" in answer.headers, answer.status == 503)
        return answer.status, answer.body

    def spoil_all(self) -> None:
        """Spoil every page but one."""
        for name, spoilt in {
            "altered": b"A" + self.contents["altered"][1:],
            "cut": self.contents["cut"][:-1],
            "empty": b"",
            "longer": self.contents["longer"] + b"r",
            "small": b"smalx",
            "huge": self.too_large,
        }.items():
            self.past.put_attachment(self.hash_of(name), "data", spoilt)
        self.assertTrue(self.past.put(self.hash_of("without"), {}))
        self.assertTrue(self.past.put(self.hash_of("elsewhere"), {}))
        self.past.put_attachment(self.hash_of("elsewhere"), "other", self.contents["elsewhere"])

    def test_spoilt(self) -> None:
        """What is on disk is served on; without that, spoilt pages alone are 503, named and counted; mended ones are served at once."""
        for name, content in self.contents.items():
            self.assertEqual(self.page(name), (200, content))
        self.spoil_all()
        for name, content in self.contents.items():
            self.assertEqual(self.page(name), (200, content), f"{name}, from memory or disk")
        self.restart_cold()
        self.assert_spoilt_alone()
        for name in self.spoilt_names():
            self.past.put_attachment(self.hash_of(name), "data", self.contents[name])
            self.assertEqual(self.page(name), (200, self.contents[name]))
        self.assert_serving(self.spoilt)

    def test_deployed_again(self) -> None:
        """Once a visitor has met the damage, deploying the same files again mends it."""
        self.spoil_all()
        self.restart_cold()
        self.assert_spoilt_alone()
        again = self.spoilt.deploy(self.pages, self.site)
        self.assertGreaterEqual(again["uploaded"]["files"], len(self.spoilt_names()) - 1)
        self.restart_cold()
        for name in set(self.contents) - {"huge"}:
            self.assertEqual(self.page(name), (200, self.contents[name]), name)

    def test_foreign(self) -> None:
        """What is named by no hash is counted and named."""
        for doc_id in ("foo", "ABC" * 20, self.hash_of("gone").upper()):
            self.assertTrue(self.spoil("foreign", doc_id, {"foo": 1}))
        self.assertTrue(self.spoil("without an attachment", self.hash_of("gone"), {}))
        self.assertTrue(self.past.put("_design/x", {}))
        self.assertEqual(self.page("small"), (200, b"small"))

    def spoilt_names(self) -> set[str]:
        """Give the pages whose blobs are spoilt."""
        return set(self.contents) - {"gone"}

    def restart_cold(self) -> None:
        """Kill the node, remove its cache, and start it."""
        self.spoilt.kill()
        shutil.rmtree(self.spoilt.data / "blobs")
        self.spoilt.start()

    def assert_spoilt_alone(self) -> None:
        """See that spoilt pages, and only they, are 503, and that the log names each and the disk holds nothing of them."""
        since, before = self.spoilt.log_size(), counted(self.spoilt, "cache_faults", cache="couchdb")
        for name in self.spoilt_names():
            self.assertEqual(self.page(name)[0], 503, name)
            self.assertIn(self.hash_of(name), self.spoilt.log(since), name)
        for name in ("altered", "cut", "empty", "longer", "small", "huge"):
            self.assertIn(f"{self.past.database}/{self.hash_of(name)}", self.spoilt.log(since), name)
        self.assertEqual(counted(self.spoilt, "cache_faults", cache="couchdb"), before + 6)
        self.assertEqual(self.page("gone"), (200, self.contents["gone"]))
        on_disk = [file for file in (self.spoilt.data / "blobs").rglob("*") if file.is_file()]
        self.assertEqual([file.name for file in on_disk], [self.hash_of("gone")])
        self.assertNotIn("Traceback", self.spoilt.log(since))


class FilesOnApacheCouchDB(OnApacheCouchDB, Files):
    """The same on Apache CouchDB."""
