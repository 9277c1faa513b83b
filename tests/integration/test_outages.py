"""A node whose CouchDB is stopped, frozen, slow, failing, emptied, or refuses the password, and comes back, while visitors ask."""

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from tests.integration.cases import NodeCase, OnApacheCouchDB
from tests.integration.faulty_relay import FaultyRelay
from tests.integration.node import Node, wait_until, write_files
from tests.integration.stores import Access, Settings
from tests.integration.traffic import Traffic
from tests.integration.visitor import Answer, call_api, fetch

UNSEEN = "/unseen.html"
#: Larger than what a relay is told to let through.
LARGE = bytes(range(256)) * 800
PASSWORD_FILE = "password"
#: Tenths of a second in which CouchDB takes a new password.
MOMENTS = 200


@dataclass(slots=True)
class Elsewhere:
    """A :class:`~tests.integration.stores.Store` that another node made; *database_names* are its. Nothing of it is removed."""

    access_to: Access
    databases: Mapping[str, str]
    password_file: Path | None = None

    def settings(self, port: int) -> Settings:
        """See :class:`~tests.integration.stores.Store`."""
        del port
        file = {"password_file": str(self.password_file)} if self.password_file else {}
        return {"couchdb": {"url": self.access_to.url, "username": self.access_to.username, **self.databases, **file}}

    def environment(self) -> Mapping[str, str]:
        """See :class:`~tests.integration.stores.Store`."""
        return {} if self.password_file else {"COUCHPAGES_COUCHDB_PASSWORD": self.access_to.password}

    def access(self, data: Path) -> Access:
        """See :class:`~tests.integration.stores.Store`."""
        del data
        return self.access_to

    def remove(self) -> None:
        """See :class:`~tests.integration.stores.Store`."""


class OutageCase(NodeCase):
    """A node behind a relay, and another one on the same databases that is not."""

    def setUp(self) -> None:
        """Start both, with a site of which one page was seen on the node."""
        super().setUp()
        self.other = self.new_node().start()
        self.access = self.other.store.access(self.other.data)
        self.relay = FaultyRelay(urlsplit(self.access.url).port or 5984)
        self.addCleanup(self.relay.close)
        self.tested = self.node_on(replace(self.access, url=f"http://127.0.0.1:{self.relay.port}")).start()
        self.publish("first")
        wait_until(lambda: self.page() == "first", "the site on the node")

    def node_on(self, access: Access, password_file: Path | None = None) -> Node:
        """Make a node on the other's databases, not started."""
        node = Node(self.new_folder() / "node", Elsewhere(access, self.other.store.databases, password_file))
        self.addCleanup(node.remove)
        node.key = self.other.key
        return node

    def publish(self, words: str) -> None:
        """Deploy a version of the site through the other node."""
        files: dict[str, bytes | str] = {"index.html": words, UNSEEN[1:]: f"unseen {words}", "large.bin": LARGE}
        self.other.deploy(write_files(self.folder / words, files), self.site)

    def page(self) -> str:
        """Fetch the page that was seen."""
        return fetch(self.tested.http, self.site, "/").body.decode()

    def ready(self) -> Answer:
        """Ask /readyz."""
        return fetch(self.tested.api, "127.0.0.1", "/readyz")

    def troubles(self) -> str:
        """Give what /readyz tells, of a node that is ready."""
        answer = self.ready()
        self.assertEqual(answer.status, 200, answer.body)
        return "; ".join(answer.json()["troubles"])

    def metric(self, name: str, **labels: str) -> float:
        """Give a metric of the node."""
        text = fetch(self.tested.api, "127.0.0.1", "/metrics").body.decode()
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return sum(each.value for each in samples if each.name == f"couchpages_{name}" and each.labels == labels)

    def put_blob(self) -> Answer:
        """Make the first call of a deployment that the node has not seen: an upload."""
        content = b"deployed while away"
        name = hashlib.sha256(content).hexdigest()
        return call_api(self.tested.api, self.tested.key, "PUT", f"/api/v2/blobs/{name}", content)

    def deploy(self) -> Answer:
        """Make its last call."""
        content = b"deployed while away"
        files = {"index.html": {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}}
        path = f"/api/v2/sites/{self.site}/deployments"
        return call_api(self.tested.api, self.tested.key, "POST", path, {"files": files, "branch": "main"})

    def assert_unavailable(self, answer: Answer) -> None:
        """Assert that an answer says: not now, ask again."""
        self.assertEqual((answer.status, answer.headers.get("retry-after")), (503, "5"), answer.body)

    def assert_away(self) -> None:
        """Assert that what is known is served, and everything else not now."""
        self.assertEqual(self.page(), "first")
        self.assert_unavailable(fetch(self.tested.http, self.site, UNSEEN))
        self.assert_unavailable(self.put_blob())
        self.assert_unavailable(self.deploy())

    def assert_recovers(self, version: str = "second") -> None:
        """Assert that all is well again without a restart: *version* arrives, and the calls of the deployment succeed."""
        wait_until(lambda: self.page() == version, "the change that was made meanwhile")
        wait_until(lambda: not self.troubles(), "the end of the troubles")
        self.assertEqual(fetch(self.tested.http, self.site, UNSEEN).body.decode(), f"unseen {version}")
        self.assertEqual((self.put_blob().status, self.deploy().status), (201, 201))
        self.assertEqual(self.page(), "deployed while away")
        self.assertEqual(self.metric("couchdb_state", state="answering"), 1)
        self.assertEqual(self.metric("couchdb_away_seconds"), 0)
        self.assert_serving(self.tested)

    def outage(self, begin: Callable[[], None], words: str, state: str) -> None:
        """Go through an outage that *begin* begins and the relay's healing ends; /readyz shows *words* and metrics the *state*."""
        with Traffic(self.tested.http, self.site, "/") as traffic:
            begin()
            # Whoever asks before it is noticed waits until then, and no longer.
            self.assert_unavailable(fetch(self.tested.http, self.site, UNSEEN))
            wait_until(lambda: words in self.troubles(), f"{words} in the troubles")
            self.assertEqual(self.metric("couchdb_state", state=state), 1)
            self.assert_away()
            self.publish("second")
            self.assert_away()
            self.relay.heal()
            self.assert_recovers()
        self.assertEqual(traffic.failures, [])
        self.assertGreater(traffic.answers, 0)


