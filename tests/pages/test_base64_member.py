"""Members of a flat JSON object, taken from a buffer."""

import base64
import json
import mmap
import tempfile
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.base64_member import MOST_MEMBERS, Span, decoded, members, short_text

PIECES = st.integers(6, 40)
TELLING = st.lists(st.sampled_from([b"{", b"}", b'"', b":", b",", b"a", b"\\", b" ", b"1"])).map(b"".join)


def escaped(text: str, choices: list[int]) -> bytes:
    """Write base64 as a JSON string's inside, each character plain or escaped as *choices* say."""
    parts = []
    for place, character in enumerate(text):
        match choices[place % len(choices)] if choices else 0:
            case 1:
                parts.append(f"\\u{ord(character):04X}")
            case 2:
                parts.append(f"\\u{ord(character):04x}")
            case 3 if character == "/":
                parts.append("\\/")
            case _:
                parts.append(character)
    return "".join(parts).encode()


def content_of(raw: bytes, piece: int = 6) -> bytes:
    """Decode all of *raw*."""
    return b"".join(decoded(raw, Span(0, len(raw)), piece))


class MembersTests(SynchronousTestCase):
    """``members`` and ``short_text``."""

    @given(
        st.dictionaries(st.text(max_size=20), st.text(max_size=20), min_size=1), st.booleans(), st.none() | st.just(2)
    )
    @settings(deadline=None)
    def test_as_json(self, value: dict[str, str], ascii_only: bool, indent: int | None) -> None:
        """Any object of texts is read as the standard library reads it, names without regard to case."""
        buffer = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
        wanted = {name.lower(): text for name, text in value.items()}
        found = {name: short_text(buffer, span) for name, span in members(buffer).items()}
        self.assertEqual(found, wanted)

    @given(
        st.dictionaries(
            st.text("abcAB", min_size=1), st.text() | st.none() | st.booleans() | st.integers() | st.floats()
        )
    )
    @settings(deadline=None)
    def test_other_values(self, value: dict[str, Any]) -> None:
        """Numbers, truth values and null are passed over."""
        buffer = json.dumps({**value, "z": "end"}, allow_nan=True).replace("NaN", "0").replace("Infinity", "1").encode()
        expected = {name.lower() for name, each in value.items() if isinstance(each, str)} | {"z"}
        self.assertLessEqual(set(members(buffer)), expected)
        self.assertIn("z", members(buffer))

    def test_white_space(self) -> None:
        """White space stands wherever JSON lets it."""
        buffer = b' \r\n{\t"A" :\n"1" , "b"\n:\t"2"\r}\n '
        found = members(buffer)
        self.assertEqual({name: short_text(buffer, span) for name, span in found.items()}, {"a": "1", "b": "2"})

    @given(st.binary(max_size=60) | TELLING)
    @settings(deadline=None)
    def test_anything(self, buffer: bytes) -> None:
        """Whatever comes is read or refused with ValueError."""
        try:
            found = members(buffer)
        except ValueError:
            return
        for span in found.values():
            self.assertLessEqual(0, span.start)
            self.assertLessEqual(span.stop, len(buffer))

    def test_refused(self) -> None:
        """What is no flat object says where it is not."""
        for buffer in (
            b"", b"[]", b'"x"', b"{", b'{"a"}', b'{"a":', b'{"a":"b"', b'{"a":"b",}', b'{"a":"b"} x', b'{"a":{}}', b'{"a":[]}',
            b"{a:1}", b'{"a":"b" "c":"d"}', b'{"a":"unterminated}', b'{"a":"\\"}', b'{"\\z":"b"}', b'{"\xff":"b"}', b"\x00",
        ):  # fmt: skip
            with self.assertRaises(ValueError, msg=buffer):
                members(buffer)

    def test_many_members(self) -> None:
        """An object of more members than any upload has is refused before it fills the memory."""
        many = {str(number): "" for number in range(MOST_MEMBERS + 1)}
        with self.assertRaisesRegex(ValueError, "more than"):
            members(json.dumps(many).encode())
        many.popitem()
        self.assertEqual(len(members(json.dumps(many).encode())), MOST_MEMBERS)

    def test_long_text(self) -> None:
        """A member that is read whole may not be long."""
        buffer = b'{"a":"' + b"x" * 5000 + b'"}'
        with self.assertRaises(ValueError):
            short_text(buffer, members(buffer)["a"])

    def test_hostile_input_ends(self) -> None:
        """What makes a careless expression go over the same bytes again and again is read in one pass: it comes back at all."""
        size = 400_000
        for buffer in (
            b'{"a":"' + b"\\" * size,
            b'{"a":"' + b'\\"' * size,
            b'{"a":"' + b"x" * size,
            b'{"' + b"x\\n" * size,
            b"{" + b" " * size,
            b" " * size + b"x",
            b'{"a"' + b" " * size + b"x",
            b'{"a":' + b" " * size + b"x",
            b'{"a":"b"' + b" " * size + b"x",
            b'{"a":' + b"1e" * size + b"x",
            b'{"a":' + b"-" * size,
        ):
            with self.assertRaises(ValueError):
                members(buffer)
        for inside in (b"\\u002B" * size, b"\\/" * size, b"A" * size):
            self.assertEqual(members(b'{"a":"' + inside + b'"}')["a"], Span(6, 6 + len(inside)))

    def test_mapped_file(self) -> None:
        """A file that is mapped is read like bytes, and can be let go of afterwards."""
        with tempfile.TemporaryFile() as file:
            file.write(b'{"Hash": "abc", "Data": "QUJD"}')
            file.flush()
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
                found = members(buffer)
                self.assertEqual(short_text(buffer, found["hash"]), "abc")
                self.assertEqual(b"".join(decoded(buffer, found["data"])), b"ABC")


