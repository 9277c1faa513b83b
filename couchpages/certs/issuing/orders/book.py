"""The orders of all certificates: as CouchDB tells of them, and written to it (does I/O)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from couchpages.certs.boxes import Refused
from couchpages.certs.issuing.orders.order import (
    DOCUMENT_PREFIX,
    Order,
    document_id,
    from_document,
    is_order,
    to_document,
)
from couchpages.certs.issuing.revisions import generation
from couchpages.ports import HIGHEST, Change, Conflict, Database, Json, NotFound, StoreError, Unavailable

#: Tries to write a document while others write it.
TRIES = 5


@dataclass(frozen=True, slots=True)
class Written:
    """An order as it stands in CouchDB, and its revision."""

    order: Order
    rev: str


class OrderStore:
    """Reads and writes orders in the database *secrets*. Methods raise a :class:`~couchpages.ports.StoreError`."""

    def __init__(self, secrets: Database) -> None:
        self._secrets = secrets

    async def all(self) -> dict[str, Order]:
        """Give all orders, by name; what is none is passed over."""
        found = {}
        for doc in await self._secrets.documents(DOCUMENT_PREFIX, DOCUMENT_PREFIX + HIGHEST):
            order = _read(str(doc["_id"]), doc)
            if order is not None:
                found[order.name] = order
        return found

    async def get(self, name: str) -> Order | None:
        """Give one order, None where there is none, or none that can be read."""
        try:
            return _read(document_id(name), await self._secrets.get(document_id(name)))
        except NotFound:
            return None

    async def change(self, name: str, alter: Callable[[Order], Order]) -> Order:
        """Write what *alter* makes of an order, or of a new one where there is none; what others write meanwhile is altered, not lost."""
        return (await self.write(name, alter)).order

    async def write(self, name: str, alter: Callable[[Order], Order]) -> Written:
        """See :meth:`change`; tell the revision too."""
        doc_id = document_id(name)
        for _ in range(TRIES):
            rev, order = None, Order(name)
            try:
                doc = await self._secrets.get(doc_id)
            except NotFound:
                pass
            else:
                rev, order = str(doc["_rev"]), _read(doc_id, doc) or order
            altered = alter(order)
            if altered == order and rev is not None:
                return Written(order, rev)
            try:
                rev = await self._secrets.put(doc_id, to_document(altered), rev)
            except Conflict:
                continue
            return Written(altered, rev)
        raise Unavailable(f"{doc_id}: others write it again and again")

    async def delete(self, name: str, *, only_if: Callable[[Order], bool] = lambda _: True) -> bool:
        """Forget an order, all revisions of it that compete, if it is *only_if* says so of each; tell whether there was one."""
        leaves = await self._secrets.leaves(document_id(name))
        if not all(order is None or only_if(order) for order in (_read(document_id(name), leaf) for leaf in leaves)):
            return False
        removals = [{"_id": leaf["_id"], "_rev": leaf["_rev"], "_deleted": True} for leaf in leaves]
        for outcome in await self._secrets.bulk(removals) if removals else ():
            if isinstance(outcome, StoreError):
                raise outcome
        return bool(leaves)


class OrderBook:
    """A :class:`~couchpages.ports.ChangesSink` of orders, which *store* writes. Used in the reactor's thread."""

    def __init__(self, store: OrderStore) -> None:
        self._store = store
        self._orders: dict[str, Order] = {}
        self._generations: dict[str, int] = {}

    @property
    def orders(self) -> Mapping[str, Order]:
        """All orders by name, as they are now."""
        return MappingProxyType(self._orders)

    def of(self, name: str) -> Order:
        """Give an order, a new one where there is none."""
        return self._orders.get(name) or Order(name)

    def apply(self, change: Change) -> None:
        """Take an order. Raises ValueError for what is none, and knows what it knew before."""
        if not is_order(change.doc_id):
            return
        name = change.doc_id.removeprefix(DOCUMENT_PREFIX)
        if change.doc is None:
            self._forget(name)
        else:
            self._orders[name] = from_document(change.doc_id, change.doc)
            self._generations[name] = generation(change.doc)

    def loaded(self) -> None:
        """Everything was told."""

    async def change(self, name: str, alter: Callable[[Order], Order]) -> Order:
        """Write what *alter* makes of an order; see :meth:`OrderStore.change`. What it becomes is known here at once."""
        written = await self._store.write(name, alter)
        # Unless CouchDB told of something newer before its answer came.
        if generation({"_rev": written.rev}) >= self._generations.get(name, 0):
            self._orders[name] = written.order
        return written.order

    def suppose(self, name: str, alter: Callable[[Order], Order]) -> None:
        """Know here what could not be written, until CouchDB tells something else."""
        self._orders[name] = alter(self.of(name))

    async def forget(self, name: str) -> None:
        """Delete an order. Raises a :class:`~couchpages.ports.StoreError`."""
        # Somebody may just have asked for it, on another node.
        if await self._store.delete(name, only_if=lambda order: not order.is_asked_for and not order.by_hand):
            self._forget(name)

    def _forget(self, name: str) -> None:
        self._orders.pop(name, None)
        self._generations.pop(name, None)


def _read(doc_id: str, doc: Json) -> Order | None:
    try:
        return from_document(doc_id, doc)
    except (ValueError, Refused):
        return None