class Outages(OutageCase):
    """On another node's embedded store."""

    def test_stopped(self) -> None:
        """CouchDB that is stopped is away at once; it is not asked for what visitors want until it is back."""
        self.outage(self.relay.refuse, "CouchDB is away since", "away")
        self.assertGreaterEqual(self.metric("couchdb_requests_total", outcome="not_asked"), 4)

    def test_frozen(self) -> None:
        """CouchDB that takes everything and says nothing is found to be away by its silence, and hardly anybody knocks meanwhile."""
        self.outage(self.relay.freeze, "CouchDB is away since", "away")
        self.assertGreaterEqual(self.metric("couchdb_requests_total", outcome="not_asked"), 4)

    def test_failing(self) -> None:
        """CouchDB that answers 500 to everything is asked, and said to answer, but nothing of what it says is taken for a no."""
        self.outage(self.relay.fail, "500", "answering")

    def test_slow(self) -> None:
        """CouchDB that takes three seconds for each answer is slow, not away: what nobody saw yet is served."""
        with Traffic(self.tested.http, self.site, "/") as traffic:
            self.relay.dawdle(3)
            self.assertEqual(fetch(self.tested.http, self.site, UNSEEN).body, b"unseen first")
            self.assertEqual(self.put_blob().status, 201)
            self.assertEqual((self.troubles(), self.metric("couchdb_state", state="answering")), ("", 1))
            self.publish("second")
            self.relay.heal()
            self.assert_updated_blob_is_known()
        self.assertEqual(traffic.failures, [])

    def assert_updated_blob_is_known(self) -> None:
        """Assert that the other node's change arrives, and that what was stored while it was slow is stored."""
        wait_until(lambda: self.page() == "second", "the change")
        self.assertEqual((self.put_blob().status, self.deploy().status), (200, 201))

    def test_cut(self) -> None:
        """A blob whose transfer breaks in the middle is not served, not even its beginning, and is served whole later."""
        self.relay.cut_after(len(LARGE) // 2)
        for _ in range(3):
            self.assert_unavailable(fetch(self.tested.http, self.site, "/large.bin"))
        self.assertEqual(self.page(), "first")
        self.relay.heal()
        wait_until(lambda: fetch(self.tested.http, self.site, "/large.bin").status == 200, "the blob")
        self.assertEqual(fetch(self.tested.http, self.site, "/large.bin").body, LARGE)

    def test_restarted_with_a_warm_disk(self) -> None:
        """Started while CouchDB is away, a node that knows its sites is ready and says what is wrong; the rest is 503, then known."""
        wait_until(lambda: list((self.tested.data / "manifests").iterdir()), "the manifest on disk")
        self.tested.stop()
        self.relay.refuse()
        self.tested.start()
        wait_until(lambda: "CouchDB is away since" in self.troubles(), "the trouble")
        self.assert_away()
        self.assert_unavailable(fetch(self.tested.http, "unknown.example", "/"))
        self.publish("second")
        self.relay.heal()
        self.assert_recovers()
        self.assertEqual(fetch(self.tested.http, "unknown.example", "/").status, 404)

    def test_started_with_a_cold_disk(self) -> None:
        """Started while CouchDB is away, a node that knows nothing is not ready, says why, and says of no site that there is none."""
        self.relay.refuse()
        self.tested = self.node_on(replace(self.access, url=f"http://127.0.0.1:{self.relay.port}")).start(ready=False)
        for host, target in ((self.site, "/"), (self.site, "/missing"), ("unknown.example", "/")):
            self.assert_unavailable(fetch(self.tested.http, host, target))
        self.assert_unavailable(self.put_blob())
        wait_until(lambda: "CouchDB is away since" in str(self.ready().json()["troubles"]), "the trouble")
        self.assert_unavailable(self.ready())
        self.assertIn("not loaded yet", self.ready().json()["reasons"][0])
        self.relay.heal()
        self.tested.wait_until_ready()
        self.assert_recovers("first")
        self.assertEqual(fetch(self.tested.http, "unknown.example", "/").status, 404)

    def test_database_deleted(self) -> None:
        """A database that is deleted takes no site away; made anew, it says what there is, and takes deployments."""
        manifests = self.other.store.databases["manifests"]
        with Traffic(self.tested.http, self.site, "/") as traffic:
            self.access.call("DELETE", manifests)
            wait_until(lambda: f"{manifests}: " in self.troubles(), "the trouble")
            self.assertEqual(self.page(), "first")
            self.assertEqual(fetch(self.tested.http, self.site, UNSEEN).body, b"unseen first")
            self.assertEqual(self.put_blob().status, 201)
            self.assert_unavailable(self.deploy())
        self.assertEqual(traffic.failures, [])
        self.access.call("PUT", manifests)
        wait_until(lambda: fetch(self.tested.http, self.site, "/").status == 404, "the site's end")
        wait_until(lambda: not self.troubles(), "the end of the troubles")
        self.assertEqual(self.deploy().status, 201)
        self.assertEqual(self.page(), "deployed while away")
        self.assert_serving(self.tested)


class OutagesOnApacheCouchDB(OnApacheCouchDB, Outages):
    """The same on Apache CouchDB, which has passwords that change."""

    def test_password_changed(self) -> None:
        """A password that CouchDB no longer takes stops all requests before the account is locked; a new one in the file is used."""
        file = self.folder / PASSWORD_FILE
        access, change_password = self.new_user(file)
        pages = [f"unseen-{number}.html" for number in range(MOMENTS)]
        files = {"index.html": "first", UNSEEN[1:]: "unseen first", **{page: page for page in pages}}
        self.other.deploy(write_files(self.folder / "pages", files), self.site)
        self.tested.stop()
        self.tested = self.node_on(access, file).start()
        wait_until(lambda: self.page() == "first", "the site")
        with Traffic(self.tested.http, self.site, "/") as traffic:
            password = change_password()
            self.wait_until_refused(pages)
            wait_until(lambda: "CouchDB refuses our name and password" in self.troubles(), "the trouble")
            self.assertEqual(self.metric("couchdb_state", state="refused"), 1)
            self.assert_away()
            self.assertLessEqual(self.metric("couchdb_requests_total", outcome="refused"), 4)
            self.publish("second")
            file.write_text(password)
            self.assert_recovers()
        self.assertEqual(traffic.failures, [])

    def wait_until_refused(self, pages: list[str]) -> None:
        """Wait until a page that was not seen is not to be had: CouchDB takes the old password a moment longer, and a page is seen once."""
        for page in pages:
            if fetch(self.tested.http, self.site, f"/{page}").status == HTTPStatus.SERVICE_UNAVAILABLE:
                return
            time.sleep(0.1)
        self.fail("CouchDB goes on taking the old password")

    def new_user(self, file: Path) -> tuple[Access, Callable[[], str]]:
        """Make a user of the databases, whose password is in *file*; give its access, and what changes the password in CouchDB."""
        name = f"test-{secrets.token_hex(5)}"
        path = f"_users/org.couchdb.user:{name}"
        user = {"name": name, "password": secrets.token_hex(8), "roles": [], "type": "user"}
        file.write_text(str(user["password"]))
        self.access.call("PUT", path, user)
        self.addCleanup(lambda: self.access.call("DELETE", f"{path}?rev={self.access.call('GET', path)['_rev']}"))
        for database in self.other.store.databases.values():
            members = {"members": {"names": [name], "roles": []}, "admins": {"names": [], "roles": ["_admin"]}}
            self.access.call("PUT", f"{database}/_security", members)

        def change_password() -> str:
            password = secrets.token_hex(8)
            self.access.call("PUT", path, {**self.access.call("GET", path), "password": password})
            return password

        return replace(self.access, url=f"http://127.0.0.1:{self.relay.port}", username=name), change_password
