"""The configuration: TOML to frozen settings, with errors that name file, key, value and a right example.

Pure but for :func:`load`, which reads the file. Sizes are bytes, durations seconds. Secrets are not written into the file:
they come from a file of their own or from the environment.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from couchpages.config_values import (
    Network,
    SocketAddress,
    boolean,
    branches,
    command,
    database_name,
    datagram_size,
    dns_addresses,
    endpoints,
    endpoints_or_none,
    host_names,
    mailbox,
    networks,
    one_of,
    path,
    paths,
    port_number,
    positive_integer,
    seconds,
    size,
    tcp_endpoint,
    text,
    url,
)

DEFAULT_FILE = "couchpages.toml"
T = TypeVar("T")


class ConfigurationError(ValueError):
    """The configuration is wrong; the message is for the person who wrote it."""


def setting(parse: Any, default: Any, example: str, doc: str) -> Any:
    """Declare a key: *parse* reads its TOML value or raises ValueError with what is wrong; *example* is TOML that is right."""
    return field(default=default, metadata={"parse": parse, "example": example, "doc": doc})


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """``[http]``: what visitors reach."""

    listen: tuple[str, ...] = setting(
        endpoints,
        ("tcp:8080:interface=127.0.0.1",),
        # On Linux an IPv6 socket on every address takes IPv4 too; a second one beside it would find the port taken.
        '["tcp:80:interface=\\\\:\\\\:"]',
        "Twisted endpoint strings on which sites are served; this one means every IPv4 and IPv6 address.",
    )
    trusted_proxies: tuple[Network, ...] = setting(
        networks, (), '["127.0.0.1", "10.0.0.0/8"]', "Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."
    )
    public_scheme: str = setting(
        one_of("http", "https"), "http", '"https"', "The scheme of the addresses that a deployment tells."
    )
    public_port: int | None = setting(
        port_number, None, "443", "Their port, where it is not that of the first endpoint: behind a proxy."
    )
    connections: int = setting(
        positive_integer,
        16_384,
        "16_384",
        "Connections in all, to each port; fewer where the process may open fewer files.",
    )
    connections_per_address: int = setting(
        positive_integer,
        1024,
        "1024",
        "Connections from one address (IPv6: network of 64 bits), trusted proxies excepted.",
    )
    requests_per_connection: int = setting(
        positive_integer, 1000, "1000", "Requests after which a connection is closed."
    )
    head_size: int = setting(size, 32 * 2**10, '"32 KiB"', "The largest head of a request.")
    head_fields: int = setting(positive_integer, 100, "100", "The most header fields in a request.")
    idle_timeout: float = setting(seconds, 75.0, "75", "Seconds that a connection without a request stays open.")
    head_timeout: float = setting(seconds, 30.0, "30", "Seconds in which a request's head must be whole.")
    write_rate: int = setting(size, 500, "500", "Bytes a second that a reader must take at least.")


@dataclass(frozen=True, slots=True)
class HttpsSettings:
    """``[https]``: the same over TLS."""

    listen: tuple[str, ...] = setting(
        endpoints_or_none,
        ("tcp:8443:interface=127.0.0.1",),
        '["tcp:443:interface=\\\\:\\\\:"]',
        "Twisted endpoint strings on which sites are served over TLS; an empty list for none.",
    )
    redirect: bool = setting(
        boolean,
        True,
        "true",
        "Whether visitors of plain HTTP are sent to HTTPS where there is a certificate for the host.",
    )
    public_port: int | None = setting(
        port_number, None, "443", "The port that they are sent to, where it is not that of the first endpoint."
    )
    hsts: int | None = setting(
        positive_integer,
        None,
        "31_536_000",
        "Seconds for which browsers use nothing but HTTPS; without it, they are told nothing.",
    )
    hsts_subdomains: bool = setting(boolean, False, "true", "Whether that is so for all hosts below too.")
    hsts_preload: bool = setting(boolean, False, "true", "Whether browsers' makers may put the host on their lists.")
    http2: bool = setting(
        boolean,
        False,
        "true",
        "Whether HTTP/2 is offered: it is slower here, see docs/https.md.",
    )
    default_certificate: str = setting(
        text, "", '"example.org"', "The name whose certificate clients without SNI get; empty: the first by name."
    )
    self_signed: bool = setting(
        boolean, True, "false", "Whether localhost gets a certificate that signs itself, for development."
    )
    handshake_timeout: float = setting(seconds, 10.0, "10", "Seconds in which a handshake must be over.")
    handshakes: int = setting(positive_integer, 512, "512", "Handshakes under way; the oldest goes for one more.")


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """``[api]``: deployments, health and metrics."""

    listen: tuple[str, ...] = setting(
        endpoints,
        ("tcp:8081:interface=127.0.0.1",),
        '["tcp:8081:interface=127.0.0.1"]',
        "Twisted endpoint strings on which the API, health and metrics are served.",
    )
    tls: bool = setting(
        boolean, False, "true", "Whether they are served over TLS, with the certificates that sites have; see [https]."
    )
    hosts: tuple[str, ...] = setting(
        host_names, (), '["api.example.org"]', "Host names under which the public port answers the API too."
    )


@dataclass(frozen=True, slots=True)
class CouchSettings:
    """``[couchdb]``: the node's own CouchDB. Without ``url``, the embedded store is started."""

    url: str | None = setting(url, None, '"http://127.0.0.1:5984"', "Where CouchDB answers, without a path.")
    username: str = setting(text, "couchpages", '"couchpages"', "The user that CouchDB knows this node by.")
    password_file: Path | None = setting(
        path,
        None,
        '"/etc/couchpages/couchdb-password"',
        "A file that holds the password. COUCHPAGES_COUCHDB_PASSWORD beats it.",
    )
    files: str = setting(database_name, "files", '"files"', "The database of blobs.")
    manifests: str = setting(database_name, "manifests", '"manifests"', "The database of deployments.")
    secrets: str = setting(database_name, "secrets", '"secrets"', "The database of API keys and sealed certificates.")
    dns_zones: str = setting(database_name, "dns_zones", '"dns_zones"', "The database of zones.")
    dns_records: str = setting(database_name, "dns_records", '"dns_records"', "The database of the zones' records.")
    connect_timeout: float = setting(seconds, 5.0, "5", "Seconds until a connection must stand.")
    answer_timeout: float = setting(seconds, 10.0, "10", "Seconds until an answer must begin.")
    idle_timeout: float = setting(seconds, 10.0, "10", "Seconds that an answer may pause.")
    max_document_size: int = setting(
        size,
        8_000_000,
        "8_000_000",
        "CouchDB's own setting of that name; larger manifests are refused before anything is uploaded.",
    )
    password: str | None = None


