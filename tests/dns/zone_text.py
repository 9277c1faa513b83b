"""Records from the text of a zone file, for tests (pure)."""

from couchpages.dns.names import Name, from_text
from couchpages.dns.records import Record
from couchpages.dns.zone_files import ZoneFileReader

APEX = from_text("example.org")
#: What every zone begins with.
HEAD = "$TTL 300\n@ SOA ns1.example.net. host.example.org. 1 3600 900 1209600 300\n@ NS ns1.example.net.\n"


def no_file(name: str) -> str:
    """Include nothing."""
    raise ValueError(f"$INCLUDE {name}: there is none")


def records(text: str, apex: Name = APEX) -> list[Record]:
    """Give the records that a zone file says."""
    return [line.record for line in ZoneFileReader(apex, no_file).read("test", text)]


def zone(text: str, apex: Name = APEX) -> list[Record]:
    """Give the records of a zone with SOA and NS, and what else *text* says."""
    return records(HEAD + text, apex)
