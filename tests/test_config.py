"""The configuration, and what it says to whoever got it wrong."""

import ipaddress
import os
import tomllib
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.endpoints import serverFromString
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.config import ConfigurationError, TcpAddress, load, parse, tcp_address, with_secrets
from couchpages.settings import ApiSettings, HttpSettings, Settings

FILE = "couchpages.toml"
SAMPLE = Path(__file__).parent.parent / "etc" / "couchpages.toml"
#: What settings are wrong without.
MATES = {"eab_key_id": 'eab_key_file = "/etc/couchpages/eab-key"\n', "eab_key_file": 'eab_key_id = "kid-1"\n'}


@dataclass(frozen=True)
class Declared:
    """A setting that is declared: *section* is empty for those at the top."""

    section: str
    name: str
    default: Any
    example: str
    doc: str

    @property
    def where(self) -> str:
        """How a message names it."""
        return f"[{self.section}] {self.name}" if self.section else self.name

    def toml(self, value: str) -> str:
        """Write it into a file, and what it needs to go with it."""
        mate = MATES.get(self.name, "")
        return (f"[{self.section}]\n" if self.section else "") + f"{self.name} = {value}\n{mate}"

    def of(self, settings: Settings) -> Any:
        """Give its value."""
        return getattr(getattr(settings, self.section) if self.section else settings, self.name)


def declared() -> list[Declared]:
    """Give every setting."""
    found = []
    for top in fields(Settings):
        section: Any = top.default
        if is_dataclass(section):
            found += [_declared(top.name, each) for each in fields(section) if each.metadata]
        else:
            found.append(_declared("", top))
    return found


def _declared(section: str, each: Any) -> Declared:
    return Declared(section, each.name, each.default, each.metadata["example"], each.metadata["doc"])


EVERY = declared()
toml_values = st.recursive(
    st.one_of(
        st.booleans().map(lambda value: "true" if value else "false"),
        st.integers().map(str),
        st.sampled_from(
            ["1e400", "nan", "inf", "-1", "0", "9" * 400, "2026-01-01", '"9e9 TiB"', '"~nobody-of-that-name/x"']
        ),
        st.text(
            st.characters(codec="ascii", exclude_characters='"\\', categories=["L", "N", "P", "S", "Zs"]), max_size=12
        ).map('"{}"'.format),
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]")
        | inner.map(lambda each: f"{{ a = {each} }}")
    ),
    max_leaves=4,
)


class ConfigCase(SynchronousTestCase):
    """A test that gets things wrong."""

    def wrong(self, toml: str) -> str:
        """Give the message of a configuration that is wrong; it names the file and is one line."""
        message = str(self.assertRaises(ConfigurationError, parse, toml, FILE))
        self.assertTrue(message.startswith(f"{FILE}: "), message)
        self.assertNotIn("\n", message)
        return message


