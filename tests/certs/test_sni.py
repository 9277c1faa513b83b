"""Which certificate answers for which name."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.sni import Index, index, next_change

NOW = 1000.0


def certificate(
    *names: str, kind: Kind = Kind.ECDSA, made: int = 0, not_before: float = 0.0, not_after: float = 2000.0
) -> Certificate:
    """Give a certificate, its chain and key left empty."""
    fingerprint = sha256(repr((names, kind, made, not_before, not_after)).encode()).hexdigest()
    return Certificate(names[0], kind, names, not_before, not_after, "", 1, fingerprint, b"", b"", made)


def offered(found: Index, host: str | None) -> list[str]:
    """Give the names of the certificates that are offered."""
    return [each.name for each in found.offer(host)]


class Choosing(SynchronousTestCase):
    """``Index``."""

    def test_exact_then_wildcard(self) -> None:
        """The exact name goes before the wildcard, which stands for one label and not for none."""
        found = index([certificate("*.example.org"), certificate("www.example.org")], "", [], NOW)
        self.assertEqual(offered(found, "www.example.org"), ["www.example.org"])
        self.assertEqual(offered(found, "other.example.org"), ["*.example.org"])
        for host in ("example.org", "a.b.example.org", "example.com", "", ".", "org", ".example.org.com"):
            self.assertEqual(offered(found, host), [], host)

    def test_forms_of_a_name(self) -> None:
        """Upper case and a trailing dot are the same name."""
        found = index([certificate("www.example.org")], "", [], NOW)
        for host in ("WWW.Example.ORG", "www.example.org.", "WWW.EXAMPLE.ORG."):
            self.assertEqual(offered(found, host), ["www.example.org"])

    def test_newer_goes_first(self) -> None:
        """Of two for a name, the one made later answers; the other goes on answering for its other names."""
        old, new = certificate("a.example", "b.example", made=1), certificate("a.example", made=2)
        for given_ in ([old, new], [new, old]):
            found = index(given_, "", [], NOW)
            self.assertEqual(found.offer("a.example"), (new,))
            self.assertEqual(found.offer("b.example"), (old,))

    def test_valid_goes_first(self) -> None:
        """One that is good now goes before a newer one that is not yet good, or no longer."""
        good = certificate("a.example", made=1)
        for other in (
            certificate("a.example", made=2, not_after=NOW),
            certificate("a.example", made=3, not_before=NOW + 1),
        ):
            self.assertEqual(index([good, other], "", [], NOW).offer("a.example"), (good,))
            self.assertEqual(index([other], "", [], NOW).offer("a.example"), (other,))

    def test_an_expired_one_gives_way_to_a_wildcard(self) -> None:
        """A wildcard that is good answers where the exact name's is not; an expired wildcard changes nothing."""
        expired, wildcard = certificate("a.example.org", not_after=NOW), certificate("*.example.org")
        self.assertEqual(index([expired, wildcard], "", [], NOW).offer("a.example.org"), (wildcard,))
        both = index([expired, certificate("*.example.org", not_after=NOW)], "", [], NOW)
        self.assertEqual(both.offer("a.example.org"), (expired,))

    def test_both_kinds(self) -> None:
        """ECDSA and RSA are offered side by side, but an expired one not beside a good one."""
        ecdsa, rsa = certificate("a.example"), certificate("a.example", kind=Kind.RSA)
        self.assertEqual(index([rsa, ecdsa], "", [], NOW).offer("a.example"), (ecdsa, rsa))
        late = certificate("a.example", kind=Kind.RSA, not_after=NOW)
        self.assertEqual(index([late, ecdsa], "", [], NOW).offer("a.example"), (ecdsa,))

    def test_default(self) -> None:
        """Who names no host gets what is configured, by any of its names, else the first by name; nobody else does."""
        every = [certificate("b.example"), certificate("a.example"), certificate("*.c.example")]
        for default, name in (
            ("", "*.c.example"),
            ("b.example", "b.example"),
            ("B.example.", "b.example"),
            ("x.c.example", "*.c.example"),
            ("unknown.example", "*.c.example"),
        ):
            found = index(every, default, [], NOW)
            self.assertEqual(offered(found, None), [name])
            self.assertEqual(offered(found, "unknown.example"), [])
        self.assertEqual(Index().offer(None), ())

    def test_development(self) -> None:
        """The node's own answers for its names, and without a name where there is nothing else."""
        own, real = certificate("localhost", "*.localhost"), certificate("z.example")
        alone = index([], "", [own], NOW)
        self.assertEqual((alone.offer(None), alone.offer("a.localhost")), ((own,), (own,)))
        beside = index([real], "", [own], NOW)
        self.assertEqual((beside.offer(None), beside.offer("localhost")), ((real,), (own,)))
        for host in ("example.org", "z.example.org"):
            self.assertEqual(beside.offer(host), ())
        replaced = certificate("*.localhost")
        self.assertEqual(index([replaced], "", [own], NOW).offer("a.localhost"), (replaced,))

    def test_next_change(self) -> None:
        """The next date at which something begins or ends."""
        self.assertEqual(next_change([certificate("a"), certificate("b", not_before=1500)], NOW), 1500)
        self.assertIsNone(next_change([certificate("a", not_after=NOW)], NOW))

    @given(st.lists(st.sampled_from(["a.b.c", "*.b.c", "b.c", "*.c", "c"]), max_size=5), st.text("abc.*", max_size=9))
    def test_any_name(self, names: list[str], host: str) -> None:
        """What is offered is for the name: exact, or a wildcard for its first label."""
        found = index([certificate(name) for name in names], "", [], NOW)
        for each in found.offer(host):
            asked = host.rstrip(".")
            self.assertIn(each.name, (asked, f"*.{asked.partition('.')[2]}"))
