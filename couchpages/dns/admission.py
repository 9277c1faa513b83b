"""What the calls about zones have in common: who may, and how bodies and queries are read (pure)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from couchpages.dns.names import Name, shown
from couchpages.dns.reach import reaches
from couchpages.dns.sliced_json import SlicedObject
from couchpages.dns.submission import read_host, read_mailbox
from couchpages.ports import Grant
from couchpages.web.exchange import InMemory, announced_length
from couchpages.web.message import RequestHead
from couchpages.web.problem import Problem

T = TypeVar("T")
#: Members beside the sets, of a call that writes them, whose body may be what was asked for and edited, and of one that creates a zone.
SETS = ("zone", "serial")
CREATION = ("name", "nameservers", "hostmaster")
#: Name servers of a zone.
MOST_SERVERS = 100
#: Parts of a query that are read.
MOST_QUERIES = 20


def require_reach(grant: Grant, apex: Name) -> None:
    """Refuse a key that is for other zones."""
    zone = shown(apex)
    if not reaches(grant, apex):
        raise Problem(
            403,
            f"this API key does not reach the zone {zone}; 'couchpages keys create --zone {zone}' makes one that does",
        )


def json_body(head: RequestHead, longest: int) -> InMemory:
    """Give a body in memory, refusing one that is announced as longer."""
    announced_length(head, longest)
    return InMemory(longest)


def read_members(content: bytes) -> dict[str, Any]:
    """Give the object that a small body is."""
    sliced = SlicedObject(content, "")
    for _ in sliced:
        pass
    return sliced.members


def all_of(wanted: Iterable[T], sliced: SlicedObject) -> Iterator[T]:
    """Give what is *wanted*, read from the body *sliced*; refuse a body in which nothing is listed."""
    yield from wanted
    if not sliced.has_list:
        raise Problem(400, "rrsets is missing, or not a list", field="rrsets")


def servers(members: Mapping[str, Any]) -> tuple[list[Name] | None, Name | None]:
    """Give the name servers and the mailbox that a call names for a new zone."""
    given, mailbox = members.get("nameservers"), members.get("hostmaster")
    if given is not None and not isinstance(given, list):
        raise Problem(400, "nameservers is not a list of names", field="nameservers")
    if given is not None and len(given) > MOST_SERVERS:
        raise Problem(422, f"nameservers has more than {MOST_SERVERS} names", field="nameservers")
    servers = None if given is None else [read_host(each, "nameservers") for each in given]
    return servers, None if mailbox is None else read_mailbox(mailbox, "hostmaster")


def query(head: RequestHead) -> dict[str, str]:
    """Give what stands behind the question mark of a request's target."""
    text = head.target.partition(b"?")[2].decode("utf-8", "replace")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_QUERIES)
    except ValueError:
        raise Problem(400, "the query has too many parts") from None
    return dict(pairs)


def is_dry(head: RequestHead) -> bool:
    """Whether a call only asks what it would do."""
    return query(head).get("dry_run", "") in ("1", "true")
