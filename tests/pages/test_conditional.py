"""Conditional requests of RFC 9110 section 13."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.conditional import (
    NotModified,
    PreconditionFailed,
    Proceed,
    etag,
    matches,
    matches_strongly,
    precondition,
)
from couchpages.web.message import Headers

TAG = b'"xyzzy"'

# field: (weak comparison, strong comparison)
FIELDS = {
    b'"xyzzy"': (True, True),
    b'W/"xyzzy"': (True, False),
    b'"xyzzy", "r2d2xxxx", "c3piozzzz"': (True, True),
    b'W/"r2d2xxxx", W/"xyzzy"': (True, False),
    b'"r2d2xxxx",,\t,"xyzzy" ,': (True, True),
    b"*": (True, True),
    b"": (False, False),
    b'"r2d2xxxx"': (False, False),
    b'"XYZZY"': (False, False),
    b'w/"xyzzy"': (False, False),
    b"xyzzy": (False, False),
    b'"xyzzy': (False, False),
    b'W/ "xyzzy"': (False, False),
    b'"a,"xyzzy"': (True, True),  # a broken member ends at its first comma
    b'"a, b", "xyzzy"': (True, True),
    b'"a,b", "xyzzy"': (True, True),
    b'"x,"xyzzy",y"': (True, True),
    b'"x"xyzzy",y"': (False, False),
    b'"a"b, "xyzzy"': (True, True),
    b'nonsense, "xyzzy"': (True, True),
    b'*, "nothing"': (False, False),
    b'"*"': (False, False),
    b"**": (False, False),
}


def head(**fields: bytes) -> Headers:
    """Make headers of names with underscores."""
    return Headers(tuple((name.replace("_", "-").encode(), value) for name, value in fields.items()))


class MatchesTests(SynchronousTestCase):
    """``etag``, ``matches`` and ``matches_strongly``."""

    def test_etag_is_strong(self) -> None:
        """The entity-tag is the quoted hash without a weakness mark."""
        self.assertEqual(etag("ab12"), b'"ab12"')

    def test_fields(self) -> None:
        """Lists and ``*`` match as sections 8.8.3.2 and 13.1 say, and malformed members count as nothing."""
        for field, (weak, strong) in FIELDS.items():
            self.assertEqual((matches(field, TAG), matches_strongly(field, TAG)), (weak, strong), field)

    def test_comparison_of_the_rfc(self) -> None:
        """The table of section 8.8.3.2, for a tag of ours, which is strong."""
        self.assertEqual((matches(b'W/"1"', b'"1"'), matches_strongly(b'W/"1"', b'"1"')), (True, False))
        self.assertEqual((matches(b'W/"2"', b'"1"'), matches_strongly(b'W/"2"', b'"1"')), (False, False))
        self.assertEqual((matches(b'"1"', b'"1"'), matches_strongly(b'"1"', b'"1"')), (True, True))

    @settings(deadline=None)
    @given(st.lists(st.text("ab,*W/", max_size=4)), st.booleans())
    def test_lists(self, tags: list[str], weak: bool) -> None:
        """A well-formed list matches just if it has the tag, wherever commas stand inside of tags."""
        mark = "W/" if weak else ""
        field = ", ".join(f'{mark}"{tag}"' for tag in tags).encode()
        self.assertEqual(matches(field, b'"a"'), "a" in tags)
        self.assertEqual(matches_strongly(field, b'"a"'), "a" in tags and not weak)

    @settings(deadline=None)
    @given(st.binary(), st.sampled_from([b" ,", b'"', b'"a,', b'W/"']))
    def test_any_octets(self, noise: bytes, piece: bytes) -> None:
        """Anything is compared without an error, also when it is long, and strong comparison implies weak."""
        for field in (noise, piece * 20_000 + noise):
            self.assertLessEqual(matches_strongly(field, TAG), matches(field, TAG))


class PreconditionTests(SynchronousTestCase):
    """``precondition``."""

    def test_order(self) -> None:
        """If-Match goes first, If-None-Match second, dates are ignored (section 13.2.2)."""
        other = b'"other"'
        date = b"Sat, 29 Oct 1994 19:43:31 GMT"
        for headers, verdict in (
            (head(), Proceed()),
            (head(if_match=TAG), Proceed()),
            (head(if_match=b"*"), Proceed()),
            (head(if_match=other), PreconditionFailed()),
            (head(if_match=b'W/"xyzzy"'), PreconditionFailed()),
            (head(if_match=b""), PreconditionFailed()),
            (head(if_none_match=other), Proceed()),
            (head(if_none_match=TAG), NotModified()),
            (head(if_none_match=b'W/"xyzzy"'), NotModified()),
            (head(if_none_match=b"*"), NotModified()),
            (head(if_match=TAG, if_none_match=TAG), NotModified()),
            (head(if_match=other, if_none_match=TAG), PreconditionFailed()),
            (head(if_modified_since=date), Proceed()),
            (head(if_unmodified_since=date), Proceed()),
            (head(if_none_match=other, if_modified_since=date), Proceed()),
        ):
            self.assertEqual(precondition(b"GET", headers, TAG), verdict, headers)
            self.assertEqual(precondition(b"HEAD", headers, TAG), verdict, headers)

    def test_other_methods(self) -> None:
        """A method that does not read fails where one that reads finds nothing new."""
        self.assertEqual(precondition(b"PUT", head(if_none_match=b"*"), TAG), PreconditionFailed())
        self.assertEqual(precondition(b"PUT", head(if_none_match=b'"other"'), TAG), Proceed())

    def test_several_fields(self) -> None:
        """Field lines of one name count as one list."""
        headers = Headers(((b"if-none-match", b'"a"'), (b"if-none-match", TAG)))
        self.assertEqual(precondition(b"GET", headers, TAG), NotModified())
