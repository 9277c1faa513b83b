"""How the servers of others are configured (pure). Each runs in a folder of its own, and writes nowhere else."""

from dataclasses import dataclass
from pathlib import Path

_NGINX = """
{user}
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections {connections}; }}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    types_hash_max_size 2048;
    access_log off;
    gzip off;
    {settings}
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {servers}
}}
"""

_FILES = "server {{ listen 127.0.0.1:{port} backlog={backlog}; root {root}; }}"

_PROXY = """
    upstream application {{ server 127.0.0.1:{upstream}; keepalive 64; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://application;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
        }}
    }}
"""

#: Debian's /etc/nginx/nginx.conf; its logs and gzip are off everywhere.
_DEBIAN = "sendfile on; tcp_nopush on;"
_TUNED = """
    sendfile off; tcp_nopush off; keepalive_requests 1000000000;
    open_file_cache max=20000 inactive=60s; open_file_cache_valid 60s; open_file_cache_min_uses 1; open_file_cache_errors on;
"""


_TLS = """
    ssl_certificate {pem}; ssl_certificate_key {pem};
    ssl_protocols TLSv1.2 TLSv1.3; ssl_prefer_server_ciphers off;
    ssl_session_cache shared:bench:10m; ssl_session_tickets on;
"""


@dataclass(frozen=True, slots=True)
class Flavour:
    """A way to configure nginx as a server of files."""

    settings: str
    connections: int
    backlog: int


#: nginx's own backlog on Linux is 511.
DEBIAN = Flavour(_DEBIAN, 768, 511)
TUNED = Flavour(_TUNED, 20_000, 4096)


def files_by_nginx(flavour: Flavour, folder: Path, port: int, root: Path, *, as_root: bool) -> str:
    """Give the configuration of an nginx that serves what lies in *root*."""
    servers = _FILES.format(port=port, root=root, backlog=flavour.backlog)
    return _nginx(folder, flavour.connections, flavour.settings, servers, as_root=as_root)


def secure_files_by_nginx(folder: Path, port: int, root: Path, pem: Path, *, as_root: bool) -> str:
    """Give the configuration of the tuned nginx over TLS, with chain and key in *pem*; as Mozilla's intermediate configuration has it."""
    servers = _FILES.format(port=f"{port} ssl http2", root=root, backlog=TUNED.backlog)
    settings = f"{TUNED.settings} {_TLS.format(pem=pem)}"
    return _nginx(folder, TUNED.connections, settings, servers, as_root=as_root)


def proxy_by_nginx(folder: Path, port: int, upstream: int, *, as_root: bool) -> str:
    """Give the configuration of Debian's nginx before an application."""
    servers = _PROXY.format(port=port, upstream=upstream)
    return _nginx(folder, DEBIAN.connections, DEBIAN.settings, servers, as_root=as_root)


def _nginx(folder: Path, connections: int, settings: str, servers: str, *, as_root: bool) -> str:
    # Started by root, the worker would be somebody else, who may not read a temporary folder.
    user = "user root;" if as_root else ""
    return _NGINX.format(folder=folder, connections=connections, settings=settings, servers=servers, user=user)


def files_by_caddy(port: int, root: Path) -> str:
    """Give the Caddyfile of a server of files: no logs of requests, no certificates, no API."""
    return f"""{{
    admin off
    auto_https off
}}
:{port} {{
    bind 127.0.0.1
    root * {root}
    file_server
}}
"""
