"""``couchpages dns``: zones and their records (I/O). Zone files: :mod:`couchpages.cli.dns_files`."""

from importlib import import_module

import click

from couchpages.cli.asking import ask, confirm
from couchpages.cli.options import connect, connection_options
from couchpages.cli.output import emit_json, emit_lines, emit_table, remark
from couchpages.cli.zones import counts, findings, items, record_row, text, zone_text

_FILE_COMMANDS = ("import-zone", "export-zone", "check-zone")
#: Seconds that the API may be silent while it changes a large zone.
LONG = 1800.0


class DnsCommands(click.Group):
    """A group some of whose commands are imported when they are needed: they need dnspython."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names, those of zones first."""
        return [*super().list_commands(ctx), *_FILE_COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give a command."""
        if cmd_name not in _FILE_COMMANDS:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module("couchpages.cli.dns_files"), cmd_name.replace("-", "_"))
        return command


@click.group(cls=DnsCommands, short_help="Zones and records of the name server.")
def dns() -> None:
    """Make, show, change and check the zones of the authoritative name server."""


@dns.command("create-zone", short_help="Create a zone.")
@click.argument("name", metavar="NAME")
@click.option(
    "--nameserver",
    "nameservers",
    multiple=True,
    metavar="HOST",
    help="A name server of the zone, the primary first. Default: [dns] nameservers of the node.",
)
@click.option("--hostmaster", metavar="MAILBOX", help="The mailbox in the SOA. Default: [dns] hostmaster of the node.")
@connection_options
def create_zone(
    name: str,
    nameservers: tuple[str, ...],
    hostmaster: str | None,
    server: str | None,
    api_key: str | None,
    api_key_file: str | None,
    *,
    as_json: bool,
) -> None:
    """Create the zone NAME, with an SOA and NS records. An interrupted creation is finished by repeating it."""
    body = {"name": zone_text(name)}
    more = {
        **({"nameservers": list(nameservers)} if nameservers else {}),
        **({"hostmaster": hostmaster} if hostmaster else {}),
    }
    made = ask(
        connect(server, api_key, api_key_file),
        lambda api: api.call("POST", "zones", value={**body, **more}, repeatable=False),
    )
    if as_json:
        emit_json(made)
        return
    emit_lines([f"created the zone {text(made, 'zone')}"])
    _remark_all(findings(made, "findings"))


@dns.command("delete-zone", short_help="Delete a zone with all its records.")
@click.argument("name", metavar="NAME")
@click.option("--yes", is_flag=True, help="Do not ask.")
@connection_options
def delete_zone(
    name: str, server: str | None, api_key: str | None, api_key_file: str | None, *, yes: bool, as_json: bool
) -> None:
    """Delete the zone NAME with all its records. An interrupted deletion is finished by repeating it."""
    zone = zone_text(name)
    connection = connect(server, api_key, api_key_file)
    if not yes:
        confirm(f"delete the zone {zone} with all its records", "nothing was deleted")
    ask(connection, lambda api: api.call("DELETE", "zones", zone), idle_seconds=LONG)
    if as_json:
        emit_json({"deleted": {"zone": zone}})
        return
    emit_lines([f"deleted the zone {zone}"])


@dns.command("list-zones", short_help="List the zones that the key reaches.")
@connection_options
def list_zones(server: str | None, api_key: str | None, api_key_file: str | None, *, as_json: bool) -> None:
    """List the zones that the key reaches."""
    found = ask(connect(server, api_key, api_key_file), lambda api: api.call("GET", "zones"))
    if as_json:
        emit_json(found)
        return
    emit_table(("zone", "serial"), [(text(each, "zone"), text(each, "serial")) for each in items(found, "zones")])


@dns.command("list-zone", short_help="List a zone's records.")
@click.argument("name", metavar="NAME")
@connection_options
def list_zone(name: str, server: str | None, api_key: str | None, api_key_file: str | None, *, as_json: bool) -> None:
    """List the records of the zone NAME, each with the id that delete-record takes."""
    zone = zone_text(name)
    found = ask(connect(server, api_key, api_key_file), lambda api: api.call("GET", "zones", zone, "records"))
    if as_json:
        emit_json(found)
        return
    emit_table(("id", "name", "ttl", "type", "content", ""), [record_row(each) for each in items(found, "records")])


@dns.command("add-record", short_help="Add a record to a zone.")
@click.argument("zone", metavar="ZONE")
@click.argument("target", metavar="TARGET")
@click.argument("type_", metavar="TYPE")
@click.argument("content", metavar="CONTENT")
@click.option(
    "--ttl", type=click.IntRange(0, 2**31 - 1), metavar="SECONDS", help="How long it may be kept. Default: 3600."
)
@click.option("--flag", metavar="FLAG", help='For instance "Geo=US,CA"; kept, and not acted on yet.')
@connection_options
def add_record(
    zone: str,
    target: str,
    type_: str,
    content: str,
    ttl: int | None,
    flag: str | None,
    server: str | None,
    api_key: str | None,
    api_key_file: str | None,
    *,
    as_json: bool,
) -> None:
    """Add a record of TYPE to ZONE at TARGET: "@" for the zone itself, "www", or a full name.

    CONTENT is one argument, as in a zone file: "10 mail.example.org" for MX. A name in it is a full one, with or without a dot at its
    end. All records of a name and type get the new one's TTL. An SOA takes the other one's place.
    """
    body = {"name": target, "type": type_, "content": content}
    more = {**({"ttl": ttl} if ttl is not None else {}), **({"flag": flag} if flag else {})}
    name = zone_text(zone)
    made = ask(
        connect(server, api_key, api_key_file),
        lambda api: api.call("POST", "zones", name, "records", value={**body, **more}),
    )
    if as_json:
        emit_json(made)
        return
    done = "added" if counts(made).added else "changed" if counts(made).any else "was there already"
    emit_lines(
        [
            f"{text(made, 'id')} {done}: {text(made, 'name')} {text(made, 'ttl')} {text(made, 'type')} {text(made, 'content')}"
        ]
    )
    _remark_all(findings(made, "warnings"))


@dns.command("delete-record", short_help="Delete a record.")
@click.argument("record", metavar="ID")
@connection_options
def delete_record(
    record: str, server: str | None, api_key: str | None, api_key_file: str | None, *, as_json: bool
) -> None:
    """Delete the record ID, which list-zone shows."""
    ask(connect(server, api_key, api_key_file), lambda api: api.call("DELETE", "records", record))
    if as_json:
        emit_json({"deleted": {"id": record}})
        return
    emit_lines([f"deleted {record}"])


def _remark_all(lines: list[str]) -> None:
    for line in lines:
        remark(line)
