"""The metric families."""

from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.follower import State
from couchpages.metrics import FOLLOWER_STATES, TEXT, Metrics


class Families(SynchronousTestCase):
    """``Metrics``."""

    def test_names(self) -> None:
        """Every family of ours begins with our name and has a sentence; units stand in names as Prometheus asks."""
        _, page = Metrics().exposition("")
        families = {family.name: family for family in text_string_to_metric_families(page.decode())}
        ours = {name for name in families if not name.startswith("process_")}
        self.assertGreater(len(ours), 10)
        for name in ours:
            self.assertTrue(name.startswith("couchpages_"), name)
            self.assertTrue(families[name].documentation.endswith("."), name)

    def test_registries_of_their_own(self) -> None:
        """Two nodes in one process do not share figures."""
        one, other = Metrics(), Metrics()
        one.sites.set(3)
        self.assertIn(b"couchpages_sites 3.0", one.exposition("")[1])
        self.assertIn(b"couchpages_sites 0.0", other.exposition("")[1])

    def test_states(self) -> None:
        """A follower is in exactly one state, and its states are those of the follower."""
        self.assertEqual({state.value for state in State}, set(FOLLOWER_STATES))
        metrics = Metrics()
        for state in FOLLOWER_STATES:
            metrics.follower_is("db", state)
            values = {
                each: metrics.registry.get_sample_value("couchpages_follower_state", {"database": "db", "state": each})
                for each in FOLLOWER_STATES
            }
            self.assertEqual(values, {each: float(each == state) for each in FOLLOWER_STATES})

    def test_formats(self) -> None:
        """A scraper gets the format that it accepts, and Prometheus's text without a wish."""
        metrics = Metrics()
        for accept in ("", "*/*", "text/plain"):
            self.assertEqual(metrics.exposition(accept)[0], TEXT)
        content_type, page = metrics.exposition("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
        self.assertTrue(content_type.startswith("application/openmetrics-text"))
        self.assertTrue(page.endswith(b"# EOF\n"))
