"""Signed requests to an authority, with the nonces that it hands out (does I/O)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from josepy.jwk import JWK

from couchpages.certs.acme.answers import Answer
from couchpages.certs.acme.errors import AcmeError, Cause
from couchpages.certs.acme.exchange import Exchange
from couchpages.certs.acme.nonces import Nonces
from couchpages.certs.acme.problems import problem_of
from couchpages.certs.acme.signing import signed

#: Times that one request is sent when its nonces are refused: with one in five refused, as test authorities do, ten in a row are 1 of 10⁷.
MOST_NONCES = 10
#: Seconds after which no other nonce is tried: an authority that refuses them slowly would keep us for long.
LONGEST = 180.0
#: What a POST without a payload is: it reads (RFC 8555 section 6.3).
AS_GET: None = None


@dataclass(slots=True)
class Poster:
    """Posts to one authority, whose nonces come from *new_nonce*."""

    exchange: Exchange
    new_nonce: str
    nonces: Nonces = field(default_factory=Nonces)

    async def post(
        self,
        url: str,
        payload: Mapping[str, Any] | None,
        key: JWK,
        kid: str | None,
        accept: str = "application/json",
    ) -> Answer:
        """Sign and send; a refused nonce is replaced by another. Gives an answer that is a success, else raises AcmeError."""
        content = b"" if payload is None else json.dumps(payload).encode()
        until = self.exchange.reactor.seconds() + LONGEST
        for tried in range(1, MOST_NONCES + 1):
            body = signed(content, key, nonce=await self._nonce(), url=url, kid=kid)
            answer = await self.exchange.post(url, body, accept)
            refusal = None if answer.is_success else problem_of(answer)
            if refusal is None or refusal.type != "badNonce":
                self._keep(answer)
                break
            # Those that are kept are as old or older.
            self.nonces.forget()
            self._keep(answer)
            if tried == MOST_NONCES or self.exchange.reactor.seconds() > until:
                words = f"{url} refused {tried} nonces in a row, each of which came from the authority itself"
                raise AcmeError(Cause.NONSENSE, words, type="badNonce", status=answer.status)
        if refusal is not None:
            raise refusal
        return answer

    async def _nonce(self) -> str:
        now = self.exchange.reactor.seconds()
        held = self.nonces.take(now)
        if held is not None:
            return held
        answer = await self.exchange.head(self.new_nonce)
        if not answer.is_success:
            raise problem_of(answer)
        self._keep(answer)
        fresh = self.nonces.take(now)
        if fresh is None:
            raise answer.nonsense("gave no nonce (RFC 8555 section 7.2)")
        return fresh

    def _keep(self, answer: Answer) -> None:
        self.nonces.add(answer.header("replay-nonce"), self.exchange.reactor.seconds())
