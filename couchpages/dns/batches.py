"""Takes questions from a UDP socket and sends answers, many in one system call (does I/O).

Linux has recvmmsg(2) and sendmmsg(2), which Python's socket module lacks. Their structures are made once: each of :data:`BATCH` slots
has a buffer in which a question comes and its answer goes, the id staying where it is, and headers for receiving and sending that share
the peer's address and the ancillary data, so that an answer leaves from the address that its question came to.
"""

import ctypes
import errno
import os
import socket
import sys
from time import perf_counter
from typing import Any

from couchpages.dns.datagrams import AT_ONCE, QUESTION, is_on_every_address
from couchpages.dns.responder import Responder

#: Datagrams in one call; Knot takes 64 too (``RECVMMSG_BATCHLEN``).
BATCH = 64
#: Seconds after which a batch was a long one, and the next has fewer.
LONG = 0.002
_ADDRESS = 28
_ANCILLARY = 64
#: In words of four octets: where ancillary data begin behind their header, and where in an IPv6 address its scope is.
_DATA = (ctypes.sizeof(ctypes.c_size_t) + 8) // 4
_SCOPE = 6


class _Piece(ctypes.Structure):
    """``struct iovec`` of readv(2)."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """``struct msghdr`` of recvmsg(2)."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("pieces", ctypes.POINTER(_Piece)),
        ("piece_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """``struct mmsghdr`` of recvmmsg(2)."""

    _fields_ = (("header", _Header), ("length", ctypes.c_uint))


#: The messages seen as words of four octets, and as sizes: how many one has, and which of them a field is.
_WORDS = ctypes.sizeof(_Message) // 4
_LENGTH = _Message.length.offset // 4
_SIZES = ctypes.sizeof(_Message) // ctypes.sizeof(ctypes.c_size_t)
_CONTROL_LENGTH = _Header.control_length.offset // ctypes.sizeof(ctypes.c_size_t)


def are_supported() -> bool:
    """Whether this system has the calls."""
    return sys.platform == "linux" and hasattr(_libc(), "recvmmsg") and hasattr(_libc(), "sendmmsg")


class Batches:
    """See :class:`couchpages.dns.datagrams.Datagrams`."""

    def __init__(self, sock: socket.socket) -> None:
        libc = _libc()
        self._receive_many, self._send_many = libc.recvmmsg, libc.sendmmsg
        self._socket = sock
        # Questions for names of a hundred labels take ten times as long as others.
        self._most = BATCH
        self._descriptor = sock.fileno()
        self._buffers = ctypes.create_string_buffer(BATCH * QUESTION)
        self._addresses = ctypes.create_string_buffer(BATCH * _ADDRESS)
        self._control = ctypes.create_string_buffer(BATCH * _ANCILLARY) if is_on_every_address(sock) else None
        self._incoming, self._incoming_pieces = self._messages()
        self._outgoing, self._outgoing_pieces = self._messages()
        # What the loop below reads and writes, seen as plain numbers: a ctypes field costs several times as much.
        self._octets = memoryview(self._buffers).cast("B")
        self._words = memoryview(self._incoming).cast("B").cast("I")
        self._lengths = memoryview(self._outgoing_pieces).cast("B").cast("L")
        self._incoming_sizes = memoryview(self._incoming).cast("B").cast("L")
        self._outgoing_sizes = memoryview(self._outgoing).cast("B").cast("L")

    def _messages(self) -> tuple[Any, Any]:
        length = _ADDRESS if self._socket.family == socket.AF_INET6 else 16
        messages, pieces = (_Message * BATCH)(), (_Piece * BATCH)()
        for slot, (message, piece) in enumerate(zip(messages, pieces, strict=True)):
            header = message.header
            piece.base, piece.length = ctypes.addressof(self._buffers) + slot * QUESTION, QUESTION
            header.name, header.name_length = ctypes.addressof(self._addresses) + slot * _ADDRESS, length
            header.pieces, header.piece_count = ctypes.pointer(piece), 1
            if self._control is not None:
                header.control = ctypes.addressof(self._control) + slot * _ANCILLARY
                header.control_length = _ANCILLARY
        return messages, pieces

    def exchange(self, responder: Responder) -> int:
        """See :meth:`couchpages.dns.datagrams.Datagrams.exchange`."""
        began = perf_counter()
        count = self._received()
        octets, words, lengths = self._octets, self._words, self._lengths
        ready, work_out = responder.ready.answers.get, responder.work_out
        begin = first = hits = 0
        for slot in range(count):
            packet = bytes(octets[begin + 2 : begin + words[slot * _WORDS + _LENGTH]])
            found = ready(packet)
            if found is not None:
                tail, cell = found
                cell[0] += 1
                hits += 1
            else:
                worked_out = work_out(bytes(octets[begin : begin + 2]) + packet, packet)
                if worked_out is None:
                    self._send(responder, first, slot)
                    first = slot + 1
                    begin += QUESTION
                    continue
                tail = worked_out
            size = len(tail) + 2
            octets[begin + 2 : begin + size] = tail
            lengths[slot * 2 + 1] = size
            begin += QUESTION
        self._send(responder, first, count)
        responder.tally.ready += hits
        self._most = BATCH if perf_counter() - began < LONG else AT_ONCE
        return count

    def _received(self) -> int:
        if self._control is not None:
            # The kernel left there how much it wrote the last time.
            for at in range(_CONTROL_LENGTH, BATCH * _SIZES, _SIZES):
                self._incoming_sizes[at] = _ANCILLARY
        count = int(self._receive_many(self._descriptor, self._incoming, self._most, socket.MSG_DONTWAIT, None))
        if count < 0:
            number = ctypes.get_errno()
            if number in (errno.EAGAIN, errno.EINTR):
                return 0
            raise OSError(number, os.strerror(number))
        return count

    def _send(self, responder: Responder, first: int, end: int) -> None:
        """Send the answers in the slots from *first* to before *end*; what cannot be sent is dropped, and asked for again."""
        if self._control is not None:
            for at in range(_CONTROL_LENGTH + first * _SIZES, end * _SIZES, _SIZES):
                self._outgoing_sizes[at] = self._incoming_sizes[at]
            self._let_routes_decide(self._control, first, end)
        while first < end:
            where = ctypes.byref(self._outgoing, first * ctypes.sizeof(_Message))
            sent = int(self._send_many(self._descriptor, where, end - first, socket.MSG_DONTWAIT))
            if sent < 0:
                # The first of them cannot go: there is no room, no way there, or a firewall.
                responder.tally.unsent += 1
                sent = 1
            first += sent

    def _let_routes_decide(self, control: Any, first: int, end: int) -> None:
        """Take out the interfaces that the questions came on: from which address an answer leaves is ours to say, but not by which way."""
        words, peers = memoryview(control).cast("B").cast("I"), memoryview(self._addresses).cast("B").cast("I")
        is_ipv6 = self._socket.family == socket.AF_INET6
        for slot in range(first, end):
            at = slot * _ANCILLARY // 4 + _DATA
            if not is_ipv6:
                words[at] = 0  # ipi_ifindex
            elif not peers[slot * _ADDRESS // 4 + _SCOPE]:
                words[at + 4] = 0  # ipi6_ifindex, which a link-local peer needs


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
