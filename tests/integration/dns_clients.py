"""Clients of DNS that nobody here wrote: dig, kdig and drill (start processes)."""

import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seen:
    """What a client shows: rcode, flags, and the answer section's data with their types, in order of the text."""

    rcode: str
    flags: frozenset[str]
    data: tuple[str, ...]


def dig(host: str, port: int, name: str, type_: str, *, tcp: bool) -> list[str]:
    """Give a command line of BIND's dig."""
    return ["dig", f"@{host}", "-p", f"{port}", "+norecurse", "+tcp" if tcp else "+notcp", "+ignore", name, type_]


def kdig(host: str, port: int, name: str, type_: str, *, tcp: bool) -> list[str]:
    """Give a command line of Knot's kdig."""
    return ["kdig", f"@{host}", "-p", f"{port}", "+norec", "+tcp" if tcp else "+notcp", name, type_]


def drill(host: str, port: int, name: str, type_: str, *, tcp: bool) -> list[str]:
    """Give a command line of NLnet Labs' drill."""
    return ["drill", "-t" if tcp else "-u", "-o", "rd", "-p", f"{port}", name, f"@{host}", type_]


CLIENTS: tuple[Callable[..., list[str]], ...] = (dig, kdig, drill)


def run(command: Sequence[str]) -> Seen:
    """Run a client; it must get an answer."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return seen(done.stdout)


def seen(text: str) -> Seen:
    """Read what a client shows."""
    rcode = re.search(r"(?:status|rcode): (\w+)", text)
    flags = re.search(r"flags: ([a-z ]*);", text, re.IGNORECASE)
    assert rcode is not None, text
    assert flags is not None, text
    _, _, answer = text.partition("ANSWER SECTION:\n")
    rows = [line.split(None, 4) for line in answer.partition("\n;;")[0].splitlines() if not line.startswith(";")]
    return Seen(
        rcode[1], frozenset(flags[1].split()), tuple(sorted(f"{row[3]} {row[4].strip()}" for row in rows if row))
    )
