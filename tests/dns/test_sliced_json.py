import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.sliced_json import LONGEST_ITEM, SlicedObject
from couchpages.web.problem import Problem

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)


def read(body: bytes) -> tuple[list[Any], dict[str, Any], bool]:
    """Read a body whole."""
    sliced = SlicedObject(body, "items")
    found = list(sliced)
    return found, sliced.members, sliced.has_list


class SlicedObjectTests(SynchronousTestCase):
    """Large bodies, an item at a time."""

    @settings(deadline=None)
    @given(
        st.lists(JSON, max_size=5), st.dictionaries(st.text(max_size=4), JSON, max_size=3), st.sampled_from([None, 2])
    )
    def test_as_json_reads_it(self, items: list[Any], others: dict[str, Any], indent: int | None) -> None:
        """Whatever the object holds and however it is written, what is read is what json.loads reads."""
        others.pop("items", None)
        body = json.dumps({**others, "items": items}, indent=indent).encode()
        self.assertEqual(read(body), (items, others, True))

    @settings(deadline=None, max_examples=300)
    @given(st.binary(max_size=40) | st.text('{}[]:,"items 1', max_size=30).map(str.encode))
    def test_anything(self, body: bytes) -> None:
        """What is no JSON object is refused with a 400, and what json.loads refuses is refused here."""
        try:
            read(body)
        except Problem as problem:
            self.assertEqual(problem.status, 400)
        else:
            self.assertIsInstance(json.loads(body), dict)

    def test_empty(self) -> None:
        """An object of nothing, and a list of nothing."""
        self.assertEqual(read(b" {} "), ([], {}, False))
        self.assertEqual(read(b'{"items":[ ]}'), ([], {}, True))
        self.assertEqual(read(b'{"items":3}'), ([], {"items": 3}, False))

    def test_nested_too_deeply(self) -> None:
        """A thousand brackets are a 400."""
        self.assertRaises(Problem, read, b'{"items":[' + b"[" * 100_000)

    def test_members_that_nobody_reads(self) -> None:
        """Where the others are told, a member that is not among them is refused before it is read, whatever it holds."""
        self.assertEqual(list(SlicedObject(b'{"a": 1, "items": [2]}', "items", ("a",))), [2])
        for body in (b'{"b":[', b'{"items":[],"b":1}'):
            refused = self.assertRaises(Problem, list, SlicedObject(body, "items", ("a",)))
            self.assertEqual((refused.status, refused.field), (400, "b"))

    def test_too_long(self) -> None:
        """An item or member of more than 512 Ki characters is refused without being read; one that has as many is read."""
        longest = b'"' + b"a" * (LONGEST_ITEM - 2) + b'"'
        self.assertEqual(read(b'{"items":[' + longest + b'],"a":' + longest + b"}")[1], {"a": "a" * (LONGEST_ITEM - 2)})
        for body in (b'{"items":[ "a%b]}', b'{"a":"a%b}', b'{"items":[[%b]]}', b'{"items":[1%b'):
            many = b"[]," * LONGEST_ITEM if b"[[" in body else longest.replace(b"a", b"1").replace(b'"', b"")
            refused = self.assertRaises(Problem, read, body % (many + b'22"'))
            self.assertEqual(refused.status, 400)
            self.assertIn("524,288 characters", str(refused))

    def test_windows(self) -> None:
        """A value that ends where a window does, or goes on behind it, is read whole."""
        for length in (4095, 4096, 4097, 65_535, 65_536, 65_537):
            text = b'"' + b"a" * (length - 2) + b'"'
            self.assertEqual(read(b'{"items":[%b,12]}' % text)[0], ["a" * (length - 2), 12])
            blanks = b"[" + b" " * (length - 4) + b"123]"
            self.assertEqual(read(b'{"items":[%b]}' % blanks)[0], [[123]])

    def test_members_without_end(self) -> None:
        """A member that is there twice, or more than a hundred of them, are refused."""
        for body in (
            b'{"a":1,"a":1}',
            b'{"items":[1],"items":[2]}',
            json.dumps(dict.fromkeys(map(str, range(101)))).encode(),
        ):
            self.assertRaises(Problem, read, body)
