"""The contract on the server and its databases."""

from tests.couch.contract.base import ApacheCase, Contract, EmbeddedCase

NO_DATABASE = (404, "not_found", "Database does not exist.")
ILLEGAL_END = (
    "Only lowercase characters (a-z), digits (0-9), and any of the characters _, $, (, ), +, -, and / are allowed. "
    "Must begin with a letter."
)


class ServerContract(Contract):
    """Who may ask, and what databases are there."""

    async def test_welcome_is_open(self) -> None:
        """Anybody may see who answers."""
        answer = await self.ask("GET", "/", user=None)
        self.assertEqual((answer.status, answer.json["couchdb"]), (200, "Welcome"))
        self.assertEqual(answer.headers["content-type"], "application/json")

    async def test_up_is_open(self) -> None:
        """Anybody may ask whether the store is up."""
        answer = await self.ask("GET", "/_up", user=None)
        self.assertEqual((answer.status, answer.json["status"]), (200, "ok"))

    async def test_anonymous_is_refused(self) -> None:
        """Without a name, a database that exists is 401 for whatever is asked of it."""
        for method, path in (("GET", ""), ("GET", "/x"), ("PUT", "/x"), ("GET", "/_all_docs"), ("GET", "/_changes")):
            answer = await self.ask(method, f"/{self.db}{path}", user=None)
            self.assertEqual(
                answer.refusal, (401, "unauthorized", "You are not authorized to access this db."), (method, path)
            )

    async def test_anonymous_sees_no_list(self) -> None:
        """Without a name there is no list of databases."""
        answer = await self.ask("GET", "/_all_dbs", user=None)
        self.assertEqual(answer.refusal, (401, "unauthorized", "You are not a server admin."))

    async def test_anonymous_makes_no_database(self) -> None:
        """Without a name no database is made or deleted."""
        answer = await self.ask("DELETE", f"/{self.db}", user=None)
        self.assertEqual((answer.status, answer.json["error"]), (401, "unauthorized"))
        self.assertEqual((await self.ask("GET", f"/{self.db}")).status, 200)

    async def test_wrong_name(self) -> None:
        """An unknown name is 401 everywhere, even where nobody needs one.

        Never try a wrong password of a name that exists here: after five, Apache CouchDB 3.5 locks that name out for
        five minutes, with the right password too.
        """
        for path in ("/", "/_up", f"/{self.db}", "/_all_dbs"):
            answer = await self.ask("GET", path, user=f"{self.db}:{self.password}")
            self.assertEqual(answer.refusal, (401, "unauthorized", "Name or password is incorrect."), path)

    async def test_broken_authorization(self) -> None:
        """What is not base64 is a bad request. Apache CouchDB from 3.5.1 on fails at some of it instead (500)."""
        answer = await self.ask("GET", f"/{self.db}", headers={"Authorization": "Basic !!!"}, user=None)
        refused = (400, "bad_request", "Authorization header has invalid base64 value")
        self.assertIn(answer.refusal, (refused, (500, "unknown_error", "missing_padding")))

    async def test_all_databases(self) -> None:
        """The list holds the database."""
        answer = await self.ask("GET", "/_all_dbs")
        self.assertEqual(answer.status, 200)
        self.assertIn(self.db, answer.json)
        self.assertEqual(answer.json, sorted(answer.json))

    async def test_database_made_twice(self) -> None:
        """A second PUT of a database is 412, and changes nothing."""
        await self.put("kept")
        answer = await self.ask("PUT", f"/{self.db}")
        reason = "The database could not be created, the file already exists."
        self.assertEqual(answer.refusal, (412, "file_exists", reason))
        self.assertEqual([row["id"] for row in await self.rows()], ["kept"])

    async def test_database_location(self) -> None:
        """A new database's answer says where it is; a slash in its name stays encoded."""
        name = f"{self.db}%2Fa"
        answer = await self.ask("PUT", f"/{name}")
        self.addCleanup(self.ask, "DELETE", f"/{name}")
        self.assertEqual((answer.status, answer.json), (201, {"ok": True}))
        self.assertEqual(answer.headers["location"], f"{self.base}/{name}")

    async def test_illegal_database_names(self) -> None:
        """Upper case, a leading digit or underscore, and other characters are refused."""
        for name in ("Upper", "1abc", "_foo", "a.b"):
            answer = await self.ask("PUT", f"/{name}")
            self.assertEqual(answer.refusal, (400, "illegal_database_name", f"Name: '{name}'. {ILLEGAL_END}"))

    async def test_missing_database(self) -> None:
        """Whatever is asked of a database that is not there is 404."""
        for method, path in (
            ("GET", ""),
            ("DELETE", ""),
            ("GET", "/doc"),
            ("GET", "/doc/att"),
            ("GET", "/_all_docs"),
            ("GET", "/_changes?feed=continuous"),
            ("DELETE", "/doc?rev=1-a"),
        ):
            answer = await self.ask(method, f"/{self.db}-no{path}")
            self.assertEqual(answer.refusal, NO_DATABASE, (method, path))
        for path in ("/_bulk_docs", "/_all_docs", ""):
            answer = await self.ask("POST", f"/{self.db}-no{path}", {"docs": [], "keys": []})
            self.assertEqual(answer.refusal, NO_DATABASE, path)
        answer = await self.ask("PUT", f"/{self.db}-no/doc", {})
        self.assertEqual(answer.refusal, NO_DATABASE)

    async def test_head_of_database(self) -> None:
        """HEAD tells whether a database is there, without a body."""
        there = await self.ask("HEAD", f"/{self.db}")
        gone = await self.ask("HEAD", f"/{self.db}-no")
        self.assertEqual((there.status, there.body, gone.status, gone.body), (200, b"", 404, b""))

    async def test_database_info(self) -> None:
        """The description counts documents and tombstones, and its sequence moves with every write."""
        first = (await self.ask("GET", f"/{self.db}")).json
        self.assertEqual((first["db_name"], first["doc_count"], first["doc_del_count"]), (self.db, 0, 0))
        await self.put("a")
        revision = await self.put("b")
        await self.put("b", _rev=revision, _deleted=True)
        second = (await self.ask("GET", f"/{self.db}")).json
        self.assertEqual((second["doc_count"], second["doc_del_count"]), (1, 1))
        self.assertIsInstance(second["update_seq"], str)
        self.assertNotEqual(first["update_seq"], second["update_seq"])
        self.assertEqual(first["instance_start_time"], second["instance_start_time"])

    async def test_trailing_slash(self) -> None:
        """A slash behind a database's name means nothing."""
        self.assertEqual((await self.ask("GET", f"/{self.db}/")).json["db_name"], self.db)

    async def test_database_made_anew(self) -> None:
        """A database that was deleted and made again is empty, and known by another start time."""
        await self.put("old")
        before = (await self.ask("GET", f"/{self.db}")).json
        self.assertEqual((await self.ask("DELETE", f"/{self.db}")).json, {"ok": True})
        self.assertEqual((await self.ask("GET", f"/{self.db}")).refusal, NO_DATABASE)
        await self.pause(1.1)  # Apache CouchDB counts whole seconds
        await self.ask("PUT", f"/{self.db}")
        after = (await self.ask("GET", f"/{self.db}")).json
        self.assertNotEqual(before["instance_start_time"], after["instance_start_time"])
        self.assertEqual((after["doc_count"], await self.rows()), (0, []))
        self.assertEqual((await self.ask("GET", f"/{self.db}/old")).refusal, (404, "not_found", "missing"))

    async def test_delete_with_revision(self) -> None:
        """DELETE of a database with a revision is taken for a mistake."""
        answer = await self.ask("DELETE", f"/{self.db}?rev=1-a")
        self.assertEqual((answer.status, answer.json["error"]), (400, "bad_request"))
        self.assertEqual((await self.ask("GET", f"/{self.db}")).status, 200)

    async def test_wrong_methods(self) -> None:
        """A method that a resource does not have is 405, with those that it has."""
        for method, path, allow in (
            ("POST", "/_up", "GET,HEAD"),
            ("PUT", "/", "GET,HEAD"),
            ("POST", "/_all_dbs", "GET,HEAD"),
            ("PATCH", f"/{self.db}", "DELETE,GET,HEAD,POST"),
            ("PUT", f"/{self.db}/_all_docs", "GET,HEAD,POST"),
            ("PUT", f"/{self.db}/_changes", "GET,POST,HEAD"),
            ("GET", f"/{self.db}/_bulk_docs", "POST"),
            ("PATCH", f"/{self.db}/doc", "DELETE,GET,HEAD,POST,PUT,COPY"),
            ("POST", f"/{self.db}/doc/att", "DELETE,GET,HEAD,PUT"),
        ):
            answer = await self.ask(method, path)
            self.assertEqual(answer.refusal, (405, "method_not_allowed", f"Only {allow} allowed"), (method, path))
            self.assertEqual(answer.headers["allow"], allow)

    async def test_unknown_paths(self) -> None:
        """What begins with an underscore and means nothing is 404."""
        self.assertEqual((await self.ask("GET", f"/{self.db}/_nothing")).refusal, (404, "not_found", "missing"))
        self.assertEqual((await self.ask("GET", "/_nothing")).refusal, NO_DATABASE)

    async def test_broken_encoding(self) -> None:
        """A percent sign without two digits is a bad request, in the path and in the query."""
        for path in (f"/{self.db}/%zz", f"/{self.db}?x=%zz"):
            answer = await self.raw_get(path)
            self.assertIn(b" 400 ", answer.split(b"\r\n")[0], path)

    async def test_full_commit(self) -> None:
        """A full commit is answered with the database's start time."""
        answer = await self.ask("POST", f"/{self.db}/_ensure_full_commit", {})
        info = (await self.ask("GET", f"/{self.db}")).json
        self.assertEqual((answer.status, answer.json["instance_start_time"]), (201, info["instance_start_time"]))

    async def test_headers_of_every_answer(self) -> None:
        """Every answer forbids caching without asking, and has its length."""
        for path in ("/", f"/{self.db}", f"/{self.db}/none"):
            answer = await self.ask("GET", path)
            self.assertEqual(answer.headers["cache-control"], "must-revalidate")
            self.assertEqual(int(answer.headers["content-length"]), len(answer.body))


class EmbeddedServerContractTests(ServerContract, EmbeddedCase):
    """The embedded store."""


class ApacheServerContractTests(ServerContract, ApacheCase):
    """Apache CouchDB."""
