"""The first system's files: read, paired, and written."""

from base64 import b64decode, b64encode
from typing import Any

from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.boxes import Cause, Refused
from couchpages.certs.certificates import Kind
from couchpages.certs.first_system import (
    Encrypted,
    compatible_documents,
    is_first_systems,
    nonce_of,
    opened,
)
from couchpages.certs.first_system_shelf import FirstSystemShelf
from couchpages.ports import Json
from tests.certs import xchacha
from tests.certs.made import KEY, NONCE, OTHER_KEY, authority, certificate, pems


def encrypted(content: bytes, rev: str = "1-a", nonce: bytes = NONCE) -> Encrypted:
    """Encrypt a file as the first system does."""
    box = crypto_aead_xchacha20poly1305_ietf_encrypt(content, None, nonce, KEY.secret)
    return Encrypted({"Secret": b64encode(nonce).decode(), "_rev": rev}, nonce, box)


class Documents(SynchronousTestCase):
    """What is one of its files."""

    def test_ids(self) -> None:
        """Ours, keys and designs are none."""
        for doc_id in ("fullchain.pem", "x", "certificate", "apike", "ApiKe"):
            self.assertTrue(is_first_systems(doc_id), doc_id)
        for doc_id in ("ApiKey", "apikey-1", "certificate-ecdsa-x", "_design/x"):
            self.assertFalse(is_first_systems(doc_id), doc_id)

    def test_nonces(self) -> None:
        """A document with a nonce of 24 bytes and an attachment is one; anything else is somebody else's."""
        stub = {"data": {"length": 100, "stub": True}}
        secret = b64encode(NONCE).decode()
        self.assertEqual(nonce_of({"Secret": secret, "_attachments": stub}), NONCE)
        for doc in (
            {}, {"Secret": secret}, {"Secret": secret, "_attachments": {"other": {}}}, {"Secret": 5, "_attachments": stub},
            {"Secret": "?", "_attachments": stub}, {"Secret": "AAAA", "_attachments": stub}, {"Secret": secret, "_attachments": []},
            {"Secret": "clear text", "_attachments": stub},
        ):  # fmt: skip
            self.assertIsNone(nonce_of(doc))
        large = {"Secret": secret, "_attachments": {"data": {"length": 2**20 + 1}}}
        self.assertRaises(Refused, nonce_of, large)

    def test_every_byte(self) -> None:
        """Every byte altered, and every length, is refused."""
        whole = encrypted(pems("example.org")[1])
        for place in range(len(whole.content)):
            damaged = bytearray(whole.content)
            damaged[place] ^= 1
            for content in (bytes(damaged), whole.content[:place]):
                error: Any = self.assertRaises(
                    Refused, opened, Encrypted(whole.doc, whole.nonce, content), [OTHER_KEY, KEY]
                )
                self.assertEqual(error.cause, Cause.TAMPERED)
        no_key: Any = self.assertRaises(Refused, opened, whole, [])
        self.assertEqual(no_key.cause, Cause.NO_KEY)


class Written(SynchronousTestCase):
    """What we write for the first system."""

    def test_opens_there(self) -> None:
        """Opened as it does: the nonce in ``Secret``, the attachment ``data``, its own library, nothing bound."""
        sealed = certificate()
        documents = compatible_documents(sealed, KEY, (NONCE, bytes(24)))
        self.assertEqual(list(documents), ["fullchain.pem", "privkey.pem"])
        for doc_id, expected in (("fullchain.pem", sealed.chain), ("privkey.pem", sealed.key)):
            nonce = b64decode(documents[doc_id]["Secret"])
            box = b64decode(documents[doc_id]["_attachments"]["data"]["data"])
            self.assertEqual(len(nonce), 24)
            self.assertEqual(xchacha.decrypt(box, None, nonce, KEY.secret), expected)
        self.assertNotEqual(documents["fullchain.pem"]["Secret"], documents["privkey.pem"]["Secret"])

    def test_comes_back(self) -> None:
        """What was written is read."""
        shelf = FirstSystemShelf()
        for doc_id, doc in compatible_documents(certificate(made=0), KEY, (NONCE, bytes(24))).items():
            shelf.take(doc_id, _stored(doc), [KEY])
        self.assertEqual(shelf.settle(), [])
        self.assertEqual([each.certificate for each in shelf.good.values()], [certificate(made=0)])


def _stored(doc: Json) -> Encrypted:
    return Encrypted({}, b64decode(doc["Secret"]), b64decode(doc["_attachments"]["data"]["data"]))


