"""How the issue of each certificate stands, as a document that every node reads (pure).

``secrets/order-NAME`` says what is wanted by that name, whether it was ordered and how that ended, when the next try is, and when
orders were made, so that whoever issues next counts on. Nothing in it is secret. It is not signed either: whoever writes to CouchDB
without the key may delay a certificate so, and no longer than :data:`LONGEST_PAUSE`.
"""

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from couchpages.certs.boxes import LATEST
from couchpages.certs.names import canonical
from couchpages.ports import Json

DOCUMENT_PREFIX = "order-"
TYPE = "order"
VERSION = 1
#: Milliseconds that the next try may be away at most: CAs count no longer than seven days, and say so in Retry-After.
LONGEST_PAUSE = 8 * 86_400_000
#: Milliseconds that the clock of an honest node is ahead at most.
AHEAD = 3_600_000
#: Moments of orders that are remembered; no CA's limit for one set of names is above.
REMEMBERED = 64
LONGEST_WORDS = 2_000
MOST_NAMES = 100
#: Revoked certificates that are remembered: one of each kind of key, and those of a few tries.
MOST_REVOKED = 8
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


class State(StrEnum):
    """How it stands."""

    #: Nothing was tried yet.
    NEW = "new"
    #: The CA is being asked.
    ORDERING = "ordering"
    #: It was issued, and is renewed when it is time.
    ISSUED = "issued"
    #: The last try failed.
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Names that a certificate could not be issued for, which was issued all the same: the *cause*'s slug, and the *reason* in words."""

    names: tuple[str, ...]
    cause: str
    reason: str


@dataclass(frozen=True, slots=True)
class Order:
    """The state of one certificate, called by the first of its *names*; moments are milliseconds since 1970, 0 for never.

    *changed* is when this was written, by the node *by*; *failures* counts those since the last success, *cause* is the last one's slug
    and *reason* what to tell people; before *next_try* nothing is tried. *requested* is when somebody asked for it by a command, and
    *handled* the request that was dealt with last; *by_hand* tells that it is wanted because of that, for the names *asked*. *renews*
    is when it is to be renewed, as far as that is known. Of its names, those *left_out* could not be issued for, for *cause* and *reason*
    of the order that was issued, until it is renewed. *revoked* are the SHA-256 (hex) of certificates that were revoked, and that another
    one has to take the place of.

    For the limits of the CA whose address is *directory*, moments are remembered, the newest last: *ordered* are orders and *added*
    certificates, without those that renewed what there was; *issued* are all certificates, and *refused* validations that failed.
    """

    name: str
    names: tuple[str, ...] = ()
    state: State = State.NEW
    changed: int = 0
    by: str = ""
    failures: int = 0
    cause: str = ""
    reason: str = ""
    next_try: int = 0
    requested: int = 0
    handled: int = 0
    by_hand: bool = False
    asked: tuple[str, ...] = ()
    renews: int = 0
    left_out: tuple[str, ...] = ()
    revoked: tuple[str, ...] = ()
    directory: str = ""
    ordered: tuple[int, ...] = field(default=())
    added: tuple[int, ...] = field(default=())
    issued: tuple[int, ...] = field(default=())
    refused: tuple[int, ...] = field(default=())

    @property
    def is_asked_for(self) -> bool:
        """Whether somebody waits for it."""
        return self.requested > self.handled

    @property
    def issued_names(self) -> set[str]:
        """The names that its last certificate was issued for, if it was, and nobody has asked for others since."""
        return set(self.names) - set(self.left_out)

    @property
    def doc_id(self) -> str:
        """How its document is called."""
        return document_id(self.name)


def document_id(name: str) -> str:
    """Name the document of a certificate's order."""
    return DOCUMENT_PREFIX + name


def is_order(doc_id: str) -> bool:
    """Whether a document of ``secrets`` is an order."""
    return doc_id.startswith(DOCUMENT_PREFIX)


