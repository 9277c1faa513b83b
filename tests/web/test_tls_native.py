"""Native handshakes, on a loop of asyncio's own: what becomes of their sockets."""

import asyncio
import errno
import gc
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias
from unittest.mock import patch

from couchpages.web.handshakes import Handshakes
from couchpages.web.tls_native import NativeHandshake, SecurePort
from tests.certs.handshaking import client_context
from tests.web.test_handshakes import AtAnEdge

Steps: TypeAlias = Callable[[NativeHandshake], Coroutine[Any, Any, None]]
RECORD = b"\x16\x03\x01\x00\x05abcde"


def server_context() -> ssl.SSLContext:
    """Make a context without certificates."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


class Sockets(AtAnEdge):
    """``NativeHandshake``."""

    def run_with(self, say: bytes, steps: Steps, base: Callable[[], ssl.SSLContext] = server_context) -> socket.socket:
        """Begin with a connection on which somebody said *say*, do *steps*, and give its socket."""

        async def run() -> socket.socket:
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            with theirs:
                theirs.sendall(say)
                pending = Handshakes(self.edge, self.metrics, "https", 2, 10)
                port = SecurePort(pending, base, lambda _: asyncio.Protocol())
                handshake = NativeHandshake(port, asyncio.get_running_loop(), ours)
                pending.enter(handshake, "192.0.2.1")
                handshake.look()
                await steps(handshake)
                for _ in range(10):
                    await asyncio.sleep(0.001)
            self.assertEqual((len(pending), self.edge.connections), (0, 0))
            return ours

        return asyncio.run(run())

    def test_no_descriptors(self) -> None:
        """Where there is no descriptor for a duplicate, the handshake goes on without; nothing is left of it."""

        async def wait(_: NativeHandshake) -> None:
            await asyncio.sleep(0.05)

        with patch("socket.socket.dup", side_effect=OSError(errno.EMFILE, "Too many open files")):
            self.assertEqual(self.run_with(RECORD, wait).fileno(), -1)
        self.assertEqual(sum(self.counted().values()), 1)

    def test_cut_before_it_began(self) -> None:
        """One that is cut before its first step is closed."""

        async def cut(handshake: NativeHandshake) -> None:
            handshake.abort()

        self.assertEqual(self.run_with(RECORD, cut).fileno(), -1)
        self.assertEqual(self.run_with(b"", cut).fileno(), -1)
        self.assertEqual(self.counted(), {("", "crowded_out"): 2})

    def test_nothing_is_left_to_the_garbage_collector(self) -> None:
        """What asyncio's own loop holds of a handshake that failed or was cut, a quarter of a megabyte each, goes at once."""
        outgoing = ssl.MemoryBIO()
        client = client_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="a.example")
        self.assertRaises(ssl.SSLWantReadError, client.do_handshake)
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        hello = outgoing.read()

        async def cut(handshake: NativeHandshake) -> None:
            await asyncio.sleep(0.05)
            handshake.abort()

        for say, steps in ((hello, cut_later), (hello, cut), (RECORD, cut_later)):
            self.run_with(say, steps)
        self.assertEqual([each for each in gc.get_objects() if type(each).__name__ == "SSLProtocol"], [])

    def test_no_context(self) -> None:
        """Where a handshake cannot even be begun, nothing is left of it, and the log has why."""
        with patch.object(ssl, "SSLContext", side_effect=MemoryError), patch.object(NativeHandshake, "_log") as log:
            self.assertEqual(self.run_with(RECORD, cut_later, server_context).fileno(), -1)
        self.assertEqual(log.error.call_count, 1)


async def cut_later(handshake: NativeHandshake) -> None:
    """Cut it when it is over, as a sweep does that comes too late."""
    await asyncio.sleep(0.05)
    handshake.cut()
