"""How the log is written: text for people, or one JSON object a line (does I/O to the stream that it is given)."""

import json
import math
from typing import Any, TextIO

from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogFilterPredicate,
    ILogObserver,
    LogEvent,
    LogLevel,
    PredicateResult,
    eventAsText,
    formatEvent,
    formatTime,
    textFileLogObserver,
)
from zope.interface import provider

#: What Twisted says at the level info of each connection that it makes.
CHATTY = ("twisted.web.client._HTTP11ClientFactory", "twisted.web.http.HTTPChannel")


def observer(format_: str, stream: TextIO) -> ILogObserver:
    """Give what writes events to *stream*; *format_* is ``text`` or ``json``."""
    written = textFileLogObserver(stream) if format_ == "text" else FileLogObserver(stream, as_json)
    filtered: ILogObserver = FilteringLogObserver(written, [worth_a_line])
    return filtered


@provider(ILogFilterPredicate)
def worth_a_line(event: LogEvent) -> Any:
    """Leave out Twisted's chatter and what is for debugging."""
    level = event.get("log_level", LogLevel.info)
    quiet = LogLevel.warn if event.get("log_namespace") in CHATTY else LogLevel.info
    return PredicateResult.no if level < quiet else PredicateResult.maybe


def as_json(event: LogEvent) -> str:
    """Write an event as one line: time, level, logger, message, and its fields of simple types; a failure with its traceback."""
    line: dict[str, Any] = {
        "time": formatTime(event.get("log_time")),
        "level": getattr(event.get("log_level"), "name", "info"),
        "logger": event.get("log_namespace", ""),
        "message": formatEvent(event),
    }
    for key, value in event.items():
        if not key.startswith("log_") and _is_simple(value):
            line.setdefault(key, value)
    if "log_failure" in event:
        line["traceback"] = eventAsText(event, includeTimestamp=False, includeSystem=False)
    # Names of files may hold bytes that are not UTF-8; the stream could not write them.
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace").decode() + "\n"


def _is_simple(value: Any) -> bool:
    """Whether JSON can say it; not a number and infinity it cannot."""
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
