"""One certificate, from its order until it is here (does I/O). What is decided on the way is decided elsewhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from couchpages.certs.acme.ari import certificate_id
from couchpages.certs.acme.client import Client
from couchpages.certs.acme.csr import request_for
from couchpages.certs.acme.errors import AcmeError, nonsense
from couchpages.certs.acme.keys import new_private_key, private_key_pem
from couchpages.certs.acme.resources import Authorization, Order, Status
from couchpages.certs.acme.signing import PrivateKey
from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.issuing.awaiting import together
from couchpages.certs.issuing.challenges.responders import Asked, responder_for
from couchpages.certs.issuing.obstacles import Obstacle
from couchpages.certs.issuing.proofs import Proof, Type
from couchpages.certs.issuing.wanted import WILDCARD
from couchpages.certs.issuing.words import OF_PROOFS, unproved
from couchpages.certs.pem import certificates_in
from couchpages.ports import StoreError

#: Seconds that an authority gets to look at a challenge, and to issue.
VALIDATION, ISSUE = 180.0, 180.0


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for: a certificate called *name* for *names* with a key of a *kind*, in place of *replaced*, if there is one.

    *profile* and *chain* (the root's name) are of those that the authority has, empty for its defaults.
    """

    name: str
    names: tuple[str, ...]
    kind: Kind
    replaced: Certificate | None
    profile: str = ""
    chain: str = ""


@dataclass(frozen=True, slots=True)
class Issued:
    """A chain and its key, both PEM."""

    chain: bytes
    key: bytes = field(repr=False)


class Issuer:
    """Orders, has *responders* answer, and fetches. Used in *reactor*'s thread; keys that take long are made in *threads*."""

    def __init__(self, reactor: Any, threads: ThreadPool, responders: Sequence[Any]) -> None:
        self._reactor = reactor
        self._threads = threads
        self._responders = responders

    async def issue(
        self,
        client: Client,
        request: Request,
        proofs: dict[str, Proof],
        ordered: Callable[[], Any],
        proved: Callable[[], Any],
        issued: Callable[[], Any],
    ) -> Issued:
        """Give what was issued.

        *ordered* is awaited when the authority took the order, *proved* before it is asked to issue, and *issued* when it has. Raises
        AcmeError, obstacles, and what these raise.
        """
        order = await self._order(client, request)
        await ordered()
        authorizations = [each for each in await client.authorizations(order) if each.status is not Status.VALID]
        await together(self._prove(client, each, _proof_of(each, proofs)) for each in authorizations)
        key = await self._key(request.kind)
        await proved()
        order = await client.finalize(order, request_for(request.names, key), ISSUE)
        await issued()
        return Issued(await client.chain(order, request.chain or None), private_key_pem(key))

    async def _order(self, client: Client, request: Request) -> Order:
        replaces = replaced_id(client, request.replaced)
        return await client.order(request.names, profile=request.profile or None, replaces=replaces)

    async def _prove(self, client: Client, authorization: Authorization, proof: Proof) -> None:
        if authorization.status is not Status.PENDING:
            raise unproved(authorization.name, proof, authorization.trouble())
        challenge = authorization.choose([str(proof.type)])
        responder = responder_for(self._responders, proof.type)
        answer = client.dns_value(challenge) if proof.type is Type.DNS else client.key_authorization(challenge)
        asked = Asked(proof, challenge.token)
        try:
            await responder.start_responding(authorization.name, asked, answer)
            await client.respond(challenge)
            await client.until_valid(authorization, VALIDATION)
        except AcmeError as error:
            raise (unproved(authorization.name, proof, error) if error.cause in OF_PROOFS else error) from error
        except (Obstacle, StoreError):
            # Nobody waits for it any more, and authorities count what is pending.
            await client.deactivate_authorization(authorization)
            raise
        finally:
            await responder.stop_responding(authorization.name, asked, answer)

    async def _key(self, kind: Kind) -> PrivateKey:
        if kind is Kind.ECDSA:
            return new_private_key(kind)
        made: PrivateKey = await deferToThreadPool(self._reactor, self._threads, lambda: new_private_key(kind))
        return made


def _proof_of(authorization: Authorization, proofs: dict[str, Proof]) -> Proof:
    """Give how an authorization's name is proved; some authorities do not say that one is for a wildcard."""
    found = proofs.get(authorization.name) or proofs.get(f"{WILDCARD}{authorization.name}")
    if found is None:
        raise nonsense(f"the authority wants {authorization.name} to be proved, which nobody ordered")
    return found


def replaced_id(client: Client, replaced: Certificate | None) -> str | None:
    """Name the certificate that is replaced as the authority does (RFC 9773 section 5), where it has a name there."""
    if replaced is None or client.directory.renewal_info is None or replaced.issued_by != client.directory.url:
        return None
    try:
        return certificate_id(certificates_in(replaced.chain)[0])
    except ValueError:
        return None