@dataclass(frozen=True, slots=True)
class EmbeddedSettings:
    """``[embedded]``: the store for machines without CouchDB."""

    listen: str = setting(
        tcp_endpoint,
        "tcp:8084:interface=127.0.0.1",
        '"tcp:8084:interface=127.0.0.1"',
        "The Twisted endpoint string on which the embedded store speaks CouchDB's protocol.",
    )


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """``[dns]``: the authoritative name server."""

    listen: tuple[SocketAddress, ...] = setting(
        dns_addresses,
        (SocketAddress("127.0.0.1", 8053),),
        '["192.0.2.1:53", "[2001:db8::1]:53"]',
        "Addresses with ports, for UDP and TCP; an empty list for a node that is no name server.",
    )
    nameservers: tuple[str, ...] = setting(
        host_names,
        (),
        '["ns1.example.net", "ns2.example.net"]',
        "The names of the name servers, the primary first, for the SOA and NS of new zones.",
    )
    hostmaster: str = setting(
        mailbox, "", '"hostmaster@example.net"', "The mailbox in the SOA of new zones; empty: hostmaster of the zone."
    )
    version: str = setting(
        text, "", '"couchpages"', "What version.bind is answered with; empty: the question is refused."
    )
    identity: str = setting(text, "", '"web1"', "What hostname.bind and NSID are answered with; empty: they are not.")
    udp_size: int = setting(datagram_size, 1232, "1232", "The largest answer over UDP, for those who take so much.")
    tcp_connections: int = setting(positive_integer, 4096, "4096", "TCP connections in all, to each address.")
    tcp_connections_per_address: int = setting(
        positive_integer, 128, "128", "TCP connections from one address (IPv6: network of 64 bits)."
    )
    tcp_idle_timeout: float = setting(
        seconds, 10.0, "10", "Seconds that a TCP connection without a question stays open."
    )


