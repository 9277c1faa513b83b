"""What processes use of the machine, with all their children, and which core (asks the machine)."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import machine

_TICKS = os.sysconf("SC_CLK_TCK")
#: Where utime and stime stand behind the program's name in /proc/PID/stat, see proc(5).
_UTIME, _STIME = 11, 12


def cpu_seconds(pids: Iterable[int]) -> float:
    """Give the CPU time that they used, in programs and for them in the kernel."""
    return sum(_ticks(pid) for pid in family(pids)) / _TICKS


def proportional(pids: Iterable[int]) -> float:
    """Give their memory in MB; what several of them share counts once (PSS)."""
    return sum(_pss(pid) for pid in family(pids)) * 1024 / 1e6


def pin(pids: Iterable[int], core: int) -> None:
    """Have all their threads on one core, also such as chose another themselves (Knot's do)."""
    for pid in family(pids):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Keep this thread, and what it starts, on one core during the block, where the machine can pin."""
    before = os.sched_getaffinity(0)
    if machine.pinned(core):
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def family(pids: Iterable[int]) -> Iterator[int]:
    """Give them, their children, and so on."""
    for pid in pids:
        yield pid
        for thread in Path(f"/proc/{pid}/task").iterdir():
            yield from family(map(int, (thread / "children").read_text().split()))


def _ticks(pid: int) -> int:
    # The name may hold spaces and brackets; nothing behind it does.
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(words[_UTIME]) + int(words[_STIME])


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise LookupError("Pss")