class Declarations(ConfigCase):
    """What is declared of every setting."""

    def test_there_are_some(self) -> None:
        """All sections are looked at."""
        self.assertEqual({each.section for each in EVERY}, {each.name for each in fields(Settings)} - {"data"} | {""})
        self.assertGreater(len(EVERY), 25)

    def test_examples_are_right(self) -> None:
        """Every example is taken, and its value has the type of the default."""
        for each in EVERY:
            with self.subTest(setting=each.where):
                value = each.of(parse(each.toml(each.example), FILE))
                if each.default is not None:
                    self.assertIsInstance(value, type(each.default))
                if isinstance(value, tuple):
                    self.assertGreater(len(value), 0)

    def test_examples_of_endpoints_listen(self) -> None:
        """Twisted takes every endpoint that is a default or an example."""
        for each in EVERY:
            if each.name != "listen" or each.section == "dns":
                continue
            for settings_ in (Settings(), parse(each.toml(each.example), FILE)):
                value = each.of(settings_)
                for endpoint in [value] if isinstance(value, str) else value:
                    serverFromString(MemoryReactorClock(), endpoint)

    def test_one_socket_for_each_port(self) -> None:
        """No example has two sockets on one port, of which the IPv6 one would take IPv4 too."""
        for each in EVERY:
            value = tomllib.loads(each.toml(each.example)).get(each.section, {}).get(each.name)
            if each.name == "listen" and isinstance(value, list) and each.section != "dns":
                addresses = [tcp_address(endpoint) for endpoint in value]
                ports = [address.port for address in addresses if address]
                self.assertEqual(len(ports), len(set(ports)), each.where)

    def test_wrong_values(self) -> None:
        """A value of the wrong type is told with file, section, key, value and an example that is right, for every setting."""
        for each in EVERY:
            for value, shown in [("{ a = 1 }", "{'a': 1}"), ("-1", "-1"), ("1979-05-27", "datetime.date(1979, 5, 27)")]:
                with self.subTest(setting=each.where, value=value):
                    message = self.wrong(each.toml(value))
                    self.assertTrue(message.startswith(f"{FILE}: {each.where}: {shown} "), message)
                    self.assertTrue(message.endswith(f"; write for instance {each.name} = {each.example}"), message)

    def test_answers_larger_than_their_buffers(self) -> None:
        """Defect: an answer over UDP could be configured to be larger than the buffers, whose neighbours it would have overwritten."""
        for value in ("511", "4097", "70000", '"1 MiB"'):
            self.assertIn("is not from 512 to 4096 bytes", self.wrong(f"[dns]\nudp_size = {value}\n"))
        for size in (512, 4096):
            self.assertEqual(parse(f"[dns]\nudp_size = {size}\n", FILE).dns.udp_size, size)

    def test_misspelt_keys(self) -> None:
        """A key that is nearly right is told the right one, for every setting."""
        for each in EVERY:
            with self.subTest(setting=each.where):
                misspelt = Declared(each.section, each.name + "x", None, "", "")
                message = self.wrong(misspelt.toml("1"))
                self.assertEqual(
                    message,
                    f"{FILE}: {misspelt.where}: there is no such key; write for instance {each.name} = {each.example}",
                )

    def test_documented(self) -> None:
        """Every setting has its sentence."""
        for each in EVERY:
            self.assertTrue(each.doc.endswith("."), each.where)

    @settings(deadline=None, max_examples=300)
    @given(st.sampled_from(EVERY), toml_values)
    def test_any_value(self, each: Declared, value: str) -> None:
        """Whatever value stands in the file, it is taken or told to be wrong."""
        try:
            parse(each.toml(value), FILE)
        except ConfigurationError as error:
            self.assertIn(each.name, str(error))

    @settings(deadline=None)
    @given(st.text())
    def test_any_file(self, toml: str) -> None:
        """Whatever stands in the file, it is a configuration or an error that names the file."""
        try:
            parse(toml, FILE)
        except ConfigurationError as error:
            self.assertTrue(str(error).startswith(FILE))


