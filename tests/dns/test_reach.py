from pathlib import Path

from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase

from couchpages.access.keys import KeyRecord
from couchpages.dns.names import canonical, from_text, is_within, shown
from couchpages.dns.reach import reaches
from couchpages.testing.node import MemoryNode
from tests.dns.drawn import names


def reached(patterns: tuple[str, ...], zone: str) -> bool:
    """Tell whether a key for *patterns* reaches a zone."""
    return reaches(KeyRecord("", b"", "", ("*",), patterns), canonical(from_text(zone)))


class ReachTests(SynchronousTestCase):
    """Keys and zones."""

    def test_patterns(self) -> None:
        """A star covers what is below a name, not the name; a name covers itself, in any case; what is no name covers nothing."""
        for pattern, zone, expected in (
            ("*", "a.example", True),
            ("*.example.org", "a.example.org", True),
            ("*.example.org", "b.a.example.org", True),
            ("*.example.org", "example.org", False),
            ("*.example.org", "aexample.org", False),
            ("Example.ORG.", "example.org", True),
            ("example.org", "a.example.org", False),
            ("*.", "a.example", False),
            (".", "a.example", False),
            ("", "a.example", False),
            ("*.a..b", "x.a..b".replace("..", "."), False),
        ):
            self.assertEqual(reached((pattern,), zone), expected, (pattern, zone))
        self.assertTrue(reached(("a.example", "*.b.example"), "x.b.example"))
        self.assertFalse(reached((), "a.example"))

    def test_a_dot_within_a_label(self) -> None:
        """A name whose label has a dot in it is not below what stands behind that dot."""
        self.assertFalse(reached(("*.example.org",), "evil\\.example.org"))
        node = MemoryNode(Path(self.mktemp()))
        key = node.add_key(zones=("*.example.org",))
        answer = node.call("POST", "/api/v2/zones", {"name": "evil\\.example.org"}, key=key)
        self.assertEqual((answer.status, node.dns_zones.documents_now()), (403, {}))

    @settings(deadline=None)
    @given(names, names)
    def test_any_names(self, apex: bytes, above: bytes) -> None:
        """Whatever octets names have, a star covers those strictly within."""
        apex, above = canonical(apex), canonical(above)
        if len(above) > 1:
            expected = apex != above and is_within(apex, above)
            self.assertEqual(reached((f"*.{shown(above)}",), shown(apex)), expected)
