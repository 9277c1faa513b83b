"""What the server says of itself."""

from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.chaos import Identity
from couchpages.dns.names import from_text
from tests.dns.messages import ANY, CHAOS, TXT, A, asking, opt
from tests.dns.reading import Answer, over_tcp, responder


def ask(text: str, type_: int = TXT, *records: bytes, identity: Identity = Identity(b"v1", b"web1")) -> Answer:  # noqa: B008
    """Ask in class CHAOS."""
    return Answer.of(responder(identity=identity).answer(asking(from_text(text), type_, *records, class_=CHAOS)))


class ChaosTests(SynchronousTestCase):
    """RFC 4892."""

    def test_told(self) -> None:
        """Each of the four names is answered with its text, in any case of letters, for TXT and for ANY."""
        for text, told in (
            ("version.bind", "v1"),
            ("VERSION.Server", "v1"),
            ("hostname.bind", "web1"),
            ("id.server", "web1"),
        ):
            for type_ in (TXT, ANY):
                found = ask(text, type_)
                self.assertEqual((found.rcode, found.flags, found.counts), ("NOERROR", "QR AA", (1, 0, 0)))
                (rrset,) = found.message.answer
                self.assertEqual((str(rrset.name).lower(), int(rrset.rdclass), rrset.ttl), (f"{text.lower()}.", 3, 0))
                self.assertEqual(str(rrset[0]), f'"{told}"')

    def test_another_type(self) -> None:
        """The names exist, and have nothing but TXT."""
        found = ask("version.bind", A, opt())
        self.assertEqual((found.rcode, found.counts, found.message.edns), ("NOERROR", (0, 0, 0), 0))

    def test_not_told(self) -> None:
        """What is not configured, and every other name, a name of a zone as well, is refused."""
        for text, identity in (
            ("version.bind", Identity(b"", b"web1")),
            ("id.server", Identity(b"v1", b"")),
            ("www.example", Identity(b"v1", b"web1")),
            ("x.version.bind", Identity(b"v1", b"web1")),
            ("bind", Identity(b"v1", b"web1")),
            (".", Identity(b"v1", b"web1")),
            (r"version\.bind", Identity(b"v1", b"web1")),
        ):
            self.assertEqual(
                (ask(text, identity=identity).rcode, ask(text, identity=identity).counts), ("REFUSED", (0, 0, 0))
            )

    def test_long(self) -> None:
        """A text is cut to what one string can be, with any octet in it."""
        found = ask("version.bind", identity=Identity(b"\0\xff" * 1000, b""))
        self.assertEqual(len(found.message.answer[0][0].strings[0]), 255)

    def test_nothing_is_ready(self) -> None:
        """Its answers are not kept with those of zones."""
        over = over_tcp()
        for _ in range(2):
            over.answer(asking(from_text("version.bind"), TXT, class_=CHAOS))
        self.assertEqual(over.ready.answers, {})
