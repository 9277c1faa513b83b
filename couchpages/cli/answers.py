"""Reads the API's answers (pure). The source of every member is docs/api.md."""

import json
import re
from dataclasses import dataclass
from typing import Any, TypeVar

from couchpages.cli.errors import CommandError, printable

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_LONGEST_DETAIL = 500
_REDIRECT = 3
_T = TypeVar("_T")


class WrongAnswerError(CommandError):
    """The answer is not one that the API gives: a proxy's page, or JSON cut off."""


class RefusedError(CommandError):
    """The server said no: *status*, and for 409 the *missing* blobs it may name."""

    def __init__(self, message: str, status: int, missing: frozenset[str] = frozenset()) -> None:
        super().__init__(message)
        self.status = status
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: *content_type* as sent, or empty."""

    status: int
    content_type: str
    retry_after: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Deployment:
    """One version of a site; *raw* is what the server sent, with members that this version may not know.

    Of the first system's deployments nobody knows the branch, the moment and the size. *waiting_blobs* tells how many blobs the server
    waits for before it serves this deployment, None when it waits for nothing.
    """

    id: str
    site: str
    branch: str | None
    commit: str | None
    created: str | None
    files: int
    size: int | None
    preview: bool
    live: bool
    waiting_blobs: int | None
    addresses: tuple[str, ...]
    raw: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Site:
    """A site in the list of sites; *live* is the id of the deployment that is served, *waiting* of the one that is to be."""

    name: str
    live: str | None
    waiting: str | None
    deployments: int
    updated: str | None
    raw: dict[str, Any]


def read_object(answer: Answer, where: str) -> dict[str, Any]:
    """Give the JSON object in a good answer of *where*, or raise WrongAnswerError."""
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise WrongAnswerError(_no_json(answer, where)) from None
    if not isinstance(value, dict):
        raise WrongAnswerError(_strange(where, "a JSON object was expected"))
    return value


def _no_json(answer: Answer, where: str) -> str:
    kind = answer.content_type.partition(";")[0].strip()
    if not answer.body:
        what = "an empty body"
    elif kind.endswith("json"):
        what = "JSON that is broken or cut off"
    else:
        what = f"{kind or 'something untyped'} instead of JSON"
    return _strange(where, f"answered {answer.status} with {what}")


def _strange(where: str, what: str) -> str:
    return printable(f"{where}: {what}; does the address lead to the API of couchpages?")


def read_missing(answer: Answer, where: str) -> frozenset[str]:
    """Give the hashes that the server does not have."""
    return _hashes(read_object(answer, where).get("missing"), where)


def _hashes(value: object, where: str) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) and _SHA256.match(item) for item in value):
        raise WrongAnswerError(_strange(where, 'the answer has no list "missing" of SHA-256'))
    return frozenset(value)


def read_deployment(value: object, where: str) -> Deployment:
    """Give a deployment from its JSON object, or raise WrongAnswerError."""
    raw = value if isinstance(value, dict) else {}
    return Deployment(
        id=_member(raw, "id", str, where),
        site=_member(raw, "site", str, where),
        branch=_optional(raw, "branch", str, where),
        commit=_optional(raw, "commit", str, where),
        created=_optional(raw, "created", str, where),
        files=_member(raw, "files", int, where),
        size=_optional(raw, "bytes", int, where),
        preview=_member(raw, "preview", bool, where),
        live=_member(raw, "live", bool, where),
        waiting_blobs=_waiting_blobs(raw, where),
        addresses=tuple(str(address) for address in _member(raw, "addresses", list, where)),
        raw=raw,
    )


def read_deployments(answer: Answer, where: str) -> tuple[dict[str, Any], list[Deployment]]:
    """Give the whole answer and the deployments in it."""
    raw = read_object(answer, where)
    return raw, [read_deployment(item, where) for item in _member(raw, "deployments", list, where)]


def read_sites(answer: Answer, where: str) -> tuple[dict[str, Any], list[Site]]:
    """Give the whole answer and the sites in it."""
    raw = read_object(answer, where)
    return raw, [_site(item, where) for item in _member(raw, "sites", list, where)]


def _site(value: object, where: str) -> Site:
    raw = value if isinstance(value, dict) else {}
    return Site(
        name=_member(raw, "site", str, where),
        live=_optional(raw, "live", str, where),
        waiting=_optional(raw, "waiting", str, where),
        deployments=_member(raw, "deployments", int, where),
        updated=_optional(raw, "updated", str, where),
        raw=raw,
    )


def _waiting_blobs(raw: dict[str, Any], where: str) -> int | None:
    waiting = _optional(raw, "waiting", dict, where)
    return None if waiting is None else _member(waiting, "blobs", int, where)


def _member(raw: dict[str, Any], name: str, kind: type[_T], where: str) -> _T:
    value = raw.get(name)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise WrongAnswerError(_strange(where, f'the answer has no "{name}" as the API gives it'))
    return value


def _optional(raw: dict[str, Any], name: str, kind: type[_T], where: str) -> _T | None:
    return None if raw.get(name) is None else _member(raw, name, kind, where)


def refusal(answer: Answer, where: str) -> RefusedError:
    """Make the error for an answer that is not 2xx; *where* is the request's method and address."""
    problem = _problem(answer)
    detail = problem.get("detail") or problem.get("title") or ""
    what = printable(str(detail))[:_LONGEST_DETAIL] or f"answered {answer.status}"
    missing = problem.get("missing")
    known = frozenset(item for item in missing if isinstance(item, str)) if isinstance(missing, list) else frozenset()
    return RefusedError(printable(f"{where}: {what}{_advice(answer)}"), answer.status, known)


def _problem(answer: Answer) -> dict[str, Any]:
    if "json" not in answer.content_type:
        return {}
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _advice(answer: Answer) -> str:
    again = f" in {answer.retry_after} s" if (answer.retry_after or "").isdigit() else " later"
    match answer.status:
        case 401:
            return " (401); check the API key: couchpages keys list shows those there are"
        case 403:
            return " (403); use a key that reaches it: couchpages keys create makes one"
        case 408 | 429 | 502 | 503 | 504:
            return f" ({answer.status}); try again{again}"
        case 507:
            return f" (507); make room on the server's disk, or try again{again}"
        case status if status // 100 == _REDIRECT:
            return f" ({status}), a redirect, which is not followed with a key; give the address that it leads to"
        case status:
            return f" ({status})"
