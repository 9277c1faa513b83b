"""What is written for other programs: which files, in which folders (pure).

A folder is named as the certificate is, ``*.`` as ``_wildcard.``. In it are ``privkey.pem``, ``cert.pem`` (the leaf), ``chain.pem`` (all
others) and ``fullchain.pem`` (both), as certbot names them: of ECDSA where there are both kinds, and then those of each kind in the
folders ``ecdsa`` and ``rsa`` too.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from couchpages.certs.certificates import Certificate, Kind

WILDCARD, FOR_WILDCARD = "*.", "_wildcard."
END = b"-----END CERTIFICATE-----\n"
#: Bytes that an environment variable has at most here; Linux takes 128 KiB.
LONGEST_VARIABLE = 65536
Files: TypeAlias = dict[str, bytes]


def folder_name(name: str) -> str:
    """Give the folder of a certificate. Raises ValueError for a name that would take a wildcard's."""
    if name.startswith(FOR_WILDCARD):
        raise ValueError(f"{name} has the folder of *.{name.removeprefix(FOR_WILDCARD)}, and is not written")
    return FOR_WILDCARD + name.removeprefix(WILDCARD) if name.startswith(WILDCARD) else name


def named_after(folder: str) -> str:
    """Give the name of the certificate that a folder is of."""
    return WILDCARD + folder.removeprefix(FOR_WILDCARD) if folder.startswith(FOR_WILDCARD) else folder


def by_name(certificates: Iterable[Certificate]) -> dict[str, dict[Kind, Certificate]]:
    """Put the kinds of each name together."""
    found: dict[str, dict[Kind, Certificate]] = {}
    for each in certificates:
        found.setdefault(each.name, {})[each.kind] = each
    return found


def files_of(kinds: Mapping[Kind, Certificate]) -> Files:
    """Give the files of a name, by their paths in its folder."""
    preferred = kinds.get(Kind.ECDSA) or next(iter(kinds.values()))
    files = _files(preferred)
    if len(kinds) > 1:
        files |= {f"{kind}/{file}": content for kind, each in kinds.items() for file, content in _files(each).items()}
    return files


def batches(names: Iterable[str]) -> Iterator[str]:
    """Write names as the command's environment has them, separated by spaces, in as few texts as their length allows."""
    batch = ""
    for name in sorted(names):
        if batch and len(batch) + len(name) >= LONGEST_VARIABLE:
            yield batch
            batch = ""
        batch = f"{batch} {name}" if batch else name
    if batch:
        yield batch


def _files(certificate: Certificate) -> Files:
    leaf, end, others = certificate.chain.partition(END)
    return {
        "cert.pem": leaf + end,
        "chain.pem": others,
        "fullchain.pem": certificate.chain,
        "privkey.pem": certificate.key,
    }
