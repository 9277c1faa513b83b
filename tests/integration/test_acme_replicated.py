"""Issuing on two nodes with CouchDB's replication between them, healed and cut."""

import os
from functools import partial

from tests.integration.acme_case import ZONE, PublicCase
from tests.integration.cases import OnApacheCouchDB
from tests.integration.node import Node, merged, wait_until
from tests.integration.stores import Settings
from tests.integration.two_nodes import TwoNodes

SITE, FOREIGN = f"www.{ZONE}", "blog.example.net"
#: Where nobody listens.
DEAD = "127.0.0.9"


class Replicated(OnApacheCouchDB, PublicCase):
    """Two nodes with the same key, each with a CouchDB of its own and a name server of the zone."""

    def start(self, *issuers: str) -> None:
        """Start both; each has a public DNS of its own, *views*, and pebble one that sees all."""
        key = self.new_folder() / "certs.key"
        key.touch(0o600)
        key.write_bytes(os.urandom(32))
        self.views = [self.new_public(), self.new_public()]
        self.pair = TwoNodes(
            self.folder, shared=self.of(1, str(key), *issuers), settings=self.of(2, str(key), *issuers)
        )
        self.addCleanup(self.pair.remove)
        self.first, self.second = (side.node for side in self.pair.sides)
        self.make_zone(self.first, "127.0.0.1", "127.0.0.2")
        for public in (*self.views, self.public):
            public.delegated[ZONE] = ["127.0.0.1", "127.0.0.2"]

    def of(self, number: int, key: str, *issuers: str) -> Settings:
        """Give a node's settings."""
        settings = self.acme(number, issuers=list(issuers), resolvers=[self.views[number - 1].address])
        return merged(settings, {"certs": {"key_files": [key]}})

    def is_issued(self, node: Node) -> bool:
        """Whether a node knows that the site's certificate was issued."""
        return bool(self.order(node, SITE).get("state") == "issued")

    def serves(self, node: Node, certificate: str) -> bool:
        """Whether a node serves a certificate."""
        return self.served(node, SITE) == certificate


class AnotherAnswers(Replicated):
    """The second node alone issues, and the public is led to the first."""

    def test_both_types(self) -> None:
        """HTTP-01 and DNS-01: documents of challenges, and then certificates, arrive by replication."""
        self.start("node2")
        for public in (*self.views, self.public):
            for site in (FOREIGN, SITE):
                public.set(site, "A", "127.0.0.1")
        for site in (FOREIGN, SITE):
            self.pair.first.deploy(site, {"index.html": site.encode()})
            found = self.issued(self.first, site)
            wait_until(lambda site=site, found=found: self.served(self.second, site) == found, "the same on both")
            self.assert_curl(self.first, site, site.encode())
            self.assertEqual(self.order(self.second, site)["by"], "node2")
        self.assert_no_defect(self.first, self.second)


class Apart(Replicated):
    """Both may issue."""

    def test_both_issue(self) -> None:
        """Cut off from each other both issue, and both certificates work; joined again, the later one is everywhere, and one issues."""
        self.start()
        self.pair.first.deploy(SITE, {"index.html": b"x"})
        before = self.issued(self.first, SITE)
        wait_until(lambda: self.served(self.second, SITE) == before, "the same on both")
        for node in (self.first, self.second):
            self.until(partial(self.is_issued, node), node, "what was issued", SITE)
        accounts = self.accounts_made()
        self.pair.cut()
        for number, view in enumerate(self.views, 1):
            # Each side sees itself alone.
            view.delegated[ZONE] = [f"127.0.0.{number}"]
            view.set(f"ns{3 - number}.{ZONE}", "A", DEAD)
        self.ask_for(self.first, SITE)
        here = self.issued(self.first, SITE, before)
        self.assertEqual(self.served(self.second, SITE), before)
        self.ask_for(self.second, SITE)
        there = self.issued(self.second, SITE, before)
        self.assertEqual(self.served(self.first, SITE), here)
        # Each makes an account where both begin before any document is replicated, and none is made for being cut off.
        self.assertEqual(self.accounts_made(), accounts)
        for number, view in enumerate(self.views, 1):
            view.delegated[ZONE] = ["127.0.0.1", "127.0.0.2"]
            view.set(f"ns{3 - number}.{ZONE}", "A")
        self.pair.heal()
        for node in (self.first, self.second):
            self.until(partial(self.serves, node, there), node, "the later one", SITE)
        both = self.pair.sides
        for doc_id in (f"order-{SITE}", "lease", f"certificate-{SITE}-ecdsa"):
            wait_until(
                lambda doc_id=doc_id: all(
                    "_conflicts" not in (side.document("secrets", doc_id) or {}) for side in both
                ),
                f"no conflict of {doc_id}",
            )
        self.until(
            lambda: sum(self.metric(each, "acme_lease") for each in (self.first, self.second)) == 1,
            self.first, "one holder", SITE,
        )  # fmt: skip
        self.ask_for(self.first, SITE)
        later = self.issued(self.first, SITE, there)
        wait_until(lambda: self.served(self.second, SITE) == later, "the same on both")
        self.assert_no_defect(self.first, self.second)
