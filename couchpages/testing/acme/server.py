"""A certificate authority in memory that speaks ACME (RFC 8555, RFC 9773, profiles), for tests (signs; does no I/O).

>>> clock = Clock()
>>> authority = FakeAuthority(wall=clock.seconds)
>>> exchange = Exchange(clock, authority.agent(clock), clock.seconds)
>>> directory = await fetch_directory(exchange, authority.directory_url)

What it is like stands in :attr:`FakeAuthority.rules`, and may be changed at any time; what it did, in ``books`` and ``asked``.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from couchpages.testing.acme import orders
from couchpages.testing.acme.accounts import account_answer, change, new_account
from couchpages.testing.acme.edges import AcmeResource, MemoryAgent
from couchpages.testing.acme.faults import Fault, Limit, Scripted, faulty
from couchpages.testing.acme.issuing import Press
from couchpages.testing.acme.messages import (
    Answered,
    Asked,
    Problem,
    Refused,
    in_json,
    in_problem,
    refuse,
    retry_header,
)
from couchpages.testing.acme.proofs import respond, settle
from couchpages.testing.acme.renewals import renewal_answer, revoke
from couchpages.testing.acme.requests import Verified, verified
from couchpages.testing.acme.rules import Rules
from couchpages.testing.acme.state import Account, Books, Issued
from couchpages.testing.authority import Authority

BASE = "https://ca.test"


@dataclass(slots=True)
class FakeAuthority:
    """*wall* gives the time in seconds since 1970, and dates all that is issued. *alternates* are more roots, by their names.

    ``asked`` counts what was asked: directory, new-nonce, new-account, new-order, account, order, finalize, authz, challenge, cert,
    revoke, renewal-info. ``refused`` counts problems by their type.
    """

    wall: Callable[[], float]
    rules: Rules = field(default_factory=Rules)
    alternates: tuple[str, ...] = ()
    books: Books = field(default_factory=Books)
    asked: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    press: Press = field(init=False)
    _nonces: set[str] = field(default_factory=set)
    _numbers: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        """Make the issuers."""
        self.press = Press(Authority(self.wall()), self.alternates)

    @property
    def directory_url(self) -> str:
        """Where clients begin, through :meth:`agent`."""
        return f"{BASE}/directory"

    @property
    def issued(self) -> list[Issued]:
        """All certificates, the oldest first."""
        return list(self.books.issued.values())

    def agent(self, reactor: Any = None, latency: float = 0.0) -> MemoryAgent:
        """Give an agent that asks it without a network; each answer takes *latency* seconds of *reactor*'s."""
        return MemoryAgent(self.answer, reactor, latency)

    def resource(self) -> AcmeResource:
        """Give it as a resource, for a site; the directory is at ``/directory``."""
        return AcmeResource(self.answer)

    def fail(self, what: str, fault: Fault, times: int | None = None) -> None:
        """Have a fault happen to what is asked, ``*`` for anything; None is for ever."""
        self.rules.faults[what] = Scripted(fault, times)

    def limit(self, what: str, times: int, retry_after: float, *, as_date: bool = False) -> None:
        """Have what is asked refused by a rate limit."""
        self.rules.limits[what] = Limit(times, retry_after, as_date)

    def answer(self, asked: Asked) -> Answered:
        """Answer one request. Raises Silence, and Down."""
        what = _what(asked.path)
        self.asked[what] += 1
        for name in (what, "*"):
            if name in self.rules.faults and self.rules.faults[name].happens():
                return faulty(self.rules.faults[name].fault)
        try:
            answered = self._routed(what, asked)
        except Refused as refused:
            self.refused[refused.problem.type] += 1
            answered = in_problem(refused.problem, refused.headers)
        if what in ("directory", "renewal-info") or self.rules.no_nonces:
            return answered
        return Answered(answered.status, answered.body, (*answered.headers, ("Replay-Nonce", self._new_nonce())))

    def _routed(self, what: str, asked: Asked) -> Answered:
        self._check_limits(what)
        if what == "directory":
            return in_json(200, _directory(self.rules, asked.base))
        if what == "new-nonce":
            return Answered(200 if asked.method == "HEAD" else 204, b"", (("Cache-Control", "no-store"),))
        if what == "renewal-info":
            return renewal_answer(self.books, self.rules, asked.path.rpartition("/")[2], self.wall())
        if asked.method != "POST":
            raise refuse("malformed", f"{asked.method} is not allowed here", 405)
        signed = verified(asked, self.books.accounts.get, self._use_nonce)
        if what == "new-account":
            return new_account(self.books, self.rules, signed, asked)
        if what == "revoke":
            return revoke(self.books, signed)
        if signed.account is None:
            raise refuse("malformed", "the request has to be signed by an account")
        return self._by_account(what, asked, signed, signed.account)

    def _by_account(self, what: str, asked: Asked, signed: Verified, account: Account) -> Answered:
        match what:
            case "new-order":
                return orders.new_order(self.books, self.rules, account, signed, asked.base, self.wall())
            case "order":
                return orders.order(self.books, self.rules, account, asked, self.wall())
            case "finalize":
                return orders.finalize(self.books, self.rules, self.press, account, signed, asked, self.wall())
            case "authz" | "challenge":
                return self._proof(asked, signed, account)
            case "cert":
                return orders.certificate(self.books, account, asked)
            case "account":
                return change(account, signed) if signed.payload else account_answer(account, 200, asked.base)
            case _:
                raise refuse("malformed", "there is nothing here", 404)

    def _proof(self, asked: Asked, signed: Verified, account: Account) -> Answered:
        path = "/".join(asked.path.split("/")[:3])
        found = self.books.authorizations.get(path)
        if found is None or found.account is not account:
            raise refuse("malformed", "there is no such authorization", 404)
        chosen = next((each for each in found.challenges if each.path == asked.path), None)
        later = [retry_header(self.rules.poll_after)] if self.rules.poll_after is not None else []
        if chosen is not None:
            if signed.payload is not None:
                respond(found, chosen, self.rules, self.wall())
            return in_json(200, chosen.to_json(asked.base), ("Link", f'<{asked.base}{path}>;rel="up"'))
        if signed.payload == {"status": "deactivated"}:
            found.status = "deactivated"
        settle(found, self.rules, self.wall())
        return in_json(200, found.to_json(asked.base), *(later if found.status == "pending" else []))

    def _check_limits(self, what: str) -> None:
        refusal = self.rules.refuses.get(what)
        if refusal is not None:
            raise Refused(refusal)
        limit = self.rules.limits.get(what)
        if limit is not None and limit.left > 0:
            limit.left -= 1
            header = retry_header(limit.retry_after, self.wall() if limit.as_date else None)
            raise Refused(Problem("rateLimited", "too many certificates already issued", 429), (header,))

    def _new_nonce(self) -> str:
        nonce = f"nonce-{next(self._numbers)}"
        self._nonces.add(nonce)
        return nonce

    def _use_nonce(self, nonce: str) -> None:
        known = nonce in self._nonces
        self._nonces.discard(nonce)
        if self.rules.reject_nonces is None or self.rules.reject_nonces > 0:
            self.rules.reject_nonces = None if self.rules.reject_nonces is None else self.rules.reject_nonces - 1
            known = False
        if not known:
            raise refuse("badNonce", "the nonce is not known, or was used already")


def _what(path: str) -> str:
    """Tell what an address is for."""
    parts = path.strip("/").split("/")
    if parts[0] == "order" and parts[-1] == "finalize":
        return "finalize"
    return "challenge" if parts[0] == "authz" and len(parts) > 2 else parts[0]  # noqa: PLR2004 -- authz, number, type


def _directory(rules: Rules, base: str) -> dict[str, Any]:
    meta: dict[str, Any] = {"website": "https://ca.test", "caaIdentities": ["ca.test"]}
    meta |= {"termsOfService": rules.terms} if rules.terms else {}
    meta |= {"externalAccountRequired": True} if rules.external else {}
    if rules.profiles:
        meta["profiles"] = {name: profile.description for name, profile in rules.profiles.items()}
    document: dict[str, Any] = {
        "newNonce": f"{base}/new-nonce",
        "newAccount": f"{base}/new-account",
        "newOrder": f"{base}/new-order",
        "revokeCert": f"{base}/revoke",
        "meta": meta,
    }
    return document | ({"renewalInfo": f"{base}/renewal-info"} if rules.renewal_info else {})
