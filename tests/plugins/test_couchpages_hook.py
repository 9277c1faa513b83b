"""certbot's hooks, called as certbot calls them, against an API and name servers on loopback."""

import ast
import io
import os
import re
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import dns.message
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.testing.authority import Authority
from plugins.certbot import couchpages_hook as hook
from tests.cli.fake_api import KEY, OTHER_KEY, HangUp, Reply, problem, served
from tests.integration.node import free_ports
from tests.plugins.fake_zones import FakeZones, Look, free_udp_port, name_server

FILE = Path(hook.__file__)
ZONE, BELOW = "example.co.uk", "sub.example.co.uk"
PLACE = f"_acme-challenge.{ZONE}"


class HookCase(SynchronousTestCase):
    """Tests with an API that has two zones, one below the other, whose name servers have addresses of loopback."""

    def setUp(self) -> None:
        """Serve it."""
        self.stack = ExitStack()
        self.addCleanup(self.stack.close)
        self.api = FakeZones(zones=["uk.example", ZONE, BELOW])
        for zone in self.api.zones:
            self.api.put(zone, zone, "NS", f"ns1.{ZONE}.")
        self.api.put(ZONE, f"ns1.{ZONE}", "A", "127.0.0.1")
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.environ = {
            "COUCHPAGES_SERVER": self.stack.enter_context(served(self.api)),
            "COUCHPAGES_API_KEY": KEY,
            "COUCHPAGES_TIMEOUT": "3",
            "COUCHPAGES_WAIT": "0",
        }
        self.out = self.err = ""

    def answering(self, look: Look | None = None, *, address: str = "127.0.0.1", truncating: bool = False) -> None:
        """Start a name server, which shows what the API has unless *look* is given, and have the hook wait for it."""
        # A port that the system chooses for UDP may be taken for TCP; one that is free for TCP mostly is for both.
        first = free_ports(1)[0] if truncating else 0
        port = int(self.environ.get("COUCHPAGES_DNS_PORT", first))
        look = look or self.api.contents
        port = self.stack.enter_context(name_server(address, port, look, truncating=truncating))
        self.environ.update(COUCHPAGES_DNS_PORT=f"{port}", COUCHPAGES_WAIT="5")

    def hook(self, word: str, domain: str = ZONE, value: str = "value-1", **more: str) -> int:
        """Run a hook as certbot does; give the exit code."""
        environ = {"CERTBOT_DOMAIN": domain, "CERTBOT_VALIDATION": value, **self.environ, **more}
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = hook.main([word], environ, self.folder / "couchpages_hook.conf")
        self.out, self.err = out.getvalue(), err.getvalue()
        return code

    def assert_auth(self, domain: str = ZONE, value: str = "value-1", **more: str) -> str:
        """Run the first hook, which must have nothing to complain of; give what certbot hands to the second."""
        self.assertEqual((self.hook("auth", domain, value, **more), self.err), (0, ""))
        return self.out.strip()

    def assert_refused(self, words: str, *, hook: str = "auth", **more: str) -> None:
        """Assert that a hook fails with one line that has *words* in it, and the key not."""
        self.assertEqual(self.hook(hook, **more), 1)
        self.assertIn(words, self.err)
        self.assertEqual(self.err.count("\n"), 1, self.err)
        self.assertTrue(self.err.startswith("couchpages: "), self.err)
        self.assertNotIn(KEY, self.err)


