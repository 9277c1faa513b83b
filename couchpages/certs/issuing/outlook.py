"""What is looked at before an authority is asked, so that no order fails that was bound to (does I/O)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from couchpages.certs.acme.client import Client
from couchpages.certs.issuing.awaiting import together
from couchpages.certs.issuing.lookups.caa import permitted
from couchpages.certs.issuing.lookups.caa_lookup import caa_records
from couchpages.certs.issuing.lookups.delegations import Delegations
from couchpages.certs.issuing.lookups.resolving import CHALLENGE_LABEL, Resolving
from couchpages.certs.issuing.obstacles import Forbidden, LookupFailed, NotReached, Obstacle
from couchpages.certs.issuing.proofs import Proof, Type, bare, proof
from couchpages.certs.issuing.shown.reaching import Reach
from couchpages.certs.issuing.wanted import WILDCARD, Origin, Wanted


class Unprovable(Obstacle):
    """There is no way to prove a name."""

    cause = "unprovable"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a certificate can be issued for: *names*, each with its proof. *left_out* is what keeps others out, if they are."""

    names: tuple[str, ...]
    proofs: dict[str, Proof]
    left_out: Obstacle | None = None


class Outlook:
    """Says how the names of a certificate are proved, and what keeps it from being issued. Methods raise obstacles."""

    def __init__(self, resolving: Resolving, reach: Reach, delegations: Delegations) -> None:
        self._resolving = resolving
        self._reach = reach
        self._delegations = delegations

    async def scope(self, wanted: Wanted, instead: Wanted | None, client: Client, *, is_renewal: bool) -> Scope:
        """Give what *client*'s authority can be asked for: what is *wanted*, or what is good enough *instead*, if there is something.

        Raises what keeps it from issuing: a name that cannot be proved, an address that is none of ours, or CAA records. For a renewal,
        addresses at which nobody answers are passed over: a node is away, and its sites are to be served by the others.
        """
        try:
            return Scope(wanted.names, await self._checked(wanted, client, is_renewal=is_renewal))
        except (Forbidden, Unprovable) as obstacle:
            if instead is None:
                raise
            return Scope(instead.names, await self._checked(instead, client, is_renewal=is_renewal), obstacle)

    async def _checked(self, wanted: Wanted, client: Client, *, is_renewal: bool) -> dict[str, Proof]:
        proofs = await self._proofs(wanted.names)
        await self._check(wanted, proofs, client, is_renewal=is_renewal)
        return proofs

    async def _proofs(self, names: Sequence[str]) -> dict[str, Proof]:
        found = await together(self._proof(name) for name in names)
        return dict(zip(names, found, strict=True))

    async def _check(self, wanted: Wanted, proofs: dict[str, Proof], client: Client, *, is_renewal: bool) -> None:
        hosts = {each.name for each in proofs.values() if each.type is Type.HTTP}
        if wanted.origin is Origin.SITE:
            # A site's name may be one that somebody mistyped, or one that is still elsewhere.
            hosts.add(wanted.name)
        for host in sorted(hosts):
            reasons = await self._reach.check(host, without_silent=is_renewal)
            if reasons:
                raise NotReached(f"{host}: {'; '.join(reason.removeprefix(f'{host} ') for reason in reasons)}")
        for name, each in proofs.items():
            await self._check_caa(name, each, client)

    async def _proof(self, name: str) -> Proof:
        owner = await self._resolving.alias_end(name)
        zone = await self._zone(owner)
        if zone is None:
            # A wildcard of ours may lead elsewhere; a record of ours at the name itself goes before it (RFC 4592).
            own = f"{CHALLENGE_LABEL}.{bare(name)}"
            if own != owner and not self._delegations.is_alias(own):
                owner, zone = own, await self._zone(own)
        found = proof(name, owner, zone)
        if found is None:
            raise Unprovable(
                f"{name}: a wildcard is proved in DNS alone, and {owner} is in no zone that is delegated to our name servers: "
                f"have them answer for it, or make _acme-challenge.{bare(name)} a CNAME to a name in such a zone"
            )
        return found

    async def _zone(self, owner: str) -> str | None:
        zone = self._delegations.zone_of(owner)
        if zone is None:
            return None
        await self._delegations.refresh_one(zone)
        is_ours = self._delegations.is_ours(zone)
        if is_ours is None:
            raise LookupFailed(f"{owner}: the name servers of {zone} cannot be found out")
        return zone if is_ours else None

    async def _check_caa(self, name: str, each: Proof, client: Client) -> None:
        records = await caa_records(self._resolving, each.name)
        identities: Any = client.directory.caa_identities
        reason = permitted(
            records, each.name, name.startswith(WILDCARD), identities, client.account_url, str(each.type)
        )
        if reason is not None:
            raise Forbidden(f"{name}: {reason}")
