from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.bench.dns import configurations
from tests.bench.dns.configurations import Place
from tests.bench.dns.zone import Zone

PLACE = Place(Path("/nowhere"), 5301, 5302)
ZONE = Zone(3)


class ConfigurationsTests(SynchronousTestCase):
    """Tests of how the others are configured."""

    def test_loopback_only(self) -> None:
        """Everybody listens on the port that was given, of 127.0.0.1."""
        for recipe in (configurations.nsd, configurations.knot, configurations.powerdns_bind):
            (text, *_) = (text for name, text in recipe(PLACE, ZONE).files.items() if name.endswith(".conf"))
            (address,) = [line for line in text.splitlines() if "127.0.0.1" in line]
            self.assertRegex(address, r"^ *(ip-address: |listen: |local-address=)127.0.0.1(@5301)?$")
            self.assertIn("5301", text)

    def test_caches(self) -> None:
        """PowerDNS's caches are off where a backend is asked for each query, and as it has them itself otherwise."""
        off = configurations.NO_CACHES.split()
        remote = (configurations.powerdns_remote_unix, configurations.powerdns_remote_http)
        for text in (each(PLACE, ZONE).files["pdns.conf"] for each in remote):
            self.assertEqual([line for line in off if line in text.splitlines()], off)
        self.assertNotIn("cache", configurations.powerdns_bind(PLACE, ZONE).files["pdns.conf"])

    def test_backend(self) -> None:
        """A remote backend is asked where the program behind it listens."""
        recipe = configurations.powerdns_remote_http(PLACE, ZONE)
        self.assertEqual(recipe.backend, ("http", "5302"))
        self.assertIn("url=http://127.0.0.1:5302", recipe.files["pdns.conf"])
        recipe = configurations.powerdns_remote_unix(PLACE, ZONE)
        self.assertEqual(recipe.backend, ("unix", "/nowhere/backend"))
        self.assertIn("path=/nowhere/backend", recipe.files["pdns.conf"])
