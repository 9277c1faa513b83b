from twisted.trial.unittest import SynchronousTestCase

from couchpages.cli.published import any_left_out, cannot_be_included, is_left_out


class PublishedTests(SynchronousTestCase):
    """Which names stay at home."""

    def test_left_out(self) -> None:
        """Version control, settings, secrets and what desktops leave behind."""
        for name in (".git", ".hg", ".svn", ".bzr", ".env", ".htpasswd", ".DS_Store", "Thumbs.db", "couchpages-data"):
            self.assertTrue(is_left_out(name), name)

    def test_published(self) -> None:
        """Pages, rules, and .well-known."""
        for name in ("index.html", "404.html", "_headers", "_redirects", ".well-known", "git", "a.git", "node_modules"):
            self.assertFalse(is_left_out(name), name)

    def test_included(self) -> None:
        """--include publishes a dotted name, but never a version control's or the daemon's own."""
        self.assertFalse(is_left_out(".nojekyll", {".nojekyll"}))
        for name in (".git", "couchpages-data"):
            self.assertTrue(is_left_out(name, {name}))
            self.assertTrue(cannot_be_included(name))
        for name in ("", ".", "..", "a/.b"):
            self.assertTrue(cannot_be_included(name))
        self.assertFalse(cannot_be_included(".buildinfo"))

    def test_paths(self) -> None:
        """One part that is left out is enough."""
        self.assertTrue(any_left_out("a/.git/config"))
        self.assertFalse(any_left_out("a/.well-known/x"))
