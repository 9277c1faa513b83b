"""Accept headers, decided."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.embedded.accepting import accepts

MIXED = "multipart/mixed"


class AcceptingTests(SynchronousTestCase):
    """Which types are taken."""

    def test_anything(self) -> None:
        """Who says nothing takes anything."""
        for header in (None, "", "  ", "*/*", "multipart/*", MIXED, "MULTIPART/Mixed; q=0.5", f"a/b, {MIXED};x=y"):
            self.assertTrue(accepts(header, MIXED), header)

    def test_something_else(self) -> None:
        """Who names others, or weighs it nothing, does not take it."""
        for header in ("application/json", "multipart/related", f"{MIXED};q=0", f"{MIXED};q=zero", "text/*", ","):
            self.assertFalse(accepts(header, MIXED), header)

    def test_the_closest_counts(self) -> None:
        """What names a type more closely counts, whatever the order."""
        for header in (f"*/*, {MIXED};q=0", f"{MIXED};q=0.0, multipart/*", "multipart/*;q=0, */*"):
            self.assertFalse(accepts(header, MIXED), header)
        self.assertTrue(accepts(f"*/*;q=0, {MIXED};q=0.1", MIXED))

    @settings(deadline=None)
    @given(st.text())
    def test_any_text(self, header: str) -> None:
        """Any text is an answer, and adding the type makes it taken, when there is no other word on it."""
        accepts(header, MIXED)
        if MIXED not in header.lower():
            self.assertTrue(accepts(f"{header},{MIXED}", MIXED))