class Pairs(SynchronousTestCase):
    """``FirstSystemShelf``: which chain belongs to which key."""

    def setUp(self) -> None:
        """Have an empty one."""
        self.shelf = FirstSystemShelf()

    def take(self, doc_id: str, content: bytes, rev: str = "1-a") -> Any:
        """Take a file; give the refusal."""
        return self.shelf.take(doc_id, encrypted(content, rev), [KEY])

    def names(self) -> dict[str, str]:
        """Give the names of certificates, with the chain's document."""
        self.assertEqual(self.shelf.settle(), [])
        return {name: paired.chain_id for (name, _), paired in self.shelf.good.items()}

    def test_any_ids(self) -> None:
        """Whatever the documents are called, and whatever else there is, those belong together whose public keys are the same."""
        for number, name in enumerate(("a.example", "b.example")):
            chain, key = pems(name)
            self.take(f"{number}-one", key)
            self.take(f"{number}-two", chain)
        self.take("both", b"".join(pems("c.example", kind=Kind.RSA)))
        self.take("chain.pem", authority().intermediate.pem)
        self.take("dhparam.pem", b"-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n")
        self.take("something", b"\xff\x00 not PEM")
        self.assertEqual(self.names(), {"a.example": "0-two", "b.example": "1-two", "c.example": "both"})

    def test_one_file_shows_no_key(self) -> None:
        """Defect: of a file that holds chain and key, the chain had the key too, and showed it."""
        chain, key = pems("c.example")
        for content in (chain + key, key + chain):
            part = opened(encrypted(content), [KEY])
            self.assertEqual((part.chain, part.key), (chain, key))
            self.assertNotIn("PRIVATE", repr(part))
            self.assertNotIn(key.splitlines()[1].decode(), repr(part))

    def test_longer_chain(self) -> None:
        """Of the same leaf with and without intermediate certificates, with."""
        chain, key = pems("example.org")
        end = b"-----END CERTIFICATE-----\n"
        for names in (("cert.pem", "fullchain.pem"), ("z.pem", "a.pem")):
            self.shelf = FirstSystemShelf()
            self.take("privkey.pem", key)
            self.take(names[0], chain.partition(end)[0] + end)
            self.take(names[1], chain)
            self.assertEqual(self.names(), {"example.org": names[1]})

    def test_half_of_a_newer_one(self) -> None:
        """While a newer chain is here and its key is not, the last good certificate stays."""
        chain, key = pems("example.org")
        self.take("fullchain.pem", chain)
        self.take("privkey.pem", key)
        self.names()
        newer, newer_key = authority().issue("example.org")
        self.take("fullchain.pem", newer, "2-b")
        self.names()
        named = ("example.org", Kind.ECDSA)
        self.assertEqual(self.shelf.good[named].certificate.chain, chain)
        self.assertEqual(self.shelf.current, set())
        self.take("privkey.pem", newer_key, "2-b")
        self.names()
        self.assertEqual(self.shelf.good[named].certificate.chain, newer)
        self.assertEqual(self.shelf.current, {"fullchain.pem", "privkey.pem"})

    def test_tampered(self) -> None:
        """What is refused is told once, and what was there stays; when a half of it is deleted, it goes."""
        chain, key = pems("example.org")
        self.take("fullchain.pem", chain)
        self.take("privkey.pem", key)
        self.names()
        bad = encrypted(key, "2-b")
        bad = Encrypted(bad.doc, bad.nonce, bad.content[:-1] + b"x")
        self.assertIsNotNone(self.shelf.take("privkey.pem", bad, [KEY]))
        self.assertIsNone(self.shelf.take("privkey.pem", bad, [KEY]))
        self.assertEqual(self.names(), {"example.org": "fullchain.pem"})
        self.shelf.remove("privkey.pem")
        self.assertEqual(self.names(), {})

    def test_wrong_order(self) -> None:
        """A chain in the wrong order is said to be that, and not served; one that cannot be read is refused."""
        chain, key = pems("example.org")
        self.take("privkey.pem", key)
        self.take("fullchain.pem", chain + authority().issue("x.example")[0])
        (words,) = self.shelf.settle()
        self.assertIn("fullchain.pem with privkey.pem: ", words)
        self.assertEqual(self.shelf.good, {})
        refusal = self.take("other.pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        self.assertEqual(refusal.cause, Cause.UNREADABLE)
