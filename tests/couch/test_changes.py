"""The lines of a continuous feed."""

import contextlib
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.changes import Changed, End, FeedEvent, FeedParser, Heartbeat, Unreadable, parse_line
from couchpages.ports import Change, Unavailable

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
sequences = st.text(min_size=1, max_size=10)
documents = st.dictionaries(st.text(max_size=5), values, max_size=3)


@st.composite
def lines(draw: st.DrawFn) -> tuple[bytes, FeedEvent]:
    """Give a line of a feed, and what it means."""
    seq, doc_id, doc = draw(sequences), draw(st.text(min_size=1, max_size=8)), draw(documents)
    ascii_only = draw(st.booleans())

    def line(value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")

    match draw(st.sampled_from(["heartbeat", "change", "deletion", "end"])):
        case "change":
            row: dict[str, Any] = {"seq": seq, "id": doc_id, "changes": [{"rev": "2-x"}, {"rev": "1-y"}], "doc": doc}
            return line(row), Changed(seq, Change(doc_id, doc, ("2-x", "1-y")))
        case "deletion":
            row = {"seq": seq, "id": doc_id, "changes": [{"rev": "3-x"}], "deleted": True, "doc": {"_deleted": True}}
            return line(row), Changed(seq, Change(doc_id, None, ("3-x",), {"_deleted": True}))
        case "end":
            return line({"last_seq": seq, "pending": 3}), End(seq, 3)
        case _:
            return b"", Heartbeat()


class Feeds(SynchronousTestCase):
    """``FeedParser``."""

    @settings(deadline=None)
    @given(st.lists(lines(), max_size=8), st.data())
    def test_any_cut(self, made: list[tuple[bytes, FeedEvent]], data: st.DataObject) -> None:
        """Wherever the network cuts a feed into pieces, its events are the same."""
        feed = b"".join(line + b"\n" for line, _ in made)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(feed)), max_size=10)))
        parser = FeedParser()
        found = [
            event
            for start, stop in zip([0, *cuts], [*cuts, len(feed)], strict=True)
            for event in parser.feed(feed[start:stop])
        ]
        self.assertEqual(found, [event for _, event in made])

    def test_unfinished_line(self) -> None:
        """A line without its end is no event."""
        parser = FeedParser()
        self.assertEqual(list(parser.feed(b'{"last_seq":"1"}')), [])
        self.assertEqual(list(parser.feed(b"\n")), [End("1", 0)])

    def test_events_before_nonsense(self) -> None:
        """What stands before a line that is no JSON is given before the error is raised."""
        events = FeedParser().feed(b'{"seq":"1","id":"a","doc":{}}\n<html>\n')
        self.assertEqual(next(events), Changed("1", Change("a", {})))
        self.assertRaises(Unavailable, next, events)

    def test_endless_line(self) -> None:
        """A line that never ends, and is no change, is given up."""
        parser = FeedParser(max_line=10)
        self.assertEqual(list(parser.feed(b"x" * 10)), [])
        self.assertRaises(Unavailable, list, parser.feed(b"x"))

    @settings(deadline=None)
    @given(st.lists(st.integers(1, 400), max_size=20), st.booleans())
    def test_line_too_long(self, cuts: list[int], deleted: bool) -> None:
        """Defect: a line that is too long stopped the feed for ever. The document is named, its rest not kept, and the feed goes on."""
        change = (
            json.dumps({"seq": "1-x", "id": "large", "changes": [{"rev": "1-a"}]})[:-1]
            .replace(": ", ":")
            .replace(", ", ",")
        )
        flag = ',"deleted":true' if deleted else ""
        line = f'{change}{flag},"doc":{{"x":"{"y" * 300}"}}}}\n'.encode()
        feed = line + b'{"seq":"2-x","id":"b","doc":{}}\n'
        parser = FeedParser(max_line=100)
        found, start = [], 0
        for stop in [*sorted(each for each in cuts if each < len(feed)), len(feed)]:
            found += list(parser.feed(feed[start:stop]))
            self.assertLessEqual(parser._held, 100)
            start = stop
        left_out = (
            Changed("1-x", Change("large", None, ("1-a",)))
            if deleted
            else Unreadable("1-x", "large", "its line is longer than 100 bytes", ("1-a",))
        )
        self.assertEqual(found, [left_out, Changed("2-x", Change("b", {}))])


class Lines(SynchronousTestCase):
    """``parse_line``."""

    def test_numbers_as_sequences(self) -> None:
        """Sequences that are numbers, as CouchDB 1 had them, are taken."""
        self.assertEqual(parse_line(b'{"seq":5,"id":"a","deleted":true}'), Changed("5", Change("a", None)))
        self.assertEqual(parse_line(b'{"last_seq":5}'), End("5", 0))

    def test_document_that_could_not_be_read(self) -> None:
        """A change without its document is no deletion (law 3)."""
        for line in (b'{"seq":"5","id":"a","doc":null}', b'{"seq":"5","id":"a"}', b'{"seq":"5","id":"a","doc":7}'):
            self.assertEqual(parse_line(line), Changed("5", Change("a", {"_id": "a"})))

    def test_documents_beyond_json(self) -> None:
        """A document nested too deeply, or with a number too long, is malformed, and the feed goes on behind it (law 4)."""
        for value in (b"[" * 100_000 + b"]" * 100_000, b"9" * 5000):
            line = rb'{"seq":"5-\"x","id":"\u00e4","changes":[],"doc":{"x":' + value + b"}}"
            found = parse_line(line)
            assert isinstance(found, Unreadable)
            self.assertEqual((found.seq, found.doc_id), ('5-"x', "ä"))

    def test_broken_utf8(self) -> None:
        """A document with broken UTF-8 is left out by its name; with such a name it is no feed, and no defect of ours."""
        found = parse_line(b'{"seq":"1","id":"a","doc":{"x":"\xff"}}')
        assert isinstance(found, Unreadable)
        self.assertEqual((found.seq, found.doc_id), ("1", "a"))
        self.assertRaises(Unavailable, parse_line, b'{"seq":"1","id":"\xff","doc":{}}')

    def test_no_feed(self) -> None:
        """What is no feed is not understood."""
        for line in (
            b"<html>",
            b"{",
            b"[]",
            b"null",
            b"{}",
            b'{"error":"unauthorized","reason":"x"}',
            b'{"seq":null,"id":"a"}',
            b'{"seq":"1"}',
            b'{"seq":"1","id":7}',
            b'{"last_seq":null}',
            b'{"seq":"1","id":"a","doc":{"x":',
            b"[" * 100_000 + b"]" * 100_000,
            b"\xff",
        ):
            with self.subTest(line=line[:40]):
                self.assertRaises(Unavailable, parse_line, line)

    @settings(deadline=None)
    @given(st.binary(max_size=60))
    def test_any_bytes(self, line: bytes) -> None:
        """Any bytes are an event or no feed."""
        with contextlib.suppress(Unavailable):
            parse_line(line)
