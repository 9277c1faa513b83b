"""What nodes have of issuing, whether they issue or not."""

from collections.abc import Sequence
from typing import Any, cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.answering import Answering
from couchpages.certs.issuing.challenges import Answer, Challenge, Where, to_document
from couchpages.certs.issuing.probes import probe_answer, probe_token
from couchpages.certs.key_files import Keys
from couchpages.metrics import Metrics
from couchpages.ports import Change, Unavailable
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
