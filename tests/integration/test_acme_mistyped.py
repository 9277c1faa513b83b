"""Names that cannot get a certificate reach no CA, are told of, and hold up no other."""

from tests.integration.acme_case import PublicCase
from tests.integration.node import wait_until

FOREIGN = "blog.example.net"


class NotOrdered(PublicCase):
    """Sites whose names lead elsewhere or nowhere, or whose CAA records forbid everybody."""

    def test_others_are_issued(self) -> None:
        """No order for such a name is made, the reason is told, and the other name is issued meanwhile; once mended, the rest is."""
        elsewhere, nowhere, forbidden = (f"{each}.example.net" for each in ("elsewhere", "nowhere", "forbidden"))
        for name in (FOREIGN, forbidden):
            self.public.set(name, "A", "127.0.0.1")
        self.public.set(elsewhere, "A", "127.0.0.1", "127.0.0.9")
        self.public.set(forbidden, "CAA", '0 issue ";"')
        node = self.issuing()
        self.deploy(node, elsewhere, nowhere, forbidden, FOREIGN)
        self.issued(node, FOREIGN)
        for name, cause, words in (
            (elsewhere, "not_reached", "127.0.0.9"),
            (nowhere, "not_reached", f"{nowhere}: has no address in DNS"),
            (forbidden, "caa", f"CAA of {forbidden} allows nobody to issue"),
        ):
            reason = self.failed(node, name, cause)
            self.assertIn(words, reason)
            self.assert_told(node, name, cause, reason)
            self.assertEqual(self.order(node, name)["ordered"], [])
        # What fails again and again is a trouble.
        for _ in range(2):
            reason = self.failed(node, nowhere, "not_reached", self.ask_for(node, nowhere))
        wait_until(lambda: reason in self.troubles(node), "the trouble to be told")
        # Pebble was asked for what it gave, and for nothing else; refused nonces make it hear some orders twice.
        self.assertEqual(self.pebble.log().count('Added order "'), 1)
        for name in (elsewhere, nowhere):
            self.public.set(name, "A", "127.0.0.1")
        self.public.set(forbidden, "CAA")
        for name in (elsewhere, nowhere, forbidden):
            self.ask_for(node, name)
            self.issued(node, name)
        wait_until(lambda: self.metric(node, "acme_failing") == 0, "nothing that fails")
        self.assertEqual(self.troubles(node), [])
        self.assert_no_defect(node)
