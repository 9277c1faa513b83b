#!/usr/bin/env python3
"""certbot's manual hooks for zones of CouchDB Pages: ``couchpages_hook.py auth`` and ``couchpages_hook.py cleanup``.

One file that needs nothing but Python 3.9, to be copied to where certbot runs; README.md beside it tells how. *auth* adds the
value that proves a domain (dns-01, RFC 8555 section 8.4) beside those that are there, and after the last one waits until the zone's
name servers show them all; *cleanup* removes the value. Both ask the HTTP API (docs/api.md) and exit with 1 and one line on stderr
when something is wrong.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import secrets
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

DEFAULT_SERVER = "http://127.0.0.1:8081"
#: Seconds that a value stays in caches: it is of use for a minute.
TTL = 60
#: Seconds for one attempt at the API, and for one question to a name server.
ATTEMPT, QUESTION = 10.0, 2.0
#: A name server that was asked this often, and is silent for these seconds, is left out.
QUESTIONS, SILENCE = 3, 6.0
#: Seconds between looking at the name servers, at first and at most.
PAUSE, LONGEST_PAUSE = 0.2, 2.0
#: Seconds for the system to find the addresses of a name server that stands in no zone of ours.
LOOKUP = 10.0
#: Bytes of an answer, far more than the longest list of zones.
LONGEST_ANSWER = 64 * 2**20
#: Aliases that are followed, as resolvers follow them.
LONGEST_CHAIN = 8
#: As of DNS Flag Day 2020: what fits through every network in one piece.
PAYLOAD = 1232
TYPE_TXT, TYPE_OPT, CLASS_IN = 16, 41, 1
_OF_CONFIGURATION = re.compile(r"\s*(COUCHPAGES_[A-Z_]+)\s*=\s*(.*?)\s*")


class HookError(Exception):
    """Something is wrong; the message is one line that tells a person what to do."""


class NotOurs(HookError):
    """A name is in none of the zones that the key reaches."""


# What we are called with.


@dataclass(frozen=True)
class Settings:
    """Where the API is and how long to wait: *timeout* seconds for each call, repeats included, and *wait* for the name servers."""

    server: str
    key: str = field(repr=False)
    ca_file: str | None
    timeout: float
    wait: float
    dns_port: int


@dataclass(frozen=True)
class Challenge:
    """What certbot asks for: *value* at *domain*; *domains* are those of the whole run, a domain twice where two values are needed."""

    domain: str
    value: str
    domains: tuple[str, ...]
    is_last: bool
    output: str


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings; an empty variable counts as absent. Raises HookError."""
    return Settings(
        server=_server(environ.get("COUCHPAGES_SERVER") or DEFAULT_SERVER),
        key=_key(environ),
        ca_file=environ.get("COUCHPAGES_CA_FILE") or None,
        timeout=_number(environ, "COUCHPAGES_TIMEOUT", 30),
        wait=_number(environ, "COUCHPAGES_WAIT", 120),
        dns_port=int(_number(environ, "COUCHPAGES_DNS_PORT", 53, most=65535)),
    )


def _server(address: str) -> str:
    with suppress(ValueError):
        parts = urllib.parse.urlsplit(address)
        host = (parts.hostname or "").encode("idna")
        if re.fullmatch(r"https?://[!-~]+", address) and host and parts.port != 0 and not set("@?#") & set(address):
            return address.rstrip("/")
    raise HookError("COUCHPAGES_SERVER is no address of an API; write for instance https://api.example.org")


def _key(environ: Mapping[str, str]) -> str:
    key, source = environ.get("COUCHPAGES_API_KEY", ""), "COUCHPAGES_API_KEY"
    if not key:
        source = environ.get("COUCHPAGES_API_KEY_FILE", "")
        if not source:
            raise HookError(
                "no API key given; set COUCHPAGES_API_KEY, or COUCHPAGES_API_KEY_FILE to a file that holds it"
            )
        key = _text(source)
    key = key.strip()
    if not re.fullmatch(r"[!-~]+", key):
        raise HookError(f"{source} holds no usable key; a key is one word, as couchpages keys create prints it")
    return key


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise HookError(f"{path} cannot be read: {reason}") from None


