"""Deployments and sites as the API shows them (pure)."""

from typing import Any

from couchpages.pages.catalog import Site
from couchpages.pages.manifest import Deployment
from couchpages.pages.moments import to_text


def addresses(deployment: Deployment, scheme: str, port: int | None, *, live: bool) -> list[str]:
    """Give where a deployment is visited: the site itself if it is live, then its previews. *port* is None where it goes without saying."""
    hosts = [deployment.site] if live else []
    hosts.append(deployment.document_id)
    if deployment.commit_host is not None:
        hosts.append(deployment.commit_host)
    suffix = f":{port}" if port is not None else ""
    return [f"{scheme}://{host}{suffix}/" for host in hosts]


def shown_deployment(deployment: Deployment, scheme: str, port: int | None, *, live: bool) -> dict[str, Any]:
    """Give a deployment as JSON."""
    return {
        "id": deployment.id,
        "site": deployment.site,
        "commit": deployment.commit,
        "branch": deployment.branch,
        "created": _moment(deployment.created),
        "files": deployment.files,
        "bytes": deployment.size,
        "preview": deployment.preview,
        "live": live,
        "addresses": addresses(deployment, scheme, port, live=live),
    }


def shown_site(site: Site) -> dict[str, Any]:
    """Give a site as JSON, in a line."""
    newest = site.newest_first()
    moments = [each.created for each in newest] + ([site.live.activated] if site.live else [])
    return {
        "site": site.name,
        "live": site.live.deployment.id if site.live else None,
        "deployments": len(newest),
        "updated": _moment(max(moments, default=0)),
    }


def _moment(milliseconds: int) -> str | None:
    return to_text(milliseconds) if milliseconds else None
