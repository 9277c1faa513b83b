"""Zone files, before the eyes of BIND's named-checkzone."""

import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.names import from_text
from couchpages.dns.zone_file_writing import as_sets, written
from couchpages.dns.zone_files import ZoneFileReader
from tests.integration.requirements import program_path

APEX = from_text("example.org")
ZONE = r"""
$TTL 1h
@ SOA ns1 host\.master.example.org. ( 2024010101 1h 15m 2w 5m )
  NS ns1
  NS ns2.example.net.
  MX 0 .
  TXT "v=spf1 -all" "\000\255\"\\;" ""
  CAA 0 issue "letsencrypt.org"
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
*.w 60 CNAME ns1
_sip._tcp SRV 0 5 5060 ns1
sub NS ns.sub
sub DS 12345 13 2 0000000000000000000000000000000000000000000000000000000000000001
ns.sub A 192.0.2.2
d DNAME example.net.
n NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:a@example.org!" .
l LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
s SSHFP 4 2 0000000000000000000000000000000000000000000000000000000000000002
_443._tcp.t TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000003
h HTTPS 1 . alpn="h2,h3" ipv4hint=192.0.2.1
h SVCB 2 ns1 port=8443
p PTR ns1
u URI 10 1 "https://example.org/"
r RP h.example.org. t.example.org.
x TYPE65280 \# 3 00ff01
a\.b A 192.0.2.3
a\000\255\032\"\(\;\$\@ A 192.0.2.4
MiXed A 192.0.2.5
$GENERATE 1-3 g$ A 10.0.0.$
"""


class CheckzoneTests(SynchronousTestCase):
    """What export-zone writes."""

    if program_path("named-checkzone") is None:
        skip = "named-checkzone is not there; etc/install-peers installs it where the package exists"

    def canonical(self, path: Path) -> list[str]:
        """Have named-checkzone load a file, and give the zone as BIND writes it."""
        program = program_path("named-checkzone") or ""
        command = [program, "-D", "-o", "-", "example.org", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        # It also tells of what it reads, on the same stream.
        return sorted(" ".join(line.split()) for line in done.stdout.splitlines() if "\tIN" in line or " IN " in line)

    def test_exported(self) -> None:
        """BIND loads what is exported, and reads the same records in it as in the file that was imported."""
        folder = Path(self.mktemp())
        folder.mkdir()
        lines = ZoneFileReader(APEX, lambda _: "").read("zone", ZONE)
        (folder / "imported").write_text(ZONE)
        (folder / "exported").write_text("".join(written(APEX, as_sets(lines), None)))
        exported = self.canonical(folder / "exported")
        self.assertEqual(exported, self.canonical(folder / "imported"))
        self.assertEqual(len(exported), len(lines))
