"""The contract on writers that meet."""

from collections import Counter
from os import urandom

from twisted.internet.defer import gatherResults

from tests.couch.contract.base import OCTETS, ApacheCase, Contract, EmbeddedCase


class ConcurrencyContract(Contract):
    """Several at once."""

    async def test_two_first_writers(self) -> None:
        """Of writers that make one document at once, one succeeds, and the others are in conflict."""
        writers = [self.ensured(self.ask("PUT", f"/{self.db}/doc", {"v": number})) for number in range(8)]
        answers = await gatherResults(writers)
        statuses = Counter(answer.status for answer in answers)
        self.assertEqual(statuses, {201: 1, 409: 7})
        winner = next(number for number, answer in enumerate(answers) if answer.status == 201)
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc")).json["v"], winner)

    async def test_two_updates(self) -> None:
        """Of updates of one revision, one succeeds."""
        revision = await self.put("doc")
        writers = [
            self.ensured(self.ask("PUT", f"/{self.db}/doc?rev={revision}", {"v": number})) for number in range(8)
        ]
        statuses = Counter(answer.status for answer in await gatherResults(writers))
        self.assertEqual(statuses, {201: 1, 409: 7})

    async def test_counter(self) -> None:
        """Writers that read, count and write with the revision lose no count."""
        await self.put("doc", count=0)

        async def count() -> None:
            status = 409
            while status == 409:
                document = (await self.ask("GET", f"/{self.db}/doc")).json
                document["count"] += 1
                status = (await self.ask("PUT", f"/{self.db}/doc", document)).status

        await gatherResults([self.ensured(count()) for _ in range(10)])
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc")).json["count"], 10)

    async def test_databases_made_at_once(self) -> None:
        """Of those who make a database, one succeeds."""
        name = f"{self.db}-x"
        self.addCleanup(self.ask, "DELETE", f"/{name}")
        answers = await gatherResults([self.ensured(self.ask("PUT", f"/{name}")) for _ in range(4)])
        statuses = Counter(answer.status for answer in answers)
        self.assertEqual((statuses[201], sum(statuses.values())), (1, 4))

    async def test_same_attachment_at_once(self) -> None:
        """Many documents that get the same bytes at once all have them."""
        data = urandom(700_000)
        paths = [f"/{self.db}/doc{number}/data" for number in range(6)]
        await gatherResults([self.ensured(self.ask("PUT", path, data=data, headers=OCTETS)) for path in paths])
        for path in paths:
            self.assertEqual((await self.ask("GET", path)).body == data, True)

    async def test_many_documents(self) -> None:
        """A hundred documents written at once are all there."""
        names = [f"doc{number}" for number in range(100)]
        await gatherResults([self.ensured(self.put(name, v=name)) for name in names])
        self.assertEqual({row["id"] for row in await self.rows()}, set(names))


class EmbeddedConcurrencyContractTests(ConcurrencyContract, EmbeddedCase):
    """The embedded store."""


class ApacheConcurrencyContractTests(ConcurrencyContract, ApacheCase):
    """Apache CouchDB."""