class Mistakes(ConfigCase):
    """Mistakes that people make."""

    def test_no_toml(self) -> None:
        """What is no TOML, or more than a reader takes."""
        for toml in ("[http", "a = ", "x = 1\nx = 2", "a = " + "9" * 5000, "a = " + "[" * 10000):
            self.assertIn("not TOML", self.wrong(toml))

    def test_unknown_section(self) -> None:
        """A section that is nearly right, and one that is not."""
        self.assertIn("htpp: there is no such key; write for instance [http]", self.wrong("[htpp]\nlisten = []"))
        message = self.wrong("[zzzzzzz]\nx = 1")
        self.assertIn("here are: data, http, https, api, couchdb", message)

    def test_no_section(self) -> None:
        """A value where a section must be."""
        self.assertIn("http: 5 is no section; write [http] above its keys", self.wrong("http = 5"))
        self.assertIn("http: true is no section", self.wrong("http = true"))

    def test_strange_characters(self) -> None:
        """Characters that would break a line do not break the message's."""
        self.assertIn("a\\nb: there is no such key", self.wrong('"a\\nb" = 1'))
        self.assertIn('"a\\x07" has characters', self.wrong('[node]\nname = "a\\u0007"'))

    def test_passwords(self) -> None:
        """A password in the file is refused with what to do instead, and not shown."""
        message = self.wrong('[couchdb]\npassword = "hunter2"')
        self.assertNotIn("hunter2", message)
        self.assertIn("password_file", message)
        self.assertIn("COUCHPAGES_COUCHDB_PASSWORD", message)

    def test_passwords_in_addresses(self) -> None:
        """A password within an address is refused and not shown, whatever characters it has (law 6)."""
        for password in ("hunter2", "hun/ter2", "hun@ter2", "hunter2@", "/hunter2", "h:unter2", "hun#ter2", "hun?ter2"):
            message = self.wrong(f'[couchdb]\nurl = "http://admin:{password}@127.0.0.1:5984"')
            self.assertNotIn("unter2", message)
            self.assertNotIn("ter2", message)
            self.assertIn('"http://…@', message)

    def test_values(self) -> None:
        """Wrong values, each with what is wrong about it."""
        for section, line, complaint in [
            ("dns", 'listen = ["127.0.0.1"]', "has the entry '127.0.0.1', which has no port number"),
            ("dns", 'listen = ["127.0.0.1:5e3"]', "has no port number"),
            ("dns", 'listen = ["127.0.0.1:0"]', "has no port number from 1 to 65535"),
            ("dns", 'listen = ["::1:53"]', "is an IPv6 address without brackets"),
            ("dns", 'listen = ["localhost:53"]', "has no IP address before its port"),
            ("http", 'listen = "tcp:80"', "is no list"),
            ("http", "listen = []", "is empty"),
            ("http", 'listen = ["80"]', "has the entry '80', which is no endpoint"),
            ("http", 'listen = ["127.0.0.1:80"]', "is no endpoint"),
            ("http", 'listen = ["foo:80"]', "is no endpoint"),
            ("http", 'listen = ["tcp:"]', "has no port number behind tcp:"),
            ("http", 'listen = ["tcp:5e3"]', "has no port number behind tcp:"),
            ("http", 'listen = ["tcp:65536"]', "has no port number behind tcp:"),
            ("http", 'listen = ["tcp:٣"]', "has no port number behind tcp:"),
            ("http", 'listen = ["tcp:80:interface=::1"]', "the colons of an IPv6 address are written \\:"),
            ("http", 'listen = ["tcp:80:127.0.0.1"]', "behind the port"),
            ("http", 'listen = ["tcp:80:backlog=x"]', "behind the port"),
            ("http", 'trusted_proxies = ["10.0.0.1/8"]', "has host bits set"),
            ("http", 'trusted_proxies = ["proxy"]', "is no address or network"),
            ("http", 'public_scheme = "ftp"', "is none of http, https"),
            ("http", "public_port = 70000", "is no port number"),
            ("http", "public_port = 0", "is no whole number above zero"),
            ("http", "public_port = true", "true is no whole number"),
            ("api", 'hosts = ["bad_host"]', "which is no host name"),
            ("api", 'hosts = ["-a.example"]', "which is no host name"),
            ("api", 'hosts = [""]', "which is no host name"),
            ("couchdb", 'url = "127.0.0.1:5984"', "is no http or https address"),
            ("couchdb", 'url = "http://"', "is no http or https address"),
            ("couchdb", 'url = "http://a:x"', "has no port number"),
            ("couchdb", 'url = "http://a/couch"', "has a path"),
            ("couchdb", 'url = "http://[::1"', "IPv6"),
            ("couchdb", 'files = "Files"', "is no name for a database"),
            ("couchdb", 'files = "_users"', "is no name for a database"),
            ("couchdb", 'username = "a\\nb"', "cannot be printed"),
            ("couchdb", "idle_timeout = 0", "is no number of seconds above zero"),
            ("couchdb", "idle_timeout = inf", "is no number of seconds above zero"),
            ("couchdb", "idle_timeout = nan", "is no number of seconds above zero"),
            ("couchdb", 'password_file = ""', "is empty"),
            ("embedded", 'listen = "unix:/run/x"', "begins with tcp:"),
            ("cache", 'disk = "4 GiBB"', "is no size in bytes"),
            ("cache", 'disk = "GiB"', "is no size in bytes"),
            ("cache", "disk = 0", "is less than one byte"),
            ("cache", 'disk = "0.1 B"', "is less than one byte"),
            ("cache", 'disk = "99999999 TiB"', "is more than any disk holds"),
            ("limits", "files = 1.5", "is no whole number"),
            ("log", 'format = "xml"', "is none of text, json"),
            ("access_log", 'format = "common"', "is none of combined, json"),
            ("access_log", 'file = ""', "is empty"),
            ("access_log", "rotate_size = 0", "is less than one byte"),
            ("access_log", "rotate_keep = 0", "is no whole number above zero"),
        ]:
            with self.subTest(line=line):
                message = self.wrong(f"[{section}]\n{line}")
                self.assertIn(complaint, message)
                self.assertIn("; write for instance ", message)


