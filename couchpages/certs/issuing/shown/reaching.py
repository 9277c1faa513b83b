"""Whether every address of a host leads to our nodes, and shows a challenge, as an authority will see it (does I/O)."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Any

from twisted.logger import Logger

from couchpages.certs.boxes import SealingKey
from couchpages.certs.issuing.awaiting import LateError, together, within
from couchpages.certs.issuing.lookups.datagrams import has_route
from couchpages.certs.issuing.lookups.resolving import Resolving
from couchpages.certs.issuing.obstacles import NotShown
from couchpages.certs.issuing.shown.fetching import Fetched, FetchError, fetch
from couchpages.certs.issuing.shown.polling import poll
from couchpages.certs.issuing.shown.probes import probe_token, proves
from couchpages.certs.issuing.shown.showing import NotAsked, Seen, Shows, ShowsOther, Silent
from couchpages.quoting import quoted

CHALLENGES = "/.well-known/acme-challenge/"
#: Seconds for one address, as Let's Encrypt has it.
FETCH_TIME = 10.0
#: Addresses of a name that are asked; by these it is judged where it has more.
MOST_ADDRESSES = 16
NONCE_BYTES = 24
OK = 200
NOT_ASKED = NotAsked("was not asked: this node has no way to addresses of this kind")
_REDIRECTS = range(300, 400)


class Reach:
    """Asks the addresses of hosts by HTTP. *entropy* gives so many random bytes; *routed* tells whether an address can be asked at all."""

    def __init__(
        self,
        reactor: Any,
        resolving: Resolving,
        http_port: int,
        keys: Callable[[], Sequence[SealingKey]],
        entropy: Callable[[int], bytes],
        routed: Callable[[str], bool] = has_route,
        log: Logger = Logger(),
    ) -> None:
        self._log = log
        self._reactor = reactor
        self._resolving = resolving
        self._port = http_port
        self._keys = keys
        self._entropy = entropy
        self._routed = routed

    async def check(self, host: str, *, without_silent: bool = False) -> list[str]:
        """Give what keeps *host* from being ours as a whole, a sentence each; nothing where every address shows a node's probe.

        With *without_silent*, addresses that do not answer are logged and no reason, as long as another shows it: a site that was ours has
        to be renewed while a node is away. So it is in any case with addresses of a family that this node has no network for. Raises
        :class:`~couchpages.certs.issuing.obstacles.LookupFailed`.
        """
        keys = self._keys()
        if not keys:
            return ["this node has no key to know its peers by: [certs] key_files"]
        addresses = await self._addresses(host)
        if not addresses:
            return [f"{host} has no address in DNS"]
        token = probe_token(urlsafe_b64encode(self._entropy(NONCE_BYTES)).decode().rstrip("="))

        def judge(fetched: Fetched) -> Seen:
            if fetched.status == OK and proves(host, token, fetched.body, keys):
                return Shows()
            return ShowsOther(_not_ours(fetched))

        seen = await together(self._ask(host, address, token, judge, FETCH_TIME) for address in addresses)
        named = [(_shown(address), each) for address, each in zip(addresses, seen, strict=True)]
        passed_over: Any = NotAsked
        if without_silent and any(isinstance(each, Shows) for each in seen):
            passed_over = NotAsked | Silent
        told = [
            (f"{name} {each.words}", isinstance(each, passed_over))
            for name, each in named
            if not isinstance(each, Shows)
        ]
        if told and len(told) == len(seen) and all(is_passed_over for _, is_passed_over in told):
            return [words for words, _ in told]
        for words, is_passed_over in told:
            if is_passed_over:
                self._log.info("{host}: {words}", host=host, words=words)
        return [words for words, is_passed_over in told if not is_passed_over]

    async def shown(self, host: str, token: str, value: bytes, patience: float) -> list[str]:
        """Wait until every address of *host* shows exactly *value* for the challenge *token*; give those left out, in words.

        One that shows something else is waited for; one that does not answer is left out after a quarter of *patience*, and one that cannot
        be asked from here at once. Raises :class:`~couchpages.certs.issuing.obstacles.NotShown` after *patience* seconds, or where nobody
        can be asked, and :class:`~couchpages.certs.issuing.obstacles.LookupFailed`.
        """
        addresses = await self._addresses(host)
        if not addresses:
            raise NotShown(f"{host} has no address in DNS")

        def judge(fetched: Fetched) -> Seen:
            shows = fetched.status == OK and fetched.body.rstrip() == value
            return Shows() if shows else ShowsOther(_not_it(fetched))

        async def ask(address: str, seconds: float) -> Seen:
            return await self._ask(host, address, token, judge, min(seconds, FETCH_TIME))

        places = {_shown(address): address for address in addresses}
        try:
            return await poll(self._reactor, places, ask, patience)
        except NotShown as trouble:
            raise NotShown(f"{host} does not show the challenge: {trouble}") from None

    async def _addresses(self, host: str) -> list[str]:
        return (await self._resolving.addresses(host))[:MOST_ADDRESSES]

    async def _ask(self, host: str, address: str, token: str, judge: Callable[[Fetched], Seen], seconds: float) -> Seen:
        if not self._routed(address):
            return NOT_ASKED
        fetching = fetch(self._reactor, address, self._port, host, f"{CHALLENGES}{token}")
        try:
            return judge(await within(self._reactor, seconds, fetching))
        except LateError:
            return Silent(f"did not answer in {seconds:.3g} seconds")
        except FetchError as trouble:
            if trouble.astray and ":" in address:
                # A router on the way says so: this network promises more of IPv6 than it has.
                return NOT_ASKED
            return ShowsOther(str(trouble)) if trouble.answered else Silent(str(trouble))


def _shown(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _not_ours(fetched: Fetched) -> str:
    if fetched.status == OK:
        return "answered with something else: it is none of our nodes, or has other keys ([certs] key_files)"
    return _redirected(fetched) or f"answered {fetched.status}: it is none of our nodes"


def _not_it(fetched: Fetched) -> str:
    if fetched.status == OK:
        return "answered with something else"
    return _redirected(fetched) or f"answered {fetched.status}"


def _redirected(fetched: Fetched) -> str | None:
    if fetched.status not in _REDIRECTS or not fetched.location:
        return None
    return f"redirects to {quoted(fetched.location)}: let {CHALLENGES} through"
