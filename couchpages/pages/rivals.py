"""Which of a manifest's conflicting revisions stands, and where the others' deployments go (pure).

Law 7: the later deployment is live, ties by the greater id, and nobody's deployment is lost. Every node decides alike, because only
what the revisions themselves say counts.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeAlias

from couchpages.pages.activation import deployment_id, repeatable_entropy
from couchpages.pages.generations import generation
from couchpages.pages.manifest import Activation, Manifest, from_document
from couchpages.ports import Json, Judgement

Rank: TypeAlias = tuple[bool, int, str, int, int, str]


def judge(leaves: Iterable[Json]) -> Judgement | None:
    """Choose between the revisions of one document; None when none of them can be read.

    A revision that cannot be read, perhaps because a later version of this program wrote it, neither wins nor is removed.
    """
    ranked = sorted(_readable(leaves), key=lambda pair: _rank(*pair), reverse=True)
    if not ranked:
        return None
    return Judgement(ranked[0][1], tuple(leaf for _, leaf in ranked[1:]))


def same_content(one: Manifest, other: Manifest) -> bool:
    """Whether two manifests publish the same, whenever that was."""
    return _content(one) == _content(other)


def resting_places(manifest: Manifest) -> Iterator[Manifest]:
    """Give the documents under which a deployment may stand: its own, or where another has that name, one named by its content."""
    yield Manifest(manifest.deployment, manifest.files)
    id_ = deployment_id(repeatable_entropy(manifest.deployment.site, f"conflict {_digest(manifest)}"))
    yield Manifest(replace(manifest.deployment, id=id_), manifest.files)


def _readable(leaves: Iterable[Json]) -> Iterator[tuple[Manifest, Json]]:
    for leaf in leaves:
        try:
            yield from_document(leaf), leaf
        except ValueError:
            continue


def _rank(manifest: Manifest, leaf: Json) -> Rank:
    deployment, rev = manifest.deployment, str(leaf.get("_rev"))
    is_live = isinstance(manifest.entry, Activation)
    moment = manifest.entry.activated if isinstance(manifest.entry, Activation) else deployment.created
    # Of what says the same, the one with more edits, as CouchDB has it.
    return is_live, moment, deployment.id, deployment.created, generation(rev), rev


def _content(manifest: Manifest) -> tuple[object, ...]:
    deployment = manifest.deployment
    return deployment.site, deployment.commit, deployment.branch, deployment.preview, dict(manifest.files)


def _digest(manifest: Manifest) -> str:
    *about, files = _content(manifest)
    text = json.dumps([*about, manifest.deployment.created, files], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
