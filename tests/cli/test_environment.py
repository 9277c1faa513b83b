from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.cli.environment import (
    DeployOptions,
    DeployRequest,
    GitFacts,
    check_site,
    decide_deploy,
    decide_directory,
    needs_git,
)
from couchpages.cli.errors import WrongCallError

GIVEN = DeployOptions("public", "example.org")
SHA = "5f3c" * 10

# Each step down, the variable above is absent: what is left decides.
BRANCHES = (
    "COUCHPAGES_BRANCH",
    "BRANCH_NAME",
    "GITHUB_HEAD_REF",
    "GITHUB_REF_NAME",
    "CI_COMMIT_REF_NAME",
    "CI_COMMIT_BRANCH",
)
COMMITS = ("COUCHPAGES_COMMIT", "GITHUB_SHA", "CI_COMMIT_SHA")


class PrecedenceTests(SynchronousTestCase):
    """Options beat the environment, and in it each kind of variable has its place."""

    def test_options_beat_everything(self) -> None:
        """With all options given, no variable counts, and git is not needed."""
        options = DeployOptions("public", "example.org", "feature", "ABCDEF0")
        environ = dict.fromkeys((*BRANCHES, *COMMITS, "COUCHPAGES_SITE", "UPLOAD_DIRECTORY", "HOSTNAME"), "wrong")
        self.assertFalse(needs_git(options, environ))
        wanted = DeployRequest("public", "example.org", "feature", "abcdef0")
        self.assertEqual(decide_deploy(options, environ, None), wanted)

    def test_branches(self) -> None:
        """Branch variables count in their order."""
        for first in range(len(BRANCHES)):
            environ = {name: f"from-{name}" for name in BRANCHES[first:]}
            self.assertEqual(decide_deploy(GIVEN, environ, None).branch, f"from-{BRANCHES[first]}")

    def test_commits(self) -> None:
        """Commit variables count in their order."""
        for first in range(len(COMMITS)):
            environ = {name: f"{place}" * 40 for place, name in enumerate(COMMITS) if place >= first}
            self.assertEqual(decide_deploy(GIVEN, environ, GitFacts("x", SHA)).commit, f"{first}" * 40)

    def test_git_comes_last(self) -> None:
        """Without variables, git tells branch and commit; with a branch alone, git still tells the commit."""
        git = GitFacts("topic", SHA)
        self.assertEqual(decide_deploy(GIVEN, {}, git), DeployRequest("public", "example.org", "topic", SHA))
        environ = {"BRANCH_NAME": "main"}
        self.assertTrue(needs_git(GIVEN, environ))
        self.assertEqual(decide_deploy(GIVEN, environ, git), DeployRequest("public", "example.org", "main", SHA))

    def test_nothing_tells(self) -> None:
        """Without variables and git, the branch is main and there is no commit."""
        self.assertEqual(decide_deploy(GIVEN, {}, None), DeployRequest("public", "example.org", "main", None))

    def test_no_branch_checked_out(self) -> None:
        """A commit that git checked out without a branch goes live only if somebody says so."""
        git = GitFacts(None, SHA)
        with self.assertRaisesRegex(WrongCallError, "--branch main to go live"):
            decide_deploy(GIVEN, {}, git)
        self.assertEqual(decide_deploy(GIVEN, {"GITHUB_REF_NAME": "main"}, git).branch, "main")

    def test_empty_is_absent(self) -> None:
        """An empty variable counts as absent: GitHub sets GITHUB_HEAD_REF so on a push."""
        environ = {"COUCHPAGES_BRANCH": "", "GITHUB_HEAD_REF": "", "GITHUB_REF_NAME": "main"}
        self.assertEqual(decide_deploy(GIVEN, environ, None).branch, "main")

    @given(st.dictionaries(st.sampled_from((*BRANCHES, *COMMITS, "HOSTNAME", "GITHUB_BASE_REF")), st.text(max_size=9)))
    @settings(deadline=None)
    def test_anything(self, environ: dict[str, str]) -> None:
        """Whatever the variables hold: a request with a branch, or an error of one line."""
        try:
            request = decide_deploy(GIVEN, environ, None)
        except WrongCallError as error:
            self.assertNotIn("\n", str(error))
        else:
            self.assertTrue(request.branch)