@dataclass(frozen=True, slots=True)
class CertsSettings:
    """``[certs]``: sealed certificates."""

    key_files: tuple[Path, ...] = setting(
        paths,
        (),
        '["/etc/couchpages/certs.key"]',
        "Files of 32 bytes, the same on all nodes: the first seals, all open; without any, certs.key in the data folder.",
    )
    export_dir: Path | None = setting(
        path,
        None,
        '"/var/lib/couchpages-certs"',
        "A folder into which certificates and their keys are written for other programs; without it, they are not.",
    )
    export_command: tuple[str, ...] | None = setting(
        command,
        None,
        '["/usr/local/bin/certificates-changed"]',
        "What is run when files there changed: a program and its arguments.",
    )


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """``[cache]``: what is kept near. Sizes are limits."""

    manifests: int = setting(size, 64 * 2**20, '"64 MiB"', "Memory for manifests.")
    memory: int = setting(size, 128 * 2**20, '"128 MiB"', "Memory for blobs.")
    disk: int = setting(size, 4 * 2**30, '"4 GiB"', "Disk for blobs, in the data directory.")


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """``[limits]``: what one deployment may be. The defaults are those of Cloudflare Pages."""

    file_size: int = setting(size, 25 * 2**20, '"25 MiB"', "The largest file.")
    files: int = setting(positive_integer, 20_000, "20_000", "The most files in a deployment.")


@dataclass(frozen=True, slots=True)
class DeploymentSettings:
    """``[deployments]``."""

    production_branches: tuple[str, ...] = setting(
        branches,
        ("main", "master"),
        '["main", "master"]',
        "Branches whose deployments become live; all others are previews.",
    )


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """``[node]``: what ``/cdn-cgi/trace`` tells of this machine."""

    name: str = setting(text, "", '"web1"', "The machine's name; empty means its host name.")
    location: str = setting(text, "", '"AMS"', "Where it stands (colo).")
    country: str = setting(text, "", '"NL"', "The country it stands in (loc).")


@dataclass(frozen=True, slots=True)
class LogSettings:
    """``[log]``."""

    format: str = setting(one_of("text", "json"), "text", '"json"', "text, or json with one object a line.")


@dataclass(frozen=True, slots=True)
class AccessLogSettings:
    """``[access_log]``: a line for each response."""

    file: Path | None = setting(
        path,
        None,
        '"/var/log/couchpages/access.log"',
        "The file that is appended to; without it, there is no access log.",
    )
    format: str = setting(
        one_of("combined", "json"),
        "combined",
        '"json"',
        "combined, as Apache and nginx have it, or json with one object a line.",
    )
    rotate_size: int | None = setting(
        size, None, '"100 MiB"', "The size at which the file is rotated; without it, that is left to logrotate."
    )
    rotate_keep: int = setting(positive_integer, 10, "10", "How many old files stay, where rotate_size is set.")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be configured."""

    data: Path = setting(path, Path("couchpages-data"), '"/var/lib/couchpages"', "Where this node keeps its files.")
    http: HttpSettings = HttpSettings()
    https: HttpsSettings = HttpsSettings()
    api: ApiSettings = ApiSettings()
    couchdb: CouchSettings = CouchSettings()
    embedded: EmbeddedSettings = EmbeddedSettings()
    dns: DnsSettings = DnsSettings()
    certs: CertsSettings = CertsSettings()
    cache: CacheSettings = CacheSettings()
    limits: LimitSettings = LimitSettings()
    deployments: DeploymentSettings = DeploymentSettings()
    node: NodeSettings = NodeSettings()
    log: LogSettings = LogSettings()
    access_log: AccessLogSettings = AccessLogSettings()


def key_files(settings: Settings) -> tuple[Path, ...]:
    """Give the files of the keys that seal certificates, the one that seals first."""
    return tuple(each.absolute() for each in settings.certs.key_files) or (settings.data.resolve() / "certs.key",)


def parse(toml: str, source: str) -> Settings:
    """Read settings from TOML; *source* is the file's name for messages. Raises :class:`ConfigurationError`."""
    try:
        values = tomllib.loads(toml)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{source}: not TOML: {error}") from None
    return _read(Settings, values, source, "")


