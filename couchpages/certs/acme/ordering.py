"""What an order asks for, and whether what came is that (RFC 8555 section 7.4) (pure)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from couchpages.certs.acme.answers import Answer
from couchpages.certs.acme.directory import Directory
from couchpages.certs.acme.errors import AcmeError, nonsense
from couchpages.certs.acme.fields import Fields
from couchpages.certs.acme.identifiers import Identifier
from couchpages.certs.acme.resources import Authorization, Order, Status, parse_order


def new_order(
    directory: Directory, identifiers: Sequence[Identifier], profile: str | None, replaces: str | None
) -> dict[str, Any]:
    """Give an order. Raises AcmeError for a profile that the authority does not have."""
    payload: dict[str, Any] = {"identifiers": [each.to_json() for each in identifiers]}
    if profile:
        directory.check_profile(profile)
        payload["profile"] = profile
    if replaces and directory.renewal_info is not None:
        # Where there is no ARI, nobody knows the member (RFC 9773 section 5).
        payload["replaces"] = replaces
    return payload


def placed(answer: Answer, directory: Directory, identifiers: Sequence[Identifier]) -> Order:
    """Read the order that was just placed; it has to be for what was asked."""
    location = Fields({"Location": answer.header("location")}, f"the order at {answer.url}", directory.is_secure)
    order = parse_order(answer, location.url("Location"), directory)
    if set(order.identifiers) != set(identifiers):
        raise nonsense(f"{answer.url} made an order for {', '.join(order.names[:5])}, which was not asked for")
    if len(order.authorizations) > len(identifiers):
        raise nonsense(
            f"{answer.url} wants more proven ({len(order.authorizations)}) than was ordered ({len(identifiers)})"
        )
    # Names in our order: the first is what a certificate is called.
    return replace(order, identifiers=tuple(identifiers))


def same_order(order: Order, newer: Order) -> Order:
    """Give the newer state of an order, which may not have become one for other names."""
    if set(order.identifiers) != set(newer.identifiers):
        raise nonsense(f"the order {order.url} is for other names than before")
    return replace(newer, identifiers=order.identifiers, csr=order.csr)


def check_authorizations(order: Order, found: Sequence[Authorization]) -> None:
    """Raise AcmeError for authorizations of names that were not ordered: their challenges are none of ours."""
    # Without the star: not every authority marks authorizations of wildcards as such.
    ordered = {name.removeprefix("*.") for name in order.names}
    for each in found:
        if each.identifier.value not in ordered:
            raise nonsense(f"the order for {', '.join(order.names[:5])} wants {each.name} proven")


def certificate_address(order: Order) -> str:
    """Give where the certificate is. Raises AcmeError while there is none."""
    if order.status is not Status.VALID or order.certificate is None:
        raise nonsense(f"the order {order.url} is {order.status} and has no certificate")
    return order.certificate


def finished(order: Order, csr: bytes) -> Order:
    """Give a valid order with the request that it was finalized with. Raises AcmeError where it has no certificate."""
    certificate_address(order)
    return replace(order, csr=csr)


def swapped(url: str) -> AcmeError:
    """Give the error for an authorization that became one for another name."""
    return nonsense(f"the authorization {url} is for another name than before")
