"""From an outcome to a message."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.lookup import look_up
from couchpages.dns.query import Query, read
from couchpages.dns.reply import Opt, negative_tail, shortcut, to_outcome
from couchpages.dns.responder import over_udp
from tests.dns.messages import NS, SOA, TXT, A, asking, opt
from tests.dns.own import served, zone_of
from tests.dns.reading import Answer, name, over_tcp, responder, zones

HEAD = "@ 60 SOA a b 1 2 3 4 5\n@ 60 NS a\n"
MX = 15


class Shortcuts(SynchronousTestCase):
    """The commonest answers."""

    @settings(deadline=None)
    @given(
        st.sampled_from(
            ("www", "none", "x.none", "long", "wild", "x.wild", "cut", "old", "", "mail", "longer", "a" * 63)
        ),
        st.sampled_from((A, NS, SOA, TXT, MX, 255)),
        st.sampled_from((None, 512, 1232)),
        st.integers(12, 700),
    )
    def test_same(self, label: str, type_: int, size: int | None, limit: int) -> None:
        """What is put together without a writer is, octet by octet, what a writer would write, and nothing where there is no room."""
        of = zones()
        data = asking(name(label), type_, *([opt(size)] if size else []))
        query = read(data)
        assert isinstance(query, Query)
        assert query.name is not None
        outcome = look_up(of.by_apex, query.name.lower(), type_)
        question, says = data[12 : query.end], Opt(1232)
        tail = lambda zone, at: negative_tail(zone.apex, zone.negative, at)  # noqa: E731 -- as short as can be
        found = shortcut(question, query, outcome, says, limit, tail)
        if found is not None:
            self.assertEqual(found, to_outcome(question, query, outcome, says, limit))
            self.assertLessEqual(len(found.tail) + 2, limit)

    def test_names_of_all_lengths(self) -> None:
        """The SOA that goes with "no" points to the zone's name in the question, wherever that is, for the root too."""
        for origin in (".", "example.", f"{'a' * 63}.{'b' * 63}."):
            of = served([zone_of(HEAD, origin)])
            suffix = of.by_apex.copy().popitem()[0]
            for count in range((255 - len(suffix)) // 2 + 1):
                asked = b"\1x" * count + suffix
                found = Answer.of(responder(of=of).answer(asking(asked, TXT)))
                self.assertEqual(found.lines("authority")[0].split()[:3], [origin, "5", "SOA"])
                self.assertEqual((found.rcode, found.counts), ("NXDOMAIN" if count else "NOERROR", (0, 1, 0)))


class Sections(SynchronousTestCase):
    """What stands where."""

    def ask(self, text: str, type_: int = A, *records: bytes) -> Answer:
        """Ask over UDP."""
        return Answer.of(responder().answer(asking(name(text), type_, *records)))

    def test_each_verdict(self) -> None:
        """Each verdict has its code, AA or not, and its sections."""
        for text, type_, rcode, flags, counts in (
            ("www", A, "NOERROR", "QR AA", (1, 0, 0)),
            ("www", TXT, "NOERROR", "QR AA", (0, 1, 0)),
            ("none", A, "NXDOMAIN", "QR AA", (0, 1, 0)),
            ("alias", A, "NOERROR", "QR AA", (2, 0, 0)),
            ("alias", TXT, "NOERROR", "QR AA", (1, 1, 0)),
            ("away", A, "NOERROR", "QR AA", (1, 0, 0)),
            ("round", A, "NOERROR", "QR AA", (2, 0, 0)),
            ("cut", A, "NOERROR", "QR", (0, 2, 2)),
            ("x.cut.old", A, "NOERROR", "QR AA", (2, 2, 2)),
            ("none.old", A, "NXDOMAIN", "QR AA", (2, 1, 0)),
            ("mail", MX, "NOERROR", "QR AA", (1, 0, 1)),
            ("", NS, "NOERROR", "QR AA", (1, 0, 1)),
        ):
            found = self.ask(text, type_)
            self.assertEqual((found.rcode, found.flags, found.counts), (rcode, flags, counts), text)

    def test_negative(self) -> None:
        """The SOA of a "no" has the lesser of its TTL and MINIMUM, also behind aliases; asked for, it has its own (RFC 2308 section 3)."""
        for text in ("none", "none.old"):
            (line,) = self.ask(text).lines("authority")
            self.assertEqual(line, "example. 60 SOA ns.example. host.example. 7 1 2 3 60")
        self.assertEqual(self.ask("", SOA).lines()[0].split()[1], "3600")

    def test_synthesised(self) -> None:
        """A wildcard's answer has the name that was asked for; a DNAME's comes with itself and the CNAME that it makes, in this order."""
        self.assertEqual(self.ask("x.wild").lines(), ["x.wild.example. 60 A 192.0.2.2"])
        self.assertEqual(
            self.ask("www.old").lines(),
            ["old.example. 60 DNAME example.", "www.old.example. 60 CNAME www.example.", "www.example. 60 A 192.0.2.1"],
        )


class Referrals(SynchronousTestCase):
    """Glue (RFC 9471)."""

    def zone(self, inside: int, outside: int) -> str:
        """Write a zone with a cut that has name servers below it and beside it, each with both kinds of addresses."""
        lines = [HEAD]
        for number in range(inside):
            lines += [
                f"cut 60 NS n{number}.cut",
                f"n{number}.cut 60 A 192.0.2.{number}",
                f"n{number}.cut 60 AAAA 2001:db8::{number}",
            ]
        for number in range(outside):
            lines += [f"cut 60 NS s{number}.side", f"s{number}.side 60 A 192.0.2.{number}"]
        return "\n".join(lines) + "\n"

    def test_what_fits(self) -> None:
        """Glue from below the cut is there whole, or TC is set; addresses from beside it may be left out without it."""
        for inside in range(10):
            for outside in range(10 - inside):
                if not inside + outside:
                    continue
                of = served([zone_of(self.zone(inside, outside), "example.")])
                data = asking(name("x.cut"))
                found, whole = Answer.of(responder(of=of).answer(data)), Answer.of(over_tcp(of).answer(data))
                self.assertEqual((whole.flags, whole.counts), ("QR", (0, inside + outside, 2 * inside + outside)))
                self.assertLessEqual(len(found.wire), 512)
                glue = [line for line in found.lines("additional") if ".cut." in line]
                self.assertEqual(
                    "TC" not in found.flags, len(glue) == 2 * inside and found.counts[1] == inside + outside
                )

    def test_below_its_name(self) -> None:
        """A name server that is the cut's own name is in it; one of a name that only ends alike is not."""
        of = served(
            [zone_of(f"{HEAD}cut 60 NS cut\ncut 60 A 192.0.2.1\nxcut 60 A 192.0.2.2\ncut 60 NS xcut\n", "example.")]
        )
        found = Answer.of(responder(of=of).answer(asking(name("cut"))))
        self.assertEqual((found.counts, found.lines("additional")[0]), ((0, 2, 2), "cut.example. 60 A 192.0.2.1"))


class Options(SynchronousTestCase):
    """``Opt``."""

    def test_as_it_is_counted(self) -> None:
        """OPT has its place kept: a large answer never leaves it out, and is whole up to the last octet that may be."""
        of = zones()
        whole = len(Answer.of(over_tcp(of).answer(asking(name("longer"), TXT, opt()))).wire)
        for size in (whole - 1, whole, whole + 1):
            found = Answer.of(responder(over_udp(4096), of=of).answer(asking(name("longer"), TXT, opt(size))))
            self.assertEqual((found.message.edns, "TC" in found.flags), (0, size < whole))
