"""What is counted and logged of visits, and what becomes of them when something is wrong."""

import os
from dataclasses import replace
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from unittest.mock import patch

from couchpages.ports import Unavailable
from couchpages.testing.memory_database import Turns
from couchpages.testing.node import MemoryNode
from couchpages.web.heads import HeadLimits
from couchpages.web.limits import ConnectionLimits
from tests.pages.fronts import PublicPort, answer, answers, request
from tests.pages.protocol_case import FILES, HOME_TAG, HOST, Case
from tests.web.native import send
from tests.web.test_ledger import FakeLog


class Counting(Case):
    """Metrics and the access log."""

    def sample(self, name: str, **labels: str) -> float:
        """Give a figure as Prometheus has it."""
        return self.node.metrics.registry.get_sample_value(name, labels) or 0

    def test_tallies(self) -> None:
        """Each way tallies the same request alike: site, status, where the content was, and the bytes of the body that were sent."""
        data = b"".join(
            request(target, *fields, method=method, host=host)
            for method, target, host, fields in (
                (b"GET", b"/", b"a.example", ()),
                (b"HEAD", b"/", b"a.example", ()),
                (b"GET", b"/", b"a.example", (b"If-None-Match: " + HOME_TAG,)),
                (b"GET", b"/docs", b"a.example", ()),
                (b"GET", b"/empty.txt", b"a.example", ()),
                (b"GET", b"/no", b"a.example", ()),
                (b"GET", b"/large.bin", b"a.example", (b"Range: bytes=0-9",)),
                (b"GET", b"/large.bin", b"a.example", ()),
                (b"GET", b"/", b"none.example", ()),
                (b"GET", b"/", b"abcdef0.a.example", ()),
            )
        )
        self.warm(b"/", b"/docs", b"/empty.txt", b"/no", b"/large.bin")
        gained = []
        for make in (self.port.connect, self.port.slow_way):
            before = self.figures()
            wire = send(make(), data)
            self.assertEqual(len(answers(wire, b"GET", b"HEAD")), 10)
            gained.append({key: count - before.get(key, 0) for key, count in self.figures().items()})
        self.assertEqual(gained[0], gained[1])
        self.assertEqual(sum(count for key, count in gained[0].items() if isinstance(key[1], tuple)), 10)

    def figures(self) -> dict[Any, int]:
        """Give every tally's figures, and those of statuses."""
        found: dict[Any, int] = {}
        for site, tally in self.node.metrics.tallies.every():
            found[site, "bytes"] = tally.bytes
            found |= {(site, key): count for key, count in tally.answers.items()}
        return found | {
            ("statuses", str(label)): count
            for label, count in self.node.metrics.responses.labels("public").counts.items()
        }

    def test_where_it_was(self) -> None:
        """The first visit finds content on disk or in CouchDB, the next in memory."""
        self.port.ask(request())
        self.port.ask(request())
        self.assertEqual(self.port.tally(HOST), {(200, "disk"): 1, (200, "memory"): 1})
        self.assertEqual(self.node.metrics.tallies.of(HOST).bytes, 8)
        port = PublicPort(self.node.restarted(Path(self.mktemp())))
        port.ask(request() + request())
        self.assertEqual(port.tally(HOST), {(200, "couchdb"): 1, (200, "memory"): 1})

    def test_responses_and_durations(self) -> None:
        """Every response is counted once by its status, with how long it took."""
        self.port.ask(
            request() + request() + request(b"/no") + request(b"/cdn-cgi/trace") + request(method=b"PUT"), *[b"GET"] * 4
        )
        for status, count in (("200", 3), ("404", 1), ("405", 1)):
            self.assertEqual(self.sample("couchpages_http_responses_total", port="public", status=status), count)
        self.assertEqual(self.sample("couchpages_http_response_seconds_count", port="public"), 5)

    def test_access_log(self) -> None:
        """Ready answers and visits are logged once each, with the same facts; behind a trusted proxy with the visitor's address."""
        log = FakeLog()
        port = PublicPort(self.node, log=log, trusted=(ip_network("198.51.100.0/24"),))
        behind = b"X-Forwarded-For: 203.0.113.9"
        for address, shown in (
            ("192.0.2.1", "192.0.2.1"),
            ("198.51.100.7", "203.0.113.9"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ):
            for make in (port.connect, port.slow_way):
                log.records.clear()
                for _ in range(2):
                    send(make(address=address), request(b"/", behind, b"User-Agent: x"))
                send(make(address=address), request(b"/no", behind, host=b"none.example"))
                moment = port.wall()
                self.assertEqual([record[0] for record in log.records], [moment] * 3)
                self.assertEqual([record[1] for record in log.records], [shown] * 3)
                heads = [bytes(record[2]).lower() for record in log.records]  # type: ignore[call-overload]  # a head
                self.assertEqual(heads[1], request(b"/", behind, b"User-Agent: x").lower())
                self.assertEqual(log.records[1][3:5], (200, 4))
                self.assertEqual(log.records[1][6:], (HOST, "memory"))
                self.assertEqual(log.records[2][3], 404)
                self.assertEqual(log.records[2][6:], ("", "none"))

    def test_unmade_file(self) -> None:
        """And the file that was opened for it is closed."""
        turns = Turns()
        files: list[Any] = []
        node = self.node.restarted(Path(self.mktemp()))
        node.files.pause = turns.wait
        self.addCleanup(setattr, node.files, "pause", None)
        read = node.disk.read

        def recorded(name: str, most: int) -> Any:
            files.append(read(name, most))
            return files[-1]

        wire = send(PublicPort(node).connect(), request(b"/large.bin"))
        wire.lose()
        with patch.object(node.disk, "read", recorded):
            while turns.waiting:
                turns.go()
        self.assertTrue(files[-1].closed)

    def test_unmade(self) -> None:
        """A visit whose connection is lost before its answer is noted once, with no bytes, and its file is closed."""
        port, turns = self.far()
        wire = send(port.connect(), request(b"/large.bin"))
        wire.lose()
        while turns.waiting:
            turns.go()
        self.assertEqual(wire.sent, b"")
        self.assertEqual(port.tally(HOST), {(200, "couchdb"): 1})
        self.assertEqual(port.node.metrics.tallies.of(HOST).bytes, 0)
        self.assertEqual((port.edge.connections, port.clock.getDelayedCalls()), (0, []))


class Troubles(Case):
    """What goes wrong."""

    def test_couchdb_away(self) -> None:
        """What is near is served, what is far is 503, and the connection goes on (laws 1 and 3)."""
        node = self.node.restarted(Path(self.mktemp()))
        port = PublicPort(node)
        port.ask(request())
        node.files.fail("read_attachment", Unavailable("away"), times=2)
        wire = send(
            port.connect(), request() + request(b"/docs/") + request() + request(b"/docs/") + request(b"/docs/")
        )
        self.assertEqual([each.status for each in answers(wire)], [200, 503, 200, 503, 200])
        node.files.heal()

    def test_defect_of_a_visit(self) -> None:
        """A defect is a 500 that tells nothing, logged, and the next request is answered."""
        with patch.object(self.node.visits, "_respond", side_effect=KeyError("secret")):
            wire = send(self.port.connect(), request(b"/no"))
        send(wire, request())
        self.assertEqual([each.status for each in answers(wire)], [500, 200])
        self.assertNotIn(b"secret", wire.sent)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_shortened_on_disk(self) -> None:
        """Defect: a blob that a power cut shortened on disk gave its length to the answers after the one that CouchDB helped out with."""
        folder = Path(self.mktemp())
        MemoryNode.restarted(self.node, folder).visit(HOST, "/")
        blob = sha256(b"home").hexdigest()
        path = folder / "blobs" / blob[:2] / blob
        for damaged in (b"ho", b"home and more", b"", b"HOME"):
            for asked in (b"X: y", b"If-None-Match: " + HOME_TAG):
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(damaged)
                port = PublicPort(self.node.restarted(folder))
                found = [answer(send(port.connect(), request(b"/", field))) for field in (asked, b"X: y", b"X: y")]
                self.assertIn((found[0].status, found[0].body), [(200, b"home"), (304, b"")])
                self.assertEqual([each.body for each in found[1:]], [b"home"] * 2)

    def test_sound_on_disk(self) -> None:
        """What was found sound on disk after a start is ready from then on."""
        folder = Path(self.mktemp())
        MemoryNode.restarted(self.node, folder).visit(HOST, "/")
        port = PublicPort(self.node.restarted(folder))
        self.assertEqual(port.ask(request())[0].body, b"home")
        self.assertEqual((len(port.ready.shelves), port.tally(HOST)), (1, {(200, "disk"): 1}))

    def test_without_nowait(self) -> None:
        """Where the kernel cannot say what it has in memory, disks are read in threads, and the answers are the same."""
        with patch("couchpages.pages.disk_cache.RWF_NOWAIT", None):
            wire = send(self.port.connect(), request() + request())
        self.assertEqual([each.body for each in answers(wire)], [b"home"] * 2)
        self.assertEqual(self.port.tally(HOST), {(200, "disk"): 1, (200, "memory"): 1})

    def test_blob_that_nobody_has(self) -> None:
        """A site of which a blob is missing everywhere answers 503 for it, not an empty 200."""
        self.warm(b"/middle.bin")
        blob = sha256(FILES["middle.bin"]).hexdigest()
        self.node.blobs._memory.discard(blob)
        for file in self.node.disk._folder.rglob(blob):
            os.truncate(file, 2)
        self.node.files.fail("read_attachment", Unavailable("away"))
        self.assertEqual([each.status for each in self.port.ask(request(b"/middle.bin") * 2)], [503, 200])

    def test_two_hosts_of_which_one_came_before(self) -> None:
        """What a connection remembers of a head stands behind the Host field: with another Host before it, it is refused."""
        self.warm()
        self.port.ask(request(host=b"b.example"))
        for first in (b"X: y", b"Host: a.example"):
            wire = self.port.connect()
            fields = b"Host: a.example\r\nAccept: */*\r\n\r\n"
            line = b"GET / HTTP/1.1\r\n"
            send(wire, line + first + b"\r\n" + fields if first == b"X: y" else line + fields)
            send(wire, line + b"Host: b.example\r\n" + fields)
            self.assertEqual([each.status for each in answers(wire)], [200, 400])

    def test_requests_one_by_one_to_a_slow_reader(self) -> None:
        """Who reads answers slowly that came one after the other has the same time as for those that were asked for together."""
        self.warm(b"/middle.bin")
        wire = self.port.connect(slow=True)
        for _ in range(4):
            send(wire, request(b"/middle.bin"))
        self.assertTrue(wire.pausing)
        self.port.pass_time(self.port.edge.limits.idle + 20)
        self.assertFalse(wire.closing)
        wire.drain()
        self.assertEqual(len(answers(wire)), 4)

    def test_custom_limits(self) -> None:
        """Heads may be as large as the port's limits say, not as they are by default."""
        limits = ConnectionLimits(head=HeadLimits(100_000, 1000))
        port = PublicPort(self.node, limits=limits)
        large = request(b"/", b"X: " + b"x" * 50_000, *[b"X: y"] * 500)
        for size in (len(large), 1000):
            wire = send(port.connect(), *(large[at : at + size] for at in range(0, len(large), size)))
            self.assertEqual(answer(wire).body, b"home")
            self.assert_native(wire)
        small = PublicPort(self.node, limits=replace(limits, head=HeadLimits(60, 5)))
        self.assertEqual(small.ask(request(b"/", b"X: " + b"x" * 100))[0].status, 431)
