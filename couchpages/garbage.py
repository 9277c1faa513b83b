"""Keeps what a node knows for long out of Python's garbage collections (acts on the whole process)."""

import gc

from couchpages.ports import Change, ChangesSink


def lasting() -> None:
    """Leave everything that is in memory now out of garbage collections, without one before: for what is loaded in many small steps."""
    gc.freeze()


class Lasting:
    """Stands before a sink of changes. When everything was loaded first, what is in memory then is no longer looked through for garbage.

    With ten thousand sites a full collection takes some 50 ms, in which nobody is answered; it finds nothing in what was loaded. What
    changes later is collected as ever, and what is let go of without being part of a cycle is freed at once, frozen or not.
    """

    def __init__(self, sink: ChangesSink) -> None:
        self._sink = sink
        self._frozen = False

    def apply(self, change: Change) -> None:
        """See :class:`couchpages.ports.ChangesSink`."""
        self._sink.apply(change)

    def loaded(self) -> None:
        """See :class:`couchpages.ports.ChangesSink`."""
        self._sink.loaded()
        if not self._frozen:
            self._frozen = True
            gc.collect()
            gc.freeze()
