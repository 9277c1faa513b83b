"""What is wrong with a node's certificates, in sentences (pure)."""

from collections.abc import Iterable, Mapping

from couchpages.certs.certificates import Certificate
from couchpages.certs.findings import DAY, day, days_left
from couchpages.certs.shelf import Refusal
from couchpages.quoting import named

#: Seconds before its end from which a certificate is a trouble, and of one that lives for days only, the part of its life: whatever
#: renews it has failed for long.
ENDING, LAST_PART = 7 * DAY, 6
#: Troubles that are told of; the log and ``couchpages certs list`` have the others.
MOST = 20


def ends_soon(certificate: Certificate, now: float) -> bool:
    """Whether a certificate should have been renewed long ago."""
    life = certificate.not_after - certificate.not_before
    return now >= certificate.not_after - min(ENDING, life / LAST_PART)


def troubles_of(certificates: Iterable[Certificate], now: float) -> list[str]:
    """Give what is wrong with good certificates at the time *now*, in seconds since 1970: they expired, or soon will."""
    found = []
    for each in sorted(certificates, key=lambda each: (each.name, each.kind)):
        if now >= each.not_after:
            found.append(f"the certificate {each.name} ({each.kind}) expired on {day(each.not_after)}")
        elif ends_soon(each, now):
            found.append(f"the certificate {each.name} ({each.kind}) expires in {days_left(each, now)} days")
    return found


def troubles_of_refused(refused: Mapping[str, Refusal]) -> list[str]:
    """Give why documents were refused where nothing stands in their place."""
    return [f"secrets/{named(doc_id)} is refused: {refusal.words}" for doc_id, refusal in sorted(refused.items())]


def few(found: list[str]) -> list[str]:
    """Leave away what nobody would read."""
    rest = len(found) - MOST
    return found if rest <= 0 else [*found[:MOST], f"and {rest} more troubles with certificates"]
