"""What the authority in memory can be told to do wrong (pure)."""

from dataclasses import dataclass
from enum import StrEnum

from couchpages.testing.acme.messages import Answered, Down, Problem, Silence, in_problem, retry_header

#: Bytes of a body that is too large for anybody.
ENDLESS = 3 * 2**20


class Fault(StrEnum):
    """What happens in place of an answer."""

    DOWN = "down"
    """Nobody can be connected to."""
    SILENT = "silent"
    """Nothing is ever answered."""
    STALLED = "stalled"
    """The body never ends."""
    HTML = "html"
    """A page, with status 200."""
    GARBAGE = "garbage"
    """Status 500 and what is no JSON."""
    ENDLESS = "endless"
    """JSON of three mebibytes."""
    REDIRECT = "redirect"
    BUSY = "busy"
    """Status 503 and ``Retry-After``."""


class CertificateFault(StrEnum):
    """What is wrong with the certificates that are issued."""

    OTHER_KEY = "other key"
    OTHER_NAMES = "other names"
    MORE_NAMES = "more names"
    BROKEN = "broken"
    """The intermediate did not sign it."""
    EXPIRED = "expired"
    NOT_YET = "not yet"
    NO_PEM = "no pem"


@dataclass(slots=True)
class Limit:
    """A rate limit: as many refusals as *left*, each with ``Retry-After``, as a date if *as_date*."""

    left: int
    retry_after: float
    as_date: bool = False


@dataclass(slots=True)
class Scripted:
    """A fault with how often it happens; None is for ever."""

    fault: Fault
    left: int | None

    def happens(self) -> bool:
        """Use it once; whether there was any left."""
        if self.left == 0:
            return False
        self.left = None if self.left is None else self.left - 1
        return True


def faulty(fault: Fault) -> Answered:
    """Give what a fault answers. Raises Silence and Down."""
    match fault:
        case Fault.DOWN:
            raise Down
        case Fault.SILENT:
            raise Silence
        case Fault.STALLED:
            return Answered(200, b'{"status": ', (("Content-Type", "application/json"),), stalled=True)
        case Fault.HTML:
            return Answered(200, b"<!DOCTYPE html><title>Welcome</title>", (("Content-Type", "text/html"),))
        case Fault.GARBAGE:
            return Answered(500, b"\xff\x00 no json", (("Content-Type", "application/problem+json"),))
        case Fault.ENDLESS:
            body = b'{"pad": "' + b"x" * ENDLESS + b'"}'
            return Answered(200, body, (("Content-Type", "application/json"),))
        case Fault.REDIRECT:
            return Answered(302, b"", (("Location", "https://elsewhere.test/directory"),))
        case Fault.BUSY:
            return in_problem(Problem("serverInternal", "busy", 503), (retry_header(7),))
