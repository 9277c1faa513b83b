"""Sealing and opening, and everything that must not open."""

import json
from base64 import b64decode, b64encode
from typing import Any

from cryptography.exceptions import InvalidTag
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.boxes import Cause, Refused, SealingKey
from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.sealing import document_id, named_by, open_sealed, seal
from couchpages.ports import Json
from tests.certs import xchacha
from tests.certs.made import KEY, NONCE, OTHER_KEY, certificate, pems

ID = "certificate-ecdsa-example.org"
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


class SealingCase(SynchronousTestCase):
    """A sealed certificate."""

    def setUp(self) -> None:
        """Seal one."""
        self.certificate = certificate("example.org", "*.example.org")
        self.doc = seal(self.certificate, KEY, NONCE)

    def refused(self, doc: Json, cause: Cause, doc_id: str = ID, keys: tuple[SealingKey, ...] = (KEY,)) -> str:
        """Assert that a document does not open, for this *cause*; give the words, which show no secret."""
        error: Any = self.assertRaises(Refused, open_sealed, doc_id, doc, keys)
        self.assertEqual(error.cause, cause, str(error))
        words = str(error)
        self.assertNotIn(self.certificate.key.splitlines()[1].decode(), words)
        self.assertNotIn(KEY.secret.hex(), words)
        self.assertNotIn("\n", words)
        return words


class RoundTrips(SealingCase):
    """What was sealed opens."""

    def test_both_kinds(self) -> None:
        """It is the same certificate, whatever was added to the document, and whichever of several keys sealed it."""
        for kind in Kind:
            made = certificate("example.org", kind=kind)
            doc = {**seal(made, KEY, NONCE), "_id": "x", "_rev": "1-x", "more": 1}
            self.assertEqual(open_sealed(document_id("example.org", kind), doc, [OTHER_KEY, KEY]), made)

    def test_nothing_in_clear(self) -> None:
        """No part of the key is in the document, and none of the key that sealed."""
        text = json.dumps(self.doc)
        for line in self.certificate.key.splitlines()[1:-1]:
            self.assertNotIn(line.decode(), text)
        self.assertNotIn(KEY.secret.hex(), repr(KEY) + text)
        self.assertNotIn("PRIVATE", repr(self.certificate))

    @settings(deadline=None, max_examples=60)
    @given(
        st.sampled_from(
            [("a.example", "*.a.example"), ("*.b.example",), ("2001:db8::1",), ("192.0.2.1", "xn--bcher-kva.example")]
        ),
        st.sampled_from(list(Kind)),
        st.integers(0, 2**53 - 1),
        st.binary(min_size=32, max_size=32),
        st.binary(min_size=24, max_size=24),
    )
    def test_any(self, names: tuple[str, ...], kind: Kind, made: int, secret: bytes, nonce: bytes) -> None:
        """Whatever names, moment, key and nonce: it opens, also after JSON, and not with another key."""
        sealed = certificate(*names, kind=kind, made=made)
        key = SealingKey(secret)
        doc = json.loads(json.dumps(seal(sealed, key, nonce)))
        doc_id = document_id(sealed.name, kind)
        self.assertEqual(named_by(doc_id), (sealed.name, kind))
        self.assertEqual(open_sealed(doc_id, doc, [key]), sealed)
        other = SealingKey(bytes([secret[0] ^ 1]) + secret[1:])
        self.assertRaises(Refused, open_sealed, doc_id, {**doc, "sealed_with": other.id}, [other])

    def test_sizes(self) -> None:
        """Keys and nonces have their sizes."""
        for length in (0, 31, 33):
            self.assertRaises(ValueError, SealingKey, bytes(length))
        self.assertRaises(ValueError, seal, self.certificate, KEY, bytes(12))


