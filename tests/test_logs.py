"""How the log is written."""

import io
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import Logger, LogLevel, LogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from couchpages.logs import CHATTY, as_json, observer


class Written(SynchronousTestCase):
    """``observer``."""

    def lines(self, format_: str, *says: Any) -> list[str]:
        """Give the lines of what each of *says* says to a logger."""
        stream = io.StringIO()
        logger = Logger("couchpages.test", observer=LogPublisher(observer(format_, stream)))
        for say in says:
            say(logger)
        return stream.getvalue().splitlines()

    def test_text(self) -> None:
        """Text for people: a line with logger, level and message."""
        (line,) = self.lines("text", lambda logger: logger.warn("{site} is {what}", site="a.example", what="gone"))
        self.assertTrue(line.endswith("[couchpages.test#warn] a.example is gone"), line)

    def test_json(self) -> None:
        """One JSON object a line, with the event's simple fields."""
        (line,) = self.lines(
            "json",
            lambda logger: logger.info(
                "{site} is\ngone", site="ä.example", size=5, deep={"a": 1}, raw=b"x", message="no"
            ),
        )
        event = json.loads(line)
        self.assertRegex(event.pop("time"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
        self.assertEqual(
            event,
            {
                "level": "info",
                "logger": "couchpages.test",
                "message": "ä.example is\ngone",
                "site": "ä.example",
                "size": 5,
            },
        )

    def test_failure(self) -> None:
        """A failure has its traceback, in either format, and in JSON on one line."""
        failure = Failure(KeyError("lost"))
        for format_ in ("text", "json"):
            lines = self.lines(format_, lambda logger: logger.failure("it broke", failure))
            self.assertIn("it broke", lines[0])
            self.assertTrue(any("KeyError" in line and "lost" in line for line in lines))
        self.assertEqual(len(lines), 1)
        self.assertIn("KeyError", json.loads(lines[0])["traceback"])

    def test_chatter(self) -> None:
        """What is for debugging, and what Twisted says of each connection, is left out; its warnings are not."""
        stream = io.StringIO()
        publisher = LogPublisher(observer("text", stream))
        Logger("couchpages.test", observer=publisher).debug("debugging")
        for name in CHATTY:
            Logger(name, observer=publisher).info("chatter")
            Logger(name, observer=publisher).warn("warning of {name}", name=name)
        Logger("twisted.other", observer=publisher).info("kept")
        self.assertEqual(len(stream.getvalue().splitlines()), len(CHATTY) + 1)
        self.assertNotIn("chatter", stream.getvalue())
        self.assertNotIn("debugging", stream.getvalue())

    def test_format_that_fails(self) -> None:
        """An event that cannot be formatted is written all the same."""
        (line,) = self.lines("json", lambda logger: logger.info("{missing}"))
        self.assertIn("missing", json.loads(line)["message"])

    def test_bytes_that_are_no_text(self) -> None:
        """A file's name that is not UTF-8 can be written to a stream that is."""
        line = as_json({"log_format": "{name}", "name": "\udcff", "log_level": LogLevel.info})
        self.assertEqual(json.loads(line.encode("utf-8"))["name"], "\udcff")

    @settings(deadline=None)
    @given(
        st.dictionaries(
            st.text(), st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.binary(), st.none())
        )
    )
    def test_any_event(self, fields: dict[str, Any]) -> None:
        """Whatever an event holds, it is one line of strict JSON."""
        line = as_json({"log_time": 1.5, **{key: value for key, value in fields.items() if not key.startswith("log_")}})
        self.assertEqual(line.count("\n"), 1)

        def no_constant(name: str) -> None:
            raise AssertionError(name)

        json.loads(line, parse_constant=no_constant)
