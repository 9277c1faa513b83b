"""What this node answered last for each zone, which tells with which serial it goes on (logs).

Challenges are not kept on disk: after a restart they are read again, later than the zones. Until as much of them was read as counted when
the node last ran, they count for as much as then, so that the serial is what other nodes answer all the while.
"""

from collections.abc import Mapping

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
        self._unread: dict[Name, int] = {}

    def restore(self, served: Mapping[Name, Served]) -> None:
        """Take what was answered last when the node last ran."""
        self.served.update(served)
        self._unread = {apex: each.challenged for apex, each in served.items() if each.challenged}

    def challenged(self, apex: Name, read: int) -> int:
        """Give what challenges count for in a zone, of whose documents those that were read add *read*."""
        return max(read, self._unread.get(apex, 0))

    def was_behind(self, apex: Name, read: int) -> bool:
        """Whether challenges of a zone were still to be read when it was answered last; take note of what was *read* until now."""
        was = apex in self._unread
        if was and read >= self._unread[apex]:
            del self._unread[apex]
        return was

    def all_read(self) -> None:
        """Take note that all challenges that there are were read: what is missing is gone."""
        self._unread.clear()

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
