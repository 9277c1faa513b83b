"""What strangers send is read without harm, and refused as an AcmeError if at all."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.acme.answers import LONGEST_RETRY, SHORTEST_RETRY, Answer
from couchpages.certs.acme.ari import parse_renewal_info
from couchpages.certs.acme.chains import read_chain
from couchpages.certs.acme.csr import request_for
from couchpages.certs.acme.directory import parse_directory
from couchpages.certs.acme.errors import AcmeError
from couchpages.certs.acme.problems import problem_of
from couchpages.certs.acme.resources import parse_authorization, parse_order
from tests.certs.acme.documents import AUTHORIZATION, DIRECTORY, DIRECTORY_JSON, INFO, ORDER, PROBLEM, TOKEN
from tests.certs.acme.made import answer, leaf_key
from tests.certs.made import NOW, pems

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        [
            "https://ca.test/",
            "pending",
            "dns",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59-23:59",
            "\ud800",
            TOKEN,
        ]
    )
)
JSON = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below, max_size=3),
    max_leaves=8,
)


@st.composite
def altered(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """Give a document in which something, at any depth, is something else, or missing."""
    document: dict[str, Any] = json.loads(json.dumps(whole))
    for _ in range(draw(st.integers(1, 3))):
        place: Any = document
        while True:
            keys: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
                place = place[key]
                continue
            if draw(st.booleans()):
                place[key] = draw(JSON)
            else:
                del place[key]
            break
    return document


READERS: list[tuple[dict[str, Any], Callable[[Answer], object]]] = [
    (ORDER, lambda given_: parse_order(given_, "https://ca.test/order/1", DIRECTORY)),
    (AUTHORIZATION, lambda given_: parse_authorization(given_, "https://ca.test/authz/1", DIRECTORY)),
    (DIRECTORY_JSON, parse_directory),
    (INFO, parse_renewal_info),
    (PROBLEM, problem_of),
]


class Hostile(SynchronousTestCase):
    """Whatever comes."""

    @given(st.data(), st.sampled_from(READERS))
    @settings(deadline=None, max_examples=400)
    def test_altered(self, data: st.DataObject, reader: tuple[dict[str, Any], Callable[[Answer], object]]) -> None:
        """A document that is nearly right is read or refused; its words are always for people."""
        whole, read = reader
        text = json.dumps(data.draw(altered(whole)))
        try:
            result = read(
                answer(text, 403, retry_after=data.draw(st.text(max_size=20)), link=data.draw(st.text(max_size=40)))
            )
        except AcmeError as error:
            result = error
        if isinstance(result, AcmeError):
            self.assertTrue(str(result).isprintable(), str(result))
            str(result).encode()

    def test_profiles(self) -> None:
        """Defect: a profile whose name nobody can read stood in messages as it was."""
        for name in ("\x01", "a\nb", "\ud800", "x" * 129):
            meta = {"meta": {"profiles": {name: 5, "classic": "as ever"}}}
            read = parse_directory(answer(json.dumps({**DIRECTORY_JSON, **meta})))
            self.assertEqual(read.profiles, {"classic": "as ever"})

    @given(st.binary(max_size=200), st.sampled_from(READERS))
    @settings(deadline=None)
    def test_bytes(self, body: bytes, reader: tuple[dict[str, Any], Callable[[Answer], object]]) -> None:
        """Bytes that are no JSON are refused."""
        try:
            reader[1](answer(body))
        except AcmeError as error:
            self.assertTrue(str(error).isprintable())

    @given(
        st.lists(
            st.sampled_from(
                [
                    *(part for part in pems("example.org")),
                    b"-----BEGIN CERTIFICATE-----\n",
                    b"AAAA\n",
                    b"-----END CERTIFICATE-----\n",
                    b"\xff",
                ]
            ),
            max_size=6,
        )
    )
    @settings(deadline=None)
    def test_chains(self, parts: list[bytes]) -> None:
        """Pieces of PEM are never taken for what was ordered."""
        csr = request_for(["example.org"], leaf_key())
        self.assertRaises(AcmeError, read_chain, b"".join(parts), csr, ["example.org"], NOW)

    @given(st.text(max_size=60))
    @settings(deadline=None)
    def test_retry_after(self, text: str) -> None:
        """It is bounded, or nothing."""
        seconds = answer("", retry_after=text).retry_after()
        self.assertTrue(seconds is None or SHORTEST_RETRY <= seconds <= LONGEST_RETRY)

    @given(st.text(max_size=80))
    @settings(deadline=None)
    def test_links(self, text: str) -> None:
        """Headers that are no links give none, quickly."""
        self.assertIsInstance(answer("", link=text).links("alternate", 5), tuple)

    def test_slow_headers(self) -> None:
        """Nor does a header that is made for it take long to be read."""
        for text in ("<a>" + "; rel=" * 2000, "<" * 16000, '<a>;rel="' + " " * 16000, "<a>" + ";a=b" * 4000 + "!"):
            self.assertEqual(answer("", link=text).links("alternate", 5)[1:], ())

    def test_deep(self) -> None:
        """JSON that is nested deeper than anybody writes it is none."""
        for body in ("[" * 10**6, '{"a":' * 10**5):
            self.assertRaises(AcmeError, answer(body).json)
