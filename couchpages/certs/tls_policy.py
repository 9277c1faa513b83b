"""What TLS the ports speak: versions, ciphers, groups, protocols (pure). Both libraries' contexts are built from this description.

Mozilla's intermediate configuration, version 6.0 of its guidelines (https://ssl-config.mozilla.org/guidelines/6.0.json), but for one
thing. There the client's order of ciphers counts, because it knows whether its processor has AES. Here ours does, unless the client likes
ChaCha20 best, which says the same; so tests that look for an order find one.
"""

from dataclasses import dataclass

#: OpenSSL's names for TLS 1.2.
CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
)
#: For TLS 1.3. They are OpenSSL's defaults too, which matters where a library cannot set them.
CIPHER_SUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
#: For key exchange, by OpenSSL's names. A library that does not know the first goes without.
GROUPS = ("X25519MLKEM768", "X25519", "prime256v1", "secp384r1")
#: SSL_OP_PRIORITIZE_CHACHA of OpenSSL's ``ssl.h``: who likes ChaCha20 best gets it. Neither library has a name for it everywhere.
PRIORITIZE_CHACHA = 1 << 21
HTTP_1 = "http/1.1"
HTTP_2 = "h2"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a port speaks: TLS 1.2 and 1.3, no compression, no renegotiation, session tickets of this process.

    *protocols* are what ALPN (RFC 7301) offers, the preferred one first.
    """

    protocols: tuple[str, ...] = (HTTP_1,)
    ciphers: tuple[str, ...] = CIPHERS
    cipher_suites: tuple[str, ...] = CIPHER_SUITES
    groups: tuple[str, ...] = GROUPS


def policy(*, http2: bool) -> Policy:
    """Give the policy of a port, which speaks HTTP/2 too or does not."""
    return Policy((HTTP_2, HTTP_1) if http2 else (HTTP_1,))
