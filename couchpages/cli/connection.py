"""Which server a command talks to and where its key comes from (pure)."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from couchpages.cli.errors import WrongCallError

DEFAULT_SERVER = "http://127.0.0.1:8081"


@dataclass(frozen=True, slots=True)
class Connection:
    """A server's address without a slash at its end, and the key, which no message ever shows."""

    server: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyGiven:
    """The key itself; *visible* when it stood on the command line, which other users of the machine can read."""

    key: str = field(repr=False)
    visible: bool


@dataclass(frozen=True, slots=True)
class KeyInFile:
    """The path of the file whose first line is the key."""

    path: str


def decide_server(option: str | None, environ: Mapping[str, str], *, first_uploader: bool) -> str:
    """Give the server's address, checked; *first_uploader* lets SERVER_URL count."""
    names = ("COUCHPAGES_SERVER", "SERVER_URL") if first_uploader else ("COUCHPAGES_SERVER",)
    if option is not None:
        return check_server(option, "--server")
    for name in names:
        if environ.get(name):
            return check_server(environ[name], name)
    return DEFAULT_SERVER


def check_server(address: str, source: str) -> str:
    """Give *address* without slashes at its end, or raise WrongCallError; a path before the API's own is kept."""
    if problem := _server_problem(address.strip()):
        raise WrongCallError(f"{source}: {_without_password(address)!r} {problem}; write for instance {DEFAULT_SERVER}")
    return address.strip().rstrip("/")


def _without_password(address: str) -> str:
    return f"…@{address.rpartition('@')[2]}" if "@" in address else address


def _server_problem(address: str) -> str | None:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        return f"is no address ({error})"
    if parts.scheme not in {"http", "https"}:
        return "does not begin with http:// or https://"
    if not parts.hostname or port == 0 or not address.isascii() or not address.isprintable() or " " in address:
        return "has no usable host and port"
    if "@" in parts.netloc:
        return "has a user name in it, which the API does not know"
    if parts.query or parts.fragment:
        return "has a query or a fragment in it"
    return None


def decide_key(
    key: str | None, key_file: str | None, environ: Mapping[str, str], *, first_uploader: bool
) -> KeyGiven | KeyInFile:
    """Tell where the key is, or raise WrongCallError; *first_uploader* lets API_KEY count."""
    if key is not None and key_file is not None:
        raise WrongCallError("--api-key and --api-key-file contradict each other; give one")
    if key_file is not None:
        return KeyInFile(key_file)
    if key is not None:
        return KeyGiven(check_key(key, "--api-key"), visible=True)
    return _key_of_environment(environ, first_uploader=first_uploader)


def _key_of_environment(environ: Mapping[str, str], *, first_uploader: bool) -> KeyGiven | KeyInFile:
    if environ.get("COUCHPAGES_API_KEY"):
        return KeyGiven(check_key(environ["COUCHPAGES_API_KEY"], "COUCHPAGES_API_KEY"), visible=False)
    if environ.get("COUCHPAGES_API_KEY_FILE"):
        return KeyInFile(environ["COUCHPAGES_API_KEY_FILE"])
    if first_uploader and environ.get("API_KEY"):
        return KeyGiven(check_key(environ["API_KEY"], "API_KEY"), visible=False)
    raise WrongCallError("no API key given; set COUCHPAGES_API_KEY, or name the file that holds it with --api-key-file")


def check_key(key: str, source: str) -> str:
    """Give *key* without white space around it, or raise WrongCallError, which does not show it."""
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise WrongCallError(f"{source}: holds no usable key; a key is one word of ASCII, as couchpages init prints it")
    return key


def goes_in_clear(server: str) -> bool:
    """Tell whether a key sent to *server* crosses networks in clear: http, to a host that is not plainly private."""
    parts = urlsplit(server)
    host = parts.hostname or ""
    if parts.scheme == "https" or host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        return not ipaddress.ip_address(host.partition("%")[0]).is_private
    except ValueError:
        return True
