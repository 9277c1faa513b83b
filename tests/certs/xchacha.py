"""XChaCha20-Poly1305 written apart from libsodium: HChaCha20 here, ChaCha20-Poly1305 of OpenSSL (draft-irtf-cfrg-xchacha-03)."""

import struct

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

CONSTANTS = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)
COLUMNS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15))
DIAGONALS = ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


def encrypt(content: bytes, bound: bytes | None, nonce: bytes, key: bytes) -> bytes:
    """Give ciphertext and tag."""
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])).encrypt(bytes(4) + nonce[16:], content, bound)


def decrypt(box: bytes, bound: bytes | None, nonce: bytes, key: bytes) -> bytes:
    """Give what was encrypted. Raises cryptography's InvalidTag."""
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])).decrypt(bytes(4) + nonce[16:], box, bound)


def hchacha20(key: bytes, nonce: bytes) -> bytes:
    """Derive a key (section 2.2)."""
    state = [*CONSTANTS, *struct.unpack("<8L", key), *struct.unpack("<4L", nonce)]
    for _ in range(10):
        for quarter in (*COLUMNS, *DIAGONALS):
            _quarter_round(state, *quarter)
    return struct.pack("<8L", *state[:4], *state[12:])


def _quarter_round(state: list[int], a: int, b: int, c: int, d: int) -> None:
    for one, other, mixed, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        state[one] = (state[one] + state[other]) & 0xFFFFFFFF
        turned = state[mixed] ^ state[one]
        state[mixed] = ((turned << bits) | (turned >> (32 - bits))) & 0xFFFFFFFF
