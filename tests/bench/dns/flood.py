"""Asks one name server as fast as its answers come, with so many questions outstanding (does I/O).

It never sleeps: a server that is measured does not pay for waking whoever asks, and whoever has the other core may use it up.
"""

import random
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.bench.dns.datagrams import Slots
from tests.bench.dns.questions import LETTERS, SLOTS, Load

WINDOW = 128
#: Least and most datagrams in one call to the kernel: with fewer, waking the server up would be most of the work.
LEAST, BATCH = 32, 64
#: Seconds without any answer after which what is outstanding is given up.
PATIENCE = 2.0
#: Octets that an answer may have.
LONGEST = 512
#: How many octets of a name that does not exist become others each time.
_RENEWED = 4
#: QR and AA, nothing else.
_FLAGS = 0x84
_TO_LETTERS = bytes(ord(LETTERS[each % len(LETTERS)]) for each in range(256))


@dataclass(frozen=True, slots=True)
class Counts:
    """Answers, how many of them were *wrong*, questions that were *lost*, and answers that nobody waited for (*stray*)."""

    answers: int = 0
    wrong: int = 0
    lost: int = 0
    stray: int = 0


class Flood:
    """Questions of *load* over one socket, which is connected to the server."""

    def __init__(self, server: socket.socket, load: Load, window: int = WINDOW) -> None:
        if len(load.datagrams) != SLOTS:
            raise ValueError(f"a load has {SLOTS} datagrams, not {len(load.datagrams)}")
        self.counts = Counts()
        self._server = server
        self._window = window
        self._renewed = load.random
        self._expected = ((2, _FLAGS), (3, load.rcode), (6, 0), (7, load.answers))
        self._questions = _slots(load)
        self._answers = Slots([LONGEST] * BATCH, LONGEST)
        self._outstanding: set[int] = set()
        self._next = 0
        self._lap = 0
        self._begin_lap()

    def run(self, seconds: float, clock: Callable[[], float] = time.perf_counter) -> float:
        """Ask for so long; give how long it was."""
        began = heard = now = clock()
        while now - began < seconds:
            self._ask(self._window - len(self._outstanding))
            count = self._answers.receive(self._server)
            now = clock()
            if count:
                self._take(count)
                heard = now
            elif now - heard > PATIENCE:
                self._give_up()
                heard = now
        return now - began

    def settle(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """Wait for the answers to what is outstanding, so that whoever is asked next has the server's core."""
        until = clock() + PATIENCE
        while self._outstanding and clock() < until:
            count = self._answers.receive(self._server)
            if count:
                self._take(count)

    def _ask(self, room: int) -> None:
        if room < LEAST:
            return
        if self._next == SLOTS:
            self._lap += 1
            self._begin_lap()
        sent = self._questions.send(self._server, self._next, min(room, BATCH, SLOTS - self._next))
        ids = range(self._base + self._next, self._base + self._next + sent)
        before = len(self._outstanding)
        self._outstanding.update(ids)
        # An id that is used again was not answered for seven laps.
        lost = before + sent - len(self._outstanding)
        if lost:
            self.counts = replace(self.counts, lost=self.counts.lost + lost)
        self._next += sent

    def _begin_lap(self) -> None:
        """Give every question another id, and another name if it is to have one."""
        self._next = 0
        self._base = self._lap * SLOTS % (1 << 16)
        buffer, stride = self._questions.buffer, self._questions.stride
        buffer[0::stride] = bytes((self._base + slot) >> 8 for slot in range(SLOTS))
        for offset in random.sample(self._renewed, min(_RENEWED, len(self._renewed))):
            buffer[offset::stride] = random.randbytes(SLOTS).translate(_TO_LETTERS)  # noqa: S311 -- names, not secrets

    def _take(self, count: int) -> None:
        column = self._answers.column
        right = min(column(offset, count).count(octet) for offset, octet in self._expected)
        ids = bytearray(2 * count)
        ids[0::2], ids[1::2] = column(0, count), column(1, count)
        before = len(self._outstanding)
        self._outstanding.difference_update(struct.unpack(f">{count}H", ids))
        was = self.counts
        stray = was.stray + count - before + len(self._outstanding)
        self.counts = Counts(was.answers + count, was.wrong + count - right, was.lost, stray)

    def _give_up(self) -> None:
        self.counts = replace(self.counts, lost=self.counts.lost + len(self._outstanding))
        self._outstanding.clear()


def _slots(load: Load) -> Slots:
    stride = max(map(len, load.datagrams))
    slots = Slots([len(each) for each in load.datagrams], stride)
    for number, each in enumerate(load.datagrams):
        slots.buffer[number * stride : number * stride + len(each)] = each
        slots.buffer[number * stride + 1] = number & 255
    return slots
