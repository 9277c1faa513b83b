"""What was kept of zones, from the entries of the files that have it (pure)."""

from collections.abc import Callable
from dataclasses import dataclass, field

from couchpages.dns.entries import Served, held_in, zones_in
from couchpages.dns.holdings import Held
from couchpages.dns.journal import Damaged, Entry
from couchpages.dns.names import Name
from couchpages.dns.zone_folder import Kept
from couchpages.dns.zone_register import HeldZone

ZONES = "zones"
NO_NUMBER = "none"


@dataclass(slots=True)
class Restored:
    """What was kept; *numbers* are those of the zones whose records are all here.

    *were_kept* tells whether it is known which zones there were, if only that there were none.
    """

    zones: dict[str, HeldZone] = field(default_factory=dict)
    served: dict[Name, Served] = field(default_factory=dict)
    records: dict[str, Held] = field(default_factory=dict)
    numbers: set[int] = field(default_factory=set)
    were_kept: bool = False


def file_of(number: int | None) -> str:
    """Name the file of a shelf."""
    return NO_NUMBER if number is None else f"{number:08x}"


def number_of(name: str) -> int | None:
    """Give the number of the shelf that a file has. Raises ValueError."""
    return None if name == NO_NUMBER else int(name, 16)


def read_kept(kept: Kept, refuse: Callable[[str, str], object]) -> Restored:
    """Read files; those that cannot be read are taken out of *kept*, and *refuse* is told their names, and why."""
    restored = Restored()
    for name, (entries, _) in sorted(kept.files.items(), reverse=True):
        try:
            if name == ZONES:
                restored.zones, restored.served = zones_in(entries)
                restored.were_kept = True
            else:
                number = number_of(name)
                restored.records.update(_records(entries))
                restored.numbers.update(() if number is None else (number,))
        except (Damaged, ValueError) as error:
            del kept.files[name]
            refuse(name, str(error))
    return restored


def _records(entries: list[Entry]) -> dict[str, Held]:
    found: dict[str, Held] = {}
    for entry in entries:
        doc_id, held = held_in(entry)
        if held is None:
            found.pop(doc_id, None)
        else:
            found[doc_id] = held
    return found
