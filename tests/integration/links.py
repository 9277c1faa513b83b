"""Links in HTML, and a crawler (reads pages by way of a function that it is given)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

LINKING = {
    ("a", "href"),
    ("link", "href"),
    ("img", "src"),
    ("script", "src"),
    ("object", "data"),
    ("iframe", "src"),
    ("area", "href"),
}


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what links."""
        self.found += [value for name, value in attrs if value and (tag, name) in LINKING]


def links(page: str) -> list[str]:
    """Give what a page links to, as it stands there."""
    parser = _Links()
    parser.feed(page)
    return parser.found


def within(base: str, link: str) -> str | None:
    """Give the path of *link* on the page at the path *base*, without fragment and query, or None where it leads elsewhere.

    As browsers do (WHATWG URL Standard), and unlike urllib's urljoin, empty segments stay: ``images//a.png`` has two slashes.
    """
    parts = urlsplit(link.strip())
    if parts.scheme or parts.netloc:
        return None
    path = parts.path if parts.path.startswith("/") else base.rpartition("/")[0] + "/" + parts.path
    if not parts.path:
        path = base
    kept: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == ".." and kept:
            kept.pop()
        elif segment not in (".", ".."):
            kept.append(segment)
    if path.endswith(("/.", "/..")):
        kept.append("")
    return "/" + "/".join(kept)


@dataclass(slots=True)
class Crawl:
    """What a crawl met: paths that were there, and those that were not, each with a page that links to it."""

    found: set[str] = field(default_factory=set)
    missing: dict[str, str] = field(default_factory=dict)


def crawl(start: str, get: Callable[[str], tuple[int, str, str]]) -> Crawl:
    """Follow every link from the path *start*; *get* gives status, type or location, and text of a path."""
    result = Crawl()
    waiting = [(start, start)]
    seen = {start}
    while waiting:
        path, origin = waiting.pop()
        status, about, text = get(path)
        if status == 200:
            result.found.add(unquote(path))
            targets = links(text) if about.startswith("text/html") else []
        elif status // 100 == 3:
            targets = [about]
        else:
            result.missing[unquote(path)] = origin
            continue
        for each in targets:
            target = within(path, each)
            if target is not None and target not in seen:
                seen.add(target)
                waiting.append((target, path))
    return result
