"""Answers made ready for the next visitor."""

from hashlib import sha256
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.ready import BYTES_FOR_A_SHELF, LONGEST_TARGET, Answer, Ready, answer_of, file_answer, head_of
from couchpages.pages.replies import file_reply, redirect_reply
from couchpages.tallies import Tallies
from couchpages.web.message import Headers

BLOB = sha256(b"home").hexdigest()
TAG = b'"%b"' % BLOB.encode()


def an_answer(size: int = 10) -> Answer:
    """Give an answer that costs some bytes."""
    return Answer(200, b"x" * size, b"", BLOB, (200, "memory"))


class Answers(SynchronousTestCase):
    """What is made ready of replies."""

    def test_file(self) -> None:
        """A file's answer has the head that the careful way gives, the blob instead of the content, and what is told to who has it."""
        answer = file_answer("index.html", BLOB, 4, None)
        reply = file_reply(b"GET", Headers(), "index.html", BLOB, 4)
        unchanged = file_reply(b"GET", Headers(((b"if-none-match", TAG),)), "index.html", BLOB, 4)
        self.assertEqual((answer.status, answer.fields, answer.body), (200, head_of(reply), b""))
        self.assertEqual((answer.blob, answer.key, answer.tag), (BLOB, (200, "memory"), TAG))
        self.assertEqual(answer.not_modified, head_of(unchanged))
        self.assertEqual(unchanged.status, 304)

    def test_nothing_to_read(self) -> None:
        """An empty file and a redirect bring their whole body, and are tallied as read from nowhere."""
        empty = file_answer("a.txt", sha256().hexdigest(), 0, None)
        self.assertEqual((empty.blob, empty.body, empty.key), (None, b"", (200, "none")))
        self.assertIn(b"content-length: 0\r\n", empty.fields)
        moved = answer_of(redirect_reply(b"/docs/"))
        self.assertEqual((moved.status, moved.blob, moved.key, moved.tag), (308, None, (308, "none"), b""))
        self.assertIn(b"content-length: %d\r\n" % len(moved.body), moved.fields)
        self.assertTrue(moved.fields.endswith(b"\r\n\r\n"))