def load(file: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read *file*, or ``couchpages.toml`` of this folder if it is there, and the secrets. Raises :class:`ConfigurationError`."""
    settings = Settings()
    chosen = file or Path(DEFAULT_FILE)
    if file is not None or chosen.exists():
        settings = parse(_content(chosen, "the configuration"), str(chosen))
    return with_secrets(settings, environ)


def with_secrets(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Add CouchDB's password, from the environment or from the file that the settings name."""
    # An empty variable is one that nobody set: compose files and units pass those on.
    password = environ.get("COUCHPAGES_COUCHDB_PASSWORD") or None
    file = settings.couchdb.password_file
    if password is None and file is not None:
        password = password_in(file)
    else:
        # What is in the environment beats the file, now and later.
        file = None
    return replace(settings, couchdb=replace(settings.couchdb, password=password, password_file=file))


def password_in(file: Path) -> str:
    """Read CouchDB's password from its file. Raises :class:`ConfigurationError`."""
    return _content(file, "[couchdb] password_file").strip()


def _read(kind: type[T], values: Mapping[str, Any], source: str, section: str) -> T:
    known = {each.name: each for each in _declared(kind)}
    found: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise _unknown(kind, key, source, section)
        found[key] = _value(known[key], key, value, source, section)
    return kind(**found)


def _declared(kind: Any) -> list[Any]:
    """Give the keys and sections of *kind*; a field that is neither, such as a secret, is not read from the file."""
    return [each for each in fields(kind) if each.metadata or is_dataclass(each.default)]


def _value(declared: Any, key: str, value: Any, source: str, section: str) -> Any:
    if not declared.metadata:
        if not isinstance(value, dict):
            raise ConfigurationError(f"{source}: {key}: {_shown(value)} is no section; write [{key}] above its keys")
        return _read(type(declared.default), value, source, key)
    try:
        return declared.metadata["parse"](value)
    except ValueError as error:
        where = f"[{section}] {key}" if section else key
        raise ConfigurationError(
            f"{source}: {where}: {_shown(value)} {error}; write for instance {key} = {declared.metadata['example']}"
        ) from None


def _unknown(kind: Any, key: str, source: str, section: str) -> ConfigurationError:
    where = f"[{section}] {_in_one_line(key)}" if section else _in_one_line(key)
    if key == "password":
        return ConfigurationError(
            f"{source}: {where}: passwords are not written here; "
            'set COUCHPAGES_COUCHDB_PASSWORD, or write for instance password_file = "/etc/couchpages/couchdb-password"'
        )
    known = {each.name: each for each in _declared(kind)}
    close = difflib.get_close_matches(key, known, n=1)
    if not close:
        return ConfigurationError(f"{source}: {where}: there is no such key; here are: {', '.join(known)}")
    example = known[close[0]].metadata.get("example")
    right = f"{close[0]} = {example}" if example else f"[{close[0]}]"
    return ConfigurationError(f"{source}: {where}: there is no such key; write for instance {right}")


def _content(file: Path, what: str) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: {what} cannot be read: {error}") from None


def _in_one_line(words: str) -> str:
    return words if words.isprintable() else ascii(words)[1:-1]


def _shown(value: Any) -> str:
    if isinstance(value, str):
        # An error message is shown around; a password in an address must not be (law 6).
        return '"' + _in_one_line(re.sub(r"//.*@", "//…@", value, flags=re.DOTALL)) + '"'
    return {True: "true", False: "false"}.get(value, repr(value)) if isinstance(value, bool) else repr(value)


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """The interface and port of an endpoint string."""

    interface: str
    port: int


def tcp_address(endpoint: str) -> TcpAddress | None:
    """Give where a ``tcp:`` or ``tcp6:`` endpoint listens, or None for other kinds."""
    kind, *arguments = re.split(r"(?<!\\):", endpoint)
    if kind not in ("tcp", "tcp6"):
        return None
    named = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    port = named.get("port") or arguments[0]
    return TcpAddress(named.get("interface", "").replace("\\", ""), int(port))