class Places(HookCase):
    """Where a value goes."""

    def test_longest_zone(self) -> None:
        """It goes into the longest zone above the name, whichever there are, and labels are whole."""
        for domain, zone in (
            (ZONE, ZONE),
            (f"www.{ZONE}", ZONE),
            (BELOW, BELOW),
            (f"a.b.{BELOW}", BELOW),
            (f"not{BELOW}", ZONE),
            (f"WWW.{ZONE}.", ZONE),
            (f"*.{BELOW}", BELOW),
        ):
            self.assert_auth(domain)
            (record,) = (each for each in self.api.records.values() if each["type"] == "TXT")
            name = domain.lower().rstrip(".").removeprefix("*.")
            self.assertEqual((record["zone"], record["name"]), (zone, f"_acme-challenge.{name}."))
            self.assertEqual(record["content"], '"value-1"')
            self.api.records.pop(record["id"])

    def test_zone_of_the_challenge_itself(self) -> None:
        """A zone that has the name of the challenge takes the value at its own name."""
        self.api.zones.append(PLACE)
        self.assert_auth()
        (record,) = (each for each in self.api.records.values() if each["type"] == "TXT")
        self.assertEqual((record["zone"], record["name"]), (PLACE, f"{PLACE}."))

    def test_no_zone(self) -> None:
        """A name in none of our zones is refused, and nothing is written; so is one that only looks so."""
        for domain in ("example.com", "co.uk", f"bad{ZONE}"):
            before = dict(self.api.records)
            self.assert_refused("is in none of the zones that this API key reaches", domain=domain)
            self.assertEqual(self.api.records, before)

    def test_alias(self) -> None:
        """An alias is followed, through several zones; a disabled one is none."""
        self.api.put(ZONE, PLACE, "CNAME", f"one.{BELOW}.")
        self.api.put(BELOW, f"one.{BELOW}", "CNAME", "two.uk.example")
        self.api.put("uk.example", "two.uk.example", "CNAME", f"three.{ZONE}.", disabled=True)
        output = self.assert_auth()
        self.assertEqual(self.api.contents("two.uk.example"), ['"value-1"'])
        self.assertEqual(self.hook("cleanup", CERTBOT_AUTH_OUTPUT=output), 0)
        self.assertEqual(self.api.contents("two.uk.example"), [])

    def test_alias_elsewhere(self) -> None:
        """An alias into somebody else's zone is told of."""
        self.api.put(ZONE, PLACE, "CNAME", "proofs.example.net.")
        self.assert_refused(f"{PLACE} is an alias, and proofs.example.net is in none of the zones")

    def test_aliases_in_a_circle(self) -> None:
        """Aliases in a circle end."""
        self.api.put(ZONE, PLACE, "CNAME", f"one.{BELOW}.")
        self.api.put(BELOW, f"one.{BELOW}", "CNAME", f"{PLACE}.")
        self.assert_refused("in a circle")

    def test_delegated(self) -> None:
        """What the API warns of at that name is told."""
        reason = "stands below a delegation, which hides it"
        self.api.warnings = [{"severity": "warning", "name": f"{name}.", "reason": reason} for name in (PLACE, ZONE)]
        self.assertEqual(self.hook("auth"), 0)
        self.assertEqual(self.err, f"couchpages: {PLACE}: {reason}\n")


class Values(HookCase):
    """What is added and removed."""

    def test_several_values(self) -> None:
        """Two values of one name stand beside each other and beside a foreign one; each is removed by itself."""
        self.api.put(ZONE, PLACE, "TXT", '"foreign"')
        first, second = (self.assert_auth(value=value) for value in ("value-1", "value-2"))
        self.assertEqual(self.api.contents(PLACE), ['"foreign"', '"value-1"', '"value-2"'])
        self.assertEqual(self.hook("cleanup", value="value-1", CERTBOT_AUTH_OUTPUT=first), 0)
        self.assertEqual(self.api.contents(PLACE), ['"foreign"', '"value-2"'])
        self.assertEqual(self.hook("cleanup", value="value-2", CERTBOT_AUTH_OUTPUT=second), 0)
        self.assertEqual(self.api.contents(PLACE), ['"foreign"'])

    def test_ttl(self) -> None:
        """A value of its own is kept for a minute; beside others, as long as they are."""
        self.assert_auth(BELOW)
        self.api.put(ZONE, PLACE, "TXT", '"foreign"', ttl=3600)
        self.assert_auth(ZONE)
        ttls = {each["name"]: each["ttl"] for each in self.api.records.values() if each["type"] == "TXT"}
        self.assertEqual(ttls, {f"_acme-challenge.{BELOW}.": 60, f"{PLACE}.": 3600})

    def test_repeated(self) -> None:
        """Adding what is there and removing what is gone is well."""
        output = self.assert_auth()
        self.assertEqual(self.assert_auth(), output)
        self.assertEqual(self.api.contents(PLACE), ['"value-1"'])
        for _ in range(2):
            self.assertEqual((self.hook("cleanup", CERTBOT_AUTH_OUTPUT=output), self.err), (0, ""))
        self.assertEqual(self.api.contents(PLACE), [])

    def test_cleanup_after_a_failure(self) -> None:
        """Without what the first hook says, the value is found by its name, also where others write texts differently."""
        self.api.put(ZONE, PLACE, "TXT", '"value-1"')
        self.api.put(ZONE, PLACE, "TXT", "value-1")
        self.api.put(ZONE, PLACE, "TXT", '"val" "ue-1"')
        self.api.put(ZONE, PLACE, "TXT", '"value-10"')
        self.api.put(ZONE, f"_acme-challenge.www.{ZONE}", "TXT", '"value-1"')
        self.assertEqual(self.hook("cleanup"), 0)
        self.assertEqual(self.api.contents(PLACE), ['"value-10"'])
        self.assertEqual(self.api.contents(f"_acme-challenge.www.{ZONE}"), ['"value-1"'])

    def test_cleanup_of_another_record(self) -> None:
        """A record that is not that value stays, whatever certbot hands over."""
        foreign = self.api.put(ZONE, PLACE, "TXT", '"foreign"')
        address = self.api.put(ZONE, ZONE, "A", "192.0.2.1")
        for record in (foreign, address, "../zones", "nothing"):
            self.assertEqual(self.hook("cleanup", CERTBOT_AUTH_OUTPUT=f"x TXT, record {record}"), 0)
        self.assertEqual(self.api.contents(PLACE), ['"foreign"'])
        self.assertIn(address, self.api.records)


