"""What the authority in memory is asked and what it answers, with nothing of HTTP's bytes (pure)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

URN = "urn:ietf:params:acme:error:"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. *base* is the scheme and host that it was sent to; names of *headers* are in lower case."""

    method: str
    base: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def url(self) -> str:
        """The whole address."""
        return self.base + self.path


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer. One that is *stalled* never ends its body."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    stalled: bool = False


class Silence(Exception):
    """Nothing is ever answered."""


class Down(Exception):
    """There is nobody to connect to."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a validation fails, or a request. *type* is the tail of the URN; *subproblems* are by the name that each is about."""

    type: str
    detail: str = ""
    status: int = 403
    subproblems: Mapping[str, "Problem"] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Write it as RFC 8555 section 6.7 has it."""
        below = [
            {**problem.to_json(), "identifier": {"type": "dns", "value": name}}
            for name, problem in self.subproblems.items()
        ]
        document = {"type": URN + self.type, "detail": self.detail or f"test: {self.type}", "status": self.status}
        return {**document, "subproblems": below} if below else document


class Refused(Exception):
    """A request that is refused, with a problem."""

    def __init__(self, problem: Problem, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.headers = headers


def refuse(type_: str, detail: str, status: int = 400) -> Refused:
    """Give the refusal."""
    return Refused(Problem(type_, detail, status))


def in_json(status: int, document: object, *headers: tuple[str, str]) -> Answered:
    """Answer JSON."""
    return Answered(status, json.dumps(document).encode(), (("Content-Type", "application/json"), *headers))


def in_problem(problem: Problem, headers: tuple[tuple[str, str], ...] = ()) -> Answered:
    """Answer a problem document."""
    body = json.dumps(problem.to_json()).encode()
    return Answered(problem.status, body, (("Content-Type", "application/problem+json"), *headers))


def retry_header(seconds: float, date_from: float | None = None) -> tuple[str, str]:
    """Give a ``Retry-After``; with *date_from*, the time now, as a date."""
    value = str(int(seconds)) if date_from is None else formatdate(date_from + seconds, usegmt=True)
    return ("Retry-After", value)
