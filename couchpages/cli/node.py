"""``couchpages init`` and ``couchpages keys``: what is done to a node's own CouchDB, not through the API (I/O)."""

import time
from typing import TYPE_CHECKING, Any

import click

from couchpages.cli.environment import check_site
from couchpages.cli.errors import CommandError, WrongCallError
from couchpages.cli.output import emit_json, emit_lines, emit_table, remark
from couchpages.cli.with_couchdb import node_options, with_couchdb

if TYPE_CHECKING:
    from couchpages.access.keys import KeyRecord


@click.command(short_help="Make the databases and the first API key.")
@node_options
def init(config: str | None, *, as_json: bool) -> None:
    """Make the databases of the node's CouchDB and, if there is none yet, an API key for all sites and zones. May be repeated.

    The key is shown once: CouchDB holds only its hash. With --json: {"api_key": KEY}, null where there are keys already.
    """
    made, key = with_couchdb(config, lambda couchdb: couchdb.init(_now()))
    if as_json:
        emit_json({"api_key": key, "databases_created": made})
        return
    for name in made:
        remark(f"created the database {name}")
    if key is None:
        remark("there are API keys already; 'couchpages keys create' makes another")
        return
    remark("this is the API key; it is not shown again:")
    emit_lines([key])


@click.group(short_help="Make, list, revoke and seal API keys.")
def keys() -> None:
    """Make, list, revoke and seal API keys, in the node's own CouchDB."""


@keys.command("create", short_help="Make an API key.")
@click.option(
    "--site",
    "sites",
    multiple=True,
    metavar="HOST",
    help='A site that it reaches: a name, "*.example.org", or "*" for all.',
)
@click.option("--zone", "zones", multiple=True, metavar="ZONE", help="A DNS zone that it reaches, written likewise.")
@click.option("--name", default="", metavar="TEXT", help="What it is for, to tell it from others.")
@node_options
def create(config: str | None, sites: tuple[str, ...], zones: tuple[str, ...], name: str, *, as_json: bool) -> None:
    """Make an API key. It is shown once: CouchDB holds only its hash."""
    if not sites and not zones:
        raise WrongCallError('keys create: say what the key reaches: --site HOST or --zone ZONE, "*" for all')
    scope = [_pattern(site, "--site") for site in sites]
    zone_scope = [_zone_pattern(zone) for zone in zones]
    text, record = with_couchdb(config, lambda couchdb: couchdb.create_key(name, scope, zone_scope, _now()))
    if as_json:
        emit_json({"api_key": text, **_shown(record)})
        return
    remark(f"this is the API key {record.key_id}; it is not shown again:")
    emit_lines([text])


@keys.command("list", short_help="List the API keys.")
@node_options
def list_(config: str | None, *, as_json: bool) -> None:
    """List the API keys; not their secrets, which nobody has."""
    records = with_couchdb(config, lambda couchdb: couchdb.keys())
    if as_json:
        emit_json({"keys": [_shown(record) for record in records]})
        return
    rows = [
        (
            record.key_id,
            record.name,
            " ".join(record.sites),
            " ".join(record.zones),
            record.created or "-",
            _remark_on(record),
        )
        for record in records
    ]
    emit_table(("id", "name", "sites", "zones", "created", ""), rows)


@keys.command("revoke", short_help="Revoke an API key.")
@click.argument("key_id", metavar="ID")
@node_options
def revoke(config: str | None, key_id: str, *, as_json: bool) -> None:
    """Revoke the API key ID: every node refuses it as soon as it hears of it, within a second."""
    if not with_couchdb(config, lambda couchdb: couchdb.revoke_key(key_id)):
        raise CommandError(f"there is no API key {key_id}; 'couchpages keys list' shows them")
    if as_json:
        emit_json({"revoked": key_id})
        return
    emit_lines([f"revoked {key_id}"])


@keys.command("seal", short_help="Replace the first system's clear key by its hash.")
@node_options
def seal(config: str | None, *, as_json: bool) -> None:
    """Replace the first system's key, which lies in CouchDB in clear text, by its hash. It goes on working here."""
    sealed = with_couchdb(config, lambda couchdb: couchdb.seal_key())
    if as_json:
        emit_json({"sealed": sealed})
        return
    emit_lines(["sealed: CouchDB holds only the key's hash now" if sealed else "there is no key in clear text"])


def _pattern(text: str, option: str) -> str:
    """Give a scope's pattern in canonical form."""
    if text == "*":
        return text
    if text.startswith("*."):
        return "*." + check_site(text[2:], option)
    return check_site(text, option)


def _zone_pattern(text: str) -> str:
    """Give a zone scope's pattern in canonical form; zones have names that no host may have."""
    from couchpages.dns.names import canonical, from_text, shown

    if text == "*":
        return text
    prefix = "*." if text.startswith("*.") else ""
    try:
        return prefix + shown(canonical(from_text(text.removeprefix("*."))))
    except ValueError as error:
        raise WrongCallError(f"--zone: {error}") from None


def _shown(record: "KeyRecord") -> dict[str, Any]:
    return {
        "id": record.key_id,
        "name": record.name,
        "sites": list(record.sites),
        "zones": list(record.zones),
        "created": record.created or None,
        "clear": record.clear,
    }


def _remark_on(record: "KeyRecord") -> str:
    return "IN CLEAR TEXT: run 'couchpages keys seal'" if record.clear else ""


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
