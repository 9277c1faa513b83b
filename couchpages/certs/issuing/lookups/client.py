"""Asks one name server one question (does I/O)."""

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from couchpages.certs.issuing.awaiting import LateError, within
from couchpages.certs.issuing.lookups.datagrams import Opener, ask_datagrams, open_socket
from couchpages.certs.issuing.lookups.messages import KNOWS_NO_EDNS, Answer, DnsError, Question
from couchpages.certs.issuing.lookups.stream import ask_stream
from couchpages.config_values import SocketAddress

#: Seconds that each try waits: 7 in all.
TRIES = (1.0, 2.0, 4.0)
#: Seconds for a question over TCP, connecting included.
STREAM_TIME = 10.0


class DnsClient:
    """Asks name servers. *entropy* gives so many random bytes, of a source that nobody can guess."""

    def __init__(
        self, reactor: Any, entropy: Callable[[int], bytes] = secrets.token_bytes, opener: Opener = open_socket
    ) -> None:
        self.reactor = reactor
        self._entropy = entropy
        self._opener = opener

    async def ask(self, server: SocketAddress, question: Question, tries: Sequence[float] = TRIES) -> Answer:
        """Give the answer of *server*, over UDP, and over TCP where it does not fit; without EDNS for those who do not know it.

        *tries* are the seconds that each waits. Whatever the answer says is an answer, SERVFAIL too. Raises :class:`DnsError`, whose
        words begin with the server, where none came, and CancelledError when cancelled.
        """
        answer = await self._ask(server, question, tries)
        if answer.rcode in KNOWS_NO_EDNS:
            answer = await self._ask(server, question.without_edns(), tries)
        return answer

    async def _ask(self, server: SocketAddress, question: Question, tries: Sequence[float]) -> Answer:
        # Another id for each way: what somebody learns on the first is worth nothing on the second.
        answer = await ask_datagrams(self.reactor, server, question, self._new_id(), tries, self._opener)
        if answer is not None and not answer.truncated:
            return answer
        try:
            return await within(self.reactor, STREAM_TIME, ask_stream(self.reactor, server, question, self._new_id()))
        except LateError:
            raise DnsError(server, f"did not answer over TCP in {STREAM_TIME:g} seconds") from None

    def _new_id(self) -> int:
        return int.from_bytes(self._entropy(2), "big")