class AtOdds(ConfigCase):
    """Defect: settings of ``[acme]`` that do not go together were right, and the daemon did not start, or lost its lease."""

    def test_external_account(self) -> None:
        """A key without its id, and an id without its key, also on a node without a directory."""
        self.assertEqual(
            self.wrong('[acme]\neab_key_id = "kid-7"'),
            f'{FILE}: [acme] eab_key_id: "kid-7" names a key, and there is none; '
            'write for instance eab_key_file = "/etc/couchpages/eab-key" too',
        )
        for more in ("", 'eab_key_id = ""'):
            self.assertEqual(
                self.wrong(f'[acme]\neab_key_file = "/etc/key"\n{more}'),
                f'{FILE}: [acme] eab_key_file: "/etc/key" has a key, and nothing says which; write for instance eab_key_id = "kid-1" too',
            )
        parse('[acme]\neab_key_id = "kid-7"\neab_key_file = "/etc/key"', FILE)
        parse('[acme]\neab_key_id = ""', FILE)

    def test_lease(self) -> None:
        """An issuer looks three times at least in the time of a lease."""
        self.assertEqual(
            self.wrong("[acme]\ncheck_interval = 101"),
            f"{FILE}: [acme] check_interval: 101 is more than a third of lease, 300, so that the issuer would lose it between its looks; "
            "write for instance check_interval = 100, or lease = 303 on all nodes",
        )
        self.assertIn("check_interval: 30 is more than a third of lease, 60", self.wrong("[acme]\nlease = 60"))
        for lines in ("check_interval = 100", "lease = 90", "lease = 1.5\ncheck_interval = 0.5"):
            parse(f"[acme]\n{lines}", FILE)


