"""``couchpages dns import-zone``, ``export-zone`` and ``check-zone`` (I/O)."""

import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from couchpages.cli.answers import RefusedError
from couchpages.cli.asking import ask, confirm
from couchpages.cli.dns import LONG
from couchpages.cli.errors import CommandError, WrongCallError, printable
from couchpages.cli.options import connect, connection_options
from couchpages.cli.output import emit_json, emit_lines, remark
from couchpages.cli.zones import counts, findings, has_errors, items, zone_name, zone_text
from couchpages.dns.checks import findings as check
from couchpages.dns.findings import Finding, Severity
from couchpages.dns.names import Name
from couchpages.dns.presentation import shown_finding
from couchpages.dns.zone_file_source import read_zone_file
from couchpages.dns.zone_file_writing import as_sets, places, written
from couchpages.dns.zone_files import Line

if TYPE_CHECKING:
    from couchpages.cli.api import ApiClient

_NOT_FOUND = 404
#: Findings that are shown before an import.
_MOST_TOLD = 50


@click.command("import-zone", short_help="Make a zone what a zone file says.")
@click.argument("zone", metavar="ZONE")
@click.argument("file", metavar="FILE")
@click.option("--keep", is_flag=True, help="Keep the record sets that the file does not have.")
@click.option("--dry-run", is_flag=True, help="Only show what would be changed.")
@click.option("--yes", is_flag=True, help="Do not ask, also where records are removed.")
@connection_options
def import_zone(
    zone: str,
    file: str,
    server: str | None,
    api_key: str | None,
    api_key_file: str | None,
    *,
    keep: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Make ZONE what the zone file FILE says ("-": stdin); a zone that is not there is created.

    The file is checked whole before anything is sent. Where records would be removed that the file does not have, you are asked first;
    with --keep, all sets stay whose name and type are not in the file. An SOA's serial counts only if it is above the zone's own.
    """
    apex = zone_name(zone)
    lines = _read(file, apex)
    # Of a part of a zone, the API alone can tell what is wrong.
    found = [] if keep else check(apex, (line.record for line in lines))
    _tell(lines, found)
    if any(each.severity is Severity.ERROR for each in found):
        raise WrongCallError(f"{file}: has errors; nothing was sent")
    change = _Import(zone_text(zone), as_sets(lines), keep=keep, dry_run=dry_run, yes=yes)
    done = ask(connect(server, api_key, api_key_file), change.carry_out, idle_seconds=LONG)
    if as_json:
        emit_json(done)
        return
    would = "would be " if dry_run else ""
    emit_lines([f"{change.zone}: {would}{'created, ' if done['created'] else ''}{counts(done)}"])


@dataclass(frozen=True, slots=True)
class _Import:
    """Record sets on their way into a zone."""

    zone: str
    sets: list[dict[str, Any]]
    keep: bool
    dry_run: bool
    yes: bool

    async def carry_out(self, api: "ApiClient") -> dict[str, Any]:
        """Have the API tell what would be done, ask whether it should be, and have it done."""
        is_new, planned = await self._plan(api)
        told = {**planned, "created": is_new, "dry_run": self.dry_run}
        if self.dry_run or not (is_new or counts(planned).any):
            return told
        if counts(planned).removed and not self.yes:
            confirm(f"change {self.zone} ({counts(planned)})", "nothing was changed")
        return {**told, **await self._send(api, is_new=is_new)}

    async def _plan(self, api: "ApiClient") -> tuple[bool, dict[str, Any]]:
        try:
            return False, await api.dry_call(self._method, "zones", self.zone, "rrsets", value={"rrsets": self.sets})
        except RefusedError as refused:
            if refused.status != _NOT_FOUND:
                raise
        return True, await api.dry_call("POST", "zones", value={"name": self.zone, "rrsets": self.sets})

    async def _send(self, api: "ApiClient", *, is_new: bool) -> dict[str, Any]:
        if is_new:
            return await api.call("POST", "zones", value={"name": self.zone, "rrsets": self.sets}, repeatable=False)
        return await api.call(self._method, "zones", self.zone, "rrsets", value={"rrsets": self.sets})

    @property
    def _method(self) -> str:
        return "PATCH" if self.keep else "PUT"


@click.command("export-zone", short_help="Write a zone as a zone file.")
@click.argument("zone", metavar="ZONE")
@click.argument("file", metavar="[FILE]", required=False)
@connection_options
def export_zone(
    zone: str, file: str | None, server: str | None, api_key: str | None, api_key_file: str | None, *, as_json: bool
) -> None:
    """Write ZONE to FILE, or to stdout, as a zone file that BIND, NSD and Knot read, with the serial that the node answers with.

    Disabled records are left out, and flags, which zone files do not have. With --json, and without FILE: the record sets.
    """
    apex = zone_name(zone)
    name = zone_text(zone)
    found = ask(
        connect(server, api_key, api_key_file), lambda api: api.call("GET", "zones", name, "rrsets"), idle_seconds=LONG
    )
    if file is None and as_json:
        emit_json(found)
        return
    sets, serial = items(found, "rrsets"), found.get("serial")
    try:
        lines = list(written(apex, sets, serial if isinstance(serial, int) else None))
    except (ValueError, KeyError, TypeError):
        raise CommandError("the answer has record sets that are not as the API gives them") from None
    if file is None:
        click.echo("".join(lines), nl=False)
        return
    _write(Path(file), lines)
    if as_json:
        emit_json({"zone": name, "serial": serial, "file": file, "records": len(lines) - 1})
        return
    remark(f"wrote {len(lines) - 1:,} records to {file}")


@click.command("check-zone", short_help="Tell what is wrong with a zone, or with a zone file.")
@click.argument("zone", metavar="ZONE")
@click.argument("file", metavar="[FILE]", required=False)
@connection_options
def check_zone(
    zone: str, file: str | None, server: str | None, api_key: str | None, api_key_file: str | None, *, as_json: bool
) -> None:
    """Tell what is wrong with ZONE as the node has it, or with the zone file FILE ("-": stdin), for which no server is needed.

    Exit code 1 where there are errors; warnings alone are 0.
    """
    if file is not None:
        told, lines = _checked(file, zone_name(zone))
    else:
        name = zone_text(zone)
        answer = ask(
            connect(server, api_key, api_key_file), lambda api: api.call("GET", "zones", name), idle_seconds=LONG
        )
        told, lines = items(answer, "findings"), findings(answer, "findings")
    wrong = has_errors(told)
    if as_json:
        emit_json({"zone": zone_text(zone), "ok": not wrong, "findings": told})
    else:
        emit_lines(lines or [f"{zone_text(zone)}: nothing is wrong"])
    if wrong:
        raise CommandError(f"{file or zone_text(zone)}: has errors")


def _checked(file: str, apex: Name) -> tuple[list[dict[str, Any]], list[str]]:
    try:
        lines = read_zone_file(file, apex)
    except ValueError as error:
        raise CommandError(str(error)) from None
    found = check(apex, (line.record for line in lines))
    return [shown_finding(each) for each in found], places(lines, found)


def _read(file: str, apex: Name) -> list[Line]:
    try:
        return read_zone_file(file, apex)
    except ValueError as error:
        raise WrongCallError(str(error)) from None


def _tell(lines: Sequence[Line], found: Sequence[Finding]) -> None:
    told = places(lines, found)
    for line in told[:_MOST_TOLD]:
        remark(printable(line))
    if len(told) > _MOST_TOLD:
        remark(f"and {len(told) - _MOST_TOLD:,} more; check-zone tells all")


def _write(path: Path, lines: Iterable[str]) -> None:
    """Write a file at once: whoever reads it meanwhile has the old one, or the new one."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 -- a descriptor has no path
            file.writelines(lines)
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
