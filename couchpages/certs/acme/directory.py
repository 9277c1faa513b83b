"""What an authority offers, and where (RFC 8555 section 7.1.1), read strictly (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from couchpages.certs.acme.answers import Answer
from couchpages.certs.acme.errors import AcmeError, Cause, said
from couchpages.certs.acme.fields import Fields, trouble_with
from couchpages.quoting import quoted

NEEDED = ("newNonce", "newAccount", "newOrder")
#: Profiles that are remembered, and characters of a name that somebody may write into a configuration.
MOST_PROFILES, LONGEST_PROFILE = 64, 128


@dataclass(frozen=True, slots=True)
class Directory:
    """The addresses of an authority, and what it says of itself.

    *profiles* are by name what people are told of them (draft-ietf-acme-profiles). *renewal_info* is of RFC 9773. *revoke_cert* and
    *key_change* are None where an authority leaves them out, which it should not.
    """

    url: str
    new_nonce: str
    new_account: str
    new_order: str
    revoke_cert: str | None = None
    key_change: str | None = None
    renewal_info: str | None = None
    terms: str = ""
    website: str = ""
    caa_identities: tuple[str, ...] = ()
    external_account_required: bool = False
    profiles: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_secure(self) -> bool:
        """Whether it was fetched over HTTPS, and all that it names has to be."""
        return is_secure(self.url)

    def check_profile(self, profile: str) -> None:
        """Raise AcmeError for a profile that it does not have, which it would refuse."""
        if profile in self.profiles:
            return
        offered = ", ".join(self.profiles) or "none"
        raise AcmeError(
            Cause.UNSUPPORTED,
            f"[acme] profile: {self.url} has no profile {quoted(profile)}; it offers {said(offered)}",
        )


def is_secure(url: str) -> bool:
    """Whether an address is HTTPS."""
    return url.lower().startswith("https:")


def check_directory_url(url: str) -> None:
    """Raise AcmeError for what cannot be the address of a directory."""
    why = trouble_with(url, secure=False)
    if why:
        raise AcmeError(Cause.NONSENSE, f"[acme] directory: {quoted(url)}, {why}")


def parse_directory(answer: Answer) -> Directory:
    """Read a directory. Raises AcmeError that says what was got instead."""
    try:
        members = answer.json()
    except AcmeError as error:
        words = str(error).removeprefix(answer.url).strip()
        raise answer.nonsense(f"is no ACME directory: it {words}") from None
    if "new-reg" in members and "newOrder" not in members:
        raise answer.nonsense("is a directory of ACME v1, which is no longer spoken; its newer one is needed")
    for name in NEEDED:
        if name not in members:
            raise answer.nonsense(f"is no ACME directory: it has no {name}")
    return _directory(answer.url, Fields(members, answer.url, is_secure(answer.url)))


def _directory(url: str, fields: Fields) -> Directory:
    meta = fields.object("meta")
    return Directory(
        url=url,
        new_nonce=fields.url("newNonce"),
        new_account=fields.url("newAccount"),
        new_order=fields.url("newOrder"),
        revoke_cert=fields.url_or_none("revokeCert"),
        key_change=fields.url_or_none("keyChange"),
        renewal_info=fields.url_or_none("renewalInfo"),
        terms=said(meta.text_or("termsOfService", "")),
        website=said(meta.text_or("website", "")),
        caa_identities=_texts(meta, "caaIdentities"),
        external_account_required=meta.flag("externalAccountRequired"),
        profiles=_profiles(meta),
    )


def _texts(meta: Fields, name: str) -> tuple[str, ...]:
    if meta.members.get(name) is None:
        return ()
    found = meta.items(name)
    if not all(isinstance(each, str) for each in found):
        raise meta.wrong(name, "holds something that is no text")
    return tuple(said(each, 255) for each in found)


def _profiles(meta: Fields) -> dict[str, str]:
    profiles = meta.object("profiles")
    # Those that people can write into a configuration, and read in a message.
    names = [name for name in profiles.members if name.isprintable() and len(name) <= LONGEST_PROFILE]
    return {name: said(profiles.text_or(name, "")) for name in names[:MOST_PROFILES]}