class Altered(SealingCase):
    """Every part of a document, altered."""

    def test_every_byte(self) -> None:
        """Every byte of the box and of the nonce, altered in each of its bits."""
        for member in ("nonce", "box"):
            content = b64decode(self.doc[member])
            for place in range(len(content)):
                damaged = bytearray(content)
                damaged[place] ^= 1 << (place % 8)
                self.refused({**self.doc, member: b64encode(damaged).decode()}, Cause.TAMPERED)

    def test_every_character(self) -> None:
        """Every character of their base64, replaced by another, the last ones too, some of whose bits mean nothing."""
        for member in ("nonce", "box"):
            text = self.doc[member]
            for place, character in enumerate(text):
                for other in (*"=-_ \n\u00e9", BASE64[(BASE64.find(character) + 1) % 64]):
                    if other == character:
                        continue
                    altered = text[:place] + other + text[place + 1 :]
                    error: Any = self.assertRaises(Refused, open_sealed, ID, {**self.doc, member: altered}, [KEY])
                    self.assertIn(error.cause, (Cause.TAMPERED, Cause.MALFORMED))

    def test_every_length(self) -> None:
        """Cut short at every place, or made longer."""
        for member in ("nonce", "box"):
            content = b64decode(self.doc[member])
            for length in range(len(content)):
                cut = b64encode(content[:length]).decode()
                error: Any = self.assertRaises(Refused, open_sealed, ID, {**self.doc, member: cut}, [KEY])
                self.assertIn(error.cause, (Cause.TAMPERED, Cause.MALFORMED))
            longer = b64encode(content + b"x").decode()
            self.assertRaises(Refused, open_sealed, ID, {**self.doc, member: longer}, [KEY])

    def test_every_bound_member(self) -> None:
        """Every character of what is bound: the name, the kind, the moment, the key's id, the version, the type."""
        for member in ("type", "version", "name", "kind", "made", "sealed_with"):
            value = str(self.doc[member])
            for place in range(len(value)):
                digit = "1" if value[place] != "1" else "2"
                altered: object = value[:place] + digit + value[place + 1 :]
                if isinstance(self.doc[member], int):
                    altered = int(str(altered))
                self.assertRaises(Refused, open_sealed, ID, {**self.doc, member: altered}, [KEY, OTHER_KEY])

    def test_made(self) -> None:
        """An older or later moment than the sealed one does not open: an old bundle cannot be brought back as a new one."""
        for made in (self.certificate.made + 1, 0, 2**53 - 1):
            self.refused({**self.doc, "made": made}, Cause.TAMPERED)

    def test_for_people(self) -> None:
        """What stands there for people alone changes nothing."""
        doc = {**self.doc, "names": ["evil.example"], "not_after": 0, "fingerprint": "x"}
        self.assertEqual(open_sealed(ID, doc, [KEY]), self.certificate)

    def test_renamed(self) -> None:
        """Under another id it is refused, as renamed, and as tampered with when its name was changed as well."""
        words = self.refused(self.doc, Cause.RENAMED, "certificate-ecdsa-other.example")
        self.assertIn('another certificate: "ecdsa" of "example.org"', words)
        self.refused(self.doc, Cause.RENAMED, "certificate-rsa-example.org")
        self.refused({**self.doc, "name": "other.example"}, Cause.TAMPERED, "certificate-ecdsa-other.example")
        self.refused({**self.doc, "kind": "rsa"}, Cause.TAMPERED, "certificate-rsa-example.org")

    def test_keys(self) -> None:
        """A key that is not here is named; one that is passed off for another opens nothing."""
        self.assertIn(
            f"sealed with the key {KEY.id}, which this node does not have",
            self.refused(self.doc, Cause.NO_KEY, keys=()),
        )
        self.assertIn(OTHER_KEY.id, self.refused(self.doc, Cause.NO_KEY, keys=(OTHER_KEY,)))
        self.refused({**self.doc, "sealed_with": OTHER_KEY.id}, Cause.TAMPERED, keys=(KEY, OTHER_KEY))

    def test_malformed(self) -> None:
        """Documents that are none."""
        malformed: list[Any] = [
            {}, [], None, {**self.doc, "type": "apikey"}, {**self.doc, "version": True}, {**self.doc, "version": "1"},
            {**self.doc, "made": -1}, {**self.doc, "made": 2**53}, {**self.doc, "made": True}, {**self.doc, "made": 1.0},
            {**self.doc, "sealed_with": None}, {**self.doc, "sealed_with": "a b"}, {**self.doc, "nonce": 5},
            {**self.doc, "box": None}, {**self.doc, "box": "A" * (2**20 + 4)}, {**self.doc, "nonce": ""},
        ]  # fmt: skip
        for doc in malformed:
            self.refused(doc, Cause.MALFORMED)
        for doc_id in (
            "certificate-",
            "certificate-ecdsa",
            "certificate-ed25519-a.example",
            "certificate-ecdsa-A.example",
        ):
            self.refused(self.doc, Cause.MALFORMED, doc_id)

    def test_version(self) -> None:
        """One of a later version is said to be that."""
        self.assertIn("a newer couchpages", self.refused({**self.doc, "version": 2}, Cause.VERSION))

    def test_unreadable(self) -> None:
        """A box that opens and holds no certificate for this name, sealed by a program that has the key."""
        chain, key = (each.decode() for each in pems("example.org", "*.example.org"))
        other = pems("other.example")[0].decode()
        for content in (
            "",
            "[]",
            "{}",
            '{"chain": 1, "key": 2}',
            {"chain": chain, "key": ""},
            {"chain": other, "key": key},
        ):
            text = content if isinstance(content, str) else json.dumps(content)
            self.refused(self.boxed(text.encode()), Cause.UNREADABLE)
        rsa = pems("example.org", kind=Kind.RSA)
        content = json.dumps({"chain": rsa[0].decode(), "key": rsa[1].decode()})
        self.assertIn("of the kind rsa", self.refused(self.boxed(content.encode()), Cause.UNREADABLE))

    def boxed(self, content: bytes) -> Json:
        """Seal something else."""
        box = crypto_aead_xchacha20poly1305_ietf_encrypt(content, bound(self.certificate), NONCE, KEY.secret)
        return {**self.doc, "box": b64encode(box).decode()}

    @settings(deadline=None, max_examples=200)
    @given(
        st.dictionaries(
            st.sampled_from(["type", "version", "name", "kind", "made", "sealed_with", "nonce", "box"]),
            st.none()
            | st.booleans()
            | st.integers()
            | st.text(max_size=40)
            | st.floats()
            | st.lists(st.integers(), max_size=2),
            min_size=1,
        )
    )
    def test_any(self, changed: Json) -> None:
        """Whatever stands in a document, it opens as it was sealed, or is refused."""
        doc = {**seal(certificate(), KEY, NONCE), **changed}
        try:
            self.assertEqual(open_sealed(ID, doc, [KEY]), certificate())
        except Refused as error:
            self.assertIn(error.cause, list(Cause))


