"""OpenSSL's contexts, of the standard library and of pyOpenSSL, from one description (thin; the policy and the index decide).

Both libraries read keys and chains only from files, if one chain for each of two certificates is wanted. Those files are in memory.
"""

import os
import secrets
import ssl
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, Protocol, TypeVar

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from OpenSSL import SSL

from couchpages.certs.certificates import Certificate
from couchpages.certs.quiet import keep_quiet_of_names, unrecognized
from couchpages.certs.tls_policy import PRIORITIZE_CHACHA, Policy

C = TypeVar("C")


class Library(Protocol, Generic[C]):
    """Makes contexts of one library."""

    def context(self, policy: Policy, offer: Iterable[Certificate]) -> C:
        """Make a context with these certificates.

        Raises ValueError, which says nothing of the key, where OpenSSL does not take them, and OSError where this node cannot try: it
        has no descriptors left, for instance.
        """
        ...

    def base(self, policy: Policy, choose: Callable[[str | None], C | None]) -> C:
        """Make the context that connections begin with; each goes on with what *choose* gives, or is told unrecognized_name.

        OpenSSL takes the keys of session tickets from the context that a connection began with, whatever it goes on with.
        """
        ...


class StandardLibrary:
    """Contexts of :mod:`ssl`, which asyncio's loops and uvloop's take.

    It cannot choose groups before Python 3.15; OpenSSL's own choice begins with the same ones.
    """

    def context(self, policy: Policy, offer: Iterable[Certificate]) -> ssl.SSLContext:
        """See :class:`Library`."""
        made = _standard(policy)
        for each in offer:
            password = secrets.token_hex(32)
            with _in_file(each.chain) as chain, _key_in_file(each.key, password) as key:
                try:
                    made.load_cert_chain(chain, key, password)
                except ssl.SSLError as error:
                    raise ValueError(f"OpenSSL does not take {each.name} ({each.kind}): {reason_of(error)}") from None
        return made

    def base(self, policy: Policy, choose: Callable[[str | None], ssl.SSLContext | None]) -> ssl.SSLContext:
        """See :class:`Library`."""

        def named(connection: Any, name: str | None, _: ssl.SSLContext) -> int | None:
            chosen = choose(name)
            if chosen is None:
                return int(ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)
            connection.context = chosen
            return None

        keep_quiet_of_names()
        made = _standard(policy, _Telling)
        made.sni_callback = named
        return made


#: RFC 8446 section 6: two fatal alerts.
_INTERNAL_ERROR, _UNRECOGNIZED_NAME = b"\x02\x50", b"\x02\x70"


class _Handshaking(ssl.SSLObject):
    outgoing: ssl.MemoryBIO

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            words = self.outgoing.read()
            if error.reason == "CALLBACK_FAILED":
                # A name that is no text never comes to the callback, which then fails with an internal error.
                words = words.replace(_INTERNAL_ERROR, _UNRECOGNIZED_NAME)
            error.last_words = words  # type: ignore[attr-defined]  # see _Telling
            raise


class _Telling(ssl.SSLContext):
    """Leaves with the error of a handshake what OpenSSL would tell the other end, as ``last_words``: the alert.

    asyncio's and uvloop's transports close without sending it (``_fatal_error`` of both ``sslproto`` modules), and a client would not
    learn whether it is its versions or the name that is not served.
    """

    sslobject_class = _Handshaking

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *words: Any, **named: Any) -> ssl.SSLObject:
        made = super().wrap_bio(incoming, outgoing, *words, **named)
        made.outgoing = outgoing  # type: ignore[attr-defined]  # the class above has it
        return made


def _standard(policy: Policy, kind: type[ssl.SSLContext] = ssl.SSLContext) -> ssl.SSLContext:
    made = kind(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version, made.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    made.set_ciphers(":".join(policy.ciphers))
    made.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    made.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | PRIORITIZE_CHACHA
    made.set_alpn_protocols(list(policy.protocols))
    set_groups = getattr(made, "set_groups", None)
    if set_groups is not None:
        set_groups(":".join(f"?{group}" for group in policy.groups))
    return made


class PyOpenSSL:
    """Contexts of pyOpenSSL, which Twisted's transports take."""

    def context(self, policy: Policy, offer: Iterable[Certificate]) -> SSL.Context:
        """See :class:`Library`."""
        made = _pyopenssl(policy)
        for each in offer:
            try:
                with _in_file(each.chain) as chain:
                    made.use_certificate_chain_file(chain)
                # Checked when it was read; to have an RSA key checked again takes 50 milliseconds or 300.
                key: Any = load_pem_private_key(each.key, None, unsafe_skip_rsa_key_validation=True)
                made.use_privatekey(key)
            except SSL.Error as error:
                if _is_of_system(error):
                    raise OSError(reason_of(error)) from None
                raise ValueError(f"OpenSSL does not take {each.name} ({each.kind}): {reason_of(error)}") from None
        return made

    def base(self, policy: Policy, choose: Callable[[str | None], SSL.Context | None]) -> SSL.Context:
        """See :class:`Library`."""

        def named(connection: SSL.Connection) -> None:
            name = connection.get_servername()
            chosen = choose(None if name is None else name.decode("ascii", "replace"))
            if chosen is None:
                raise unrecognized()
            connection.set_context(chosen)

        made = _pyopenssl(policy)
        made.set_tlsext_servername_callback(named)
        return made


def _pyopenssl(policy: Policy) -> SSL.Context:
    made = SSL.Context(SSL.TLS_METHOD)
    made.set_min_proto_version(SSL.TLS1_2_VERSION)
    made.set_max_proto_version(SSL.TLS1_3_VERSION)
    made.set_cipher_list(":".join(policy.ciphers).encode())
    made.set_tls13_ciphersuites(":".join(policy.cipher_suites).encode())
    made.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    made.set_options(SSL.OP_CIPHER_SERVER_PREFERENCE | PRIORITIZE_CHACHA)
    # Tickets need no memory of ours; sessions of clients that know none would.
    made.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    made.set_mode(SSL.MODE_RELEASE_BUFFERS)
    ours = [protocol.encode() for protocol in policy.protocols]

    def agree(_: SSL.Connection, theirs: list[bytes]) -> Any:
        return next((each for each in ours if each in theirs), SSL.NO_OVERLAPPING_PROTOCOLS)

    made.set_alpn_select_callback(agree)
    return made


def _is_of_system(error: SSL.Error) -> bool:
    """Whether OpenSSL could not even open the file."""
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else ()
    return any(library in ("system library", "BIO routines") for library, *_ in queue)


def reason_of(error: Exception) -> str:
    """Give OpenSSL's reason in its own capitals (``NO_SHARED_CIPHER``), or what can be said."""
    reason = getattr(error, "reason", None)
    if reason is None and isinstance(error, SSL.Error) and error.args and isinstance(error.args[0], list):
        reason = error.args[0][-1][2] if error.args[0] else None
    return str(reason).upper().replace(" ", "_") if reason else type(error).__name__


@contextmanager
def _in_file(content: bytes) -> Iterator[str]:
    """Give the path of a file in memory with *content*, or of a short-lived one where there are none."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("couchpages")
        try:
            os.write(descriptor, content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        yield file.name


@contextmanager
def _key_in_file(key: bytes, password: str) -> Iterator[str]:
    """Give the path of a file with a key, which is encrypted where the file might lie on a disk (law 6)."""
    if not hasattr(os, "memfd_create"):
        private: Any = load_pem_private_key(key, None)
        key = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode()))
    with _in_file(key) as path:
        yield path
