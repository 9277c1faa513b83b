"""What keeps a name from getting a certificate, as errors with words for people (pure)."""

from typing import ClassVar


class Obstacle(Exception):
    """A certificate cannot be asked for now; the message says why. *cause* is the metrics' label for it."""

    cause: ClassVar[str] = "other"


class LookupFailed(Obstacle):
    """DNS could not be asked, or failed. Says nothing about what exists (law 3)."""

    cause = "dns"


class Forbidden(Obstacle):
    """CAA records (RFC 8659) keep the authority from issuing."""

    cause = "caa"


class NotReached(Obstacle):
    """Not every address of a host leads to our nodes."""

    cause = "not_reached"


class NotShown(Obstacle):
    """Not everybody who is asked shows what the authority will look for."""

    cause = "not_shown"
