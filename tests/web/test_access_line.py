"""Lines of the access log."""

import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.web.access_line import Record, as_json, combined, logged_head

#: The example of Apache's documentation, in UTC.
MOMENT = 971211336.25
HEAD = (
    b"GET /x?y=1 HTTP/1.1\r\nHost: www.example.org\r\nREFERER:  https://a.example/ \r\nUser-Agent: Moz\xffilla\r\n\r\n"
)
#: nginx's regular expression of its combined format, as many readers of logs have it.
COMBINED = re.compile(
    r'(\S+) - - \[(\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d \+0000)\] "([^"]*)" (\d+) (\d+) "([^"]*)" "([^"]*)"\n'
)
PIECES = (b"\nReferer:", b"\r\nuser-agent: ", b"\nHost:", b"GET / HTTP/1.1", b'"', b"\\", b"\x1b", b" ", b"\xff", b"a")
heads = st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(PIECES)).map(b"".join))
records: st.SearchStrategy[Record] = st.tuples(
    st.floats(0, 2**33), st.text(max_size=20), heads, st.integers(100, 599), st.integers(0, 2**63), st.floats(0, 10**6),
    st.text(max_size=20), st.text(max_size=20),
)  # fmt: skip


def record(head: bytes = HEAD, **other: Any) -> Record:
    """Give a record."""
    fields = {"moment": MOMENT, "address": "192.0.2.1", "head": head, "status": 200, "size": 2326, "seconds": 0.00012}
    values = {**fields, "site": "www.example.org", "cache": "memory", **other}
    return tuple(values.values())


class Heads(SynchronousTestCase):
    """``logged_head``."""

    def test_fields(self) -> None:
        """Fields are found whatever the case of their names, without white space around; what did not come is None."""
        read = logged_head(HEAD)
        self.assertEqual(read.words, (b"GET", b"/x?y=1", b"HTTP/1.1"))
        self.assertEqual((read.host, read.referer), (b"www.example.org", b"https://a.example/"))
        self.assertEqual(read.user_agent, b"Moz\xffilla")
        self.assertIsNone(logged_head(b"GET / HTTP/1.0\r\n\r\n").host)

    def test_only_whole_names(self) -> None:
        """A name within another, or within a value, is none; the first of several counts."""
        read = logged_head(b"GET /\nHost:x HTTP/1.1\r\nX-Host: a\r\nX: host: b\r\nhost: c\r\nhost: d\r\n\r\n")
        self.assertEqual(read.host, b"x HTTP/1.1")
        self.assertEqual(logged_head(b"GET / HTTP/1.1\r\nX-Host: a\r\nX: host: b\r\nhost: c\r\nhost: d").host, b"c")

    def test_malformed(self) -> None:
        """A line that is no request's is all target."""
        for line, words in [
            (b"", (b"", b"", b"")),
            (b"GET", (b"", b"GET", b"")),
            (b"GET /", (b"", b"GET /", b"")),
            (b"\x16\x03\x01 x", (b"", b"\x16\x03\x01 x", b"")),
            (b"GET /a b HTTP/1.1", (b"GET", b"/a b", b"HTTP/1.1")),
        ]:
            self.assertEqual(logged_head(line + b"\r\n\r\n").words, words)


class Combined(SynchronousTestCase):
    """``combined``."""

    def test_line(self) -> None:
        """A line is what nginx writes."""
        self.assertEqual(
            combined([record()]),
            b'192.0.2.1 - - [10/Oct/2000:20:55:36 +0000] "GET /x?y=1 HTTP/1.1" 200 2326 "https://a.example/" "Moz\\xFFilla"\n',
        )

    def test_nothing_came(self) -> None:
        """What did not come is a dash; what came empty is empty."""
        line = combined([record(b"\r\nReferer:\r\n\r\n", address="")]).decode()
        self.assertTrue(line.startswith("- - - ["), line)
        self.assertTrue(line.endswith('] "-" 200 2326 "" "-"\n'), line)

    def test_escapes(self) -> None:
        """What could break the line, or does something to a terminal, is written as nginx writes it."""
        line = combined([record(b'GET /"\\\x1b[2J\x7f\x00\xc3\xa4 HTTP/1.1\r\n\r\n')]).decode()
        self.assertIn(r'"GET /\x22\x5C\x1B[2J\x7F\x00\xC3\xA4 HTTP/1.1"', line)

    def test_scope_of_an_address(self) -> None:
        """The scope of an IPv6 address, in which a visitor behind a proxy may write anything, does not break the line."""
        line = combined([record(address='fe80::1%a b"\nä')]).decode()
        self.assertTrue(line.startswith(r"fe80::1%a\x20b\x22\x0A\xC3\xA4 - - ["), line)

    def test_months(self) -> None:
        """Months are named in English."""
        months = [combined([record(moment=86400 * 30.5 * number)]).decode()[18:26] for number in range(13)]
        self.assertEqual(months[:3] + months[11:], ["Jan/1970", "Jan/1970", "Mar/1970", "Dec/1970", "Jan/1971"])

    @settings(deadline=None)
    @given(st.lists(records, max_size=5))
    def test_any_record(self, batch: list[Record]) -> None:
        """Whatever came, each record is one line that readers of logs understand, and batches are the lines of their records."""
        text = combined(batch).decode("ascii")
        self.assertEqual(text, "".join(combined([each]).decode() for each in batch))
        self.assertEqual(len(COMBINED.findall(text)), len(batch))
        self.assertEqual(COMBINED.sub("", text), "")
        self.assertTrue(text.replace("\n", "").isprintable())


class Json(SynchronousTestCase):
    """``as_json``."""

    def test_line(self) -> None:
        """A line has everything."""
        self.assertEqual(
            json.loads(as_json([record()])),
            {
                "time": "2000-10-10T20:55:36.250Z",
                "address": "192.0.2.1",
                "host": "www.example.org",
                "method": "GET",
                "target": "/x?y=1",
                "version": "HTTP/1.1",
                "status": 200,
                "bytes": 2326,
                "seconds": 0.00012,
                "site": "www.example.org",
                "cache": "memory",
                "referer": "https://a.example/",
                "user_agent": "Moz\\xffilla",
            },
        )

    def test_text(self) -> None:
        """UTF-8 is read; what did not come is null."""
        line = as_json([record("GET /ä HTTP/1.1\r\n\r\n".encode())])
        self.assertEqual((json.loads(line)["target"], json.loads(line)["referer"]), ("/ä", None))

    @settings(deadline=None)
    @given(st.lists(records, max_size=5))
    def test_any_record(self, batch: list[Record]) -> None:
        """Whatever came, each record is one line of printable ASCII, and strict JSON; batches are the lines of their records."""
        lines = as_json(batch).decode("ascii").splitlines()
        self.assertEqual(lines, [as_json([each]).decode().rstrip("\n") for each in batch])
        self.assertEqual(len(lines), len(batch))
        for line, each in zip(lines, batch, strict=True):
            self.assertTrue(line.isprintable())
            read = json.loads(line)
            self.assertEqual((read["address"], read["site"], read["cache"]), (each[1], *each[6:]))
            self.assertEqual((read["status"], read["bytes"]), each[3:5])
