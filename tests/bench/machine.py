"""The machine that figures were measured on, and processes on it (asks the machine)."""

import math
import os
import platform
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path


def described() -> str:
    """Give the machine in one line."""
    return (
        f"{os.cpu_count()} cores ({_model()}), {_memory()} of memory, {platform.system()} {platform.release()}, "
        f"{platform.python_implementation()} {platform.python_version()}"
    )


def seconds(work: Callable[[], object]) -> float:
    """Give how long *work* takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def run(*command: str | Path, **more: object) -> "subprocess.CompletedProcess[str]":
    """Run a command that must succeed."""
    return subprocess.run([str(each) for each in command], check=True, capture_output=True, text=True, **more)  # type: ignore[call-overload,no-any-return]


def run_for_peak(*command: str | Path, env: dict[str, str]) -> float:
    """Run a command that must succeed, and give the most resident memory that it had, in MB."""
    process = subprocess.Popen(
        [str(each) for each in command], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    # wait4 tells of this one process; what getrusage tells of children is the largest of all that ever ended.
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return usage.ru_maxrss * 1024 / 1e6


def resident(pid: int) -> float:
    """Give a process's resident memory now, in MB."""
    return _status(pid, "VmRSS")


def peak(pid: int) -> float:
    """Give the most resident memory that a process had, in MB."""
    return _status(pid, "VmHWM")


def pinned(core: int, *command: str) -> list[str]:
    """Give a command that runs on one core, where the machine can pin."""
    if shutil.which("taskset") and (os.cpu_count() or 1) > 1:
        return ["taskset", "-c", str(core), *command]
    return list(command)


def shown(values: Sequence[float], unit: str, digits: int = 2) -> str:
    """Give the median, with the extremes beside it."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} {unit} ({low:.{digits}f} to {high:.{digits}f})"


def quantile(values: Sequence[float], part: float) -> float:
    """Give the least of *values* that *part* of them, 0 to 1, do not exceed (nearest rank)."""
    return sorted(values)[max(math.ceil(part * len(values)), 1) - 1]


def _status(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise LookupError(name)


def _model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
