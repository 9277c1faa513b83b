import shutil
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from couchpages.cli.environment import GitFacts
from couchpages.cli.git import ask_git


class GitTests(SynchronousTestCase):
    """What git tells of a folder."""

    if shutil.which("git") is None:
        skip = "git is not installed"

    def setUp(self) -> None:
        """Make an empty repository that no configuration of this machine reaches."""
        self.folder = Path(self.mktemp()).absolute()
        self.git("init", "--quiet", "--initial-branch=topic", str(self.folder))

    def git(self, *arguments: str) -> str:
        """Run git."""
        environ = {"PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent"}
        who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        done = subprocess.run(["git", *who, *arguments], env=environ, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self) -> str:
        """Make a commit and give its name."""
        self.git("-C", str(self.folder), "commit", "--quiet", "--allow-empty", "--message=x")
        return self.git("-C", str(self.folder), "rev-parse", "HEAD")

    def test_branch_and_commit(self) -> None:
        """In a work tree, also below its top: branch and commit."""
        commit = self.commit()
        below = self.folder / "public"
        below.mkdir()
        self.assertEqual(ask_git(str(below)), GitFacts("topic", commit))

    def test_no_branch(self) -> None:
        """A commit checked out without a branch has none."""
        commit = self.commit()
        self.git("-C", str(self.folder), "checkout", "--quiet", "--detach")
        self.assertEqual(ask_git(str(self.folder)), GitFacts(None, commit))

    def test_nothing(self) -> None:
        """Before the first commit, and where no folder is, there are no facts."""
        self.assertIsNone(ask_git(str(self.folder)))
        self.assertIsNone(ask_git(str(self.folder / "nowhere")))
        self.assertIsNone(ask_git("nul\0byte"))

    def test_no_git(self) -> None:
        """Without git there are no facts, and no error."""
        self.commit()
        self.patch(subprocess, "run", self.absent)
        self.assertIsNone(ask_git(str(self.folder)))

    def absent(self, *_arguments: object, **_options: object) -> None:
        """Behave as if git were not installed."""
        raise FileNotFoundError("git")
