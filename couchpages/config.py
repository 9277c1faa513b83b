"""The configuration: TOML to frozen settings, with errors that name file, key, value and a right example.

Pure but for :func:`load`, which reads the file. Secrets are not written into the file: they come from a file of their own or from the
environment.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from couchpages.settings import AcmeSettings, Settings

DEFAULT_FILE = "couchpages.toml"
#: Times at least that an issuer looks at what is due within a lease: it is renewed when a third has passed, and believed for two.
LOOKS_IN_A_LEASE = 3
T = TypeVar("T")


class ConfigurationError(ValueError):
    """The configuration is wrong; the message is for the person who wrote it."""


def key_files(settings: Settings) -> tuple[Path, ...]:
    """Give the files of the keys that seal certificates, the one that seals first."""
    return tuple(each.absolute() for each in settings.certs.key_files) or (settings.data.resolve() / "certs.key",)


def parse(toml: str, source: str) -> Settings:
    """Read settings from TOML; *source* is the file's name for messages. Raises :class:`ConfigurationError`."""
    try:
        values = tomllib.loads(toml)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{source}: not TOML: {error}") from None
    settings = _read(Settings, values, source, "")
    wrong = _at_odds(settings.acme)
    if wrong:
        raise ConfigurationError(f"{source}: [acme] {wrong}")
    return settings


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


def _at_odds(acme: AcmeSettings) -> str:
    """Say which settings of ``[acme]`` do not go together, and what to write; nothing where all do."""
    if acme.eab_key_id and acme.eab_key_file is None:
        return (
            f"eab_key_id: {_shown(acme.eab_key_id)} names a key, and there is none; "
            'write for instance eab_key_file = "/etc/couchpages/eab-key" too'
        )
    if acme.eab_key_file is not None and not acme.eab_key_id:
        return (
            f"eab_key_file: {_shown(str(acme.eab_key_file))} has a key, and nothing says which; "
            'write for instance eab_key_id = "kid-1" too'
        )
    if acme.check_interval * LOOKS_IN_A_LEASE > acme.lease:
        return (
            f"check_interval: {acme.check_interval:g} is more than a third of lease, {acme.lease:g}, so that the issuer would lose it "
            f"between its looks; write for instance check_interval = {acme.lease / LOOKS_IN_A_LEASE:g}, "
            f"or lease = {acme.check_interval * LOOKS_IN_A_LEASE:g} on all nodes"
        )
    return ""


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
