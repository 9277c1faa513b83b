"""The first system's upload calls, on our deployments (thin)."""

import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twisted.internet.threads import deferToThreadPool

from couchpages.pages.activation import is_superseded
from couchpages.pages.api import SitesApi, Values, json_body, spooled, store
from couchpages.pages.base64_member import decoded, members, short_text
from couchpages.pages.submission import (
    Submission,
    check_count,
    check_paths,
    read_commit,
    read_object,
    read_sha256,
    read_site,
)
from couchpages.ports import Grant
from couchpages.web.credentials import api_key
from couchpages.web.exchange import Discarded, Exchange, announced_length
from couchpages.web.message import RequestHead, Response
from couchpages.web.problem import Problem, json_response
from couchpages.web.routes import Route
from couchpages.web.spool import Spooled

#: Base64 takes 4 characters for 3 bytes, and a ``+`` may be escaped with six: a file of nothing else takes eight times its size.
ENCODED = 8


@dataclass(frozen=True, slots=True)
class FirstSystemApi:
    """``/api/v1/Upload``."""

    api: SitesApi

    def routes(self) -> tuple[Route, ...]:
        """Give the calls."""
        return (
            Route("GET", "/api/v1/Upload/File/{hash}", self._has_file),
            Route("POST", "/api/v1/Upload/File", self._put_file),
            Route("POST", "/api/v1/Upload/Manifest", self._put_manifest),
        )

    def _has_file(self, head: RequestHead, values: Values) -> Exchange:
        self.api.authority.identify(api_key(head))
        sha256 = read_sha256(values["hash"], "hash")

        async def respond() -> Response:
            if await self.api.deployments.blobs.missing([sha256]):
                raise Problem(404, f"{sha256} is not stored")
            return json_response(200, {"Hash": sha256})

        return Exchange(respond, Discarded())

    def _put_file(self, head: RequestHead, values: Values) -> Exchange:
        del values
        self.api.authority.identify(api_key(head))
        limit = self.api.limits.file_size * ENCODED + 65536
        announced_length(head, limit)
        body = spooled(self.api.spool, limit)

        async def respond() -> Response:
            content = self.api.spool.body(self.api.limits.file_size)
            try:
                sha256 = await deferToThreadPool(self.api.reactor, self.api.threads, lambda: _decode(body, content))
                new = await store(self.api, sha256, content)
            finally:
                content.close()
            return json_response(202 if new else 200, {"Hash": sha256})

        return Exchange(respond, body)

    def _put_manifest(self, head: RequestHead, values: Values) -> Exchange:
        del values
        grant = self.api.authority.identify(api_key(head))
        body = json_body(head, self.api.limits)

        async def respond() -> Response:
            return await self._deploy(grant, body.content())

        return Exchange(respond, body)

    async def _deploy(self, grant: Grant, content: bytes) -> Response:
        value = await deferToThreadPool(self.api.reactor, self.api.threads, lambda: _read(content))
        site = read_site(_text(value, "hostname", "Hostname"))
        if not grant.reaches(site):
            raise Problem(403, f"this API key does not reach {site}")
        preview = value.get("preview", False)
        if not isinstance(preview, bool):
            raise Problem(400, "Preview is neither true nor false", field="Preview")
        submission = self._submission(value)
        self._refuse_repeated(site, submission.commit or "")
        # As with an Idempotency-Key, so that an upload whose answer was lost half-way is finished when it is repeated.
        deployed = await self.api.deployments.deploy(
            site, submission, f"first system {submission.commit}", preview=preview
        )
        return json_response(202, {"GitHash": submission.commit, "Hostname": site, "Id": deployed.deployment.id})

    def _refuse_repeated(self, site: str, commit: str) -> None:
        sites = self.api.deployments.sites
        sites.require_loaded()
        known = sites.catalog.find(site, commit)
        if known is not None and (known.preview or is_superseded(known, sites.catalog.sites[site].live)):
            raise Problem(409, f"{commit} of {site} was uploaded before", field="GitHash")

    def _submission(self, value: Mapping[str, Any]) -> Submission:
        listed = value.get("urlhashdictionary")
        if not isinstance(listed, dict) or not all(isinstance(each, str) for each in listed.values()):
            raise Problem(400, "URLHashDictionary is not an object of texts", field="URLHashDictionary")
        files = {path.removeprefix("/"): read_sha256(sha256, "URLHashDictionary") for path, sha256 in listed.items()}
        check_count(files, self.api.limits)
        check_paths(files)
        return Submission(read_commit(_text(value, "githash", "GitHash"), "GitHash"), None, files, None)


def _read(content: bytes) -> dict[str, Any]:
    return {name.lower(): member for name, member in read_object(content).items()}


def _decode(body: Spooled, content: Spooled) -> str:
    """Write the file that is in the JSON of *body* to *content*; give the hash that was promised. Blocks: for threads."""
    body.finish()
    if not body.size:
        raise Problem(400, "the body is empty")
    with body.open() as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
        try:
            found = members(buffer)
            for name, shown in (("hash", "Hash"), ("base64encodedfile", "Base64EncodedFile")):
                if name not in found:
                    raise Problem(400, f"{shown} is missing, or not a text", field=shown)
            sha256 = read_sha256(short_text(buffer, found["hash"]), "Hash")
            for piece in decoded(buffer, found["base64encodedfile"]):
                content.write(piece)
        except ValueError as error:
            raise Problem(400, f"the body cannot be read: {error}") from None
    return sha256


def _text(value: Mapping[str, Any], name: str, shown: str) -> str:
    text = value.get(name)
    if not isinstance(text, str) or not text:
        raise Problem(400, f"{shown} is missing, or not a text", field=shown)
    return text