class Reading(ConfigCase):
    """What right configurations mean."""

    def test_nothing(self) -> None:
        """An empty file is the defaults, which listen on this machine only."""
        self.assertEqual(parse("", FILE), Settings())
        self.assertTrue(all("interface=127.0.0.1" in each for each in (*HttpSettings().listen, *ApiSettings().listen)))

    def test_values(self) -> None:
        """Values are read as what they mean."""
        read = parse(
            """
            data = "~/x"
            [http]
            listen = ["tcp:80:interface=\\\\:\\\\:1:backlog=9", "systemd:domain=INET:index=0", "unix:/run/x", "tcp6:port=81"]
            trusted_proxies = ["10.0.0.0/8", "::1"]
            [api]
            hosts = ["API.Example.", "localhost"]
            [couchdb]
            url = "http://[::1]:5984/"
            idle_timeout = 2.5
            [cache]
            memory = "1.5 kB"
            disk = 123
            manifests = "2GIB"
            """,
            FILE,
        )
        self.assertEqual(read.data, Path("~/x").expanduser())
        self.assertEqual(len(read.http.listen), 4)
        self.assertEqual(
            read.http.trusted_proxies, (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128"))
        )
        self.assertEqual(read.api.hosts, ("api.example", "localhost"))
        self.assertEqual((read.couchdb.url, read.couchdb.idle_timeout), ("http://[::1]:5984", 2.5))
        self.assertEqual((read.cache.memory, read.cache.disk, read.cache.manifests), (1500, 123, 2 * 2**30))
        self.assertEqual(read.limits, Settings().limits)

    def test_sample(self) -> None:
        """The sample configuration is right, and so is it with every commented line taken in, which are the defaults."""
        sample = SAMPLE.read_text("utf-8")
        parse(sample, FILE)
        lines = [
            line.removeprefix("# ") if " = " in line or line.startswith("# [") else line for line in sample.splitlines()
        ]
        taken = [line for line in lines if not line.startswith("#") and (line.startswith("[") or " = " in line)]
        named = {
            f"{section}.{key}" if isinstance(values, dict) else section
            for section, values in tomllib.loads("\n".join(taken)).items()
            for key in (values if isinstance(values, dict) else [""])
        }
        parse("\n".join(taken), FILE)
        known = {f"{each.section}.{each.name}" if each.section else each.name for each in EVERY}
        self.assertEqual(known - named, set(), "settings that the sample does not show")

    def test_tcp_address(self) -> None:
        """Where an endpoint listens."""
        for endpoint, address in [
            ("tcp:80", TcpAddress("", 80)),
            ("tcp:port=80:interface=127.0.0.1", TcpAddress("127.0.0.1", 80)),
            ("tcp:80:interface=\\:\\:1", TcpAddress("::1", 80)),
            ("tcp6:80", TcpAddress("", 80)),
            ("unix:/run/x", None),
            ("systemd:domain=INET:index=0", None),
        ]:
            self.assertEqual(tcp_address(endpoint), address)


class Loading(ConfigCase):
    """``load``: files and secrets."""

    def setUp(self) -> None:
        """Work in a folder of its own."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        here = Path.cwd()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, here)

    def test_no_file(self) -> None:
        """Without a file there are the defaults; a file that was asked for must be there."""
        self.assertEqual(load(None, {}), Settings())
        message = str(self.assertRaises(ConfigurationError, load, Path("other.toml"), {}))
        self.assertIn("other.toml: the configuration cannot be read", message)

    def test_file_of_this_folder(self) -> None:
        """``couchpages.toml`` of this folder is read, unless another is asked for."""
        (self.folder / FILE).write_text('[log]\nformat = "json"')
        (self.folder / "other.toml").write_text("")
        self.assertEqual(load(None, {}).log.format, "json")
        self.assertEqual(load(Path("other.toml"), {}).log.format, "text")

    def test_not_utf_8(self) -> None:
        """A file that is no text is told so."""
        (self.folder / FILE).write_bytes(b"\xff")
        self.assertIn("cannot be read", str(self.assertRaises(ConfigurationError, load, None, {})))

    def test_password(self) -> None:
        """The password comes from its file, which the environment beats unless it is empty."""
        secret = self.folder / "password"
        secret.write_text("from file\n")
        read = parse(f'[couchdb]\npassword_file = "{secret}"', FILE)
        self.assertEqual(with_secrets(read, {}).couchdb.password, "from file")
        environ = {"COUCHPAGES_COUCHDB_PASSWORD": "from environment"}
        self.assertEqual(with_secrets(read, environ).couchdb.password, "from environment")
        # Nobody looks at the file again when it is not what counts.
        self.assertEqual(with_secrets(read, environ).couchdb.password_file, None)
        self.assertEqual(with_secrets(read, {}).couchdb.password_file, secret)
        self.assertEqual(with_secrets(read, {"COUCHPAGES_COUCHDB_PASSWORD": ""}).couchdb.password, "from file")
        self.assertIsNone(with_secrets(Settings(), {"COUCHPAGES_COUCHDB_PASSWORD": ""}).couchdb.password)
        secret.unlink()
        self.assertIn("password_file", str(self.assertRaises(ConfigurationError, with_secrets, read, {})))
