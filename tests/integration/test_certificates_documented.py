"""What docs/certificates.md has people type and write: the commands typed as they stand there, the settings read, every cause told."""

import pkgutil
import re
import shlex
import textwrap
from importlib import import_module
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs import issuing
from couchpages.certs.acme.errors import Cause
from couchpages.certs.issuing.obstacles import Obstacle
from couchpages.config import load
from couchpages.families import AcmeFamilies
from tests.integration.acme_case import ZONE, AcmeCase
from tests.integration.node import ROOT, Ended

#: The domain of the text.
DOMAIN = "example.com"
TEXT = (ROOT / "docs" / "certificates.md").read_text()
#: Causes of no class: what is no obstacle, and what was never tried.
OTHERS = {"no_key", "couchdb", "defect", "unwanted"}
#: What one without a cause of its own has; those of which each instance has its own have it as a class.
NONE = {Obstacle.cause}


def section(title: str) -> str:
    """Give a section of the text."""
    found = TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    assert found, title
    return found


def typed(title: str) -> list[list[str]]:
    """Give the commands that stand in lines of their own, as words."""
    lines = re.findall(r"^    (couchpages .*)$", section(title), re.MULTILINE)
    return [shlex.split(each.replace(DOMAIN, ZONE)) for each in lines]


def causes() -> set[str]:
    """Give everything that a certificate's failure may be counted as."""
    for each in pkgutil.iter_modules(issuing.__path__):
        import_module(f"{issuing.__name__}.{each.name}")
    found, todo = {str(each) for each in Cause} | OTHERS, list[type[Obstacle]](Obstacle.__subclasses__())
    while todo:
        obstacle = todo.pop()
        todo += obstacle.__subclasses__()
        found.add(obstacle.cause)
    return found - NONE


class Written(SynchronousTestCase):
    """What can be checked without a node."""

    def test_settings(self) -> None:
        """Every piece of configuration is right."""
        pieces = re.findall(r"^```toml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
        self.assertGreater(len(pieces), 4)
        for piece in pieces:
            file = Path(self.mktemp())
            file.write_text(textwrap.dedent(piece))
            load(file, {})

    def test_causes(self) -> None:
        """The table has every cause, and no other."""
        told = re.findall(r"^\| `(\w+)` \|", section("What went wrong"), re.MULTILINE)
        self.assertEqual(sorted(told), sorted(causes()))

    def test_metrics(self) -> None:
        """Every metric of issuing is told of, by the name that it has."""
        registry = CollectorRegistry()
        AcmeFamilies(registry)
        names = {f"{each.name}_total" if each.type == "counter" else each.name for each in registry.collect()}
        told = set(re.findall(r"^\| `(couchpages_acme_\w+)", section("Watching"), re.MULTILINE))
        self.assertEqual(told, names)

    def test_links(self) -> None:
        """Links lead to files that are there, and to sections that are there."""
        for file, anchor in re.findall(r"\]\(((?!http)[^)#]*)#?([^)]*)\)", TEXT):
            target = (ROOT / "docs" / file) if file else ROOT / "docs" / "certificates.md"
            self.assertTrue(target.exists(), file)
            if anchor:
                titles = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
                self.assertIn(anchor, [re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in titles])


class Typed(AcmeCase):
    """The commands, in the order in which they stand."""

    def setUp(self) -> None:
        """Have a node that had the site's certificate issued."""
        super().setUp()
        self.issues = self.issuing()
        self.make_zone(self.issues)
        self.deploy(self.issues, f"www.{ZONE}")
        self.certificate(self.issues, f"www.{ZONE}")

    def run_all(self, title: str) -> dict[str, Ended]:
        """Run the commands of a section, which all have to succeed; give how they ended, by their words."""
        done = {}
        for command in typed(title):
            words = [str(self.folder / each[1:]) if each.startswith("/root/") else each for each in command[1:]]
            more = ["--config", str(self.issues.config)] if words[0] == "certs" else []
            ended = self.issues.run(*words, *more)
            self.assertEqual(ended.code, 0, f"{command}: {ended.err}\n{self.issues.log()}")
            done[" ".join(command[1:3])] = ended
        return done

    def test_by_hand(self) -> None:
        """Issuing, renewing and revoking by hand."""
        done = self.run_all("By hand")
        self.assertEqual(list(done), ["certs issue", "certs renew", "certs revoke"])
        self.assertEqual(done["certs issue"].out, f"issued mail.{ZONE}\n")

    def test_caa(self) -> None:
        """CAA records are taken as they stand there. They keep pebble from nothing, which does not say by which name it goes."""
        self.run_all("CAA records")
        self.done("renew", f"www.{ZONE}")

    def test_handed_over(self) -> None:
        """An imported certificate is handed over; one that is imported over an issued one takes its place."""
        (self.folder / "root").mkdir()
        self.done("export", f"www.{ZONE}", "--directory", str(self.folder))
        files = [str(self.folder / each) for each in ("fullchain.pem", "privkey.pem")]
        self.done("import", *files)
        self.assertEqual(self.of_site()["source"], "imported")
        self.run_all("Imported certificates")
        self.until(lambda: self.of_site().get("source") == "issued", self.issues)

    def of_site(self) -> Any:
        """Give what ``certs list`` has of the site."""
        found = [each for each in self.listed(self.issues) if each["name"] == f"www.{ZONE}" and each["kind"]]
        return found[0] if found else {}

    def done(self, *words: str) -> None:
        """Run a command that has to succeed."""
        ended = self.issues.run("certs", *words, "--config", str(self.issues.config))
        self.assertEqual(ended.code, 0, ended.err)
