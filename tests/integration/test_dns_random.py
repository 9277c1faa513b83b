"""The oracle beside servers of others, on zones made at random: what it expects is what these say."""

import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.dns.comparing import compared, draw
from tests.dns.oracle import Expected, Reach
from tests.dns.rules.peers import Knot, Named, Nsd, Peer
from tests.dns.zones import Asked, World, every_question
from tests.integration.requirements import lacking, program_path

#: How many worlds of one to three zones are made, from which seed, and how many questions are asked of each.
WORLDS = int(os.environ.get("COUCHPAGES_TEST_WORLDS", "60"))
SEED = int(os.environ.get("COUCHPAGES_TEST_SEED", "1"))
QUESTIONS = 30


def _below_a_dname(asked: Asked, wanted: Expected) -> bool:
    return asked.type == "ANY" and any(rdtype == "DNAME" for _, _, rdtype, _ in wanted.answer)


class RandomCase(SynchronousTestCase):
    """Asks one server."""

    peer: ClassVar[type[Peer]]
    reach: ClassVar[Reach]
    #: Whether its zones may have data that is occluded.
    occluding: ClassVar[bool] = False

    def ask_everything(self) -> None:
        """Load all worlds at once, and ask some questions of each."""
        chance = random.Random(SEED)  # noqa: S311 - a seed makes a failure come again
        drawn = draw(WORLDS, SEED, occluding=self.occluding)
        loaded = [
            (world.texts(f"w{number}.test"), self._questions(world, chance, number))
            for number, world in enumerate(drawn)
        ]
        folder = Path(tempfile.mkdtemp(prefix="couchpages-test-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        texts = {name: text for zones, _ in loaded for name, text in zones.items()}
        peer = self.peer(folder / "peer", texts, program_path(self.peer.program) or "")
        self.addCleanup(peer.stop)
        for zones, questions in loaded:
            for asked, wanted, wrong in compared(zones, questions, peer.ask, self.reach):
                # Of a zone's own DS the peers' zone above speaks even where it knows nothing of the zone below; ours does not.
                is_ds_of_apex = asked.type == "DS" and asked.name.removesuffix(".") in zones
                if wrong and not is_ds_of_apex and not self.is_known(asked, wanted):
                    self.fail(f"{asked}: {wrong}\n" + "\n".join(zones.values()))

    def _questions(self, world: World, chance: random.Random, number: int) -> list[Asked]:
        every = every_question(world.zones)
        chosen = tuple(chance.sample(every, min(QUESTIONS, len(every))))
        return World(world.zones, chosen).names(f"w{number}.test")

    def is_known(self, asked: Asked, wanted: Expected) -> bool:
        """Tell whether tests.dns.rules.differences has the reason why it may disagree."""
        raise NotImplementedError


class NsdTests(RandomCase):
    """NSD beside the oracle."""

    peer = Nsd
    reach = Reach.EVERYWHERE
    skip = lacking("nsd")

    def is_known(self, asked: Asked, wanted: Expected) -> bool:
        """Allow that it follows what it makes of a DNAME for ANY."""
        return _below_a_dname(asked, wanted)

    def test_agrees(self) -> None:
        """NSD and the oracle answer every question alike."""
        self.ask_everything()


class KnotTests(RandomCase):
    """Knot beside the oracle."""

    peer = Knot
    reach = Reach.ZONE
    skip = lacking("knotd")

    def is_known(self, asked: Asked, wanted: Expected) -> bool:
        """Allow that it follows what it makes of a DNAME for ANY."""
        return _below_a_dname(asked, wanted)

    def test_agrees(self) -> None:
        """Knot and the oracle answer every question alike, in the zone of the name that was asked."""
        self.ask_everything()


class NamedTests(RandomCase):
    """BIND beside the oracle, with zones that have occluded data, too."""

    peer = Named
    reach = Reach.UNTIL_ANOTHER
    occluding = True
    skip = lacking("named")

    def is_known(self, asked: Asked, wanted: Expected) -> bool:
        """Allow that it gives up loops."""
        del asked
        return wanted.loop

    def test_agrees(self) -> None:
        """BIND and the oracle answer every question alike, until a chain reaches another zone."""
        self.ask_everything()
