"""Every setting, with its default, an example and what it does (pure). Sizes are bytes, durations seconds.

:mod:`couchpages.config` reads them.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from couchpages.config_certificates import (
    acme_directory,
    certificate_names,
    host_patterns,
    key_kinds,
    mailboxes,
    texts,
)
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
class AcmeSettings:
    """``[acme]``: certificates that are issued and renewed. Without ``directory``, none are."""

    directory: str | None = setting(
        acme_directory,
        None,
        '"letsencrypt-staging"',
        "The certificate authority: letsencrypt, letsencrypt-staging, or the https address of its ACME directory.",
    )
    terms_agreed: bool = setting(boolean, False, "true", "Whether you agree to its terms of service.")
    contacts: tuple[str, ...] = setting(
        mailboxes, (), '["hostmaster@example.net"]', "Mailboxes that it may write to; it need not know any."
    )
    ca_file: Path | None = setting(
        path,
        None,
        '"/etc/couchpages/ca.pem"',
        "PEM that its own HTTPS is trusted by, instead of what the machine trusts.",
    )
    eab_key_id: str = setting(
        text, "", '"kid-1"', "The id of the key for external account binding, where it asks for one."
    )
    eab_key_file: Path | None = setting(
        path, None, '"/etc/couchpages/eab-key"', "The file with that key, in base64url as the authority gave it."
    )
    issuers: tuple[str, ...] = setting(
        texts,
        (),
        '["web1", "web2"]',
        "The nodes, by [node] name, that may issue; empty: every node that has a directory.",
    )
    sites: bool = setting(boolean, True, "false", "Whether every live site gets a certificate by itself.")
    exclude: tuple[str, ...] = setting(
        host_patterns,
        (),
        '["intern.example.org", "*.lan.example.org"]',
        "Sites that get none; *. stands for all below a name.",
    )
    certificates: tuple[tuple[str, ...], ...] = setting(
        certificate_names,
        (),
        '[["mail.example.org"], ["example.net", "*.example.net"]]',
        "Certificates that are wanted beside those of sites: the names of each.",
    )
    keys: tuple[str, ...] = setting(
        key_kinds, ("ecdsa",), '["ecdsa", "rsa"]', "The kinds of keys that each is made with."
    )
    profile: str = setting(text, "", '"shortlived"', "The profile that is asked for, of those that the authority has.")
    preferred_chain: str = setting(
        text,
        "",
        '"ISRG Root X1"',
        "The name of the root that the chain should lead to, where the authority offers several.",
    )
    resolvers: tuple[SocketAddress, ...] = setting(
        dns_addresses, (), '["127.0.0.1:53"]', "Resolvers that see the public DNS; empty: those of /etc/resolv.conf."
    )
    http_port: int = setting(
        port_number, 80, "80", "The port at which the authority fetches challenges: 80, but in tests."
    )
    dns_port: int = setting(port_number, 53, "53", "The port at which name servers are asked: 53, but in tests.")
    propagation_timeout: float = setting(
        seconds, 120.0, "120", "Seconds that an order waits until all name servers, or addresses, show a challenge."
    )
    lease: float = setting(
        seconds,
        300.0,
        "300",
        "Seconds after which another issuer takes over from one that is gone; the same on all nodes.",
    )
    check_interval: float = setting(seconds, 30.0, "30", "Seconds between two looks at what is due.")


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
    acme: AcmeSettings = AcmeSettings()
    cache: CacheSettings = CacheSettings()
    limits: LimitSettings = LimitSettings()
    deployments: DeploymentSettings = DeploymentSettings()
    node: NodeSettings = NodeSettings()
    log: LogSettings = LogSettings()
    access_log: AccessLogSettings = AccessLogSettings()
