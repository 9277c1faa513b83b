"""Authorizations of the authority in memory: made, answered, looked at (pure but for the callable that the test gives)."""

from couchpages.certs.acme.identifiers import address_of
from couchpages.certs.acme.signing import key_authorization
from couchpages.testing.acme.messages import Problem, refuse
from couchpages.testing.acme.rules import DAY, Rules
from couchpages.testing.acme.state import Account, Books, FakeAuthorization, FakeChallenge

LIFETIME = 7 * DAY


def authorization_for(
    books: Books, rules: Rules, account: Account, identifier: dict[str, str], now: float
) -> FakeAuthorization:
    """Give an authorization for a name: an old one that is valid where those are reused, else a new one."""
    wildcard = identifier["value"].startswith("*.")
    name = identifier["value"].removeprefix("*.")
    for old in books.authorizations.values():
        same = (old.account, old.name, old.wildcard) == (account, name, wildcard)
        if rules.reuses_authorizations and same and old.status == "valid" and old.expires > now:
            return old
    path = f"/authz/{len(books.authorizations) + 1}"
    types = rules.offers_wildcards if wildcard else rules.offers
    if address_of(name):
        types = tuple(each for each in types if each != "dns-01")
    challenges = [FakeChallenge(f"{path}/{type_}", type_, _token(path, type_)) for type_ in types]
    made = FakeAuthorization(path, account, identifier["type"], name, wildcard, now + LIFETIME, challenges)
    books.authorizations[path] = made
    return made


def respond(authorization: FakeAuthorization, challenge: FakeChallenge, rules: Rules, now: float) -> None:
    """Take a response to a challenge. Raises Refused."""
    if authorization.status != "pending":
        raise refuse("malformed", f"the authorization is {authorization.status}")
    if challenge.responded is None:
        challenge.responded, challenge.status = now, "processing"
    settle(authorization, rules, now)


def settle(authorization: FakeAuthorization, rules: Rules, now: float) -> None:
    """Look at what was answered, if it is time."""
    if authorization.status == "pending" and authorization.expires <= now:
        authorization.status = "expired"
    for challenge in authorization.challenges:
        answered = challenge.responded is not None and challenge.responded + rules.checking <= now
        if authorization.status == "pending" and answered and not rules.never_checks:
            _look(authorization, challenge, rules)


def _look(authorization: FakeAuthorization, challenge: FakeChallenge, rules: Rules) -> None:
    expected = key_authorization(challenge.token, authorization.account.key)
    problem: Problem | None = rules.validates(authorization.name, challenge.type, challenge.token, expected)
    challenge.problem = problem
    challenge.status = authorization.status = "valid" if problem is None else "invalid"


def _token(path: str, type_: str) -> str:
    """Give a token that is another one for each challenge, and the same in each run."""
    return f"token-of-a-test-{path.rpartition('/')[2]:0>8}-{type_}" if type_ != "future-01" else ""
