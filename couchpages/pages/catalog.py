"""What sites and deployments there are, and which document answers for a host name (in memory; fed by a follower)."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from couchpages.pages.manifest import Activation, Deployment, Manifest, from_document
from couchpages.ports import Change


@dataclass(slots=True)
class Site:
    """A site by its host name: what is live, and every deployment by id."""

    name: str
    live: Activation | None = None
    deployments: dict[str, Deployment] = field(default_factory=dict)

    def newest_first(self) -> list[Deployment]:
        """Give its deployments; the one that is announced as live is among them also when its own document is missing."""
        known = dict(self.deployments)
        if self.live is not None:
            known.setdefault(self.live.deployment.id, self.live.deployment)
        return sorted(known.values(), key=lambda each: (each.created, each.id), reverse=True)


class Catalog:
    """Every manifest's description, without its files. :meth:`take` and :meth:`drop` keep it; the rest asks it."""

    def __init__(self) -> None:
        self.sites: dict[str, Site] = {}
        self._entries: dict[str, Deployment | Activation] = {}
        self._by_commit: dict[str, set[str]] = {}

    def apply(self, change: Change) -> Manifest | None:
        """Take a change of ``manifests``; give the manifest, or None for a deletion. Raises ValueError and changes nothing (law 4)."""
        if change.doc_id.startswith("_design/"):
            return None
        if change.doc is None:
            self._drop(change.doc_id)
            return None
        manifest = from_document({**change.doc, "_id": change.doc_id})
        self._drop(change.doc_id)
        self._take(change.doc_id, manifest.entry)
        return manifest

    def documents_for(self, host: str) -> list[str]:
        """Name the documents that may answer for *host*, the best first: the one of this name, or those of a commit's deployments."""
        if host in self._entries:
            return [host]
        return sorted(self._by_commit.get(host, ()), key=self._age, reverse=True)

    def find(self, site: str, id_or_commit: str) -> Deployment | None:
        """Give a site's deployment by its id, or the newest of a commit, in any case of its letters."""
        id_or_commit = id_or_commit.lower()
        known = self.sites.get(site)
        if known is None:
            return None
        if id_or_commit in known.deployments:
            return known.deployments[id_or_commit]
        matching = (each for each in known.newest_first() if id_or_commit in (each.id, each.commit))
        return next(matching, None)

    def names(self) -> Iterable[str]:
        """Give every site's name, sorted."""
        return sorted(self.sites)

    def _age(self, doc_id: str) -> tuple[int, str]:
        entry = self._entries[doc_id]
        deployment = entry.deployment if isinstance(entry, Activation) else entry
        return deployment.created, deployment.id

    def _take(self, doc_id: str, entry: Deployment | Activation) -> None:
        self._entries[doc_id] = entry
        if isinstance(entry, Activation):
            self._site(doc_id).live = entry
            return
        self._site(entry.site).deployments[entry.id] = entry
        alias = entry.commit_host
        if alias is not None:
            self._by_commit.setdefault(alias, set()).add(doc_id)

    def _drop(self, doc_id: str) -> None:
        entry = self._entries.pop(doc_id, None)
        match entry:
            case None:
                return
            case Activation():
                self._site(doc_id).live = None
                self._prune(doc_id)
            case Deployment():
                self._site(entry.site).deployments.pop(entry.id, None)
                self._prune(entry.site)
                self._forget_alias(entry, doc_id)

    def _forget_alias(self, entry: Deployment, doc_id: str) -> None:
        alias = entry.commit_host
        if alias is not None and alias in self._by_commit:
            self._by_commit[alias].discard(doc_id)
            if not self._by_commit[alias]:
                del self._by_commit[alias]

    def _site(self, name: str) -> Site:
        return self.sites.setdefault(name, Site(name))

    def _prune(self, name: str) -> None:
        site = self.sites.get(name)
        if site is not None and site.live is None and not site.deployments:
            del self.sites[name]
