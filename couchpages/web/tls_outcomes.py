"""What a connection to a TLS port begins with, and how its handshake ended (pure)."""

from enum import StrEnum

#: RFC 8446 section 5.1: the type of the record that a ClientHello comes in.
HANDSHAKE_RECORD = 0x16
#: Its length stands behind type and version; the most that a record may have.
HEADER, MOST = 5, 2**14


class Opening(StrEnum):
    """What the first byte tells."""

    TLS = "tls"
    HTTP = "http"
    GARBAGE = "garbage"


class Outcome(StrEnum):
    """How a handshake ended; the labels of a metric."""

    FULL = "full"
    RESUMED = "resumed"
    TIMED_OUT = "timed_out"
    CLOSED = "closed"
    UNKNOWN_NAME = "unknown_name"
    NOTHING_SHARED = "nothing_shared"
    REFUSED = "refused"
    PLAIN_HTTP = "plain_http"
    GARBAGE = "garbage"
    CROWDED_OUT = "crowded_out"
    FAILED = "failed"


def needed(begun: bytes) -> int | None:
    """Give how many bytes the first record has in all, header included, as far as *begun* tells; None where it is too long.

    A ClientHello is in one record unless it is very large, and then the rest follows.
    """
    if len(begun) < HEADER:
        return HEADER
    length = int.from_bytes(begun[3:HEADER])
    return HEADER + length if length <= MOST else None


#: OpenSSL's reasons. A server name is refused by a callback that fails, and nothing else is.
_BY_REASON = {
    "CALLBACK_FAILED": Outcome.UNKNOWN_NAME,
    "NO_SHARED_CIPHER": Outcome.NOTHING_SHARED,
    "NO_SHARED_GROUP": Outcome.NOTHING_SHARED,
    "NO_SUITABLE_KEY_SHARE": Outcome.NOTHING_SHARED,
    "NO_SUITABLE_SIGNATURE_ALGORITHM": Outcome.NOTHING_SHARED,
    "NO_SHARED_SIGNATURE_ALGORITHMS": Outcome.NOTHING_SHARED,
    "UNSUPPORTED_PROTOCOL": Outcome.NOTHING_SHARED,
    "VERSION_TOO_LOW": Outcome.NOTHING_SHARED,
    "VERSION_TOO_HIGH": Outcome.NOTHING_SHARED,
    "WRONG_VERSION_NUMBER": Outcome.GARBAGE,
    "HTTP_REQUEST": Outcome.GARBAGE,
    "BAD_PROTOCOL_VERSION_NUMBER": Outcome.GARBAGE,
    "PACKET_LENGTH_TOO_LONG": Outcome.GARBAGE,
    # pyOpenSSL's for the same, and what both say of records that are no hello.
    "RECORD_LAYER_FAILURE": Outcome.GARBAGE,
    "UNEXPECTED_MESSAGE": Outcome.GARBAGE,
    "BAD_EXTENSION": Outcome.GARBAGE,
    "LENGTH_MISMATCH": Outcome.GARBAGE,
    "LENGTH_TOO_SHORT": Outcome.GARBAGE,
    "UNEXPECTED_EOF_WHILE_READING": Outcome.CLOSED,
}


def opening(first: int) -> Opening:
    """Tell what begins with the byte *first*: every method of HTTP begins with a letter, and no record of TLS does."""
    if first == HANDSHAKE_RECORD:
        return Opening.TLS
    return Opening.HTTP if chr(first).isascii() and chr(first).isalpha() else Opening.GARBAGE


def outcome_of(reason: str) -> Outcome:
    """Give the outcome for OpenSSL's *reason* (``NO_SHARED_CIPHER``)."""
    if "_ALERT_" in reason:
        # The other end said what it does not like: a certificate, nearly always.
        return Outcome.REFUSED
    return _BY_REASON.get(reason, Outcome.FAILED)
