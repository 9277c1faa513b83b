"""Answers made ready."""

from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.ready import LARGEST, MOST, Ready

CELL = [0]


class ReadyTests(SynchronousTestCase):
    """What is dropped when."""

    def setUp(self) -> None:
        """Hold answers of two names, and one of everything."""
        self.ready = Ready(4)
        self.ready.keep(b"one", b"1", CELL, b"\1a\0")
        self.ready.keep(b"ONE", b"1", CELL, b"\1a\0")
        self.ready.keep(b"two", b"2", CELL, b"\1b\0")
        self.ready.keep(b"any", b"3", CELL, None)

    def test_names(self) -> None:
        """When a name changes, all of its answers go, and those that any change may touch; others stay."""
        self.ready.forget([b"\1a\0", b"\1c\0"])
        self.assertEqual(self.ready.answers, {b"two": (b"2", CELL)})
        self.ready.forget([b"\1a\0"])
        self.assertEqual(set(self.ready.answers), {b"two"})

    def test_no_names(self) -> None:
        """A change that is none of a name, but of the serial, drops what any change may touch."""
        self.ready.forget([])
        self.assertEqual(set(self.ready.answers), {b"one", b"ONE", b"two"})

    def test_full(self) -> None:
        """When there is no more room, all go for the next one, and nothing that went is dropped once more later."""
        self.ready.keep(b"new", b"4", CELL, b"\1a\0")
        self.assertEqual(set(self.ready.answers), {b"new"})
        self.ready.keep(b"one", b"5", CELL, None)
        self.ready.forget([b"\1a\0", b"\1b\0"])
        self.assertEqual(self.ready.answers, {})

    def test_all(self) -> None:
        """All can be dropped; the dict stays the same one, because the loop over datagrams holds it."""
        held = self.ready.answers
        self.ready.forget_all()
        self.ready.forget([b"\1a\0", b"\1b\0"])
        self.ready.keep(b"one", b"1", CELL, b"\1a\0")
        self.assertIs(held, self.ready.answers)
        self.assertEqual(set(held), {b"one"})

    def test_large_ones(self) -> None:
        """Defect: questions with 4,000 octets of an unknown option, and answers of 64 KB, were kept, 32,768 of them."""
        for packet, tail in ((bytes(LARGEST), b"x"), (b"x", bytes(LARGEST))):
            self.ready.forget_all()
            self.ready.keep(packet, tail, CELL, None)
            self.assertEqual(self.ready.answers, {})
        self.ready.keep(bytes(LARGEST // 2), bytes(LARGEST // 2), CELL, None)
        self.assertEqual(len(self.ready.answers), 1)
        self.assertLessEqual(MOST * LARGEST, 64 * 2**20)
