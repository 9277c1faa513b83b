"""What nodes have of issuing, whether they issue or not."""

import socket
from collections.abc import Sequence
from typing import Any, cast

from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from couchpages.answering import Answering, issues
from couchpages.certs.issuing.challenges.documents import Answer, Challenge, Where, to_document
from couchpages.certs.issuing.shown.probes import probe_answer, probe_token
from couchpages.certs.key_files import Keys
from couchpages.metrics import Metrics
from couchpages.ports import Change, Unavailable
from couchpages.settings import AcmeSettings, NodeSettings, Settings
from couchpages.testing.memory_database import MemoryDatabase
from tests.certs.made import KEY

HOST, TOKEN = "www.example.org", "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
#: Until the year 2200.
CHALLENGE = Challenge(Where.HTTP, "a" * 16, HOST, (Answer(TOKEN, f"{TOKEN}.key", 7_258_118_400_000),))


class Records:
    """A :class:`couchpages.ports.ChallengeRecords` that remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def hold(self, doc_id: str, name: str, texts: Sequence[str], generation: int) -> None:
        """See ChallengeRecords."""
        self.told.append((doc_id, name, tuple(texts), generation))

    def loaded(self) -> None:
        """See ChallengeRecords."""
        self.told.append(("loaded",))

    async def when_answered(self, doc_id: str, generation: int, patience: float) -> None:
        """See ChallengeRecords."""


class Certificates:
    """What of a :class:`couchpages.certificate_store.CertificateStore` is needed for challenges."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    def tell_keys(self, use: Any) -> None:
        """Tell them."""
        use(self.keys.keys)


def made(records: Records, keys: Keys) -> Answering:
    """Make a node's."""
    return Answering(Clock(), MemoryDatabase("secrets"), Metrics(), cast("Any", Certificates(keys)), records)


class AnsweringTests(SynchronousTestCase):
    """``Answering``."""

    def test_loaded(self) -> None:
        """Once all documents were told, so that each was given to hold, who answers them in DNS is told so."""
        records = Records()
        answering = made(records, Keys(()))
        self.assertEqual(records.told, [])
        answering.loaded()
        self.assertEqual(records.told, [("loaded",)])

    def test_nothing_is_denied_before_all_is_read(self) -> None:
        """Until all was told, what is not known may be there; afterwards it is not. What is known is answered at once, probes too."""
        answering = made(Records(), Keys((KEY,)))
        probe = probe_token("n" * 22)
        self.assertEqual(answering.answer(HOST, probe), probe_answer(HOST, probe, KEY))
        with self.assertRaises(Unavailable):
            answering.answer(HOST, TOKEN)
        answering.apply(Change(CHALLENGE.doc_id, to_document(CHALLENGE, KEY)))
        self.assertEqual(answering.answer(HOST, TOKEN), f"{TOKEN}.key".encode())
        with self.assertRaises(Unavailable):
            answering.answer("example.org", TOKEN)
        answering.loaded()
        self.assertIsNone(answering.answer("example.org", TOKEN))
        self.assertEqual(answering.answer(HOST, probe), probe_answer(HOST, probe, KEY))
        answering.apply(Change(CHALLENGE.doc_id, None))
        self.assertIsNone(answering.answer(HOST, TOKEN))

    def test_nothing_is_denied_without_keys(self) -> None:
        """Nor by a node without a key, which has no answer to anything; once all was told, it has none."""
        answering = made(Records(), Keys(()))
        with self.assertRaises(Unavailable):
            answering.answer(HOST, TOKEN)
        answering.loaded()
        self.assertIsNone(answering.answer(HOST, TOKEN))


class Issuers(SynchronousTestCase):
    """``issues``."""

    def told(self, acme: AcmeSettings, name: str = "") -> tuple[bool, list[str]]:
        """Say whether a node issues, and what it says of that."""
        with capturedLogs() as events:
            found = issues(Settings(acme=acme, node=NodeSettings(name=name)))
        self.assertEqual({each["log_level"] for each in events} - {LogLevel.info}, set())
        return found, [formatEvent(each) for each in events]

    def test_not_among_them(self) -> None:
        """Defect: where the issuers were named otherwise than their host names, nobody issued, and nobody said so."""
        self.patch(socket, "gethostname", lambda: "web1.example.com")
        acme = AcmeSettings(directory="https://ca.test/directory", issuers=("web1",))
        words = "this node is called web1.example.com and is not among [acme] issuers: it does not issue"
        self.assertEqual(self.told(acme), (False, [words]))
        self.assertEqual(self.told(acme, "web1"), (True, []))

    def test_all(self) -> None:
        """Without issuers that are named, every node with a directory is one; without a directory none is, and nothing is said."""
        self.assertEqual(self.told(AcmeSettings(directory="https://ca.test/directory")), (True, []))
        self.assertEqual(self.told(AcmeSettings(issuers=("web1",)), "web2"), (False, []))
