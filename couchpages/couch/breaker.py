"""A circuit breaker: whether CouchDB is asked at all, decided from how requests ended (pure).

While it is open, requests fail at once instead of each finding out for itself, in many seconds, what is known; only probes pass. The
first probe that is answered closes it. What opens it:

- no connection: at once. Nobody who serves refuses connections, and a probe follows within a fraction of a second. Only one that was begun
  before something else was heard is old news: of five feeds that look for a CouchDB that is starting, one may be refused a moment before
  another is answered, and end a moment after it;
- silence: a request or a feed had to wait too long, *and* nothing else was heard of CouchDB for :data:`QUIET` seconds. The followers' feeds
  bring heartbeats more often than that, so that a CouchDB that is merely slow, or slow with one thing, is heard meanwhile;
- a refused password, because each further wrong one counts.

An answer of 500 or a connection that is lost opens nothing: it may be about one document. Many in a row only end the repeating.

Wrong passwords are rationed. CouchDB (3.4 and later, ``chttpd_auth_lockout``) counts them by address, name and the password's salt, and
forgets the count five minutes after the first of them; from the fifth on it refuses the right password too. A new password has a new salt.
"""

import math
from dataclasses import dataclass, field
from enum import Enum

from couchpages.couch.evidence import LockedOut, PasswordRefused, Unanswered, Unreachable
from couchpages.couch.timeouts import QUIET
from couchpages.ports import StoreError, Unavailable

#: Failures in a row after which nothing is repeated: a visitor's own three repetitions and one more.
AILING = 5
#: Refusals that CouchDB may count before we wait until it has forgotten them, and after how many seconds it surely has.
MOST_REFUSALS = 4
COUNTED = 305.0
#: Seconds until the password is tried once more, because a refusal may be a mistake, such as of a CouchDB that is just starting. Also while
#: CouchDB has locked us out, which is not extended by trying.
FIRST_PAUSE = 10.0
#: Seconds between further tries.
LONG_PAUSE = 155.0


class Trouble(Enum):
    """Why CouchDB is not asked; the values are the metric's labels."""

    AWAY = "away"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Open:
    """CouchDB is not asked, *since* that second, for a *reason* in the words of the request that found out."""

    trouble: Trouble
    since: float
    reason: str


@dataclass(slots=True)
class Breaker:
    """The state. *now* is always in seconds of one clock; *open* is None while CouchDB is asked."""

    open: Open | None = None
    _heard: float = field(default=-math.inf)
    _failures: int = 0
    _refusals: int = 0
    _first_refusal: float = 0.0
    _tried_again: bool = False
    _not_before: float = field(default=-math.inf)

    def admits(self, now: float, *, probe: bool) -> bool:
        """Tell whether a request may be made. While the password is refused, a probe that may keeps others from it for some seconds."""
        if self.open is None:
            return True
        if not probe or now < self._not_before:
            return False
        if self.open.trouble is Trouble.REFUSED:
            self._not_before = now + FIRST_PAUSE
            self._tried_again = True
        return True

    @property
    def worth_repeating(self) -> bool:
        """Whether a failed request may be tried again soon."""
        return self.open is None and self._failures < AILING

    def heard(self, now: float) -> None:
        """Take note of a byte from CouchDB, also a heartbeat."""
        self._heard = max(self._heard, now)

    def answered(self, now: float, *, probe: bool) -> None:
        """Take an answer that CouchDB gives to those whom it knows. Answers on their way from before close nothing."""
        self.heard(now)
        if self.open is None or probe:
            self.open = None
            self._failures = 0
            self.renewed()

    def ended(self, now: float, error: StoreError, *, probe: bool, begun: float) -> None:
        """Take the end of a request that was made, *begun* at that moment, and did not succeed."""
        match error:
            case LockedOut():
                self._refuse(now, error, FIRST_PAUSE)
            case PasswordRefused():
                self._refuse(now, error, self._pause(now))
            case Unreachable():
                self._failures += 1
                # What was heard later than now was heard before the clock was set back.
                if not begun < self._heard <= now:
                    self._open(Trouble.AWAY, now, error)
            case Unanswered():
                self._failures += 1
                if now - self._heard >= QUIET:
                    self._open(Trouble.AWAY, now, error)
            case Unavailable():
                self._failures += 1
            case _:
                self.answered(now, probe=probe)

    def renewed(self) -> None:
        """Forget refusals: from now on another password is used."""
        self._refusals = 0
        self._tried_again = False
        self._not_before = -math.inf

    def _pause(self, now: float) -> float:
        """Count a refusal as CouchDB does, and give the seconds until the next try."""
        if self._refusals == 0 or now - self._first_refusal >= COUNTED:
            self._refusals, self._first_refusal = 0, now
        self._refusals += 1
        if self._refusals >= MOST_REFUSALS:
            return self._first_refusal + COUNTED - now
        return LONG_PAUSE if self._tried_again else FIRST_PAUSE

    def _refuse(self, now: float, error: StoreError, pause: float) -> None:
        self.heard(now)
        self._not_before = max(self._not_before, now + pause)
        self._open(Trouble.REFUSED, now, error)

    def _open(self, trouble: Trouble, now: float, error: StoreError) -> None:
        if self.open is None or self.open.trouble is not trouble:
            self.open = Open(trouble, now, str(error))
