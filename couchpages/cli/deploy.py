"""``couchpages deploy``: puts its parts together (I/O)."""

import os
import sys
import uuid
from importlib import import_module
from typing import Any

import click

from couchpages.cli.connection import Connection
from couchpages.cli.environment import DeployOptions, DeployRequest, decide_deploy, decide_directory, needs_git
from couchpages.cli.errors import StoppedError, WrongCallError
from couchpages.cli.files import HashedFile
from couchpages.cli.folder import Folder, walk
from couchpages.cli.git import ask_git
from couchpages.cli.hashing import Hashing
from couchpages.cli.options import connect, connection_options
from couchpages.cli.output import amount, counted, counted_blobs, emit_json, emit_lines
from couchpages.cli.plan import Checked, check_paths, deployment_body
from couchpages.cli.progress import Progress, choose
from couchpages.cli.published import cannot_be_included

DEFAULT_PARALLEL = 8
_NAMES_SHOWN = 3


@click.command(short_help="Publish a folder as a new version of a site.")
@click.argument("directory", metavar="DIR", required=False)
@click.option("--site", metavar="HOST", help="The site's host name. Environment: COUCHPAGES_SITE.")
@click.option(
    "--branch", metavar="BRANCH", help="main and master go live, others are previews. Environment: COUCHPAGES_BRANCH."
)
@click.option("--commit", metavar="COMMIT", help="7 to 64 hexadecimal digits. Environment: COUCHPAGES_COMMIT.")
@click.option(
    "--include", metavar="NAME", multiple=True, help="Publish files and folders of this name, which begins with a dot."
)
@click.option(
    "--parallel", type=click.IntRange(1, 64), default=DEFAULT_PARALLEL, show_default=True, help="Uploads at once."
)
@click.option("--quiet", "-q", is_flag=True, help="No progress and no remarks on stderr.")
@connection_options
def deploy(
    directory: str | None,
    site: str | None,
    branch: str | None,
    commit: str | None,
    include: tuple[str, ...],
    parallel: int,
    server: str | None,
    api_key: str | None,
    api_key_file: str | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Publish the folder DIR as a new version of the site HOST.

    Only files that the server lacks are uploaded. Names that begin with a dot are left out, except .well-known. Without
    --branch and --commit, those of GitHub Actions, GitLab CI or git count; without any, the branch is main.
    """
    request = _request(DeployOptions(directory, site, branch, commit))
    connection = connect(server, api_key, api_key_file, first_uploader=True, quiet=quiet)
    progress = choose(quiet=quiet, terminal=sys.stderr.isatty())
    try:
        folder, files = _prepare(request, _included(include), progress)
        deployed = _send(request, connection, files, progress, parallel)
    finally:
        progress.close()
    _tell(deployed, folder, as_json=as_json)


def _request(options: DeployOptions) -> DeployRequest:
    directory = decide_directory(options, os.environ)
    git = ask_git(directory) if needs_git(options, os.environ) else None
    return decide_deploy(options, os.environ, git)


def _included(names: tuple[str, ...]) -> frozenset[str]:
    for name in names:
        if cannot_be_included(name):
            raise WrongCallError(
                f"--include: {name!r} is never published; give the bare name of another file or folder"
            )
    return frozenset(names)


def _prepare(request: DeployRequest, included: frozenset[str], progress: Progress) -> tuple[Folder, list[HashedFile]]:
    """Walk and hash. While the threads hash, this thread imports what the network needs."""
    try:
        folder = walk(request.directory, included)
        checked = check_paths(folder.files)
        hashing = Hashing(checked.files)
        try:
            progress.hashing(len(checked.files))
            _remark_on(folder, checked, progress)
            import_module("treq")
            import_module("couchpages.cli.deploying")
            return folder, hashing.results(progress.hashed)
        finally:
            hashing.stop()
    except KeyboardInterrupt:
        raise StoppedError("interrupted before anything was sent; the live deployment is unchanged") from None


def _remark_on(folder: Folder, checked: Checked, progress: Progress) -> None:
    if folder.left_out:
        names = ", ".join(folder.left_out[:_NAMES_SHOWN]) + (", …" if len(folder.left_out) > _NAMES_SHOWN else "")
        hint = "names with a dot in front stay at home, except .well-known; --include NAME publishes one"
        progress.notice(f"left out {len(folder.left_out):,} ({names}): {hint}")
    if checked.differ_in_case:
        one, other = checked.differ_in_case[0]
        progress.notice(f"{one!r} and {other!r} differ only in case; both are published")


def _send(
    request: DeployRequest, connection: Connection, files: list[HashedFile], progress: Progress, parallel: int
) -> Any:
    from couchpages.cli.api import ApiClient
    from couchpages.cli.deploying import Deploying, Task
    from couchpages.cli.running import run
    from couchpages.cli.transport import make_http

    body = deployment_body(files, request.branch, request.commit)
    task = Task(request.site, files, body, str(uuid.uuid4()))

    async def deploy_it(reactor: Any) -> Any:
        api = ApiClient(make_http(reactor, parallel), reactor, connection, notice=progress.notice)
        return await Deploying(api, task, progress, parallel).run()

    return run(deploy_it)


def _tell(deployed: Any, folder: Folder, *, as_json: bool) -> None:
    deployment = deployed.deployment
    if as_json:
        uploaded = {"files": deployed.uploaded_files, "bytes": deployed.uploaded_octets}
        emit_json({**deployment.raw, "uploaded": uploaded, "left_out": len(folder.left_out)})
        return
    state = f"preview of branch {deployment.branch}" if deployment.preview else "live"
    if deployment.waiting_blobs is not None:
        state = f"live as soon as this server has {counted_blobs(deployment.waiting_blobs)} that it waits for"
    elif not deployment.preview and not deployment.live:
        state = "not live: a later deployment is"
    size = f"{counted(deployment.files)}, {amount(deployment.size)}, {deployed.uploaded_files:,} uploaded"
    emit_lines([f"deployment {deployment.id} of {deployment.site}: {state}; {size}", *deployment.addresses])