class Waiting(HookCase):
    """What the name servers show."""

    def second(self, look: Look | None = None) -> None:
        """Give the zone a second name server."""
        self.api.put(ZONE, ZONE, "NS", f"ns2.{ZONE}.")
        self.api.put(ZONE, f"ns2.{ZONE}", "A", "127.0.0.2")
        if look:
            self.answering(look, address="127.0.0.2")

    def late(self, looks: int, before: list[str], name: str = PLACE) -> tuple[list[str], Look]:
        """Give a name server that shows *before* for some questions; and what it was asked."""
        asked: list[str] = []

        def look(owner: str) -> list[str]:
            asked.append(owner)
            return before if owner == name and asked.count(name) <= looks else self.api.contents(owner)

        return asked, look

    def test_shown(self) -> None:
        """The hook ends at once when every name server shows the value."""
        self.answering()
        self.second(self.api.contents)
        before = time.monotonic()
        self.assert_auth()
        self.assertLess(time.monotonic() - before, 2)

    def test_old_data(self) -> None:
        """One name server with old data, or without the name, holds the hook until it has the value."""
        for before in ([], ['"old"']):
            with self.subTest(before=before):
                asked, look = self.late(3, before)
                self.environ.pop("COUCHPAGES_DNS_PORT", None)
                self.answering()
                self.second(look)
                self.assert_auth(value=f"value-{len(before)}")
                self.assertEqual(asked, [PLACE] * 4)
                self.stack.close()
                self.setUp()

    def test_too_late(self) -> None:
        """A name server that does not get the value in time is an error that names it; the record's id was told before."""
        self.answering()
        self.second(lambda _: ['"old"'])
        self.environ["COUCHPAGES_WAIT"] = "1"
        self.assert_refused(f"after 1 seconds: ns2.{ZONE} (127.0.0.2) lacks {PLACE}")
        self.assertIn("record record-", self.out)

    def test_silent(self) -> None:
        """A name server that does not answer is named and left out, one that does not listen as well; the others are waited for."""
        asked, look = self.late(2, [])
        self.answering(look)
        self.second(lambda _: None)
        self.api.put(ZONE, ZONE, "NS", f"ns3.{ZONE}.")
        self.api.put(ZONE, f"ns3.{ZONE}", "A", "127.0.0.3")
        with patch.multiple(hook, QUESTION=0.2, SILENCE=0.5):
            self.assertEqual(self.hook("auth"), 0)
        lines = {
            f"couchpages: the name server {each} does not answer, and is left out"
            for each in (f"ns2.{ZONE} (127.0.0.2)", f"ns3.{ZONE} (127.0.0.3)")
        }
        self.assertEqual(set(self.err.splitlines()), lines)
        self.assertEqual(asked, [PLACE] * 3)

    def test_all_silent(self) -> None:
        """When no name server answers, that is an error."""
        self.environ.update(COUCHPAGES_DNS_PORT=f"{free_udp_port()}", COUCHPAGES_WAIT="5")
        with patch.multiple(hook, QUESTION=0.2, SILENCE=0.5):
            self.assertEqual(self.hook("auth"), 1)
        self.assertIn(f"no name server of {ZONE} answers", self.err)

    def test_no_address(self) -> None:
        """A name server that has no address is named and left out."""
        self.answering()
        self.api.put(ZONE, ZONE, "NS", f"nowhere.{ZONE}.")
        with patch.object(hook, "looked_up", return_value=[]):
            self.assertEqual(self.hook("auth"), 0)
        self.assertEqual(self.err, f"couchpages: the name server nowhere.{ZONE} has no address, and is left out\n")

    def test_address_elsewhere(self) -> None:
        """The address of a name server that is in none of our zones is what the system finds."""
        self.api.records.clear()
        self.api.put(ZONE, ZONE, "NS", "localhost.")
        self.answering()
        with patch.object(hook, "looked_up", return_value=["127.0.0.1"]) as look:
            self.assert_auth()
        look.assert_called_once_with("localhost")

    def test_looking_up(self) -> None:
        """The system's addresses are found, none where it knows none or takes too long."""

        def slow(*_: object, **__: object) -> list[object]:
            time.sleep(0.2)
            return []

        self.assertIn("127.0.0.1", hook.looked_up("localhost"))
        self.assertEqual(hook.looked_up("a..b"), [])
        with (
            patch.object(hook, "LOOKUP", 0),
            patch("socket.getaddrinfo", side_effect=slow),
        ):
            self.assertEqual(hook.looked_up("localhost"), [])

    def test_only_after_the_last(self) -> None:
        """Only the last of a run waits, and then for all values of the run, in all its zones."""
        asked, look = self.late(0, [])
        self.answering(look)
        domains = {"CERTBOT_ALL_DOMAINS": f"{ZONE},{ZONE},{BELOW},example.com"}
        for left, (domain, value) in enumerate([(BELOW, "value-3"), (ZONE, "value-2")]):
            self.assert_auth(domain, value, CERTBOT_REMAINING_CHALLENGES=f"{2 - left}", **domains)
            self.assertEqual(asked, [])
        self.assert_auth(ZONE, "value-1", CERTBOT_REMAINING_CHALLENGES="0", **domains)
        self.assertEqual(sorted(asked), [PLACE, f"_acme-challenge.{BELOW}"])

    def test_value_of_this_run_missing(self) -> None:
        """While the API does not have as many values as the run has added, it has not heard of them all, and the hook waits."""
        self.answering()
        self.environ["COUCHPAGES_WAIT"] = "1"
        self.assertEqual(self.hook("auth", CERTBOT_ALL_DOMAINS=f"{ZONE},{ZONE}"), 1)
        self.assertIn(f"lacks {PLACE}", self.err)

    def test_value_of_others_removed(self) -> None:
        """A value of another run that is removed meanwhile is not waited for."""
        self.answering(lambda _: ['"value-1"'])
        foreign = self.api.put(ZONE, PLACE, "TXT", '"foreign"')
        looks: list[object] = []

        def remove(call: object) -> None:
            looks.append(call)
            if len(looks) > 8:
                self.api.records.pop(foreign, None)

        self.api.on_call = remove
        self.assert_auth()
        self.assertNotIn(foreign, self.api.records)

    def test_truncated(self) -> None:
        """An answer that does not fit is asked for again over TCP."""
        self.answering(truncating=True)
        self.assert_auth()