def to_document(order: Order) -> Json:
    """Write an order."""
    return {
        "type": TYPE,
        "version": VERSION,
        "names": list(order.names),
        "state": str(order.state),
        "changed": order.changed,
        "by": order.by,
        "failures": order.failures,
        "cause": order.cause,
        "reason": order.reason[:LONGEST_WORDS],
        "next_try": order.next_try,
        "requested": order.requested,
        "handled": order.handled,
        "by_hand": order.by_hand,
        "asked": list(order.asked),
        "renews": order.renews,
        "left_out": list(order.left_out),
        "revoked": list(order.revoked[-MOST_REVOKED:]),
        "directory": order.directory,
        "ordered": list(order.ordered[-REMEMBERED:]),
        "added": list(order.added[-REMEMBERED:]),
        "issued": list(order.issued[-REMEMBERED:]),
        "refused": list(order.refused[-REMEMBERED:]),
    }


def from_document(doc_id: str, doc: Json) -> Order:
    """Read an order. Raises ValueError for what is none (law 4)."""
    name = doc_id.removeprefix(DOCUMENT_PREFIX)
    if not is_order(doc_id) or canonical(name) != name or doc.get("type") != TYPE or doc.get("version") != VERSION:
        raise ValueError("it is no order of this version")
    try:
        state = State(doc.get("state"))  # type: ignore[arg-type]  # what is no text is no state either
    except ValueError:
        raise ValueError("state is none") from None
    return Order(
        name,
        _names(doc.get("names")),
        state,
        changed=_moment(doc, "changed"),
        by=_text(doc, "by"),
        failures=_moment(doc, "failures"),
        cause=_text(doc, "cause"),
        reason=_text(doc, "reason"),
        next_try=_moment(doc, "next_try"),
        requested=_moment(doc, "requested"),
        handled=_moment(doc, "handled"),
        by_hand=doc.get("by_hand") is True,
        asked=_names(doc.get("asked", [])),
        renews=_moment(doc, "renews"),
        left_out=_names(doc.get("left_out", [])),
        revoked=_fingerprints(doc, "revoked"),
        directory=_text(doc, "directory"),
        ordered=_moments(doc, "ordered"),
        added=_moments(doc, "added"),
        issued=_moments(doc, "issued"),
        refused=_moments(doc, "refused"),
    )


def waits(order: Order, now: int) -> bool:
    """Whether nothing is to be tried *now*. A pause that is too long to be honest counts as nothing, and one that begins in the future."""
    return now < order.next_try <= order.changed + LONGEST_PAUSE and order.changed <= now + AHEAD


def asked(order: Order, names: tuple[str, ...], now: int) -> Order:
    """Give the order with somebody's request for these names; it is tried at once."""
    requested = max(now, order.handled + 1)
    return replace(
        order, names=names or order.names, asked=names or order.asked, requested=requested, next_try=0, changed=now
    )


def revoked(order: Order, fingerprint: str, now: int) -> Order:
    """Give the order when somebody revoked a certificate, and wants another in its place; it is tried at once, until there is one."""
    known = order if order.is_asked_for else asked(order, (), now)
    return replace(known, revoked=(*known.revoked, fingerprint)[-MOST_REVOKED:])


def _fingerprints(doc: Json, member: str) -> tuple[str, ...]:
    value = doc.get(member, [])
    if not isinstance(value, list) or len(value) > MOST_REVOKED:
        raise ValueError(f"{member} is no list of fingerprints")
    if not all(isinstance(each, str) and _FINGERPRINT.fullmatch(each) for each in value):
        raise ValueError(f"{member} has something that is no fingerprint")
    return tuple(value)


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MOST_NAMES:
        raise ValueError("names is no list of names")
    for each in value:
        if not isinstance(each, str) or canonical(each) != each:
            raise ValueError("names has something that is no name")
    return tuple(value)


def _text(doc: Json, member: str) -> str:
    value = doc.get(member, "")
    if not isinstance(value, str) or len(value) > LONGEST_WORDS:
        raise ValueError(f"{member} is no text, or too long")
    return value


def _moment(doc: Json, member: str) -> int:
    value = doc.get(member, 0)
    if not _is_moment(value):
        raise ValueError(f"{member} is no number of milliseconds")
    return int(value)


def _moments(doc: Json, member: str) -> tuple[int, ...]:
    value = doc.get(member, [])
    if not isinstance(value, list) or len(value) > REMEMBERED or not all(map(_is_moment, value)):
        raise ValueError(f"{member} is no list of moments")
    return tuple(value)


def _is_moment(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LATEST
