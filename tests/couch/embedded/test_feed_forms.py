"""How feeds are written, decided: what a reader makes of each form is what was told."""

from json import loads
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.embedded.feed_forms import FORMS, Change, Form
from couchpages.couch.embedded.json_text import write_json

changes = st.builds(lambda seq, name: Change(seq, write_json({"seq": seq, "id": name})), st.text("0-ab"), st.text())
pages = st.lists(st.lists(changes, min_size=1, max_size=4), max_size=4)


def written(form: Form, model: list[list[Change]], *, beats: bool = False) -> bytes:
    """Write a whole feed, perhaps with heartbeats between."""
    between = form.heartbeat if beats else b""
    pieces = [form.beginning, between]
    for number, each in enumerate(model):
        pieces += [form.changes(each, first=number == 0), between]
    return b"".join([*pieces, form.end("9-x", 3)])


def told(model: list[list[Change]]) -> list[Any]:
    """List what a reader should find."""
    return [loads(each.text) for page in model for each in page]


class FormTests(SynchronousTestCase):
    """Each form."""

    @settings(deadline=None)
    @given(pages)
    def test_whole(self, model: list[list[Change]]) -> None:
        """One object, also with heartbeats in it."""
        for name in ("normal", "longpoll"):
            for beats in (False, True):
                found = loads(written(FORMS[name], model, beats=beats))
                self.assertEqual(found, {"results": told(model), "last_seq": "9-x", "pending": 3})

    @settings(deadline=None)
    @given(pages)
    def test_lines(self, model: list[list[Change]]) -> None:
        """One object a line, empty lines between."""
        text = written(FORMS["continuous"], model, beats=True)
        found = [loads(line) for line in text.split(b"\n") if line]
        self.assertEqual(found, [*told(model), {"last_seq": "9-x", "pending": 3}])

    @settings(deadline=None)
    @given(pages)
    def test_events(self, model: list[list[Change]]) -> None:
        """Blocks with data and an id, the sequence as JSON; heartbeats are events of another kind, and the end is none."""
        text = written(FORMS["eventsource"], model, beats=True)
        blocks = [block.split(b"\n") for block in text.split(b"\n\n") if block]
        beats = [block for block in blocks if block == [b"event: heartbeat", b"data: "]]
        self.assertEqual(len(beats), len(model) + 1)
        events = [block for block in blocks if block not in beats]
        self.assertEqual([loads(data.removeprefix(b"data: ")) for data, _ in events], told(model))
        ids = [loads(number.removeprefix(b"id: ")) for _, number in events]
        self.assertEqual(ids, [each["seq"] for each in told(model)])
