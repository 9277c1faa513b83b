"""The nonces that an authority handed out and that are not used yet (RFC 8555 section 6.5) (pure)."""

import re
from collections import deque

MOST = 16
#: Seconds. Authorities keep a limited number of them, and one that is refused costs another request.
OLDEST = 300.0
#: RFC 8555 section 6.5.1: what is no base64url must be ignored.
_NONCE = re.compile(r"[A-Za-z0-9_-]{1,512}")


class Nonces:
    """The newest few. Times are of any one clock, in seconds."""

    def __init__(self) -> None:
        self._held: deque[tuple[float, str]] = deque(maxlen=MOST)

    def add(self, nonce: str, now: float) -> None:
        """Keep one that came; what is none is passed over."""
        if _NONCE.fullmatch(nonce):
            self._held.append((now, nonce))

    def take(self, now: float) -> str | None:
        """Give the newest, which nobody gets again; None where there is none that is young enough."""
        if not self._held:
            return None
        came, nonce = self._held.pop()
        if now - came <= OLDEST:
            return nonce
        self.forget()
        return None

    def forget(self) -> None:
        """Drop all: one was refused, and those that are older will be."""
        self._held.clear()

    def __len__(self) -> int:
        return len(self._held)
