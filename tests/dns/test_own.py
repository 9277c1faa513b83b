"""Our responder and the table of rules."""

from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.chaos import Identity
from tests.dns.own import asking
from tests.dns.rules import ALL, endless
from tests.dns.rules.checking import report
from tests.dns.rules.zone_files import texts


class OwnTests(SynchronousTestCase):
    """In memory, without sockets."""

    def test_every_rule(self) -> None:
        """Every question of the table gets the answer that its RFC asks for."""
        self.assertEqual(report(ALL, asking(texts(), Identity(b"couchpages", b"node"))), [])

    def test_every_rule_when_ready(self) -> None:
        """An answer that was made ready is the one that was worked out."""
        ask = asking(texts(), Identity(b"couchpages", b"node"))
        report(ALL, ask)
        self.assertEqual(report(ALL, ask), [])

    def test_endless(self) -> None:
        """Aliases without an end get an answer that readers of others can read."""
        self.assertEqual(endless.faults(asking(texts())), [])
