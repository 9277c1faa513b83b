"""Many datagrams with one call to the kernel: sendmmsg(2) and recvmmsg(2), by ctypes (does I/O)."""

import ctypes
import errno
import os
import socket
from collections.abc import Callable, Sequence

_libc = ctypes.CDLL(None, use_errno=True)


class _Vector(ctypes.Structure):
    """See iovec in readv(2)."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """See msghdr in recvmsg(2)."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("vectors", ctypes.POINTER(_Vector)),
        ("count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """See mmsghdr in recvmmsg(2)."""

    _fields_ = (("header", _Header), ("length", ctypes.c_uint))


class Slots:
    """Datagrams of these lengths in one *buffer*, each beginning at a multiple of *stride*."""

    def __init__(self, lengths: Sequence[int], stride: int) -> None:
        self.stride = stride
        self.buffer = bytearray(stride * len(lengths))
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.buffer))
        self._vectors = (_Vector * len(lengths))()
        self._messages = (_Message * len(lengths))()
        for number, length in enumerate(lengths):
            vector = self._vectors[number]
            vector.base, vector.length = start + number * stride, length
            header = self._messages[number].header
            header.vectors, header.count = ctypes.pointer(vector), 1

    def send(self, to: socket.socket, first: int, count: int) -> int:
        """Send some of them to where the socket is connected to; give how many the kernel took."""
        messages = ctypes.byref(self._messages, first * ctypes.sizeof(_Message))
        return _called(_libc.sendmmsg, to.fileno(), messages, count, socket.MSG_DONTWAIT)

    def receive(self, by: socket.socket) -> int:
        """Put what came into the first ones; give how many that were. Waits for nothing."""
        return _called(_libc.recvmmsg, by.fileno(), self._messages, len(self._messages), socket.MSG_DONTWAIT, None)

    def column(self, offset: int, count: int) -> bytearray:
        """Give the octet at *offset* of each of the first *count* datagrams."""
        return self.buffer[offset : count * self.stride : self.stride]


def _called(call: Callable[..., int], *arguments: object) -> int:
    done = call(*arguments)
    if done >= 0:
        return done
    number = ctypes.get_errno()
    if number in (errno.EAGAIN, errno.ENOBUFS):
        return 0
    raise OSError(number, os.strerror(number))
