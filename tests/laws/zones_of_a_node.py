"""The laws for zones: what they stand on. The tests are mixed into those of each law."""

from pathlib import Path

from couchpages.dns.names import from_text
from couchpages.testing.zones import MemoryZones

ZONE = "example.org"
APEX = from_text(ZONE)
WWW = "www.example.org"


def serving(folder: Path | None = None) -> MemoryZones:
    """Give a node that serves one zone with one record."""
    node = MemoryZones(folder)
    node.create(ZONE)
    node.add(ZONE, WWW, "A", "192.0.2.1")
    node.follow()
    node.settle()
    return node