class Refused(HookCase):
    """What is wrong, in one line."""

    def test_keys(self) -> None:
        """A wrong key, and one for other zones."""
        self.assert_refused("there is no such key (401); check COUCHPAGES_API_KEY", COUCHPAGES_API_KEY="cpk_bad")
        self.assert_refused("the key is for other sites (403)", COUCHPAGES_API_KEY=OTHER_KEY)

    def test_environment(self) -> None:
        """Variables that are missing or wrong are named."""
        for name, value, words in (
            ("COUCHPAGES_API_KEY", "", "no API key given"),
            ("COUCHPAGES_API_KEY", "two words", "COUCHPAGES_API_KEY holds no usable key"),
            ("COUCHPAGES_SERVER", "ftp://example.org", "COUCHPAGES_SERVER is no address"),
            ("COUCHPAGES_SERVER", "https://u:p@example.org", "COUCHPAGES_SERVER is no address"),
            ("COUCHPAGES_SERVER", "https://example.org:99999", "COUCHPAGES_SERVER is no address"),
            ("COUCHPAGES_SERVER", f"https://{'a' * 70}.example", "COUCHPAGES_SERVER is no address"),
            ("COUCHPAGES_TIMEOUT", "soon", "COUCHPAGES_TIMEOUT is 'soon'"),
            ("COUCHPAGES_DNS_PORT", "65536", "COUCHPAGES_DNS_PORT is '65536'"),
            ("COUCHPAGES_CA_FILE", str(self.folder / "nothing"), "COUCHPAGES_CA_FILE"),
            ("CERTBOT_DOMAIN", "", "certbot sets them"),
            ("CERTBOT_VALIDATION", "", "certbot sets them"),
            ("CERTBOT_VALIDATION", '" "', "CERTBOT_VALIDATION"),
            ("CERTBOT_TOKEN", "token", "--preferred-challenges dns"),
        ):
            with self.subTest(name=name, value=value):
                self.assert_refused(words, **{name: value})
        self.assert_refused("one word more", hook="renew")

    def test_away(self) -> None:
        """An API that nobody listens for, and one that hangs up, are tried until the time-out."""
        self.api.fail("GET /zones", *[HangUp()] * 100)
        self.assert_refused("cannot be reached", COUCHPAGES_TIMEOUT="1")
        self.assertGreater(len(self.api.calls), 0)
        self.assert_refused(
            "cannot be reached", COUCHPAGES_TIMEOUT="1", COUCHPAGES_SERVER=f"http://127.0.0.1:{free_udp_port()}"
        )

    def test_https(self) -> None:
        """The API's certificate is one of COUCHPAGES_CA_FILE's authorities, and for the server's name."""
        authority = Authority()
        trusted = self.folder / "root.pem"
        trusted.write_bytes(authority.root.pem)
        for name, words in (("127.0.0.1", ""), ("127.0.0.2", "mismatch")):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            chain = self.folder / "chain.pem"
            chain.write_bytes(b"".join(authority.issue(name)))
            context.load_cert_chain(chain)
            with served(self.api, context) as server:
                self.assert_refused("name its CA in COUCHPAGES_CA_FILE", COUCHPAGES_SERVER=server)
                known = {"COUCHPAGES_SERVER": server, "COUCHPAGES_CA_FILE": str(trusted)}
                if words:
                    self.assert_refused(words, **known)
                else:
                    self.assert_auth(**known)

    def test_busy(self) -> None:
        """What is answered 503 is repeated, also when the API has written it; an answer that was lost as well."""
        self.api.fail("GET /zones", problem(503, "the node is starting", ("Retry-After", "0")), HangUp())
        self.api.fail("POST /zones", problem(503, "CouchDB is away"))
        self.assert_auth()
        self.api.fail("DELETE /records", problem(503, "CouchDB is away"))
        self.assertEqual(self.hook("cleanup"), 0)
        self.assertEqual(self.api.contents(PLACE), [])

    def test_busy_too_long(self) -> None:
        """The reason is told when the time is over."""
        self.api.fail("GET /zones", *[problem(503, "the node is\nstarting")] * 100)
        self.assert_refused("the node is starting (503)", COUCHPAGES_TIMEOUT="1")

    def test_another_server(self) -> None:
        """What is not our API is told of, and a redirection is not followed, so that the key goes nowhere else."""
        for reply, words in (
            (Reply(200, b"<h1>hello</h1>", "text/html"), "not as the API of CouchDB Pages"),
            (Reply(200, b"[]"), "not as the API of CouchDB Pages"),
            (Reply(200, b'{"zones": 3}'), "not as the API of CouchDB Pages"),
            (Reply(200, b'{"zones": [{}]}'), "not as the API of CouchDB Pages"),
            (Reply(404, b"nothing", "text/html"), "it answers 404"),
            (Reply(308, headers=(("Location", "https://b.example/"),)), "redirects to https://b.example/"),
        ):
            with self.subTest(reply=reply):
                self.api.fail("GET /zones", reply)
                self.assert_refused(words)
        self.assertEqual(len(self.api.calls), 6)

    def test_refused_record(self) -> None:
        """The API's reason not to take the value is told."""
        self.api.fail("POST /zones", problem(422, "a CNAME stands alone (RFC 1034 section 3.6.2)"))
        self.assert_refused("a CNAME stands alone (RFC 1034 section 3.6.2) (422)")


