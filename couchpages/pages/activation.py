"""Which deployment is live, decided (pure). Law 7: the later activation wins; at the same moment, the greater id."""

import hashlib

from couchpages.pages.catalog import Site
from couchpages.pages.manifest import Activation, Deployment

#: Sixteen letters that are no hexadecimal digits, so that no id is ever taken for a commit; and no vowels, so that no id is a word.
ID_LETTERS = "ghjkmnpqrstvwxyz"
ID_LENGTH = 12


def deployment_id(entropy: bytes) -> str:
    """Make a deployment's id, one DNS label, of 48 bits or more."""
    letters = (ID_LETTERS[byte >> 4] + ID_LETTERS[byte & 15] for byte in entropy)
    return "".join(letters)[:ID_LENGTH]


def repeatable_entropy(site: str, idempotency_key: str) -> bytes:
    """Give what takes the place of randomness when a call may be repeated: the same for the same key and site."""
    return hashlib.sha256(f"{site}\0{idempotency_key}".encode()).digest()


def moment_after(now: int, current: Activation | None) -> int:
    """Give the moment of something that happens after *current* was seen: later than it, also when this node's clock is behind.

    Milliseconds since 1970. What one node saw of another's is earlier on every clock (Lamport, 1978).
    """
    return now if current is None else max(now, current.activated + 1)


def is_superseded(deployment: Deployment, current: Activation | None) -> bool:
    """Whether what is live was made live after *deployment* was made: then this was live already, or was overtaken.

    So of deployments that are made at the same time the latest stays live, in whatever order they get there.
    """
    if current is None:
        return False
    return (current.activated, current.deployment.id) >= (deployment.created, deployment.id)


def previous(site: Site) -> Deployment | None:
    """Give the newest production deployment that is older than the live one; with nothing live, the newest."""
    live = site.live
    for deployment in site.newest_first():
        if deployment.preview:
            continue
        if live is None or _age(deployment) < _age(live.deployment):
            return deployment
    return None


def _age(deployment: Deployment) -> tuple[int, str]:
    return deployment.created, deployment.id
