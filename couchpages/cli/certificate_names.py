"""Names of certificates as people write them (pure)."""

import ipaddress
from collections.abc import Iterable

from couchpages.cli.errors import WrongCallError


def canonical_name(name: str) -> str:
    """Give a name in the form that it has in certificates. Raises :class:`WrongCallError`."""
    # Imported here: with it comes all of cryptography.
    from couchpages.certs.names import canonical

    try:
        return canonical(name)
    except ValueError as error:
        raise WrongCallError(str(error)) from None


def names_to_issue(names: Iterable[str]) -> tuple[str, ...]:
    """Give the names of a certificate that shall be issued, each once. Raises :class:`WrongCallError` where no authority issues for one."""
    from couchpages.certs.issuing.orders.order import MOST_NAMES

    found = tuple(dict.fromkeys(canonical_name(name) for name in names))
    for name in found:
        if _is_address(name):
            raise WrongCallError(f"{name} is an IP address, for which no certificate is issued here; import one")
        if "." not in name.removeprefix("*."):
            raise WrongCallError(f"{name} has one label only, and no authority issues for such names; write it in full")
    if len(found) > MOST_NAMES:
        raise WrongCallError(f"a certificate has {MOST_NAMES} names at most, and these are {len(found)}")
    return found


def _is_address(name: str) -> bool:
    if name.rpartition(".")[2].isdigit():
        # A wildcard for addresses, or an address with too many numbers: no domain at the top is one (RFC 3696 section 2).
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
