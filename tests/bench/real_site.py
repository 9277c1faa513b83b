"""Real sites to measure with: copies of what Debian's packages brought, or made-up ones of the same size where they are not there."""

import random
import shutil
from pathlib import Path

HANDBOOK = Path("/usr/share/doc/debian-handbook/html")


def copy_of_handbook(target: Path) -> str:
    """Copy Debian's handbook in all its languages, some 7,900 files; say what was copied."""
    if HANDBOOK.is_dir():
        shutil.copytree(HANDBOOK, target)
        return f"Debian's handbook in all languages, {_extent(target)}"
    _invent(target)
    return f"an invented site (debian-handbook is not installed), {_extent(target)}"


def change_one(site: Path, round_: int) -> Path:
    """Change one page of the site."""
    page = min(site.rglob("*.html"))
    page.write_bytes(page.read_bytes() + f"<!-- {round_} -->\n".encode())
    return page


def _invent(target: Path) -> None:
    chance = random.Random(1)  # noqa: S311 -- the same site each time
    for number in range(8000):
        file = target / f"part{number % 40}" / f"page{number}.html"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(chance.randbytes(chance.choice((2_000, 8_000, 20_000))))


def _extent(folder: Path) -> str:
    sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
    return f"{len(sizes):,} files, {sum(sizes) / 1e6:.0f} MB"