class Configured(HookCase):
    """The file beside the hook, and the key's file."""

    def configure(self, text: str) -> None:
        """Write the file."""
        (self.folder / "couchpages_hook.conf").write_text(text)

    def test_file(self) -> None:
        """The file gives what the environment does not have; renewals have nothing else."""
        key = self.folder / "key"
        key.write_text(f"{KEY}\n")
        server = self.environ.pop("COUCHPAGES_SERVER")
        self.environ["COUCHPAGES_API_KEY"] = ""
        self.configure(f"# ours\n\nCOUCHPAGES_SERVER = {server}\nCOUCHPAGES_API_KEY_FILE='{key}'\nCOUCHPAGES_WAIT=9\n")
        self.assert_auth()

    def test_wrong_file(self) -> None:
        """A line that says nothing is named, as is a key's file that cannot be read."""
        self.configure("COUCHPAGES_WAIT=0\nserver: here\n")
        self.assert_refused("couchpages_hook.conf, line 2")
        self.configure(f"COUCHPAGES_API_KEY_FILE={self.folder}/nothing")
        self.assert_refused("nothing cannot be read: No such file", COUCHPAGES_API_KEY="")


class Program(HookCase):
    """The file as it is copied."""

    def run_copy(self, *words: str, environ: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a copy without this package and its libraries, by its own first line."""
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "hook"
            copy.write_bytes(FILE.read_bytes())
            copy.chmod(0o755)
            path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
            return subprocess.run(
                [copy, *words],
                env={"PATH": path, "PYTHONNOUSERSITE": "1", **(environ or {})},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )

    def test_run(self) -> None:
        """A copy elsewhere works; called wrongly it says so and ends with 1."""
        environ = {"CERTBOT_DOMAIN": ZONE, "CERTBOT_VALIDATION": "value-1", **self.environ}
        done = self.run_copy("auth", environ=environ)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.api.contents(PLACE), ['"value-1"'])
        done = self.run_copy("cleanup", environ={**environ, "CERTBOT_AUTH_OUTPUT": done.stdout.strip()})
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(self.api.contents(PLACE), [])
        done = self.run_copy()
        self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1))

    def test_documented(self) -> None:
        """README.md has the variables that there are."""
        texts = (FILE.read_text(), FILE.with_name("README.md").read_text())
        code, text = ({*re.findall(r"\bCOUCHPAGES_[A-Z_]+[A-Z]\b", each)} for each in texts)
        self.assertEqual(text, code)

    def test_stands_alone(self) -> None:
        """It is Python 3.9, imports nothing but the standard library, and may be executed."""
        tree = ast.parse(FILE.read_text(), feature_version=(3, 9))
        modules = {each.module for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)}
        modules |= {name.name for each in ast.walk(tree) if isinstance(each, ast.Import) for name in each.names}
        self.assertLessEqual({str(each).partition(".")[0] for each in modules}, sys.stdlib_module_names)
        self.assertTrue(os.access(FILE, os.X_OK))


class Wire(SynchronousTestCase):
    """Questions and answers as bytes."""

    def test_question(self) -> None:
        """Another implementation reads the question."""
        read = dns.message.from_wire(hook.question(PLACE, 7))
        self.assertEqual((read.id, int(read.flags), read.edns, read.payload), (7, 0, 0, 1232))
        self.assertEqual([each.to_text() for each in read.question], [f"{PLACE}. IN TXT"])

    def test_no_name(self) -> None:
        """What is no name is refused."""
        for name in ("", "a..b", "a" * 64, ".".join(["a" * 60] * 5)):
            self.assertRaises(hook.HookError, hook.question, name, 7)

    @settings(deadline=None)
    @given(st.binary(max_size=200), st.integers(0, 3), st.integers(0, 3))
    def test_any_bytes(self, rest: bytes, questions: int, answers: int) -> None:
        """Whatever comes is read, or is no answer."""
        head = b"\0\7\x84\0\0" + bytes([questions, 0, answers, 0, 0, 0, 0])
        for message in (rest, head + rest):
            try:
                texts, _ = hook.answer(message, 7)
            except hook.Malformed:
                continue
            self.assertIsInstance(texts, set)

    def test_longest_zone(self) -> None:
        """The order of the zones does not matter."""
        choose: Callable[[list[str]], hook.Place] = lambda zones: hook.place_in(zones, f"a.{BELOW}")  # noqa: E731
        for zones in ([ZONE, BELOW, "uk"], ["uk", BELOW, ZONE], [BELOW, ZONE]):
            self.assertEqual(choose(zones).zone, BELOW)
