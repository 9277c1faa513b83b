"""``couchpages sites``, ``deployments``, ``rollback`` and ``delete`` (I/O)."""

from typing import TYPE_CHECKING

import click

from couchpages.cli.asking import ask, confirm
from couchpages.cli.options import connect, connection_options, site_argument
from couchpages.cli.output import amount, counted_blobs, emit_json, emit_lines, emit_table

if TYPE_CHECKING:
    from couchpages.cli.answers import Deployment


@click.command(short_help="List the sites that the key reaches.")
@connection_options
def sites(server: str | None, api_key: str | None, api_key_file: str | None, *, as_json: bool) -> None:
    """List the sites that the key reaches."""
    raw, found = ask(connect(server, api_key, api_key_file), lambda api: api.sites())
    if as_json:
        emit_json(raw)
        return
    rows = [
        (site.name, site.live or "-", f"{site.deployments}", site.updated or "-", site.waiting or "-") for site in found
    ]
    emit_table(("site", "live", "deployments", "updated", "waits for"), rows)


@click.command(short_help="List a site's deployments, newest first.")
@site_argument
@connection_options
def deployments(site: str, server: str | None, api_key: str | None, api_key_file: str | None, *, as_json: bool) -> None:
    """List the deployments of SITE, newest first."""
    raw, found = ask(connect(server, api_key, api_key_file), lambda api: api.deployments(site))
    if as_json:
        emit_json(raw)
        return
    emit_table(("id", "state", "branch", "commit", "created", "files", "size"), [_row(each) for each in found])


def _row(deployment: "Deployment") -> tuple[str, ...]:
    return (
        deployment.id,
        _state(deployment),
        deployment.branch or "-",
        (deployment.commit or "-")[:12],
        deployment.created or "-",
        f"{deployment.files}",
        "-" if deployment.size is None else amount(deployment.size),
    )


def _state(deployment: "Deployment") -> str:
    if deployment.waiting_blobs is not None:
        return f"waits for {counted_blobs(deployment.waiting_blobs)}"
    return "live" if deployment.live else "preview" if deployment.preview else "-"


@click.command(short_help="Make an earlier deployment live again.")
@site_argument
@click.argument("deployment", metavar="[ID]", required=False)
@connection_options
def rollback(
    site: str,
    deployment: str | None,
    server: str | None,
    api_key: str | None,
    api_key_file: str | None,
    *,
    as_json: bool,
) -> None:
    """Make the deployment ID (or a commit) of SITE live; without ID, the production deployment before the live one."""
    done = ask(connect(server, api_key, api_key_file), lambda api: api.rollback(site, deployment))
    if as_json:
        emit_json(done.raw)
        return
    state = "is live" if done.waiting_blobs is None else _state(done)
    emit_lines([f"deployment {done.id} of {done.site} {state}", *done.addresses])


@click.command(short_help="Delete a deployment, or a whole site.")
@site_argument
@click.argument("deployment", metavar="[ID]", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@connection_options
def delete(
    site: str,
    deployment: str | None,
    server: str | None,
    api_key: str | None,
    api_key_file: str | None,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """Delete the deployment ID of SITE; without ID, the site SITE with all its deployments."""
    connection = connect(server, api_key, api_key_file)
    what = f"deployment {deployment} of {site}" if deployment else f"site {site} with all its deployments"
    if not yes:
        confirm(f"delete {what}", "nothing was deleted")
    ask(connection, lambda api: api.delete(site, deployment))
    if as_json:
        emit_json({"deleted": {"site": site, "id": deployment}})
        return
    emit_lines([f"deleted {what}"])
