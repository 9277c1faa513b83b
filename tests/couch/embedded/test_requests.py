"""What requests say, decided: paths, queries, names, sequences and feed options."""

from base64 import b64encode
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.embedded.authorization import Credentials, authenticated
from couchpages.couch.embedded.errors import ApiError
from couchpages.couch.embedded.feed_options import HEARTBEAT, read_options
from couchpages.couch.embedded.locations import location
from couchpages.couch.embedded.query import decode, is_text, parse_query
from couchpages.couch.embedded.routes import (
    AllDocuments,
    Attachment,
    Changes,
    Database,
    Document,
    LocalDocument,
    Welcome,
    check_method,
    target,
)
from couchpages.couch.embedded.sequences import parse_since, sequence

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
names = texts.filter(lambda text: not text.startswith("_"))
UUID = "0123456789abcdef" * 2


class DecodingTests(SynchronousTestCase):
    """Percent-encoding."""

    @settings(deadline=None)
    @given(texts)
    def test_round_trip(self, text: str) -> None:
        """What is encoded is decoded."""
        self.assertEqual(decode(quote(text, safe="").encode()), text)

    def test_plus(self) -> None:
        """A plus sign is a space."""
        self.assertEqual(decode(b"a+b%2Bc"), "a b+c")

    def test_broken(self) -> None:
        """A percent sign needs two digits; bytes that are no UTF-8 are known as such."""
        for text in (b"%", b"%2", b"%zz"):
            self.assertRaises(ApiError, decode, text)
        self.assertEqual([is_text(decode(text)) for text in (b"%C3%A9", b"%FF")], [True, False])

    def test_query(self) -> None:
        """The last of two counts, and a value may be missing."""
        self.assertEqual(parse_query(b"a=1&a=2&b&c=%22x%22"), {"a": "2", "b": "", "c": '"x"'})


class RouteTests(SynchronousTestCase):
    """Paths."""

    @settings(deadline=None)
    @given(names, names)
    def test_documents(self, document: str, attachment: str) -> None:
        """What `location` writes is found again."""
        self.assertEqual(target(location("", "db", document).encode()), Document("db", document))
        where = location("", "db", document, attachment).encode()
        self.assertEqual(target(where), Attachment("db", document, attachment))

    def test_others(self) -> None:
        """Special paths are told from documents."""
        for path, about in (
            (b"/", Welcome()),
            (b"/db", Database("db")),
            (b"//db/", Database("db")),
            (b"/db//doc", Document("db", "doc")),
            (b"/db/doc//a//b", Attachment("db", "doc", "a/b")),
            (b"/a%2Fb", Database("a/b")),
            (b"/db/_all_docs", AllDocuments("db")),
            (b"/db/_changes", Changes("db")),
            (b"/db/_design/x", Document("db", "_design/x")),
            (b"/db/_design/x/y/z", Attachment("db", "_design/x", "y/z")),
            (b"/db/_local/x", LocalDocument("db", "_local/x")),
            (b"/db/_local%2Fx", LocalDocument("db", "_local/x")),
        ):
            self.assertEqual(target(path), about)

    def test_methods(self) -> None:
        """A method that is not there is refused with those that are; a database may be PUT, and nobody is told."""
        check_method(Database("db"), "PUT")
        with self.assertRaises(ApiError) as caught:
            check_method(Database("db"), "PATCH")
        self.assertEqual(caught.exception.allow, ("DELETE", "GET", "HEAD", "POST"))


class SequenceTests(SynchronousTestCase):
    """Sequences."""

    @settings(deadline=None)
    @given(st.integers(0, 100))
    def test_round_trip(self, number: int) -> None:
        """A sequence leads back to its number, unless it lies in a future that was lost."""
        expected = number if number <= 50 else 0
        self.assertEqual(parse_since(sequence(number, UUID), uuid=UUID, latest=50), expected)

    def test_words(self) -> None:
        """`now` is the latest, and `0` the beginning."""
        self.assertEqual([parse_since(text, uuid=UUID, latest=7) for text in ("now", "0")], [7, 0])

    def test_another_life(self) -> None:
        """A sequence of an earlier database begins again."""
        self.assertEqual(parse_since(sequence(3, "f" * 32), uuid=UUID, latest=7), 0)

    def test_malformed(self) -> None:
        """Everything else is refused."""
        for text in ("", "1", "x", "1-", "1-abc", f"-1-{UUID}", f"1-{UUID.upper()}"):
            with self.assertRaises(ApiError):
                parse_since(text, uuid=UUID, latest=7)


