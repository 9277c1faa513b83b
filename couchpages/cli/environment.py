"""What a command was asked to do, from its options, the environment and git (pure).

Options beat the environment. In the environment ``COUCHPAGES_…`` beats the first uploader's variables, these beat those
of GitHub Actions, these beat GitLab CI's, and git comes last. An empty variable counts as absent, as GitHub sets some so.
``HOSTNAME`` counts only beside ``UPLOAD_DIRECTORY``, because containers set it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from couchpages.cli.errors import WrongCallError
from couchpages.pages.hosts import InvalidHost, site_name

DEFAULT_BRANCH = "main"
DIRECTORY_VARIABLES = ("COUCHPAGES_DIRECTORY", "UPLOAD_DIRECTORY")
COMMIT_VARIABLES = ("COUCHPAGES_COMMIT", "GITHUB_SHA", "CI_COMMIT_SHA")
OWN_BRANCH_VARIABLES = ("COUCHPAGES_BRANCH", "BRANCH_NAME")
CI_BRANCH_VARIABLES = ("GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME", "CI_COMMIT_BRANCH")

_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}\Z")


@dataclass(frozen=True, slots=True)
class GitFacts:
    """What git says of a folder: the branch (None when none is checked out) and the commit."""

    branch: str | None
    commit: str


@dataclass(frozen=True, slots=True)
class DeployOptions:
    """What was given on the command line of ``deploy``; None is not given."""

    directory: str | None = None
    site: str | None = None
    branch: str | None = None
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """What to deploy: a folder, to a site, as a branch and perhaps a commit."""

    directory: str
    site: str
    branch: str
    commit: str | None


@dataclass(frozen=True, slots=True)
class _Found:
    value: str
    source: str


def _first(option: str | None, option_name: str, environ: Mapping[str, str], names: tuple[str, ...]) -> _Found | None:
    if option is not None:
        return _Found(option, option_name)
    for name in names:
        if environ.get(name):
            return _Found(environ[name], name)
    return None


def decide_directory(options: DeployOptions, environ: Mapping[str, str]) -> str:
    """Give the folder to publish, or raise WrongCallError."""
    match _first(options.directory, "DIR", environ, DIRECTORY_VARIABLES):
        case _Found(value="") | None:
            raise WrongCallError("no folder given; write for instance: couchpages deploy public --site example.org")
        case found:
            return found.value


def needs_git(options: DeployOptions, environ: Mapping[str, str]) -> bool:
    """Tell whether the branch or the commit is still open without git."""
    branch = _first(options.branch, "--branch", environ, OWN_BRANCH_VARIABLES + CI_BRANCH_VARIABLES)
    commit = _first(options.commit, "--commit", environ, COMMIT_VARIABLES)
    return branch is None or commit is None


def decide_deploy(options: DeployOptions, environ: Mapping[str, str], git: GitFacts | None) -> DeployRequest:
    """Give what to deploy, or raise WrongCallError; *git* is None outside a work tree."""
    return DeployRequest(
        directory=decide_directory(options, environ),
        site=_site(options, environ),
        branch=_branch(options, environ, git),
        commit=_commit(options, environ, git),
    )


def _site(options: DeployOptions, environ: Mapping[str, str]) -> str:
    names = ("COUCHPAGES_SITE", "HOSTNAME") if environ.get("UPLOAD_DIRECTORY") else ("COUCHPAGES_SITE",)
    found = _first(options.site, "--site", environ, names)
    if found is None:
        raise WrongCallError("no site given; add --site with the site's host name, for instance --site example.org")
    return check_site(found.value, found.source)


def check_site(site: str, source: str = "SITE") -> str:
    """Give the canonical form of *site*, or raise WrongCallError, which names *source*."""
    try:
        return site_name(site)
    except InvalidHost as error:
        raise WrongCallError(f"{source}: {error}") from None


def _branch(options: DeployOptions, environ: Mapping[str, str], git: GitFacts | None) -> str:
    found = _first(options.branch, "--branch", environ, OWN_BRANCH_VARIABLES)
    if found is not None:
        if not found.value.strip():
            raise WrongCallError(f"{found.source}: a branch without a name; write for instance --branch main")
        return found.value
    return _branch_of_request(environ) or _branch_of_push(environ) or _branch_of_git(git)


def _branch_of_request(environ: Mapping[str, str]) -> str | None:
    """Give the branch of a pull or merge request: never one that a stranger's fork could name to go live."""
    if head := environ.get("GITHUB_HEAD_REF"):
        target = environ.get("GITHUB_BASE_REF")
    elif environ.get("CI_MERGE_REQUEST_IID"):
        head = environ.get("CI_COMMIT_REF_NAME")
        target = environ.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
    else:
        return None
    return f"pull/{head}" if head in {target, "main", "master"} else head


def _branch_of_push(environ: Mapping[str, str]) -> str | None:
    found = _first(None, "", environ, CI_BRANCH_VARIABLES)
    return found.value if found else None


def _branch_of_git(git: GitFacts | None) -> str:
    if git is None:
        return DEFAULT_BRANCH
    if git.branch is None:
        raise WrongCallError(
            "git has no branch checked out here; add --branch main to go live, or --branch with another name for a preview"
        )
    return git.branch


def _commit(options: DeployOptions, environ: Mapping[str, str], git: GitFacts | None) -> str | None:
    found = _first(options.commit, "--commit", environ, COMMIT_VARIABLES)
    if found is None:
        return git.commit if git else None
    if not _COMMIT.match(found.value):
        raise WrongCallError(f"{found.source}: {found.value!r} is no commit; write 7 to 64 hexadecimal digits")
    return found.value.lower()