class ReadyTests(SynchronousTestCase):
    """``Ready``."""

    def setUp(self) -> None:
        """Make a store that holds four answers or so."""
        self.tallies = Tallies(lambda site: site != "unknown")
        self.ready = Ready(BYTES_FOR_A_SHELF + 4 * 600, self.tallies)

    def put(
        self, target: bytes, served: object = "one", host: bytes = b"\nhost: a", answer: Answer | None = None
    ) -> Any:
        """Put an answer of a site."""
        return self.ready.put(host, "a", served, target, answer or an_answer())

    def held(self) -> set[tuple[bytes, bytes]]:
        """Give what is held."""
        return {(host, target) for host, shelf in self.ready.shelves.items() for target in shelf.answers}

    def test_shelf(self) -> None:
        """A shelf has the site's name, what it served, and its tally; answers of one site stand on one."""
        shelf = self.put(b"/")
        self.assertIs(self.put(b"/b"), shelf)
        self.assertIs(self.ready.shelves[b"\nhost: a"], shelf)
        self.assertEqual((shelf.name, shelf.served, set(shelf.answers)), ("a", "one", {b"/", b"/b"}))
        self.assertIs(shelf.tally, self.tallies.of("a"))

    def test_switch(self) -> None:
        """An answer for what is served now takes the place of all that was ready for what was served before."""
        before = self.put(b"/")
        after = self.put(b"/b", "two")
        self.assertIsNot(after, before)
        self.assertEqual((before.answers, set(after.answers)), ({}, {b"/b"}))
        self.assertIs(self.ready.shelves[b"\nhost: a"], after)

    def test_hosts_apart(self) -> None:
        """Each way to write a host has a shelf of its own, and a switch of one lets the other be: whoever looks compares."""
        self.put(b"/")
        self.put(b"/", "two", b"\nhost: A:80")
        self.assertEqual(len(self.held()), 2)

    def test_too_long_to_remember(self) -> None:
        """Answers for targets and hosts that are nobody's links are given and not kept."""
        for host, target in (
            (b"\nhost: a", b"/" + b"x" * LONGEST_TARGET),
            (b"\nhost: a" + b" " * LONGEST_TARGET, b"/"),
        ):
            shelf = self.put(target, host=host)
            self.assertEqual((shelf.name, shelf.served), ("a", "one"))
        self.assertEqual((self.held(), self.ready.held), (set(), 0))

    def test_second_chance(self) -> None:
        """What was used since it was last looked at stays; what was not goes, oldest first."""
        shelf = self.put(b"/1")
        for number in b"234":
            self.put(b"/%c" % number)
        shelf.answers[b"/1"].used = True
        self.put(b"/5")
        self.assertEqual({target for _, target in self.held()}, {b"/1", b"/3", b"/4", b"/5"})
        self.assertFalse(shelf.answers[b"/1"].used)

    def test_larger_than_everything(self) -> None:
        """An answer that is larger than the limit is given, and holds nothing up; its shelf goes with it."""
        self.put(b"/", answer=an_answer(10_000))
        self.assertEqual((self.ready.shelves, self.ready.held), ({}, 0))
        self.put(b"/")
        self.assertEqual(len(self.held()), 1)

    def test_same_target_twice(self) -> None:
        """The first answer stays: both say the same."""
        first = an_answer()
        self.put(b"/", answer=first)
        self.assertIs(self.put(b"/").answers[b"/"], first)

    def test_drop_of_nothing(self) -> None:
        """A host for which nothing is ready can be dropped."""
        self.ready.drop(b"\nhost: none")

    def test_all_in_use(self) -> None:
        """Defect: when all were in use, a put looked through them all and let go of itself, and its content was counted for ever."""
        ready = Ready(BYTES_FOR_A_SHELF + 100 * 600, self.tallies)
        shelf = None
        for number in range(400):
            shelf = ready.put(b"Host: a", "a", "one", b"/%d" % number, an_answer())
            self.assertIn(b"/%d" % number, shelf.answers)
            ready.fill(shelf, b"/%d" % number, b"content")
            for answer in shelf.answers.values():
                answer.used = True
        self.assertGreater(len(ready.shelves[b"Host: a"].answers), 90)

    def test_forget(self) -> None:
        """A site that switches lets go of what is ready of it under all spellings of its host, and of nothing else."""
        self.put(b"/", host=b"Host: a")
        self.put(b"/", host=b"Host: A")
        other = self.ready.put(b"Host: b", "b", "one", b"/", an_answer())
        self.ready.forget("a")
        self.assertEqual(self.ready.shelves, {b"Host: b": other})
        self.ready.forget("b")
        self.assertEqual((self.ready.held, self.ready._hosts), (0, {}))

    @settings(deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["put", "put", "put", "use", "fill", "drop", "forget"]),
                st.integers(0, 3),
                st.integers(0, 5),
                st.integers(0, 2),
            ),
            max_size=120,
        ),
        st.integers(0, 8),
    )
    def test_bounded(self, events: list[tuple[str, int, int, int]], room: int) -> None:
        """Whatever is put, used, dropped and switched: no more than the limit is held, what is held is exactly what can be found, and
        nothing that was let go is queued for long.
        """
        ready = Ready(room * 600, self.tallies)
        most = 0
        shelves: dict[tuple[bytes, bytes], Any] = {}
        for kind, site, number, version in events:
            host, target = b"\nhost: %d" % site, b"/%d" % number
            if kind == "put":
                # The last ones have targets that are too long to be held.
                target += b"x" * LONGEST_TARGET * (number == 5)
                shelves[host, target] = ready.put(host, str(site), version, target, an_answer(number * 100))
            elif kind == "fill" and (host, target) in shelves:
                # Also of answers that were let go, or never held.
                ready.fill(shelves[host, target], target, b"y" * number)
            elif kind == "forget":
                ready.forget(str(site))
            elif kind == "drop":
                ready.drop(host)
            elif host in ready.shelves and target in ready.shelves[host].answers:
                ready.shelves[host].answers[target].used = True
            found = [(shelf, target) for shelf in ready.shelves.values() for target in shelf.answers]
            answers = [(shelf.answers[target], target) for shelf, target in found]
            costs = [500 + len(target) + len(answer.fields) + len(answer.body) for answer, target in answers]
            self.assertEqual(ready.held, sum(costs) + BYTES_FOR_A_SHELF * len(ready.shelves))
            self.assertLessEqual(ready.held, ready.limit)
            most = max(most, len(found))
            self.assertTrue(all(shelf.answers for shelf in ready.shelves.values()))
            self.assertEqual(ready._dropped + len(found), len(ready._queue))
        ready.put(b"\nhost: last", "last", 0, b"/", an_answer())
        self.assertLessEqual(len(ready._queue), 2 * most + 3)
