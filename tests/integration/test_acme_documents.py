"""Documents about challenges that others wrote into CouchDB, and files of sites that stand where challenges do."""

import time
from typing import Any

from couchpages.certs.boxes import SealingKey
from couchpages.certs.issuing.challenges.documents import Answer, Challenge, Where, to_document
from tests.integration.acme_case import ZONE, PublicCase
from tests.integration.node import wait_until, write_files
from tests.integration.past_the_api import PastTheApi, counted
from tests.integration.resolving import ask
from tests.integration.visitor import fetch

FOREIGN = "blog.example.net"
PATH = "/.well-known/acme-challenge/"
OTHERS = "0123456789abcdef"
TOKEN, TEXT = "a-token-of-others", "a-value-of-others"
HOUR = 3_600_000


def document(where: Where, name: str, key: SealingKey, *, until: int | None = None) -> tuple[str, dict[str, Any]]:
    """Give a challenge's id and document, signed with a key."""
    token = TOKEN if where is Where.HTTP else ""
    ends = int(time.time() * 1000) + HOUR if until is None else until
    challenge = Challenge(where, OTHERS, name, (Answer(token, TEXT, ends),))
    return challenge.doc_id, dict(to_document(challenge, key))


class Documents(PublicCase):
    """A node with a site in a zone of ours and one of others, both with certificates."""

    def setUp(self) -> None:
        """Start it."""
        super().setUp()
        self.public.set(FOREIGN, "A", "127.0.0.1")
        self.zoned = f"www.{ZONE}"
        self.own = self.issuing()
        self.make_zone(self.own)
        self.add(self.own, self.zoned, "A", "127.0.0.1")
        self.deploy(self.own, FOREIGN, self.zoned)
        for site in (FOREIGN, self.zoned):
            self.issued(self.own, site)
        self.secrets = PastTheApi(self.own, "secrets")

    def assert_not_answered(self, *names: str) -> None:
        """Assert that nothing of others is answered, over HTTP or in DNS."""
        for name in (*names, FOREIGN, self.zoned):
            self.assertNotIn(TEXT.encode(), fetch(self.own.http, name, PATH + TOKEN).body)
            reply = ask(self.dns, f"_acme-challenge.{name}", "TXT")
            self.assertEqual([each for each in reply.data if TEXT in each], [])

    def assert_renews(self) -> None:
        """Assert that the next renewals happen."""
        for site in (FOREIGN, self.zoned):
            self.renewed(self.own, site)
        self.assert_no_defect(self.own)

    def refused(self) -> float:
        """Give how many documents were refused, for whatever cause."""
        causes = ("malformed", "version", "no_key", "tampered", "unreadable")
        return sum(counted(self.own, "acme_challenges_refused", cause=cause) for cause in causes)

    def key(self) -> SealingKey:
        """Give the node's own key."""
        return SealingKey((self.own.data / "certs.key").read_bytes()[:32])

    def test_of_others(self) -> None:
        """Whatever is not signed with our key, or not about what its id says, is not answered, and counted."""
        stranger, ours = SealingKey(b"s" * 32), self.key()
        http = document(Where.HTTP, FOREIGN, ours)
        dns = document(Where.DNS, f"_acme-challenge.{self.zoned}", ours)
        bad = [
            document(Where.HTTP, FOREIGN, stranger),
            document(Where.DNS, f"_acme-challenge.{self.zoned}", stranger),
            # Signed for another name, moved here.
            (http[0], document(Where.HTTP, "other.example.net", ours)[1]),
            (dns[0], document(Where.DNS, f"_acme-challenge.other.{ZONE}", ours)[1]),
            (http[0], {**http[1], "answers": [{**http[1]["answers"][0], "until": http[1]["answers"][0]["until"] + 1}]}),
            (dns[0], {**dns[1], "version": 2}),
            (http[0], {**http[1], "answers": "all"}),
            (http[0], {"type": "challenge"}),
            ("challenge-smoke-" + dns[0], dns[1]),
            ("challenge-", {}),
        ]
        for doc_id, doc in bad:
            before = self.refused()
            self.assertTrue(self.secrets.put(doc_id, doc))
            wait_until(lambda before=before: self.refused() > before, f"{doc_id} to be refused: {doc}")
            self.assert_not_answered("other.example.net", f"other.{ZONE}")
        self.assertGreaterEqual(self.secrets.malformed(), len(bad))
        # What is signed and right is answered: the test tests something.
        for doc_id, doc in (http, dns):
            self.secrets.put(doc_id, doc)
        wait_until(lambda: fetch(self.own.http, FOREIGN, PATH + TOKEN).body == TEXT.encode(), "the file")
        wait_until(lambda: f'"{TEXT}"' in ask(self.dns, f"_acme-challenge.{self.zoned}", "TXT").data, "the record")
        self.assert_renews()

    def test_expired_and_foreign(self) -> None:
        """What has ended is not answered, nor is a record in a zone of others; the issuer's own documents, spoilt, are written anew."""
        ours, past = self.key(), int(time.time() * 1000) - 1
        written = [
            document(Where.HTTP, FOREIGN, ours, until=past),
            document(Where.DNS, f"_acme-challenge.{self.zoned}", ours, until=past),
            document(Where.DNS, "_acme-challenge.foreign.example.com", ours),
        ]
        own = [row["id"] for row in self.documents() if row["id"].startswith("challenge-")]
        self.assertEqual(len(own), 2, own)
        for doc_id, doc in (*written, *((doc_id, {"type": "challenge", "spoilt": True}) for doc_id in own)):
            self.assertTrue(self.secrets.put(doc_id, doc))
        wait_until(lambda: self.refused() >= len(own), "the spoilt ones to be refused")
        self.assert_not_answered("foreign.example.com")
        self.assert_renews()

    def documents(self) -> list[dict[str, Any]]:
        """Give the rows of all documents."""
        rows: list[dict[str, Any]] = self.own.store.access(self.own.data).call(
            "GET", f"{self.own.store.databases['secrets']}/_all_docs"
        )["rows"]
        return rows

    def test_files_of_sites(self) -> None:
        """A site's own file under ``/.well-known/acme-challenge/`` is served over plain HTTP, though all else there is redirected."""
        file = "file-of-the-site"
        public = write_files(self.new_folder(), {"index.html": "x", PATH.strip("/") + f"/{file}": "mine"})
        self.own.deploy(public, FOREIGN)
        wait_until(lambda: fetch(self.own.http, FOREIGN, PATH + file).body == b"mine", "the file")
        self.assertEqual(fetch(self.own.http, FOREIGN, PATH + file).status, 200)
        self.assertEqual(fetch(self.own.http, FOREIGN, PATH + "nothing").status, 404)
        self.assertEqual(fetch(self.own.http, FOREIGN, "/other").status, 308)
        self.assert_renews()