class DecodedTests(SynchronousTestCase):
    """``decoded``."""

    @given(st.binary(max_size=200), st.lists(st.integers(0, 3), max_size=20), PIECES)
    @settings(deadline=None)
    def test_any_content(self, content: bytes, choices: list[int], piece: int) -> None:
        """Any content, escaped in any way and cut anywhere, comes back."""
        raw = escaped(base64.b64encode(content).decode(), choices)
        self.assertEqual(json.loads(b'"' + raw + b'"'), base64.b64encode(content).decode())
        self.assertEqual(content_of(raw, piece), content)

    @given(st.text("AQg=+/ \n-_é\\", max_size=30), PIECES)
    @settings(deadline=None)
    def test_as_the_standard_library(self, text: str, piece: int) -> None:
        """What the strict decoder of the standard library refuses is refused, wherever it is cut, and what it takes is taken."""
        raw = json.dumps(text)[1:-1].encode()
        try:
            expected = base64.b64decode(text, validate=True)
        except ValueError:
            with self.assertRaises(ValueError):
                content_of(raw, piece)
        else:
            self.assertEqual(content_of(raw, piece), expected)

    def test_padding_in_the_next_piece(self) -> None:
        """Padding that is cut in two belongs together still."""
        for piece in range(6, 14):
            self.assertEqual(content_of(b"QUJDRA==", piece), b"ABCD")
            self.assertEqual(content_of(b"QUJDREU=", piece), b"ABCDE")

    def test_behind_the_end(self) -> None:
        """Nothing may follow the padding, in whatever piece it comes."""
        for raw in (b"QQ==QUJD", b"QUJDRA==QUJD", b"QQ==\\u0041AAA", b"QQ=", b"=", b"Q", b"QQ==="):
            for piece in (6, 7, 8, 9, 100):
                with self.assertRaises(ValueError, msg=raw):
                    content_of(raw, piece)

    def test_other_escapes(self) -> None:
        """An escape of a character that base64 does not have is refused, also one of an escape."""
        for raw in (b"QUJ\\n", b"QUJ\\\\", b"QU\\\\u0041JD", b"QUJ\\u1041", b"QUJ\\u00e9", b"QUJ\\u00", b"QUJ\\"):
            with self.assertRaises(ValueError, msg=raw):
                content_of(raw, 100)

    def test_pieces(self) -> None:
        """Work grows with the length alone: as many pieces as the length asks for, none empty for ever."""
        for count in (1000, 2000):
            raw = b"\\u002B" * count * 4
            pieces = list(decoded(raw, Span(0, len(raw)), 600))
            self.assertLessEqual(len(pieces), count * 4 * 6 // (600 - 5) + 1)
            self.assertEqual(len(b"".join(pieces)), count * 3)

    def test_one_pass_within_a_piece(self) -> None:
        """Only the asked-for part of the buffer is decoded."""
        self.assertEqual(b"".join(decoded(b'{"x":"QUJD"}', Span(6, 10))), b"ABC")
        self.assertEqual(list(decoded(b"", Span(0, 0))), [])
