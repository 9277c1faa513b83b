"""What tells one node from all others, whatever they are called: random, made once, kept in the data folder (does I/O)."""

import re
from collections.abc import Callable
from pathlib import Path

from couchpages.folders import replace

FILE = "node-id"
BYTES = 8
_ID = re.compile(rf"[0-9a-f]{{{2 * BYTES}}}")


def node_id(data: Path, entropy: Callable[[int], bytes]) -> str:
    """Give the id of the node whose data folder is *data*, which must be there. What is no id is replaced. Raises OSError. Blocks."""
    file = data / FILE
    try:
        kept = file.read_text("ascii", "replace").strip()
    except FileNotFoundError:
        kept = ""
    if _ID.fullmatch(kept):
        return kept
    made = entropy(BYTES).hex()
    replace(file, made.encode())
    return made
