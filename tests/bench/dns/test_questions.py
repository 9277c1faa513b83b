import json

import dns.flags
import dns.message
from twisted.trial.unittest import SynchronousTestCase

from tests.bench.dns import questions
from tests.bench.dns.zone import Zone

ZONE = Zone(50)


class QuestionsTests(SynchronousTestCase):
    """Tests of the datagrams."""

    def test_existing(self) -> None:
        """Every host is asked for, and no other name; dnsperf asks the same in the same order."""
        load = questions.existing(ZONE)
        names = [asked(datagram) for datagram in load.datagrams]
        self.assertEqual(set(names), {ZONE.host(number) for number in range(50)})
        self.assertEqual([f"{name} A" for name in names], questions.for_dnsperf(ZONE).splitlines())

    def test_edns(self) -> None:
        """With EDNS a question says how much it takes and sets DO; without, nothing of it, and RD is never set."""
        for edns, payload in ((False, 0), (True, questions.PAYLOAD)):
            message = dns.message.from_wire(questions.datagram("host1.bench.test", edns=edns))
            self.assertEqual((message.payload, bool(message.ednsflags & dns.flags.DO)), (payload, edns))
            self.assertFalse(message.flags & dns.flags.RD)

    def test_missing(self) -> None:
        """The octets at random are those of a label below the zone, which no host has."""
        load = questions.missing(ZONE)
        self.assertEqual((load.rcode, load.answers), (3, 0))
        self.assertEqual(len(set(load.datagrams)), questions.SLOTS)
        for datagram in load.datagrams[:100]:
            label, _, rest = asked(datagram).partition(".")
            self.assertEqual(bytes(datagram[offset] for offset in load.random).decode(), label)
            self.assertEqual(rest, ZONE.name)

    def test_written(self) -> None:
        """A load that goes through JSON is the same."""
        load = questions.missing(ZONE)
        self.assertEqual(questions.Load.read(json.loads(json.dumps(load.written()))), load)


def asked(datagram: bytes) -> str:
    """Give the name that a datagram asks for."""
    return dns.message.from_wire(datagram).question[0].name.to_text(omit_final_dot=True)
