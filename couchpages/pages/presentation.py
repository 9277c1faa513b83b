"""Deployments and sites as the API shows them (pure)."""

from typing import Any

from couchpages.pages.catalog import Site
from couchpages.pages.manifest import Activation, Deployment
from couchpages.pages.moments import to_text
from couchpages.pages.waiting import Wait


def addresses(deployment: Deployment, scheme: str, port: int | None, *, live: bool) -> list[str]:
    """Give where a deployment is visited: the site itself if it is live, then its previews. *port* is None where it goes without saying."""
    hosts = [deployment.site] if live else []
    hosts.append(deployment.document_id)
    if deployment.commit_host is not None:
        hosts.append(deployment.commit_host)
    suffix = f":{port}" if port is not None else ""
    return [f"{scheme}://{host}{suffix}/" for host in hosts]


def shown_deployment(
    deployment: Deployment, scheme: str, port: int | None, *, live: bool, wait: Wait | None = None
) -> dict[str, Any]:
    """Give a deployment as JSON: whether this node serves it under its site's name, and what keeps it from that."""
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
        "waiting": {"blobs": len(wait.missing), "since": to_text(wait.since)} if wait is not None else None,
        "addresses": addresses(deployment, scheme, port, live=live),
    }


def shown_site(site: Site, live: Activation | None, wait: Wait | None) -> dict[str, Any]:
    """Give a site as JSON, in a line: what this node serves, and the deployment that it waits for."""
    newest = site.newest_first()
    moments = [each.created for each in newest] + ([site.live.activated] if site.live else [])
    return {
        "site": site.name,
        "live": live.deployment.id if live is not None else None,
        "waiting": wait.deployment.id if wait is not None else None,
        "deployments": len(newest),
        "updated": _moment(max(moments, default=0)),
    }


def _moment(milliseconds: int) -> str | None:
    return to_text(milliseconds) if milliseconds else None
