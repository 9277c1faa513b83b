"""Whether and when a request is sent again (pure)."""

from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

MOST_TRIES = 6
MOST_TRIES_UNREACHED = 3
"""While the server was never reached in this run: its address is more likely wrong than its network is bad."""

MOST_WAITING = 60.0
"""Seconds of waiting between the tries of one request, together."""

FIRST_WAIT = 0.5
LONGEST_WAIT = 15.0

PASSING = frozenset({408, 429, 502, 503, 504})
"""Answers that say: not now."""

CHANGED_NOTHING = frozenset({408, 429, 503})
"""Those of them after which also a request that must not happen twice may be repeated (docs/api.md)."""


@dataclass(frozen=True, slots=True)
class Unreached:
    """No connection was made: nothing was sent."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection broke, or no answer came in time: the server may have done it or not."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The server answered with *status*; *retry_after* in seconds, if it said."""

    status: int
    retry_after: float | None = None


Outcome = Unreached | Lost | Refused


@dataclass(frozen=True, slots=True)
class Tries:
    """What was tried so far for one request: how often, seconds waited in between, and whether the server was ever reached."""

    number: int
    waited: float
    reached: bool


def next_wait(tries: Tries, outcome: Outcome, *, repeatable: bool, chance: Callable[[], float]) -> float | None:
    """Give the seconds to wait before the next try, or None to give up.

    *chance* gives a number from 0 to 1. The wait doubles with every try, less up to half by chance, so that clients that failed
    together do not return together; a server's Retry-After is never undercut.
    """
    if not _may_repeat(outcome, repeatable=repeatable) or tries.number >= _most_tries(tries):
        return None
    grown = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (tries.number - 1))
    wait = grown * (1 - chance() / 2)
    if isinstance(outcome, Refused) and outcome.retry_after is not None:
        wait = max(wait, outcome.retry_after)
    return wait if tries.waited + wait <= MOST_WAITING else None


def _most_tries(tries: Tries) -> int:
    return MOST_TRIES if tries.reached else MOST_TRIES_UNREACHED


def _may_repeat(outcome: Outcome, *, repeatable: bool) -> bool:
    match outcome:
        case Unreached():
            return True
        case Lost():
            return repeatable
        case Refused(status=status):
            return status in (PASSING if repeatable else CHANGED_NOTHING)


def retry_after_seconds(value: str | None, now: float) -> float | None:
    """Read Retry-After, seconds or a date (RFC 9110 section 10.2.3); *now* in seconds since 1970. None when there is no sense in it."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, OverflowError):
        return None
