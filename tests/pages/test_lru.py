"""Values under a limit of bytes."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.lru import SizedCache

KEYS = st.sampled_from("abcdef")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.binary(max_size=12)),
        st.tuples(st.just("get"), KEYS, st.just(b"")),
        st.tuples(st.just("discard"), KEYS, st.just(b"")),
    ),
    max_size=60,
)


class SizedCacheTests(SynchronousTestCase):
    """``SizedCache``."""

    @given(st.integers(0, 30), STEPS)
    @settings(deadline=None)
    def test_against_a_model(self, limit: int, steps: list[tuple[str, str, bytes]]) -> None:
        """It holds what a list kept in order of use holds, and counts exactly that."""
        cache: SizedCache[str, bytes] = SizedCache(limit, len)
        model: list[tuple[str, bytes]] = []
        for step, key, value in steps:
            if step == "get":
                self.assertEqual(cache.get(key), dict(model).get(key))
                model.sort(key=lambda each: each[0] == key)
                continue
            model = [each for each in model if each[0] != key]
            if step == "discard":
                cache.discard(key)
            else:
                let_go = cache.put(key, value)
                model.append((key, value))
                gone = []
                if len(value) > limit:
                    model.pop()
                    gone = [key]
                else:
                    while sum(len(each) for _, each in model) > limit:
                        gone.append(model.pop(0)[0])
                self.assertEqual(let_go, gone)
            self.assertEqual(cache.held, sum(len(each) for _, each in model))
            self.assertEqual(len(cache), len(model))
            self.assertEqual({each for each in "abcdef" if each in cache}, {each for each, _ in model})

    def test_too_large(self) -> None:
        """A value larger than the limit pushes nobody out, and its own older value is not kept in its place."""
        cache: SizedCache[str, bytes] = SizedCache(4, len)
        cache.put("a", b"1")
        cache.put("b", b"22")
        self.assertEqual(cache.put("a", b"55555"), ["a"])
        self.assertEqual((cache.get("a"), cache.get("b"), cache.held), (None, b"22", 2))

    def test_empty_values(self) -> None:
        """A value of no bytes is a value."""
        cache: SizedCache[str, bytes] = SizedCache(0, len)
        self.assertEqual(cache.put("a", b""), [])
        self.assertEqual(cache.get("a"), b"")