class FirstUploaderTests(SynchronousTestCase):
    """The first uploader's variables work as they did."""

    def test_all(self) -> None:
        """UPLOAD_DIRECTORY, HOSTNAME, GITHUB_SHA and BRANCH_NAME are enough."""
        environ = {"UPLOAD_DIRECTORY": "dist", "HOSTNAME": "example.org", "GITHUB_SHA": SHA, "BRANCH_NAME": "main"}
        self.assertFalse(needs_git(DeployOptions(), environ))
        wanted = DeployRequest("dist", "example.org", "main", SHA)
        self.assertEqual(decide_deploy(DeployOptions(), environ, None), wanted)

    def test_hostname_of_a_container(self) -> None:
        """HOSTNAME alone is the machine's name, not a site."""
        with self.assertRaisesRegex(WrongCallError, "--site"):
            decide_deploy(DeployOptions("dist"), {"HOSTNAME": "a1b2c3"}, None)

    def test_own_variables_beat_it(self) -> None:
        """COUCHPAGES_SITE and COUCHPAGES_DIRECTORY beat HOSTNAME and UPLOAD_DIRECTORY."""
        environ = {"UPLOAD_DIRECTORY": "old", "HOSTNAME": "old.example.org"}
        environ |= {"COUCHPAGES_DIRECTORY": "new", "COUCHPAGES_SITE": "new.example.org"}
        request = decide_deploy(DeployOptions(), environ, None)
        self.assertEqual((request.directory, request.site), ("new", "new.example.org"))


class PullRequestTests(SynchronousTestCase):
    """A pull request never goes live by the name of its branch."""

    def test_github(self) -> None:
        """A fork's branch that is called as the target, or as a production branch, becomes a preview's."""
        for head, base, branch in (
            ("topic", "main", "topic"),
            ("main", "main", "pull/main"),
            ("release", "release", "pull/release"),
            ("master", "develop", "pull/master"),
        ):
            environ = {"GITHUB_HEAD_REF": head, "GITHUB_BASE_REF": base, "GITHUB_REF_NAME": "7/merge"}
            self.assertEqual(decide_deploy(GIVEN, environ, None).branch, branch)

    def test_gitlab(self) -> None:
        """The same for a merge request."""
        environ = {
            "CI_MERGE_REQUEST_IID": "7",
            "CI_COMMIT_REF_NAME": "main",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        }
        self.assertEqual(decide_deploy(GIVEN, environ, None).branch, "pull/main")

    def test_a_word_from_people_counts(self) -> None:
        """COUCHPAGES_BRANCH says what to do also there."""
        environ = {"GITHUB_HEAD_REF": "main", "COUCHPAGES_BRANCH": "main"}
        self.assertEqual(decide_deploy(GIVEN, environ, None).branch, "main")


class WrongCallTests(SynchronousTestCase):
    """What cannot be gets an error that names where it came from."""

    def test_no_directory(self) -> None:
        """A folder is needed, and an empty name is none."""
        for options in (DeployOptions(), DeployOptions("")):
            with self.assertRaisesRegex(WrongCallError, "no folder given"):
                decide_directory(options, {})

    def test_commit(self) -> None:
        """A commit is 7 to 64 hexadecimal digits; the error names the variable."""
        for commit in ("", "abc", "a" * 65, "main", "abcdefg", "abcdef0\n"):
            with self.assertRaisesRegex(WrongCallError, "--commit"):
                decide_deploy(DeployOptions("d", "example.org", commit=commit), {}, None)
        with self.assertRaisesRegex(WrongCallError, "GITHUB_SHA"):
            decide_deploy(GIVEN, {"GITHUB_SHA": "nonsense"}, None)

    def test_branch(self) -> None:
        """A branch has a name."""
        with self.assertRaisesRegex(WrongCallError, "--branch"):
            decide_deploy(DeployOptions("d", "example.org", " "), {}, None)

    def test_sites(self) -> None:
        """A site is a host name: canonical when it is one, an error that names its source when not."""
        self.assertEqual(check_site("Example.ORG."), "example.org")
        for site in ("", "http://example.org/", "example.org:80", "127.0.0.1", "a b", "../x", "x" * 64 + ".org"):
            with self.assertRaisesRegex(WrongCallError, "^--site: "):
                decide_deploy(DeployOptions("d", site), {}, None)
