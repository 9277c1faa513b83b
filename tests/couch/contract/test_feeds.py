"""The contract on the feeds that replicators and browsers use: events, and changes of chosen documents."""

from base64 import b64encode
from json import dumps, loads
from typing import Any
from urllib.parse import quote

from tests.couch.contract.base import ApacheCase, Contract, EmbeddedCase, Feed, cut


class FeedsContract(Contract):
    """Events and filters."""

    async def events(self, query: str = "", headers: dict[str, str] | None = None) -> Feed:
        """Listen to events until the test ends."""
        response = await self.open("GET", f"/{self.db}/_changes?feed=eventsource{query}", headers=headers)
        told = response.headers.getRawHeaders("content-type")
        self.assertEqual((response.code, told), (200, ["text/event-stream"]))
        feed = Feed()
        response.original.deliverBody(feed)
        self.addCleanup(cut, feed)
        return feed

    async def block(self, feed: Feed) -> dict[str, str]:
        """Read the fields of one event; empty lines before it mean nothing."""
        fields: dict[str, str] = {}
        while (line := await feed.line()) is not None and (line or not fields):
            if line:
                name, _, value = line.decode().partition(": ")
                fields[name] = value
        return fields

    async def event(self, feed: Feed) -> tuple[Any, str]:
        """Read one event that is no heartbeat, and return what it tells and its id as it is written."""
        while (fields := await self.block(feed)).get("event") == "heartbeat":
            pass
        self.assertEqual(set(fields), {"data", "id"})
        return loads(fields["data"]), fields["id"]

    async def ids(self, query: str, body: object = None) -> list[str]:
        """Return the ids of a whole answer."""
        method = "GET" if body is None else "POST"
        answer = await self.ask(method, f"/{self.db}/_changes?{query}", body)
        self.assertEqual(answer.status, 200, answer.body)
        return sorted(each["id"] for each in answer.json["results"])

    async def test_events(self) -> None:
        """Each change is an event with its sequence, as JSON, for an id; it tells what was and what happens."""
        await self.put("a")
        feed = await self.events("&heartbeat=60000")
        first, number = await self.event(feed)
        self.assertEqual((first["id"], loads(number)), ("a", first["seq"]))
        revision = await self.put("b")
        second, _ = await self.event(feed)
        self.assertEqual((second["id"], second["changes"]), ("b", [{"rev": revision}]))

    async def test_last_event(self) -> None:
        """Who names the last event that it had, in the header as browsers do or in the query, gets what came after it."""
        await self.put("a")
        _, number = await self.event(await self.events("&heartbeat=60000"))
        await self.put("b")
        feed = await self.events("&heartbeat=60000", {"Last-Event-ID": number})
        self.assertEqual((await self.event(feed))[0]["id"], "b")
        feed = await self.events(f"&heartbeat=60000&last-event-id={quote(loads(number))}")
        self.assertEqual((await self.event(feed))[0]["id"], "b")

    async def test_heartbeats(self) -> None:
        """While nothing happens, heartbeats are events of their own."""
        feed = await self.events("&since=now&heartbeat=100")
        beats = [await self.block(feed) for _ in range(2)]
        self.assertEqual(beats, [{"event": "heartbeat", "data": ""}] * 2)
        await self.put("a")
        self.assertEqual((await self.event(feed))[0]["id"], "a")

    async def test_documents_by_name(self) -> None:
        """With `_doc_ids` only changes of these documents are told, named in the body or the query; ids may be unknown."""
        for name in ("a", "b", "c", "with/slash"):
            await self.put(name)
        names = ["a", "with/slash", "unknown"]
        self.assertEqual(await self.ids("filter=_doc_ids", {"doc_ids": names}), ["a", "with/slash"])
        query = f"filter=_doc_ids&doc_ids={quote(dumps(names))}"
        self.assertEqual(await self.ids(query), ["a", "with/slash"])
        self.assertEqual(await self.ids("filter=_doc_ids", {"doc_ids": []}), [])

    async def test_by_name_and_on(self) -> None:
        """A feed of chosen documents tells nothing of others."""
        query = f"&since=now&heartbeat=60000&filter=_doc_ids&doc_ids={quote(dumps(['b']))}"
        feed = await self.feed(query)
        await self.put("a")
        await self.put("b")
        self.assertEqual((await feed.row())["id"], "b")

    async def test_names_missing(self) -> None:
        """Without a list of names it is a bad request."""
        answer = await self.ask("POST", f"/{self.db}/_changes?filter=_doc_ids", {})
        self.assertEqual((answer.status, answer.json["error"]), (400, "bad_request"))

    async def test_design_documents(self) -> None:
        """With `_design` only design documents are told."""
        await self.put("a")
        await self.put("_design/x")
        self.assertEqual(await self.ids("filter=_design"), ["_design/x"])

    async def test_limit_counts_what_is_told(self) -> None:
        """A limit counts the changes that pass the filter, and its sequence leads on."""
        for name in "abcdef":
            await self.put(name)
        answer = await self.ask("POST", f"/{self.db}/_changes?filter=_doc_ids&limit=2", {"doc_ids": list("abcdf")})
        told = {each["id"] for each in answer.json["results"]}
        self.assertEqual(len(told), 2)
        rest = await self.ids(f"filter=_doc_ids&since={answer.json['last_seq']}", {"doc_ids": list("abcdf")})
        self.assertEqual(told | set(rest), set("abcdf"))

    async def test_attachments(self) -> None:
        """Documents of all leaves' winners bring stubs, with how they are kept, or contents."""
        data = b64encode(b"some text" * 9).decode()
        member = {"content_type": "text/plain", "data": data, "revpos": 1}
        docs = [{"_id": "a", "_rev": f"1-{digit}", "_attachments": {"t": member}} for digit in "ab"]
        await self.ask("POST", f"/{self.db}/_bulk_docs", {"docs": docs, "new_edits": False})
        query = "style=all_docs&include_docs=true"
        found = []
        for more in ("", "&att_encoding_info=true", "&attachments=true"):
            (row,) = (await self.ask("GET", f"/{self.db}/_changes?{query}{more}")).json["results"]
            self.assertEqual(row["changes"], [{"rev": "1-b"}, {"rev": "1-a"}])
            self.assertEqual(row["doc"]["_rev"], "1-b")
            found.append(row["doc"]["_attachments"]["t"])
        plain, encoding, whole = found
        self.assertEqual((plain["stub"], plain.get("encoding"), encoding["encoding"]), (True, None, "gzip"))
        self.assertEqual((whole["data"], whole.get("stub")), (data, None))


class EmbeddedFeedsContractTests(FeedsContract, EmbeddedCase):
    """The embedded store."""


class ApacheFeedsContractTests(FeedsContract, ApacheCase):
    """Apache CouchDB."""
