"""The zones of the table: texts that servers load (reads files beside it)."""

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "zones"
#: The zones' names, without the last dot.
NAMES: tuple[str, ...] = tuple(sorted(file.name.removesuffix(".zone") for file in FOLDER.glob("*.zone")))


@cache
def text(name: str) -> str:
    """Give a zone's text, which begins with its $ORIGIN."""
    return (FOLDER / f"{name}.zone").read_text("ascii")


def texts() -> dict[str, str]:
    """Give all zones: names to texts."""
    return {name: text(name) for name in NAMES}
