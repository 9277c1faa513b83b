"""The contract on `_changes`: what is told, the feeds, and a database that is deleted under them."""

from typing import Any

from twisted.internet.defer import gatherResults

from tests.couch.contract.base import ApacheCase, Contract, EmbeddedCase

MALFORMED = (400, "bad_request", "Malformed sequence supplied in 'since' parameter.")


class ChangesContract(Contract):
    """What happened, and what happens."""

    async def changes(self, query: str = "") -> Any:
        """Return a whole answer."""
        answer = await self.ask("GET", f"/{self.db}/_changes{query}")
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json

    async def ids(self, query: str = "") -> set[str]:
        """Return the ids of the changes."""
        return {each["id"] for each in (await self.changes(query))["results"]}

    async def test_empty(self) -> None:
        """A new database has no changes, and a sequence."""
        told = await self.changes()
        self.assertEqual((told["results"], told["pending"]), ([], 0))
        self.assertIsInstance(told["last_seq"], str)

    async def test_rows(self) -> None:
        """Each document is told once, with its winner, deleted ones so marked."""
        one = await self.put("a")
        two = await self.put("a", _rev=one, v=2)
        three = await self.put("b")
        four = await self.put("b", _rev=three, _deleted=True)
        rows = {each["id"]: each for each in (await self.changes())["results"]}
        self.assertEqual(set(rows), {"a", "b"})
        self.assertEqual((rows["a"]["changes"], rows["a"].get("deleted")), ([{"rev": two}], None))
        self.assertEqual((rows["b"]["changes"], rows["b"].get("deleted")), ([{"rev": four}], True))

    async def test_since(self) -> None:
        """A sequence that was told leads to what came after it."""
        await self.put("a")
        told = await self.changes()
        self.assertEqual((await self.changes(f"?since={told['last_seq']}"))["results"], [])
        await self.put("b")
        self.assertEqual(await self.ids(f"?since={told['last_seq']}"), {"b"})
        self.assertEqual(await self.ids("?since=0"), {"a", "b"})
        self.assertEqual((await self.changes("?since=now"))["results"], [])

    async def test_every_sequence_leads_on(self) -> None:
        """From any row's sequence, the rest follows and nothing is left out."""
        for name in "abcd":
            await self.put(name)
        results = (await self.changes())["results"]
        for number, row in enumerate(results):
            rest = {each["id"] for each in results[number + 1 :]}
            self.assertEqual(await self.ids(f"?since={row['seq']}"), rest)

    async def test_malformed_since(self) -> None:
        """What is no sequence of this store is a bad request."""
        for since in ("1", "foo", "99-foo", ""):
            answer = await self.ask("GET", f"/{self.db}/_changes?since={since}")
            self.assertEqual(answer.refusal, MALFORMED, since)

    async def test_since_of_an_earlier_database(self) -> None:
        """A sequence of a database that was deleted and made again tells everything."""
        await self.put("a")
        old = await self.sequence()
        await self.ask("DELETE", f"/{self.db}")
        await self.ask("PUT", f"/{self.db}")
        await self.put("b")
        await self.put("c")
        self.assertEqual(await self.ids(f"?since={old}"), {"b", "c"})

    async def test_limit(self) -> None:
        """A limit cuts, tells how many are pending, and its sequence leads on."""
        for name in "abc":
            await self.put(name)
        first = await self.changes("?limit=2")
        self.assertEqual((len(first["results"]), first["pending"]), (2, 1))
        rest = await self.changes(f"?since={first['last_seq']}")
        self.assertEqual({each["id"] for each in first["results"] + rest["results"]}, set("abc"))
        self.assertEqual((await self.changes("?limit=0"))["results"], [])

    async def test_include_docs(self) -> None:
        """`include_docs` adds the documents, tombstones too."""
        revision = await self.put("a", v=1)
        dead = await self.put("a", _rev=revision, _deleted=True)
        (row,) = (await self.changes("?include_docs=true"))["results"]
        self.assertEqual(row["doc"], {"_id": "a", "_rev": dead, "_deleted": True})

    async def test_style(self) -> None:
        """`style=all_docs` tells all leaves, the winner first."""
        for digest in ("bbb", "ccc", "aaa"):
            await self.ask("PUT", f"/{self.db}/a?new_edits=false", {"_rev": f"1-{digest}"})
        (row,) = (await self.changes("?style=all_docs"))["results"]
        self.assertEqual(row["changes"], [{"rev": "1-ccc"}, {"rev": "1-bbb"}, {"rev": "1-aaa"}])
        (row,) = (await self.changes("?style=main_only"))["results"]
        self.assertEqual(row["changes"], [{"rev": "1-ccc"}])

    async def test_style_tells_tombstones(self) -> None:
        """`style=all_docs` tells leaves that were deleted too, behind those that were not; of what is deleted, what its tombstone says."""
        for digest, dead in (("bbb", True), ("aaa", False), ("ccc", True)):
            await self.ask("PUT", f"/{self.db}/a?new_edits=false", {"_rev": f"1-{digest}", "_deleted": dead})
        (row,) = (await self.changes("?style=all_docs&include_docs=true"))["results"]
        self.assertEqual(row["changes"], [{"rev": "1-aaa"}, {"rev": "1-ccc"}, {"rev": "1-bbb"}])
        self.assertEqual((row.get("deleted"), row["doc"]["_rev"]), (None, "1-aaa"))
        await self.ask("POST", f"/{self.db}/_bulk_docs", {"docs": [{"_id": "b", "zone_id": 7}]})
        revision = (await self.ask("GET", f"/{self.db}/b")).json["_rev"]
        await self.put("b", _rev=revision, _deleted=True, zone_id=7)
        rows = (await self.changes("?style=all_docs&include_docs=true"))["results"]
        # In which order two documents come, a server with several shards decides.
        (row,) = (each for each in rows if each["id"] == "b")
        self.assertEqual((row["deleted"], row["doc"]["zone_id"], len(row["changes"])), (True, 7, 1))

    async def test_descending(self) -> None:
        """Backwards, everything is told too."""
        for name in "abc":
            await self.put(name)
        self.assertEqual(await self.ids("?descending=true"), set("abc"))
        self.assertEqual(len((await self.changes("?descending=true&limit=1"))["results"]), 1)

    async def test_posted(self) -> None:
        """POST with an empty object is GET."""
        await self.put("a")
        answer = await self.ask("POST", f"/{self.db}/_changes", {})
        self.assertEqual([each["id"] for each in answer.json["results"]], ["a"])

    async def test_malformed_heartbeat(self) -> None:
        """A heartbeat is a positive number of milliseconds."""
        for text, reason in (
            ("x", "Invalid heartbeat value. Expecting a positive integer value (in milliseconds)."),
            ("0", "The heartbeat value should be a positive integer (in milliseconds)."),
            ("-5", "The heartbeat value should be a positive integer (in milliseconds)."),
        ):
            answer = await self.ask("GET", f"/{self.db}/_changes?feed=continuous&heartbeat={text}")
            self.assertEqual(answer.refusal, (400, "bad_request", reason))

    async def test_unknown_feed(self) -> None:
        """A feed that does not exist is a bad request."""
        answer = await self.ask("GET", f"/{self.db}/_changes?feed=foo")
        reason = "Supported `feed` types: normal, continuous, live, longpoll, eventsource"
        self.assertEqual(answer.refusal, (400, "bad_request", reason))

    async def test_longpoll_with_changes(self) -> None:
        """A long poll with something to tell answers at once."""
        await self.put("a")
        self.assertEqual(await self.ids("?feed=longpoll"), {"a"})

    async def test_longpoll_waits(self) -> None:
        """A long poll with nothing to tell answers when something happens."""
        since = await self.sequence()
        waiting = self.ensured(self.changes(f"?feed=longpoll&since={since}&heartbeat=5000"))
        await self.pause(0.3)
        self.assertFalse(waiting.called)
        await self.put("a")
        told: Any = await waiting
        self.assertEqual([each["id"] for each in told["results"]], ["a"])

    async def test_longpoll_timeout(self) -> None:
        """A long poll without heartbeat ends after its time-out, with nothing."""
        told = await self.changes("?feed=longpoll&since=now&timeout=200")
        self.assertEqual((told["results"], told["pending"]), ([], 0))

    async def test_continuous_headers_come_at_once(self) -> None:
        """A continuous feed with nothing to tell has its headers out before anything happens."""
        feed = await self.feed("&since=now&heartbeat=60000")
        self.assertFalse(feed.ended)

    async def test_continuous(self) -> None:
        """A continuous feed tells what was, and then what happens."""
        await self.put("a")
        feed = await self.feed("&heartbeat=60000")
        self.assertEqual((await feed.row())["id"], "a")
        revision = await self.put("b")
        row = await feed.row()
        self.assertEqual((row["id"], row["changes"]), ("b", [{"rev": revision}]))
        await self.put("b", _rev=revision, _deleted=True)
        self.assertTrue((await feed.row())["deleted"])

    async def test_continuous_with_documents(self) -> None:
        """A continuous feed may bring the documents."""
        feed = await self.feed("&since=now&heartbeat=60000&include_docs=true")
        await self.put("a", v=1)
        self.assertEqual((await feed.row())["doc"]["v"], 1)

    async def test_heartbeats(self) -> None:
        """Newlines come while nothing happens, and the time-out does not count beside them."""
        feed = await self.feed("&since=now&heartbeat=100&timeout=250")
        self.assertEqual([await feed.line() for _ in range(8)], [b""] * 8)
        await self.put("a")
        self.assertEqual((await feed.row())["id"], "a")

    async def test_continuous_timeout(self) -> None:
        """Without heartbeat, a continuous feed ends after its time-out with its last sequence."""
        await self.put("a")
        feed = await self.feed("&timeout=200")
        row, last = await feed.row(), await feed.row()
        self.assertEqual((row["id"], last["pending"]), ("a", 0))
        self.assertEqual(await self.ids(f"?since={last['last_seq']}"), set())
        self.assertIsNone(await feed.row())

    async def test_continuous_limit(self) -> None:
        """A continuous feed with a limit ends after so many."""
        for name in "abc":
            await self.put(name)
        feed = await self.feed("&limit=2&heartbeat=60000")
        first, second, last = await feed.row(), await feed.row(), await feed.row()
        self.assertEqual((last["pending"], last["last_seq"]), (1, second["seq"]))
        self.assertNotEqual(first["id"], second["id"])
        self.assertIsNone(await feed.row())

    async def test_reconnect(self) -> None:
        """A feed that was cut goes on elsewhere from its last sequence, and nothing is told twice or never."""
        feed = await self.feed("&heartbeat=60000")
        seen = []
        for name in ("a", "b"):
            await self.put(name)
            seen.append(await feed.row())
        assert feed.transport is not None
        feed.transport.loseConnection()
        for name in ("c", "d"):
            await self.put(name)
        again = await self.feed(f"&heartbeat=60000&since={seen[-1]['seq']}")
        told = {(await again.row())["id"] for _ in range(2)}
        self.assertEqual(told, {"c", "d"})

    async def test_many_readers(self) -> None:
        """Every feed hears of every change."""
        feeds = [await self.feed("&since=now&heartbeat=60000") for _ in range(5)]
        names = [f"doc{number}" for number in range(20)]
        await gatherResults([self.ensured(self.put(name)) for name in names])
        for feed in feeds:
            self.assertEqual({(await feed.row())["id"] for _ in names}, set(names))

    async def test_many_changes(self) -> None:
        """Thousands of changes are told completely, at once and by a feed."""
        names = {f"{number:05}" for number in range(3000)}
        await self.ask("POST", f"/{self.db}/_bulk_docs", {"docs": [{"_id": name} for name in sorted(names)]})
        self.assertEqual(await self.ids(), names)
        feed = await self.feed("&heartbeat=60000")
        self.assertEqual({(await feed.row())["id"] for _ in names}, names)

    async def test_database_deleted_under_a_feed(self) -> None:
        """The feed of a database that is deleted ends."""
        feed = await self.feed("&since=now&heartbeat=60000")
        await self.put("a")
        self.assertEqual((await feed.row())["id"], "a")
        await self.ask("DELETE", f"/{self.db}")
        last = await feed.row()
        self.assertTrue(last is None or "last_seq" in last, last)
        self.assertIsNone(await feed.row())

    async def test_database_deleted_under_a_long_poll(self) -> None:
        """The long poll of a database that is deleted ends."""
        waiting = self.ensured(self.ask("GET", f"/{self.db}/_changes?feed=longpoll&since=now&heartbeat=60000"))
        await self.pause(0.3)
        await self.ask("DELETE", f"/{self.db}")
        answer: Any = await waiting
        self.assertEqual(answer.status, 200)


class EmbeddedChangesContractTests(ChangesContract, EmbeddedCase):
    """The embedded store."""


class ApacheChangesContractTests(ChangesContract, ApacheCase):
    """Apache CouchDB."""
