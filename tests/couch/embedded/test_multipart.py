"""Multipart bodies, decided: what a model wrote is read back however it was cut, and nothing hostile does harm."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.embedded.attachments import Stored
from couchpages.couch.embedded.multipart import (
    BOUNDARY_LIMIT,
    HEAD_LIMIT,
    Closed,
    Event,
    MultipartError,
    PartBegins,
    PartData,
    PartEnds,
    Reader,
    boundary_of,
)
from couchpages.couch.embedded.multipart_writing import EMPTY, fit_to_follow, part_head, related, related_type
from couchpages.couch.embedded.segments import Content

BOUNDARY = b"limit"
DELIMITER = b"\r\n--" + BOUNDARY
PIECES = [b"\r", b"\n", b"\r\n", b"--", b"-", BOUNDARY, DELIMITER[:-1], b"\r\n--", b"\r\n\r\n", b"x", b"\0"]

near_misses = st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)


def stays_whole(content: bytes) -> bool:
    """Tell whether no delimiter stands in a content, or begins in it."""
    return (content + DELIMITER).find(DELIMITER) == len(content)


contents = (near_misses | st.binary(max_size=300)).filter(stays_whole)
tokens = st.text("abcdefgh-", min_size=1, max_size=12)
fields = st.dictionaries(tokens, st.text("abc ;=/\"'é", max_size=20).map(str.strip), max_size=4)


@dataclass(frozen=True)
class Part:
    """What a model writes."""

    headers: dict[str, str]
    content: bytes


parts = st.lists(st.builds(Part, fields, contents), max_size=5)


def written(model: Sequence[Part], preamble: bytes = b"", padding: bytes = b"", epilogue: bytes = b"") -> bytes:
    """Write a body."""
    pieces = [preamble]
    for each in model:
        head = "".join(f"\r\n{name}: {value}" for name, value in each.headers.items()).encode()
        pieces += [DELIMITER, padding, head, b"\r\n\r\n", each.content]
    return b"".join([*pieces, DELIMITER, b"--", epilogue])


@st.composite
def cut(draw: st.DrawFn, body: bytes) -> list[bytes]:
    """Cut a body anywhere."""
    places = sorted(draw(st.lists(st.integers(0, len(body)), max_size=20)))
    return [body[start:end] for start, end in zip([0, *places], [*places, len(body)], strict=True)]


def read(reader: Reader, pieces: Sequence[bytes]) -> list[Event]:
    """Feed pieces, and return the events with data that follows data joined."""
    events: list[Event] = []
    for event in (each for piece in pieces for each in reader.feed(piece)):
        if isinstance(event, PartData) and events and isinstance(events[-1], PartData):
            events[-1] = PartData(events[-1].data + event.data)
        else:
            events.append(event)
    return events


class ReaderTests(SynchronousTestCase):
    """Reading."""

    @settings(deadline=None)
    @given(
        st.data(), parts, st.sampled_from([b"", b"a preamble", b"--", b"\r\n"]), st.sampled_from([b"", b" ", b" \t"])
    )
    def test_round_trip(self, data: st.DataObject, model: list[Part], preamble: bytes, padding: bytes) -> None:
        """What a model wrote is told in order, however the body is cut; what stands around it is dropped."""
        body = written(model, preamble, padding, b"\r\nan epilogue --limit--")
        expected: list[Event] = []
        for each in model:
            expected.append(PartBegins(each.headers))
            expected += [PartData(each.content)] if each.content else []
            expected.append(PartEnds())
        reader = Reader(BOUNDARY)
        self.assertEqual(read(reader, data.draw(cut(body))), [*expected, Closed()])
        self.assertTrue(reader.closed)

    @settings(deadline=None)
    @given(parts.filter(bool))
    def test_byte_by_byte(self, model: list[Part]) -> None:
        """One byte at a time gives what the whole gives; the first delimiter may begin the body."""
        body = written(model)[2:]
        whole = read(Reader(BOUNDARY), [body])
        self.assertEqual(read(Reader(BOUNDARY), [bytes([each]) for each in body]), whole)
        self.assertEqual(whole[-1], Closed())

    @settings(deadline=None)
    @given(parts, st.data())
    def test_cut_off(self, model: list[Part], data: st.DataObject) -> None:
        """A body that is cut off before its last delimiter is never told as closed."""
        body = written(model)
        length = data.draw(st.integers(0, len(body) - 1))
        reader = Reader(BOUNDARY)
        self.assertNotIn(Closed(), read(reader, [body[:length]]))
        self.assertFalse(reader.closed)

    @settings(deadline=None, max_examples=300)
    @given(st.lists(near_misses | st.binary(max_size=40), max_size=30))
    def test_hostile(self, pieces: list[bytes]) -> None:
        """Whatever comes, it is read or refused with MultipartError, and little is kept in memory."""
        reader = Reader(BOUNDARY)
        try:
            for each in pieces:
                reader.feed(each)
                self.assertLessEqual(len(reader._buffer), HEAD_LIMIT + len(each) + len(DELIMITER))
        except MultipartError:
            pass

    def test_bounded(self) -> None:
        """Long preambles and contents are not kept; heads and padding without an end are refused."""
        for beginning in (b"", DELIMITER + b"\r\n\r\n"):
            reader = Reader(BOUNDARY)
            reader.feed(beginning)
            for _ in range(100):
                reader.feed(b"x" * 10_000)
                self.assertLessEqual(len(reader._buffer), len(DELIMITER))
        for beginning, filling in ((DELIMITER + b"\r\n", b"a: b\r\n"), (DELIMITER, b" ")):
            reader = Reader(BOUNDARY)
            reader.feed(beginning)
            with self.assertRaises(MultipartError):
                for _ in range(HEAD_LIMIT):
                    reader.feed(filling * 10)

    def test_refused(self) -> None:
        """A delimiter's line goes on with nothing else, and a head has fields."""
        for body in (DELIMITER + b"x\r\n", DELIMITER + b"- x", DELIMITER + b"\r\nno field\r\n\r\n"):
            self.assertRaises(MultipartError, Reader(BOUNDARY).feed, body)

    def test_type(self) -> None:
        """A part's type is told without parameters, in small letters."""
        self.assertEqual(PartBegins({"content-type": "Application/JSON; charset=x"}).content_type, "application/json")
        self.assertEqual(PartBegins({}).content_type, "")


