"""Waits for the moment when a program does something to a folder, by Linux's inotify (does I/O)."""

import ctypes
import os
import select
import struct
import time
from pathlib import Path
from typing import Self

#: Of linux/inotify.h.
CLOSE_WRITE, MOVED_TO, CREATE = 0x8, 0x80, 0x100
_HEAD = struct.Struct("iIII")
_libc = ctypes.CDLL(None, use_errno=True)


class Watch:
    """Watches *folder*; what happened since it was made is not missed."""

    def __init__(self, folder: Path, events: int) -> None:
        self._descriptor = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if _libc.inotify_add_watch(self._descriptor, os.fsencode(folder), events) < 0:
            raise OSError(ctypes.get_errno(), f"{folder} cannot be watched")

    def wait(self, prefix: str, seconds: float) -> bool:
        """Wait until a name with *prefix* has such an event; tell whether it came in time."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([self._descriptor], [], [], left)[0] and any(
                name.startswith(prefix) for name in _names(os.read(self._descriptor, 65536))
            ):
                return True
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _names(events: bytes) -> list[str]:
    names = []
    while events:
        length = _HEAD.unpack_from(events)[3]
        names.append(events[_HEAD.size : _HEAD.size + length].rstrip(b"\0").decode(errors="replace"))
        events = events[_HEAD.size + length :]
    return names