def bound(sealed: Certificate) -> bytes:
    """Write down what is bound to a box, apart from the code."""
    return (
        f'["couchpages certificate",1,"certificate-{sealed.kind}-{sealed.name}","{sealed.name}","{sealed.kind}",'
        f'{sealed.made},"{KEY.id}"]'
    ).encode()


class ByOthers(SealingCase):
    """An implementation that shares nothing with ours."""

    def test_vectors(self) -> None:
        """It is right: the draft's test vectors for HChaCha20 (2.2.1) and for the whole (A.3.1)."""
        key = bytes(range(32))
        nonce = bytes.fromhex("000000090000004a0000000031415927")
        expected = "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
        self.assertEqual(xchacha.hchacha20(key, nonce).hex(), expected)
        text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
        sealed = xchacha.encrypt(
            text, bytes.fromhex("50515253c0c1c2c3c4c5c6c7"), bytes(range(0x40, 0x58)), bytes(range(0x80, 0xA0))
        )
        self.assertEqual(sealed[:16].hex(), "bd6d179d3e83d43b9576579493c0e939")
        self.assertEqual(sealed[-16:].hex(), "c0875924c1c7987947deafd8780acf49")

    def test_opens_ours(self) -> None:
        """It opens what we sealed, with what is bound written down by hand, and not with anything else bound."""
        nonce, box = b64decode(self.doc["nonce"]), b64decode(self.doc["box"])
        content = json.loads(xchacha.decrypt(box, bound(self.certificate), nonce, KEY.secret))
        self.assertEqual(content, {"chain": self.certificate.chain.decode(), "key": self.certificate.key.decode()})
        self.assertRaises(InvalidTag, xchacha.decrypt, box, None, nonce, KEY.secret)

    def test_ours_opens(self) -> None:
        """We open what it sealed."""
        content = {"key": self.certificate.key.decode(), "chain": self.certificate.chain.decode()}
        box = xchacha.encrypt(json.dumps(content).encode(), bound(self.certificate), NONCE, KEY.secret)
        doc = {**self.doc, "box": b64encode(box).decode()}
        self.assertEqual(open_sealed(ID, doc, [KEY]), self.certificate)