def _number(environ: Mapping[str, str], name: str, default: float, most: float = 86400) -> float:
    text = environ.get(name) or f"{default}"
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]+)?", text) or float(text) > most:
        raise HookError(f"{name} is {text!r}, and should be a number up to {most}, for instance {default}")
    return float(text)


def with_configuration(environ: Mapping[str, str], path: Path) -> Mapping[str, str]:
    """Give the environment over what a file of lines ``COUCHPAGES_…=value`` has, if that is there. Raises HookError."""
    # certbot keeps the hooks of a certificate for its renewals, and not the environment that they had.
    if not path.exists():
        return environ
    found: dict[str, str] = {}
    for number, line in enumerate(_text(str(path)).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = _OF_CONFIGURATION.fullmatch(line)
        if parts is None:
            raise HookError(f"{path}, line {number}: should be COUCHPAGES_…=value, or begin with #")
        found[parts[1]] = parts[2].strip("\"'")
    return {**found, **{name: value for name, value in environ.items() if value}}


def read_challenge(environ: Mapping[str, str]) -> Challenge:
    """Read what certbot sets. Raises HookError."""
    domain, value = environ.get("CERTBOT_DOMAIN"), environ.get("CERTBOT_VALIDATION")
    if not domain or not value:
        raise HookError("CERTBOT_DOMAIN and CERTBOT_VALIDATION are not set; certbot sets them when it calls its hooks")
    if environ.get("CERTBOT_TOKEN"):
        raise HookError("certbot wants a file on the web server; call it with --preferred-challenges dns")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", value):
        raise HookError("CERTBOT_VALIDATION is not what a dns-01 challenge has, letters, digits, - and _")
    listed = environ.get("CERTBOT_ALL_DOMAINS") or domain
    return Challenge(
        domain=_plain(domain),
        value=value,
        domains=tuple(_plain(each) for each in listed.split(",") if each.strip()),
        is_last=(environ.get("CERTBOT_REMAINING_CHALLENGES") or "0").strip() == "0",
        output=environ.get("CERTBOT_AUTH_OUTPUT", ""),
    )


def _plain(name: str) -> str:
    """Give a name in lower case, without the dot at its end and, as a wildcard is proved at its parent, without ``*.``."""
    plain = name.strip().lower().rstrip(".")
    return plain.removeprefix("*.")


# The API.


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow none: the key would go along to wherever it leads."""


class _Later(Exception):
    """No answer, or one that asks for repeating after *pause* seconds; the message tells why."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


class Api:
    """The calls that we need; each is repeated while the API cannot be reached or asks for it, and raises HookError in the end."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        try:
            context = ssl.create_default_context(cafile=settings.ca_file)
        except (OSError, ValueError):
            raise HookError(f"COUCHPAGES_CA_FILE: {settings.ca_file} cannot be read as certificates (PEM)") from None
        # No proxy, as with the couchpages command.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), _NoRedirect()
        )

    def zones(self) -> list[str]:
        """Give the names of the zones that the key reaches."""
        return [_plain(str(each["zone"])) for each in self._listed("/zones", "zones", {"zone"})]

    def records(self, place: Place, type_: str) -> list[Mapping[str, Any]]:
        """Give the records at a place, without disabled ones."""
        listed = self._listed(f"{_zone_path(place)}/records?{_where(place, type_)}", "records", {"id", "content"})
        return [each for each in listed if not each.get("disabled")]

    def contents(self, place: Place, type_: str) -> list[str]:
        """Give the contents of the records at a place."""
        return [str(each["content"]) for each in self.records(place, type_)]

    def values(self, place: Place) -> set[str]:
        """Give the texts that stand at a place."""
        return {text_of(each) for each in self.contents(place, "TXT")}

    def add(self, place: Place, value: str) -> str:
        """Add a text beside those that are there, and give its record's id; where it is there already that is well."""
        # A set has one TTL, and it is not ours to change where others have values at that name.
        ttl = min((each["ttl"] for each in self.records(place, "TXT") if isinstance(each.get("ttl"), int)), default=TTL)
        body = {"name": f"{place.owner}.", "type": "TXT", "content": f'"{value}"', "ttl": ttl}
        added = self._object("POST", f"{_zone_path(place)}/records", body)
        for each in added.get("warnings", []):
            if _plain(str(each.get("name"))) == place.owner:
                tell(f"{place.owner}: {each.get('reason')}")
        return str(added.get("id"))

    def has(self, record: str, value: str) -> bool:
        """Tell whether the record of this id is there, and is this text."""
        with suppress(NotThere):
            found = self._object("GET", f"/records/{urllib.parse.quote(record, safe='')}")
            return found.get("type") == "TXT" and text_of(str(found.get("content"))) == value
        return False

    def remove(self, record: str) -> None:
        """Delete a record; where it is gone already that is well."""
        with suppress(NotThere):
            self._call("DELETE", f"/records/{urllib.parse.quote(record, safe='')}")

    def _listed(self, path: str, member: str, needed: set[str]) -> list[Mapping[str, Any]]:
        listed = self._object("GET", path).get(member)
        if isinstance(listed, list) and all(isinstance(each, dict) and needed <= each.keys() for each in listed):
            return listed
        raise self._strange()

    def _object(self, method: str, path: str, body: Any = None) -> Mapping[str, Any]:
        try:
            found = json.loads(self._call(method, path, body))
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._strange()
        return found

    def _strange(self) -> HookError:
        return HookError(
            f"{self._settings.server} answers, but not as the API of CouchDB Pages does; check COUCHPAGES_SERVER"
        )

    def _call(self, method: str, path: str, body: Any = None) -> bytes:
        until = time.monotonic() + self._settings.timeout
        pause = 0.25
        while True:
            left = until - time.monotonic()
            try:
                return self._attempt(method, path, body, max(0.1, min(ATTEMPT, left)))
            except _Later as error:
                # Repeating is harmless: what is there already is not added twice, and what is gone may be deleted.
                pause = min(2 * pause, 5) if error.pause is None else error.pause
                if time.monotonic() + pause >= until:
                    raise HookError(f"{self._settings.server}: {error}") from None
                time.sleep(pause)

    def _attempt(self, method: str, path: str, body: Any, seconds: float) -> bytes:
        headers = {"Authorization": f"Bearer {self._settings.key}", "Accept": "application/json"}
        content = None
        if body is not None:
            content, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(  # noqa: S310 -- read_settings lets http and https pass only
            f"{self._settings.server}/api/v2{path}", content, headers, method=method
        )
        try:
            with self._opener.open(request, timeout=seconds) as answer:
                return bytes(answer.read(LONGEST_ANSWER))
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(self._settings.server, error) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            if isinstance(reason, ssl.SSLCertVerificationError):
                hint = "name its CA in COUCHPAGES_CA_FILE"
                raise HookError(f"{self._settings.server}: {reason.verify_message}; {hint}") from None
            raise _Later(f"cannot be reached ({one_line(_why(reason))})") from None


class NotThere(HookError):
    """The API answered 404."""


def _refusal(server: str, error: urllib.error.HTTPError) -> Exception:
    """Turn an answer that is not 2xx into what is raised."""
    if error.code in (301, 302, 303, 307, 308):
        target = one_line(error.headers.get("Location"))
        return HookError(f"{server} redirects to {target}; write the right address into COUCHPAGES_SERVER")
    told = _problem(error)
    if error.code == http.HTTPStatus.SERVICE_UNAVAILABLE:
        after = error.headers.get("Retry-After", "")
        return _Later(told, max(0.25, min(float(after), 5)) if after.isdecimal() else None)
    if error.code == http.HTTPStatus.UNAUTHORIZED:
        told += "; check COUCHPAGES_API_KEY"
    return (NotThere if error.code == http.HTTPStatus.NOT_FOUND else HookError)(f"{server}: {told}")


def _problem(error: urllib.error.HTTPError) -> str:
    """Read a problem document (RFC 9457)."""
    told = f"it answers {error.code} {one_line(error.reason)}"
    with suppress(OSError, ValueError, http.client.HTTPException):
        found = json.loads(error.read(2**20))
        if isinstance(found, dict) and isinstance(found.get("detail"), str):
            told = f"{found['detail']} ({error.code})"
    return one_line(told)


def _why(error: object) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def one_line(what: object) -> str:
    """Give *what* as text without line ends and control characters."""
    return " ".join("".join(each if each.isprintable() else " " for each in str(what)).split())


# Where a value belongs.


class Place(NamedTuple):
    """A name, and the zone of ours that it is in; both without the dot at the end."""

    zone: str
    owner: str


def _zone_path(place: Place) -> str:
    return f"/zones/{urllib.parse.quote(place.zone, safe='')}"


def _where(place: Place, type_: str) -> str:
    return urllib.parse.urlencode({"name": f"{place.owner}.", "type": type_})


def place_in(zones: Iterable[str], name: str) -> Place:
    """Give the longest of *zones* that *name* is in. Raises NotOurs."""
    above = [zone for zone in zones if name == zone or name.endswith(f".{zone}")]
    if not above:
        raise NotOurs(
            f"{name} is in none of the zones that this API key reaches; couchpages dns list-zones shows them,"
            " couchpages keys create --zone makes a key"
        )
    return Place(max(above, key=len), name)


def find_place(api: Api, zones: Sequence[str], domain: str) -> Place:
    """Give the place where the value for *domain* belongs, at the end of the aliases in our zones. Raises HookError."""
    first = place = place_in(zones, f"_acme-challenge.{domain}")
    for _ in range(LONGEST_CHAIN):
        aliases = api.contents(place, "CNAME")
        if not aliases:
            return place
        target = _plain(aliases[0])
        try:
            place = place_in(zones, target)
        except NotOurs as error:
            raise NotOurs(f"{first.owner} is an alias, and {error}") from None
    raise NotOurs(f"{first.owner} is an alias that leads in a circle, or through more than {LONGEST_CHAIN} others")


def text_of(content: str) -> str:
    """Give the text of a TXT record's content: its strings, in quotes or not, joined."""
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', content)
    return "".join(quoted or bare for quoted, bare in strings)


# Name servers.


class Malformed(ValueError):
    """Bytes that are no answer to the question."""


def question(name: str, number: int) -> bytes:
    """Write a question for the texts at *name*, as an authoritative server is asked (RFC 1035 section 4.1, RFC 6891). Raises HookError."""
    labels = [label.encode("ascii", "replace") for label in name.split(".")]
    if not all(1 <= len(label) <= 63 for label in labels) or len(name) > 253:  # noqa: PLR2004 -- RFC 1035 section 2.3.4
        raise HookError(f"{name} is no domain name")
    wire = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    header = struct.pack("!6H", number, 0, 1, 0, 0, 1)
    return (
        header + wire + struct.pack("!HH", TYPE_TXT, CLASS_IN) + b"\0" + struct.pack("!HHIH", TYPE_OPT, PAYLOAD, 0, 0)
    )


def answer(message: bytes, number: int) -> tuple[set[str], bool]:
    """Read the texts of an answer, and whether it was cut short. Raises Malformed."""
    try:
        found, flags, questions, answers = struct.unpack_from("!4H", message)
        if found != number or not flags & 0x8000:
            raise Malformed
        at = 12
        for _ in range(questions):
            at = _behind_name(message, at) + 4
        return set(_texts(message, at, answers)), bool(flags & 0x0200)
    except (struct.error, IndexError):
        raise Malformed from None


def _texts(message: bytes, at: int, count: int) -> Iterator[str]:
    for _ in range(count):
        at = _behind_name(message, at)
        type_, _, _, length = struct.unpack_from("!HHIH", message, at)
        at += 10
        data = message[at : at + length]
        if len(data) != length:
            raise Malformed
        at += length
        if type_ == TYPE_TXT:
            yield b"".join(_strings(data)).decode("latin-1")


def _strings(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        yield data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]


def _behind_name(message: bytes, at: int) -> int:
    while length := message[at]:
        if length >= 0xC0:  # noqa: PLR2004 -- RFC 1035 section 4.1.4: a pointer ends it
            return at + 2
        at += 1 + length
    return at + 1


@dataclass
class NameServer:
    """One address of a name server of the zone *zone*: what it does not show yet, and since when it is silent."""

    name: str
    address: str
    port: int
    zone: str
    missing: set[Place]
    heard: float
    unheard: int = 0

    def __str__(self) -> str:
        return f"{self.name} ({self.address})" if self.address else self.name

    def ask(self, owner: str) -> set[str]:
        """Give the texts that it has at *owner*: none, too, where it does not know the zone. Raises OSError when no answer comes."""
        if not self.address:
            raise OSError
        number = secrets.randbelow(2**16)
        wire = question(owner, number)
        texts, cut = self._over_udp(wire, number)
        return self._over_tcp(wire, number) if cut else texts

    def _over_udp(self, wire: bytes, number: int) -> tuple[set[str], bool]:
        until = time.monotonic() + QUESTION
        with socket.socket(self._family, socket.SOCK_DGRAM) as each:
            # What is connected takes datagrams from that address only, and hears when nobody listens there.
            each.connect((self.address, self.port))
            each.send(wire)
            while (left := until - time.monotonic()) > 0:
                each.settimeout(left)
                with suppress(Malformed):
                    return answer(each.recv(65535), number)
        raise TimeoutError

    def _over_tcp(self, wire: bytes, number: int) -> set[str]:
        with socket.create_connection((self.address, self.port), QUESTION) as each:
            each.sendall(struct.pack("!H", len(wire)) + wire)
            with each.makefile("rb") as stream:
                length = int.from_bytes(stream.read(2), "big")
                try:
                    return answer(stream.read(length), number)[0]
                except Malformed:
                    raise ConnectionError("no answer") from None

    @property
    def _family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET


def addresses_of(api: Api, zones: Sequence[str], name: str) -> list[str]:
    """Give the addresses of a name server, as our zones have them, or else as the system finds them."""
    found: list[str] = []
    with suppress(NotOurs):
        place = place_in(zones, name)
        found = [*api.contents(place, "A"), *api.contents(place, "AAAA")]
    return found or looked_up(name)


def looked_up(name: str) -> list[str]:
    """Give the addresses that the system finds for a name in time."""
    found: set[str] = set()

    def look() -> None:
        with suppress(OSError, UnicodeError):
            found.update(str(each[4][0]) for each in socket.getaddrinfo(name, 53, type=socket.SOCK_DGRAM))

    # The system's own time-outs can be minutes, and cannot be set.
    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(LOOKUP)
    return sorted(found)


def name_servers(api: Api, zones: Sequence[str], places: Iterable[Place], port: int) -> list[NameServer]:
    """Give the name servers of the places' zones, each of which has everything to show still."""
    by_zone: dict[str, set[Place]] = {}
    for place in places:
        by_zone.setdefault(place.zone, set()).add(place)
    now = time.monotonic()
    return [
        NameServer(_plain(name), address, port, zone, set(wanted), now)
        for zone, wanted in sorted(by_zone.items())
        for name in api.contents(Place(zone, zone), "NS")
        # One without an address is kept, so that it is named among those that do not answer.
        for address in addresses_of(api, zones, _plain(name)) or [""]
    ]


class Wait:
    """Waits until name servers show what the API has at some places, at each at least so many values, and what was added just now."""

    def __init__(
        self, api: Api, wanted: Mapping[Place, int], added: tuple[Place, str], servers: list[NameServer]
    ) -> None:
        self._api = api
        self._least = wanted
        self._added = added
        self._waiting = servers
        self._zones = {each.zone for each in wanted}
        self._shown: set[str] = set()

    def until_shown(self, seconds: float) -> None:
        """Wait, at most so long, and name on stderr who does not answer. Raises HookError."""
        until = time.monotonic() + seconds
        pause = PAUSE
        while self._waiting:
            self._look()
            self._leave_out()
            if self._waiting and time.monotonic() + pause > until:
                raise HookError(self._late(seconds))
            time.sleep(pause if self._waiting else 0)
            pause = min(pause * 1.5, LONGEST_PAUSE)
        if silent := self._zones - self._shown:
            raise HookError(f"no name server of {', '.join(sorted(silent))} answers, so the CA will find nothing there")

    def _look(self) -> None:
        wanted = {place: self._wanted(place) for server in self._waiting for place in server.missing}
        for server in self._waiting:
            with suppress(OSError):
                for place in sorted(server.missing):
                    server.unheard += 1
                    shown = server.ask(place.owner)
                    server.heard, server.unheard = time.monotonic(), 0
                    if wanted[place] <= shown and len(shown) >= self._least[place]:
                        server.missing.discard(place)
        self._shown.update(each.zone for each in self._waiting if not each.missing)
        self._waiting = [each for each in self._waiting if each.missing]

    def _wanted(self, place: Place) -> set[str]:
        # Asked again each time: values of other runs come and go.
        values = self._api.values(place)
        return values | {self._added[1]} if place == self._added[0] else values

    def _leave_out(self) -> None:
        now = time.monotonic()
        for server in self._waiting[:]:
            if not server.address or (server.unheard >= QUESTIONS and now - server.heard >= SILENCE):
                reason = "does not answer" if server.address else "has no address"
                tell(f"the name server {server} {reason}, and is left out")
                self._waiting.remove(server)

    def _late(self, seconds: float) -> str:
        lacking = ", ".join(f"{each} lacks {min(each.missing).owner}" for each in self._waiting)
        return f"not every name server shows every value after {seconds:.0f} seconds: {lacking}"


# The two hooks.


def auth(settings: Settings, challenge: Challenge) -> None:
    """Add the value; after the last one of a run, wait until all can be seen. Raises HookError."""
    api = Api(settings)
    zones = api.zones()
    place = find_place(api, zones, challenge.domain)
    record = api.add(place, challenge.value)
    # certbot hands this to the other hook, also where waiting fails.
    sys.stdout.write(f"{place.owner} TXT, record {record}\n")
    sys.stdout.flush()
    if challenge.is_last and settings.wait:
        wanted = places_of_run(api, zones, challenge, place)
        servers = name_servers(api, zones, wanted, settings.dns_port)
        Wait(api, wanted, (place, challenge.value), servers).until_shown(settings.wait)


def places_of_run(api: Api, zones: Sequence[str], challenge: Challenge, place: Place) -> Counter[Place]:
    """Give the places of all domains of a run, and how many values each needs; *place* is that of the last one."""
    found = {challenge.domain: place}
    for domain in {*challenge.domains} - {challenge.domain}:
        # The hook that was called for it has said so already.
        with suppress(NotOurs):
            found[domain] = find_place(api, zones, domain)
    wanted = Counter(found[domain] for domain in challenge.domains if domain in found)
    wanted[place] = max(1, wanted[place])
    return wanted


def cleanup(settings: Settings, challenge: Challenge) -> None:
    """Remove the value, if it is there. Raises HookError."""
    api = Api(settings)
    told = re.search(r", record (\S+)$", challenge.output.strip())
    if told and api.has(told[1], challenge.value):
        api.remove(told[1])
        return
    # The other hook failed, and may have added it all the same.
    place = find_place(api, api.zones(), challenge.domain)
    for record in api.records(place, "TXT"):
        if text_of(str(record["content"])) == challenge.value:
            api.remove(str(record["id"]))


def tell(message: str) -> None:
    """Write one line to stderr."""
    sys.stderr.write(f"couchpages: {one_line(message)}\n")


HOOKS = {"auth": auth, "cleanup": cleanup}


def hook_of(arguments: Sequence[str]) -> Callable[[Settings, Challenge], None]:
    """Give the hook that the command line names. Raises HookError."""
    if len(arguments) != 1 or arguments[0] not in HOOKS:
        raise HookError("certbot calls it with one word more: auth (--manual-auth-hook), or cleanup")
    return HOOKS[arguments[0]]


def main(arguments: Sequence[str], environ: Mapping[str, str], configuration: Path) -> int:
    """Run a hook, and give the exit code."""
    try:
        hook = hook_of(arguments)
        settings = read_settings(with_configuration(environ, configuration))
        hook(settings, read_challenge(environ))
    except HookError as error:
        tell(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ, Path(__file__).with_suffix(".conf")))
