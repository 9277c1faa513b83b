"""What this node answered last for each zone, which tells with which serial it goes on (logs)."""

from twisted.logger import Logger

from couchpages.dns import serials
from couchpages.dns.entries import Served
from couchpages.dns.names import Name, shown
from couchpages.dns.zone_keeper import ZoneKeeper


class LastServed:
    """*served* is by zone, also of zones that went; *guarded* are those whose serial their documents alone do not make.

    *gone* are the zones that went since the node started.
    """

    log = Logger()

    def __init__(self, keeper: ZoneKeeper | None) -> None:
        self.served: dict[Name, Served] = {}
        self.guarded: set[Name] = set()
        self.gone: set[Name] = set()
        self._keeper = keeper

    def next(self, apex: Name, computed: int, *, changed: bool) -> int:
        """Give the serial to go on with; see :func:`couchpages.dns.serials.to_serve`."""
        served = self.served.get(apex)
        return serials.to_serve(computed, served.serial if served is not None else None, changed=changed)

    def note(self, apex: Name, computed: int, served: Served) -> None:
        """Note what is answered from now on, where the documents make the serial *computed*."""
        self.gone.discard(apex)
        if served.serial == computed:
            self.guarded.discard(apex)
        elif apex not in self.guarded:
            self.guarded.add(apex)
            self.log.warn(
                "the serial of {zone} would go back to {computed}; this node counts on by itself, from {serial}, until an SOA is "
                "written with a serial above that",
                zone=shown(apex),
                computed=computed,
                serial=served.serial,
            )
        if served != self.served.get(apex):
            self.served[apex] = served
            if self._keeper is not None:
                self._keeper.note_serial(apex)

    def forget(self, apex: Name) -> None:
        """Note that a zone is not answered for any more; its last serial is remembered for when it comes back."""
        self.gone.add(apex)
        self.guarded.discard(apex)