class FeedOptionTests(SynchronousTestCase):
    """What a feed is asked for."""

    def test_defaults(self) -> None:
        """Without parameters it is a normal answer from the beginning."""
        options = read_options({})
        self.assertEqual((options.feed, options.since, options.heartbeat, options.timeout), ("normal", "0", None, 60.0))
        self.assertGreater(options.limit, 10**9)

    def test_values(self) -> None:
        """Times are milliseconds; `live` is another name of `continuous`; a heartbeat may be the usual one."""
        options = read_options({"feed": "live", "heartbeat": "500", "timeout": "1500", "limit": "3", "since": "now"})
        read = (options.feed, options.heartbeat, options.timeout, options.limit, options.since)
        self.assertEqual(read, ("continuous", 0.5, 1.5, 3, "now"))
        self.assertEqual(read_options({"heartbeat": "true"}).heartbeat, HEARTBEAT)

    def test_refused(self) -> None:
        """What is malformed or not there is refused."""
        for parameters in ({"feed": "x"}, {"heartbeat": "0"}, {"limit": "x"}, {"timeout": "x"}, {"style": "x"}):
            with self.assertRaises(ApiError) as caught:
                read_options(parameters)
            self.assertEqual(caught.exception.status, 400)
        for filters in ("_selector", "design/name"):
            with self.assertRaises(ApiError) as caught:
                read_options({"filter": filters})
            self.assertEqual(caught.exception.status, 501)
        self.assertRaises(ApiError, read_options, {"filter": "_doc_ids"})
        self.assertRaises(ApiError, read_options, {"filter": "_doc_ids", "doc_ids": "5"})

    def test_filters(self) -> None:
        """Documents are chosen by their names, in the body or the query, or by being design documents."""
        for view in (
            read_options({"filter": "_doc_ids", "doc_ids": '["a","b"]'}).view,
            read_options({"filter": "_doc_ids"}, {"doc_ids": ["a", "b", 5]}).view,
        ):
            self.assertEqual([view.tells_of(name) for name in ("a", "b", "c")], [True, True, False])
        view = read_options({"filter": "_design"}).view
        self.assertEqual([view.tells_of(name) for name in ("_design/a", "a")], [True, False])
        self.assertTrue(read_options({}).view.tells_of("anything"))

    def test_where_events_resume(self) -> None:
        """Who listens to events names the last one in a header; other feeds do not look at it."""
        self.assertEqual(read_options({"feed": "eventsource", "since": "3-x"}, None, '"5-y"').since, "5-y")
        self.assertEqual(read_options({"feed": "continuous", "since": "3-x"}, None, '"5-y"').since, "3-x")


class AuthorizationTests(SynchronousTestCase):
    """Who asks."""

    credentials = Credentials("name", "pass:word")

    def check(self, user: str) -> bool:
        """Ask with a name and a password."""
        return authenticated("Basic " + b64encode(user.encode()).decode(), self.credentials)

    def test_known(self) -> None:
        """The right name and password are known, in any case of the scheme's name."""
        self.assertTrue(self.check("name:pass:word"))
        header = "bASIC " + b64encode(b"name:pass:word").decode()
        self.assertTrue(authenticated(header, self.credentials))

    def test_nobody(self) -> None:
        """No header, or another scheme, is nobody."""
        for header in (None, "", "Bearer x"):
            self.assertFalse(authenticated(header, self.credentials))

    def test_wrong(self) -> None:
        """Everything else is refused."""
        for user in ("name:no", "no:pass:word", "name", "", "name:pass:word "):
            with self.assertRaises(ApiError) as caught:
                self.check(user)
            self.assertEqual(caught.exception.status, 401)
        with self.assertRaises(ApiError) as caught:
            authenticated("Basic é", self.credentials)
        self.assertEqual(caught.exception.status, 400)
