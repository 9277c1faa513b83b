"""What the end of a request tells of CouchDB as a whole, beside what was asked for (pure)."""

from couchpages.ports import Denied, StoreError, Unavailable


class Unreachable(Unavailable):
    """No connection could be made: nobody listens there, or the way is cut."""


class Unanswered(Unavailable):
    """A connection stood and nothing came in time. It may be that one request, or all of CouchDB."""


class Unasked(Unavailable):
    """CouchDB was not asked, or was asked no longer, because it is known that it would not answer."""


class NoDatabase(Unavailable):
    """CouchDB answered that there is no such database. That says nothing of what was in it (law 3): it may come back."""


class PasswordRefused(Denied):
    """CouchDB does not accept our name and password (401), whatever we ask for."""


class LockedOut(PasswordRefused):
    """CouchDB saw too many wrong passwords from this address, and refuses the right one too, for some minutes (403)."""


#: How a request ended, the more special kinds of error first.
_OUTCOMES: tuple[tuple[type[BaseException], str], ...] = (
    (Unasked, "not_asked"),
    (Unreachable, "unreachable"),
    (Unanswered, "unanswered"),
    (PasswordRefused, "refused"),
    (NoDatabase, "answered"),
    (Unavailable, "failed"),
    (StoreError, "answered"),
)


def outcome_of(error: BaseException | None) -> str:
    """Name how a request ended, for counting. An answer that is an error of the question's, such as 404, is an answer."""
    if error is None:
        return "answered"
    return next((name for kind, name in _OUTCOMES if isinstance(error, kind)), "cancelled")
