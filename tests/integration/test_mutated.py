"""Mutated requests over real sockets, many at once: each is answered or closed, and the daemon is what it was.

``COUCHPAGES_TEST_MUTATIONS`` says how many, ``COUCHPAGES_TEST_SEED`` which ones: they are numbered from there on.
"""

import os
import re
import selectors
import socket
import time
from random import Random

from tests.integration.cases import NodeCase
from tests.integration.crowd import ADDRESSES, connections, raise_limit, resident
from tests.integration.node import lines, wait_until, write_files
from tests.web.mutations import mutated

COUNT = int(os.environ.get("COUCHPAGES_TEST_MUTATIONS", "4000"))
SEED = int(os.environ.get("COUCHPAGES_TEST_SEED", "0"))
AT_ONCE = 100
#: Seconds after which a connection hangs. A refusal lingers for five seconds, to which a loaded machine may add.
HANGING = 30.0

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) [^\r\n]*\r\n")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: (\d+)\r\n")


class Sending:
    """One connection: sends a mutated request in one piece or two, closes its half, and reads to the end."""

    def __init__(self, number: int, port: int) -> None:
        self.number = number
        random = Random(number)  # noqa: S311 -- repeatable
        self.data = mutated(random)
        cut = random.choice((0, random.randrange(len(self.data) + 1)))
        self.pieces = [piece for piece in (self.data[:cut], self.data[cut:]) if piece]
        self.received = bytearray()
        self.began = time.monotonic()
        self.socket = socket.socket()
        self.socket.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        self.socket.bind((f"127.0.0.{2 + number % ADDRESSES}", 0))
        self.socket.setblocking(False)
        self.socket.connect_ex(("127.0.0.1", port))

    def write(self) -> bool:
        """Send the next piece; tell whether there is more to send."""
        try:
            if self.pieces:
                self.socket.send(self.pieces.pop(0))
            if not self.pieces:
                self.socket.shutdown(socket.SHUT_WR)
        except OSError:  # the daemon refused what came before
            self.pieces.clear()
        return bool(self.pieces)

    def read(self) -> bool:
        """Take what is there; tell whether more may come."""
        try:
            data = self.socket.recv(65536)
        except OSError:
            data = b""
        self.received += data
        return bool(data)

    def statuses(self) -> list[int]:
        """Read the answers; raises ValueError for what is none, or not whole."""
        found, left = [], bytes(self.received)
        while left:
            status = _STATUS.match(left)
            head, end, rest = left.partition(b"\r\n\r\n")
            if status is None or not end:
                raise ValueError(f"no answer: {left[:200]!r}")
            code = int(status[1])
            length = _LENGTH.search(head + b"\r\n")
            size = int(length[1]) if length and code not in (100, 304) else 0
            if len(rest) < size:
                raise ValueError(f"not whole: {left[:200]!r}")
            found.append(code)
            left = rest[size:]
        return found


class Mutated(NodeCase):
    """The public port of a node with one site."""

    always = True

    def test_mutated(self) -> None:
        """However many come, all are answered whole or closed, none is a defect, and memory and log do not grow."""
        raise_limit()
        node = self.new_node({"http": {"connections_per_address": 10_000}}).start()
        node.deploy(write_files(self.folder / "public", {"index.html": "hello"}), "site.example")
        self.send(node.http, range(SEED, SEED + min(COUNT, 2000)))
        since, before = node.log_size(), resident(node)
        seen = self.send(node.http, range(SEED, SEED + COUNT))
        self.assertTrue(node.is_ready())
        self.assertNotIn("Traceback", node.log())
        self.assertLess(len(lines(node.log(since))), 10, node.log(since)[:5000])
        self.assertLess(resident(node) - before, 30)
        self.assertGreater(seen[200], COUNT // 20)
        self.assertGreater(seen[400], COUNT // 20)
        wait_until(lambda: connections(node) == 0, "no connections")

    def send(self, port: int, numbers: range) -> dict[int, int]:
        """Send them, and count the answers by status."""
        seen: dict[int, int] = {}
        selector = selectors.DefaultSelector()
        self.addCleanup(selector.close)
        left, open_ = iter(numbers), set[Sending]()
        over = False
        while open_ or not over:
            while len(open_) < AT_ONCE and not over:
                number = next(left, None)
                if number is None:
                    over = True
                    break
                sending = Sending(number, port)
                open_.add(sending)
                selector.register(sending.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, sending)
            for key, events in selector.select(1):
                each: Sending = key.data
                if events & selectors.EVENT_WRITE and not each.write():
                    selector.modify(each.socket, selectors.EVENT_READ, each)
                if events & selectors.EVENT_READ and not each.read():
                    selector.unregister(each.socket)
                    each.socket.close()
                    open_.remove(each)
                    self.look_at(each, seen)
            now = time.monotonic()
            for each in open_:
                self.assertLess(now - each.began, HANGING, (each.number, each.data, bytes(each.received)))
        return seen

    def look_at(self, ended: Sending, seen: dict[int, int]) -> None:
        """Assert that what came is whole answers, and no defect."""
        try:
            statuses = ended.statuses()
        except ValueError as error:
            raise AssertionError(f"{error} to {ended.number}: {ended.data!r}") from None
        for status in statuses:
            self.assertNotEqual(status, 500, (ended.number, ended.data))
            seen[status] = seen.get(status, 0) + 1
