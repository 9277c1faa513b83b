"""The calls of docs/api.md, with their retries (I/O, on the reactor that it is given)."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import random
from typing import Any
from urllib.parse import quote

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.web.iweb import IBodyProducer

from couchpages.cli import answers
from couchpages.cli.answers import Answer, Deployment, Site
from couchpages.cli.bodies import BytesBody, FileBody
from couchpages.cli.connection import Connection
from couchpages.cli.errors import CommandError, printable
from couchpages.cli.exchange import IDLE_SECONDS, Exchange, Request
from couchpages.cli.files import HashedFile
from couchpages.cli.no_answer import NoAnswerError
from couchpages.cli.retry import Lost, Outcome, Refused, Tries, Unreached, next_wait, retry_after_seconds

_GONE = 404
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class _Call:
    """A call: *repeatable* when it may happen twice without harm."""

    method: str
    path: str
    body: Callable[[Callable[[int], None]], IBodyProducer | None]
    headers: Mapping[str, str]
    repeatable: bool


class ApiClient:
    """The API of one server, with one key, by way of *http*, a treq client. *notice* hears of every wait before a retry."""

    def __init__(
        self,
        http: Any,
        clock: IReactorTime,
        connection: Connection,
        *,
        notice: Callable[[str], None] = lambda _: None,
        chance: Callable[[], float] = random,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._exchange = Exchange(http, clock, idle_seconds)
        self._clock = clock
        self._connection = connection
        self._notice = notice
        self._chance = chance
        self._reached = False

    async def missing(self, site: str, body: bytes) -> frozenset[str]:
        """Have a deployment checked before it is made, and give the blobs that the server lacks."""
        call = self._post(f"sites/{_segment(site)}/missing", body)
        return answers.read_missing(await self._good(call), self._where(call))

    async def put_blob(self, file: HashedFile, sent: Callable[[int], None]) -> None:
        """Upload a file's content; *sent* hears how many bytes went out, and of negative ones when a try was in vain."""
        gone = 0

        def fresh(heard: Callable[[int], None]) -> IBodyProducer:
            nonlocal gone
            sent(-gone)
            gone = 0
            return FileBody(file, lambda octets: count(octets, heard))

        def count(octets: int, heard: Callable[[int], None]) -> None:
            nonlocal gone
            gone += octets
            heard(octets)
            sent(octets)

        await self._good(_Call("PUT", f"blobs/{file.sha256}", fresh, {}, repeatable=True))

    async def deploy(self, site: str, body: bytes, idempotency_key: str) -> Deployment:
        """Make the deployment. Repeating it with the same key gives the same deployment."""
        call = self._post(f"sites/{_segment(site)}/deployments", body, {"Idempotency-Key": idempotency_key})
        answer = await self._good(call)
        return answers.read_deployment(answers.read_object(answer, self._where(call)), self._where(call))

    async def sites(self) -> tuple[dict[str, Any], list[Site]]:
        """Give the sites that the key reaches, raw and read."""
        call = self._plain("GET", "sites")
        return answers.read_sites(await self._good(call), self._where(call))

    async def deployments(self, site: str) -> tuple[dict[str, Any], list[Deployment]]:
        """Give the deployments of a site, newest first, raw and read."""
        call = self._plain("GET", f"sites/{_segment(site)}/deployments")
        return answers.read_deployments(await self._good(call), self._where(call))

    async def rollback(self, site: str, deployment: str | None) -> Deployment:
        """Make a deployment live; without one, that before the live one, which must not happen twice."""
        body = b"{}" if deployment is None else json.dumps({"id": deployment}).encode()
        call = self._post(f"sites/{_segment(site)}/rollback", body, repeatable=deployment is not None)
        answer = await self._good(call)
        return answers.read_deployment(answers.read_object(answer, self._where(call)), self._where(call))

    async def delete(self, site: str, deployment: str | None) -> None:
        """Delete a deployment, or the whole site. Gone on a second try means that the first did it."""
        path = f"sites/{_segment(site)}"
        if deployment is not None:
            path += f"/deployments/{_segment(deployment)}"
        await self._good(self._plain("DELETE", path))

    async def call(self, method: str, *path: str, value: object = None, repeatable: bool = True) -> dict[str, Any]:
        """Make a call of the API at a *path* of segments, with *value* as JSON if there is one; give the object in its answer."""
        return await self._call(method, "/".join(map(_segment, path)), value, repeatable=repeatable)

    async def dry_call(self, method: str, *path: str, value: object) -> dict[str, Any]:
        """Ask what a call would do."""
        return await self._call(method, "/".join(map(_segment, path)) + "?dry_run=1", value, repeatable=True)

    async def _call(self, method: str, path: str, value: object, *, repeatable: bool) -> dict[str, Any]:
        body = None if value is None else json.dumps(value).encode()
        call = _Call(
            method,
            path,
            lambda _heard: None if body is None else BytesBody(body),
            {} if body is None else _JSON,
            repeatable,
        )
        answer = await self._good(call)
        return answers.read_object(answer, self._where(call)) if answer.body else {}

    def _plain(self, method: str, path: str) -> _Call:
        return _Call(method, path, lambda _heard: None, {}, repeatable=True)

    def _post(
        self, path: str, body: bytes, headers: Mapping[str, str] | None = None, *, repeatable: bool = True
    ) -> _Call:
        return _Call("POST", path, lambda _heard: BytesBody(body), {**_JSON, **(headers or {})}, repeatable)

    def _where(self, call: _Call) -> str:
        return f"{call.method} {self._url(call)}"

    def _url(self, call: _Call) -> str:
        return f"{self._connection.server}/api/v2/{call.path}"

    def _request(self, call: _Call) -> Request:
        headers = {"Authorization": f"Bearer {self._connection.key}", "User-Agent": "couchpages", **call.headers}
        return Request(call.method, self._url(call), headers, call.body)

    async def _good(self, call: _Call) -> Answer:
        """Give a 2xx answer, after retries if need be, or raise a CommandError."""
        tries = Tries(1, 0.0, self._reached)
        while True:
            outcome, error, why = await self._try(call, tries)
            if isinstance(outcome, Answer):
                return outcome
            wait = next_wait(tries, outcome, repeatable=call.repeatable, chance=self._chance)
            if wait is None:
                raise error
            self._notice(f"{call.method} {call.path}: {why}; trying again in {wait:.1f} s")
            await deferLater(self._clock, wait)
            tries = Tries(tries.number + 1, tries.waited + wait, self._reached)

    async def _try(self, call: _Call, tries: Tries) -> tuple[Answer | Outcome, CommandError, str]:
        """Try once: a good answer, or what became of it; the error to raise if it was the last try; and in short, why."""
        try:
            answer = await self._exchange.send(self._request(call))
        except NoAnswerError as error:
            return self._lost(call, error)
        self._reached = True
        good = answer.status // 100 == 2  # noqa: PLR2004 - RFC 9110 section 15.3
        gone_by_us = call.method == "DELETE" and answer.status == _GONE and tries.number > 1
        refusal = answers.refusal(answer, self._where(call))
        if good or gone_by_us:
            return answer, refusal, ""
        retry_after = retry_after_seconds(answer.retry_after, time.time())
        return Refused(answer.status, retry_after), refusal, f"answered {answer.status}"

    def _lost(self, call: _Call, error: NoAnswerError) -> tuple[Outcome, CommandError, str]:
        told = self._told(call, error)
        if error.final:
            raise told from None
        self._reached = self._reached or error.connected
        return (Lost() if error.connected else Unreached()), told, str(error)

    def _told(self, call: _Call, error: NoAnswerError) -> CommandError:
        if not error.connected:
            server = self._connection.server
            return CommandError(
                printable(f"{server}: no connection ({error}); is the server running there? --server names another")
            )
        shows = "dns list-zones" if call.path.startswith("zones") else "deployments"
        doubt = "" if call.repeatable else f"; it may have been done or not: couchpages {shows} shows"
        return CommandError(printable(f"{self._where(call)}: {error}{doubt}"))


def _segment(text: str) -> str:
    return quote(text, safe="")
