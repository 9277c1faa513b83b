"""What somebody asks to be written, read and checked as far as it can be without the zone (pure). Raises :class:`Problem`."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from couchpages.dns import codes, rdata
from couchpages.dns.checks import incomplete_name
from couchpages.dns.names import ROOT, Name, canonical, from_text, shown, within_zone
from couchpages.dns.records import Record, read_ttl, serial_in
from couchpages.web.problem import Problem

T = TypeVar("T")
#: Seconds: what a record gets for which no TTL is told.
DEFAULT_TTL = 3600
LONGEST_FLAG = 255
#: Records of a set, of which the smallest has twelve octets in a message: RFC 1035 sections 4.1.3 and 4.2.2.
MOST_CONTENTS = codes.LARGEST_MESSAGE // 12
#: Octets of data whose text is surely short.
_SHORT = 64


@dataclass(frozen=True, slots=True)
class WantedSet:
    """A record set to be written; without records, it is to be deleted. *owner* is canonical."""

    owner: Name
    type: int
    records: tuple[Record, ...]


#: None is a step of reading a set, behind which others may have their turn.
Reading: TypeAlias = WantedSet | None
#: Reads sets for the zone with this number.
ReadSets: TypeAlias = Callable[[int], Iterable[Reading]]


def read_zone(text: Any, field: str = "zone") -> Name:
    """Give the canonical name of a zone."""
    if not isinstance(text, str) or not text:
        raise Problem(400, f"{field} is missing, or not a text", field=field)
    apex = canonical(_read(lambda: from_text(text), field))
    if apex == ROOT:
        raise Problem(422, f"{field}: the root is no zone of ours; write a name such as example.org", field=field)
    return apex


def read_host(text: Any, field: str) -> Name:
    """Give the name of a host."""
    if not isinstance(text, str):
        raise Problem(400, f"{field} is not a text", field=field)
    name = _read(lambda: from_text(text), field)
    if _has_one_label(name):
        raise Problem(
            422, f'{field}: "{text}" is no full name of a host; write for instance ns1.example.net', field=field
        )
    return name


def _has_one_label(name: Name) -> bool:
    """Whether a name has one label, or none."""
    return name == ROOT or len(name) == name[0] + 2


def read_mailbox(text: Any, field: str) -> Name:
    """Give a mailbox as an SOA has it (RFC 1035 section 8): ``hostmaster@example.net``, or a name whose first label is the user."""
    if not isinstance(text, str) or not text:
        raise Problem(400, f"{field} is not a text", field=field)
    user, at, domain = text.rpartition("@")
    if not at:
        return _read(lambda: from_text(text), field)
    quoted = user.replace("\\", "\\\\").replace(".", "\\.")
    if not user or not domain:
        raise Problem(422, f'{field}: "{text}" is no mailbox; write for instance hostmaster@example.net', field=field)
    return _read(lambda: from_text(f"{quoted}.{domain}"), field)


def read_record(value: Mapping[str, Any], apex: Name, zone_id: int) -> Record:
    """Read a record: ``name``, ``type``, ``content``, and perhaps ``ttl``, ``flag`` and ``disabled``."""
    type_ = _type(value)
    flag = value.get("flag")
    if flag is not None and not (isinstance(flag, str) and len(flag) <= LONGEST_FLAG and flag.isprintable()):
        raise Problem(422, f"flag is no printable text of at most {LONGEST_FLAG} characters", field="flag")
    disabled = value.get("disabled", False)
    if not isinstance(disabled, bool):
        raise Problem(400, "disabled is neither true nor false", field="disabled")
    return Record(
        zone_id,
        _owner(value, apex),
        type_,
        _ttl(value),
        read_content(type_, value.get("content"), apex, "content"),
        disabled=disabled,
        flag=flag or None,
    )


def read_sets(values: Iterable[Any], apex: Name, zone_id: int) -> Iterator[Reading]:
    """Read record sets: ``name``, ``type``, ``ttl`` and ``records``, the contents."""
    for value in values:
        yield from _read_set(value, apex, zone_id)


def _read_set(value: Any, apex: Name, zone_id: int) -> Iterator[Reading]:
    if not isinstance(value, dict):
        raise Problem(400, "rrsets has an entry that is no object", field="rrsets")
    owner, type_ = _owner(value, apex), _type(value)
    contents = value.get("records")
    if not isinstance(contents, list):
        raise Problem(400, f"rrsets: {_named(owner, type_)} has no list of records", field="records")
    if not contents:
        yield WantedSet(canonical(owner), type_, ())
        return
    if len(contents) > MOST_CONTENTS:
        raise Problem(
            422,
            f"{_named(owner, type_)} has {len(contents):,} records, which fit into no answer (RFC 1035 section 4.2.2); "
            f"at most {MOST_CONTENTS:,} are read",
            field="records",
        )
    ttl = _ttl(value)
    datas: dict[bytes, None] = {}
    for each in contents:
        datas[read_content(type_, each, apex, "records", owner)] = None
        yield None
    yield WantedSet(canonical(owner), type_, tuple(Record(zone_id, owner, type_, ttl, data) for data in datas))


def read_content(type_: int, content: Any, apex: Name, field: str, owner: Name | None = None) -> bytes:
    """Read a record's content into wire form."""

    def refusal(status: int, reason: object) -> Problem:
        return Problem(status, f"{'' if owner is None else _named(owner, type_) + ': '}{reason}", field=field)

    if not isinstance(content, str) or not content:
        raise refusal(400, f"{field} is missing, or not a text")
    try:
        wire = rdata.parse(type_, content)
        if len(wire) > _SHORT:
            # The document has it as dnspython writes it, and is read again.
            rdata.require_short(type_, rdata.to_text(type_, wire))
    except ValueError as error:
        raise refusal(422, error) from None
    incomplete = incomplete_name(type_, content, wire, apex)
    if incomplete is not None:
        raise refusal(422, incomplete)
    return wire


def check_serial(soa: Record, current: int) -> None:
    """Refuse a serial that secondaries would take for an older one than the *current* (RFC 1982 section 3.2)."""
    serial = serial_in(soa.rdata)
    most = 2**31 - 1
    if serial - current > most:
        raise Problem(
            422,
            f"serial: {serial} is more than {most} above {current}, the current one, so that secondaries would take it for older "
            f"(RFC 1982 section 3.2); write at most {current + most}, and go on when they have it",
            field="content",
        )


def _owner(value: Mapping[str, Any], apex: Name) -> Name:
    text = value.get("name")
    if not isinstance(text, str) or not text:
        raise Problem(400, 'name is missing, or not a text; "@" is the zone itself', field="name")
    return _read(lambda: within_zone(text, apex), "name")


def _type(value: Mapping[str, Any]) -> int:
    text = value.get("type")
    if not isinstance(text, str) or not text:
        raise Problem(400, "type is missing, or not a text", field="type")
    return _read(lambda: rdata.type_from_text(text), "type")


def _ttl(value: Mapping[str, Any]) -> int:
    ttl = value.get("ttl")
    return DEFAULT_TTL if ttl is None else _read(lambda: read_ttl(ttl), "ttl")


def _named(owner: Name, type_: int) -> str:
    return f"{shown(owner)} {rdata.type_to_text(type_)}"


def _read(read: Callable[[], T], field: str) -> T:
    try:
        return read()
    except ValueError as error:
        told = str(error)
        raise Problem(422, told if told.startswith(field) else f"{field}: {told}", field=field) from None
