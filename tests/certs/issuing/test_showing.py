"""The rules of waiting until everybody shows a challenge."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.issuing.shown.showing import (
    Missing,
    NotAsked,
    Seen,
    Showing,
    Shown,
    Shows,
    ShowsOther,
    Silent,
    Wait,
    worst,
)

PATIENCE = 60.0
OLD = ShowsOther("has another value")
SILENT = Silent("does not answer")
NOT_ASKED = NotAsked("was not asked")


class ShowingTests(SynchronousTestCase):
    """``Showing``: two places, asked from second 100 on, for a minute."""

    def setUp(self) -> None:
        """Begin."""
        self.showing = Showing(("a", "b"), 100.0, PATIENCE)

    def see(self, now: float, a: Seen | None = None, b: Seen | None = None) -> object:
        """Note what is seen at a time, and give the verdict then."""
        for place, seen in (("a", a), ("b", b)):
            if seen is not None:
                self.showing.note(place, seen, now)
        return self.showing.verdict(now)

    def test_all(self) -> None:
        """When all show it, that is it."""
        self.assertEqual(self.see(100, Shows()), Wait(115))
        self.assertEqual(self.see(101, b=Shows()), Shown(()))

    def test_old_data_holds(self) -> None:
        """One that answers with something else holds it until patience is over, and is named then."""
        self.assertEqual(self.see(100, Shows(), OLD), Wait(160))
        self.assertEqual(self.see(159, b=OLD), Wait(160))
        self.assertEqual(self.see(160, b=OLD), Missing("b has another value"))

    def test_silence(self) -> None:
        """One that does not answer is left out after a quarter of the patience, and named."""
        self.assertEqual(self.see(100, Shows(), SILENT), Wait(115))
        self.assertEqual(self.see(114, b=SILENT), Wait(115))
        self.assertEqual(self.see(115, b=SILENT), Shown(("b does not answer",)))

    def test_new_silence(self) -> None:
        """Silence counts from when a place was last heard."""
        self.see(100, Shows(), OLD)
        self.assertEqual(self.see(130, b=SILENT), Wait(145))
        self.assertEqual(self.see(144, b=SILENT), Wait(145))
        self.assertEqual(self.see(145), Shown(("b does not answer",)))

    def test_silent_in_the_last_moment(self) -> None:
        """One that answered with something else and is silent at the end of the patience is not taken for dead."""
        self.see(149, Shows(), OLD)
        self.assertEqual(self.see(150, b=SILENT), Wait(160))
        self.assertEqual(self.see(160, b=SILENT), Missing("b does not answer"))

    def test_silence_is_named_beside_old_data(self) -> None:
        """Where one holds it and another is silent, patience ends with the name of the one that held it."""
        self.assertEqual(self.see(130, SILENT, OLD), Wait(160))
        self.assertEqual(self.see(160), Missing("b has another value"))

    def test_nobody(self) -> None:
        """Where nobody answers, that is no proof: it fails when patience is over."""
        self.assertEqual(self.see(159, SILENT, SILENT), Wait(160))
        self.assertEqual(self.see(160), Missing("a does not answer; b does not answer"))

    def test_not_asked(self) -> None:
        """One that cannot be asked from here is left out at once, and named; where none can be, it fails at once."""
        self.assertEqual(self.see(100, Shows(), NOT_ASKED), Shown(("b was not asked",)))
        self.showing = Showing(("a", "b"), 100.0, PATIENCE)
        self.assertEqual(self.see(100, NOT_ASKED, NOT_ASKED), Missing("a was not asked; b was not asked"))
        self.assertEqual(Showing((), 100.0, PATIENCE).verdict(100), Missing("there is nobody to ask"))

    def test_worst(self) -> None:
        """Of several that count as one, the one that holds the order counts."""
        self.assertEqual(worst([Shows(), SILENT, OLD, NOT_ASKED]), OLD)
        self.assertEqual(worst([Shows(), SILENT]), SILENT)
        self.assertEqual(worst([Shows(), NOT_ASKED]), Shows())

    @given(
        st.lists(
            st.tuples(
                st.floats(0, 20, allow_nan=False),
                st.sampled_from("ab"),
                st.sampled_from([Shows(), OLD, SILENT, NOT_ASKED]),
            ),
            max_size=20,
        )
    )
    @settings(deadline=None)
    def test_any_order(self, events: list[tuple[float, str, Seen]]) -> None:
        """Whatever is seen: nothing is shown while one was last seen with other data or nobody shows it, and at the end there is an end."""
        showing, now, last, heard = Showing("ab", 0.0, PATIENCE), 0.0, dict[str, Seen](), dict.fromkeys("ab", 0.0)
        for pause, place, seen in events:
            now += pause
            if isinstance(last.get(place, SILENT), ShowsOther | Shows | NotAsked):
                heard[place] = now
            showing.note(place, seen, now)
            last[place] = seen
            verdict = showing.verdict(now)
            if isinstance(verdict, Shown):
                self.assertIn(Shows(), last.values())
                self.assertNotIn(OLD, last.values())
                silent = [each for each in "ab" if isinstance(last.get(each, SILENT), Silent)]
                self.assertTrue(all(now >= heard[each] + PATIENCE / 4 for each in silent))
            if now >= PATIENCE:
                self.assertNotIsInstance(verdict, Wait)
        self.assertNotIsInstance(showing.verdict(max(now, PATIENCE)), Wait)