class BoundaryTests(SynchronousTestCase):
    """Content types."""

    def test_found(self) -> None:
        """A boundary may be quoted, and stand behind other parameters."""
        for text in (
            'multipart/related; boundary="limit"',
            "multipart/related;boundary=limit",
            "multipart/related; type=x; BOUNDARY=limit; more=y",
        ):
            self.assertEqual(boundary_of(text), BOUNDARY)

    def test_refused(self) -> None:
        """None, an empty one or a very long one are refused."""
        for text in (
            "multipart/related",
            'x; boundary=""',
            "x; boundary=",
            f"x; boundary={'y' * (BOUNDARY_LIMIT + 1)}",
        ):
            self.assertRaises(MultipartError, boundary_of, text)


@st.composite
def attachments(draw: st.DrawFn) -> tuple[Stored, bytes]:
    """Draw an attachment and its stored bytes."""
    content = draw(contents)
    name = draw(st.text(min_size=1, max_size=10))
    kind = draw(st.text(max_size=10))
    stored = Stored(
        name, kind, 1, draw(st.integers(1, 9)), len(content), b"\0" * 16, draw(st.sampled_from([None, "gzip"]))
    )
    return stored, content


class WritingTests(SynchronousTestCase):
    """Writing."""

    @settings(deadline=None)
    @given(st.lists(attachments(), min_size=1, max_size=4))
    def test_read_back(self, model: list[tuple[Stored, bytes]]) -> None:
        """The reader finds the document and each content, whatever names and types there are; empty ones follow compressed."""
        follow = [fit_to_follow(stored) for stored, _ in model]
        segments = related(BOUNDARY, b"{}", follow)
        stored = iter([content for _, content in model if content])
        body = b"".join(next(stored) if isinstance(each, Content) else each for each in segments)
        events = read(Reader(BOUNDARY), [body])
        told = [each.data for each in events if isinstance(each, PartData)]
        self.assertEqual(told, [b"{}", *(content or EMPTY for _, content in model)])
        heads = [each.headers for each in events if isinstance(each, PartBegins)][1:]
        self.assertEqual([int(each["content-length"]) for each in heads], [len(each) for each in told[1:]])
        self.assertEqual(events[-1], Closed())

    def test_alone(self) -> None:
        """Without attachments it is the document alone."""
        self.assertEqual((related(BOUNDARY, b"{}", []), related_type(BOUNDARY, [])), ([b"{}"], b"application/json"))

    def test_name(self) -> None:
        """A name is told as it is, unless it would end the quotes or the line."""
        for name, told in (("a b/é", "a b/é"), ('a"b\r\nc', "a%22b%0D%0Ac")):
            head = part_head(Stored(name, "a/b", 1, 1, 1, b"\0" * 16))
            self.assertIn(f'filename="{told}"\r\n'.encode(), head)
