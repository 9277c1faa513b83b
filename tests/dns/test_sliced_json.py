import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.sliced_json import SlicedObject
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
