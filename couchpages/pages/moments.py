"""Moments as whole milliseconds since 1970 and as RFC 3339 text in UTC (pure)."""

from datetime import UTC, datetime, timedelta

from couchpages.quoting import quoted

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: What comes later was written by a broken clock, and leaves no moment for what happens after it: datetime ends with the year 9999.
END = datetime(9999, 1, 1, tzinfo=UTC)


def to_text(milliseconds: int) -> str:
    """Write a moment as documents and the API have it: ``2026-11-23T14:00:00.123Z``."""
    return (EPOCH + timedelta(milliseconds=milliseconds)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def from_text(text: str) -> int:
    """Read a moment. Raises ValueError for what is none, or lies before 1970 or after 9998."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{quoted(text)} is no moment") from None
    if moment.tzinfo is None:
        raise ValueError(f"{quoted(text)} has no time zone")
    if not EPOCH <= moment < END:
        raise ValueError(f"{quoted(text)} lies before 1970 or after 9998")
    return (moment - EPOCH) // timedelta(milliseconds=1)
