"""Names of certificates as people write them (pure)."""

from couchpages.cli.errors import WrongCallError


def canonical_name(name: str) -> str:
    """Give a name in the form that it has in certificates. Raises :class:`WrongCallError`."""
    # Imported here: with it comes all of cryptography.
    from couchpages.certs.names import canonical

    try:
        return canonical(name)
    except ValueError as error:
        raise WrongCallError(str(error)) from None
