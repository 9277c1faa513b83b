"""Certificates as the service stores and removes them: never in place of what was imported."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pem

from couchpages.certs.administration import Administration, ImportedError
from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.issuing.sealed_store import SealedStore
from couchpages.certs.sealing import document_id
from couchpages.ports import Conflict, Unavailable
from couchpages.testing.memory_database import MemoryDatabase
from tests.certs.issuing.working import WorkingCase, keys
from tests.certs.made import certificate, pems

CA, NAME = "https://ca.test/directory", "example.org"
ID = document_id(NAME, Kind.ECDSA)


class Storing(WorkingCase):
    """``SealedStore``, and ``Administration.put`` and ``discard``."""

    def setUp(self) -> None:
        """Have a database, and what a node knows of it."""
        self.database = MemoryDatabase("secrets")
        self.known: dict[tuple[str, Kind], Certificate] = {}
        self.drawn = 0
        self.store = SealedStore(self.known, self.administration, CA)

    def administration(self) -> Administration:
        """Give it."""
        return Administration(self.database, keys(), self.entropy, lambda: 5000)

    def entropy(self, count: int) -> bytes:
        """Give bytes, others each time."""
        self.drawn += 1
        return sha256(str(self.drawn).encode()).digest()[:count]

    def stored(self, number: int = 0) -> Any:
        """Store an issued one; give it, or the failure."""
        chain, key = pems(NAME, number=number)
        result: list[Any] = []
        self.store.store(NAME, [*pem.parse(key), *pem.parse(chain)]).addBoth(result.append)
        return result[0]

    def put(self, what: Certificate) -> Certificate:
        """Import."""
        found: Certificate = self.done(self.administration().put(what))[0]
        return found

    def test_stored(self) -> None:
        """It is sealed, says who issued it, and what came before it."""
        first = self.stored()
        self.assertEqual((first.issued_by, first.since), (CA, 0))
        second = self.stored(1)
        self.assertEqual((second.made, second.since), (first.made + 1, first.made))
        self.known[NAME, Kind.ECDSA] = second
        every: Any = self.store.as_dict()
        self.assertEqual(list(self.successResultOf(every)), [NAME])
        self.assertEqual(len(self.successResultOf(self.store.get(NAME))), 1 + second.chain.count(b"BEGIN"))
        self.failureResultOf(self.store.get("other.org"), KeyError)

    def test_imported_meanwhile(self) -> None:
        """Defect: what was imported while it was ordered was overwritten, whether this node had heard of it or not."""
        self.put(certificate(NAME, number=1))
        before = self.database.documents_now()
        self.stored().trap(ImportedError)
        self.known[NAME, Kind.RSA] = certificate(NAME, kind=Kind.RSA)
        self.database.remove(ID)
        self.stored().trap(ImportedError)
        self.assertEqual(self.database.documents_now(), {})
        self.assertNotEqual(before, {})

    def test_imported_between_reading_and_writing(self) -> None:
        """Also where it is imported in the very moment."""
        imports = [True]

        async def pause(what: str) -> None:
            if what == f"put {ID}" and imports.pop():
                imports.append(False)
                self.put(certificate(NAME, number=1))

        self.database.pause = pause
        self.stored().trap(ImportedError)
        self.assertNotIn(CA, str(self.put(certificate(NAME, number=1))))

    def test_import_over_issued(self) -> None:
        """Somebody may import over what was issued."""
        self.stored()
        self.assertEqual(self.put(certificate(NAME, number=1)).issued_by, "")

    def test_discarded(self) -> None:
        """What ended is removed, unless something was put in its place; who removed it before is no error."""
        old = self.stored()
        new = self.stored(1)
        self.done(self.administration().discard(old))
        self.assertIn(ID, self.database.documents_now())
        self.database.fail("bulk", Conflict("written"), doc_id=ID)
        self.done(self.administration().discard(new))
        self.database.fail("bulk", Unavailable("away"), doc_id=ID)
        self.fails(self.administration().discard(replace(new, made=1)), Unavailable)
        self.done(self.administration().discard(new))
        self.assertEqual(self.database.documents_now(), {})
        self.done(self.administration().discard(new))
