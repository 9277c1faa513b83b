"""``couchpages certs``: what is done to certificates in a node's own CouchDB (I/O). Private keys are written to files alone."""

import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from couchpages.cli.certificate_files import checked, make_key, read_pem, write_pem
from couchpages.cli.certificate_names import canonical_name
from couchpages.cli.errors import FAILED, CommandError
from couchpages.cli.issuing import COMMANDS
from couchpages.cli.output import emit_json, emit_lines, emit_table, remark
from couchpages.cli.with_couchdb import node_options, node_settings, with_couchdb

if TYPE_CHECKING:
    from couchpages.certs.administration import Administration, Listed, Rotated
    from couchpages.certs.certificates import Certificate, Kind
    from couchpages.certs.issuing.orders.order import Order
    from couchpages.cli.own_couchdb import OwnCouchDB

T = TypeVar("T")
KIND = click.option(
    "--kind", type=click.Choice(["ecdsa", "rsa"]), help="Which one, where the name has one of each kind of key."
)


@click.group(short_help="Issue, import, list, export and delete certificates.")
def certs() -> None:
    """Certificates, sealed in the node's own CouchDB, from which every node that has the key serves them."""


for _command in COMMANDS:
    certs.add_command(_command)


@certs.command("import", short_help="Seal a certificate into CouchDB.")
@click.argument("chain", metavar="CHAIN.pem")
@click.argument("key", metavar="[KEY.pem]", required=False)
@click.option("--name", metavar="NAME", help="Which of its names it is called by. Default: the first.")
@click.option("--expired-too", is_flag=True, help="Take one that has expired, or is not valid yet.")
@node_options
def import_(
    config: str | None, chain: str, key: str | None, name: str | None, *, expired_too: bool, as_json: bool
) -> None:
    """Check a certificate and seal it into CouchDB, in place of the one of that name and kind.

    CHAIN.pem has the certificate and the intermediate ones behind it, KEY.pem the private key; one file may have both.
    """
    from couchpages.cli.certificate_shown import as_json_of

    certificate, warnings = checked(read_pem(chain), read_pem(key or chain), name, expired_too=expired_too)
    for warning in warnings:
        remark(f"warning: {warning}")
    stored, is_new = _with_certificates(config, lambda administration: administration.put(certificate))
    if as_json:
        emit_json({**as_json_of(stored, time.time()), "written": is_new, "warnings": list(warnings)})
        return
    emit_lines([f"{'imported' if is_new else 'there already:'} {stored.name} ({stored.kind})"])


@certs.command("list", short_help="List the certificates.")
@node_options
def list_(config: str | None, *, as_json: bool) -> None:
    """List the certificates in CouchDB, and how the issue of those stands that are to be issued or renewed.

    Those that this node cannot open are among them. Their private keys are not shown.
    """
    from couchpages.cli.certificate_shown import HEADINGS, lines_of

    async def work(couchdb: "OwnCouchDB") -> "tuple[list[Listed], dict[str, Order]]":
        return await couchdb.certificates.all(), await couchdb.orders.all()

    shown = lines_of(*with_couchdb(config, work), time.time())
    if as_json:
        emit_json({"certificates": [each.json for each in shown]})
        return
    emit_table(HEADINGS, [each.row for each in shown], may_stand=True)


@certs.command("export", short_help="Write a certificate and its key to files.")
@click.argument("name", metavar="NAME")
@KIND
@click.option(
    "--directory", metavar="DIR", help="Where fullchain.pem and privkey.pem are written. Default: this folder."
)
@click.option(
    "--compatible", is_flag=True, help="Write the first system's documents into CouchDB, and no files without DIR."
)
@node_options
def export(
    config: str | None, name: str, kind: str | None, directory: str | None, *, compatible: bool, as_json: bool
) -> None:
    """Write the certificate NAME and its private key to fullchain.pem and privkey.pem, which only you can read.

    With --compatible it is written into CouchDB as secrets/fullchain.pem and secrets/privkey.pem, from which the first system takes it.
    """

    async def work(administration: "Administration") -> "tuple[Certificate, list[str]]":
        certificate = _chosen(await administration.all(), canonical_name(name), kind)
        return certificate, await administration.write_compatible(certificate) if compatible else []

    certificate, documents = _with_certificates(config, work)
    files = [] if compatible and directory is None else write_pem(Path(directory or "."), certificate)
    if as_json:
        emit_json({"name": certificate.name, "kind": certificate.kind, "files": files, "documents": documents})
        return
    emit_lines([*files, *(f"secrets/{each}" for each in documents)])


@certs.command("delete", short_help="Delete a certificate.")
@click.argument("name", metavar="NAME")
@KIND
@node_options
def delete(config: str | None, name: str, kind: str | None, *, as_json: bool) -> None:
    """Delete the certificate NAME, of both kinds unless one is named, and forget that it was asked for by 'issue'.

    One that a site or the configuration wants is issued again. The first system's are not touched.
    """
    from couchpages.certs.certificates import Kind

    kinds = [Kind(kind)] if kind else list(Kind)
    wanted = canonical_name(name)

    async def work(couchdb: "OwnCouchDB") -> "tuple[list[Kind], bool]":
        # What was asked for by hand is not asked for any more; what a site or the configuration wants is issued again.
        forgotten = kind is None and await couchdb.orders.delete(wanted)
        return await couchdb.certificates.delete(wanted, kinds), forgotten

    gone, forgotten = with_couchdb(config, work)
    if not gone and not forgotten:
        raise CommandError(f"there is no certificate {wanted} of ours; 'couchpages certs list' shows all")
    if as_json:
        emit_json({"deleted": wanted, "kinds": gone, "order": forgotten})
        return
    emit_lines([*(f"deleted {wanted} ({each})" for each in gone), *(["forgot its order"] if forgotten else [])])


@certs.group("key", short_help="Make and change the key that seals certificates.")
def key_() -> None:
    """Make and change the key that seals certificates: 32 bytes in a file, the same on all nodes."""


@key_.command("new", short_help="Make a key.")
@click.argument("file", metavar="[FILE]", required=False)
@node_options
def new(config: str | None, file: str | None, *, as_json: bool) -> None:
    """Make a key in FILE, which must not be there yet. Default: the first of [certs] key_files."""
    path, key_id = make_key(node_settings(config), Path(file) if file else None)
    if as_json:
        emit_json({"file": str(path), "id": key_id})
        return
    remark(f"made the key {key_id}; copy it to all nodes, and keep a copy where no node is")
    emit_lines([str(path)])


@key_.command("rotate", short_help="Seal every certificate with the first key.")
@node_options
def rotate(config: str | None, *, as_json: bool) -> int:
    """Seal every certificate, and every account at an authority, anew with the first of [certs] key_files.

    The first system's certificates are left as they are.

    Ends with 1 when some could not be opened, which are left as they are too.
    """

    async def work(couchdb: "OwnCouchDB") -> "tuple[Rotated, list[str]]":
        done = await couchdb.certificates.rotate()
        accounts, failed = await couchdb.accounts.rotate()
        done.failed.update(failed)
        return done, accounts

    done, accounts = _with_store(config, work)
    if as_json:
        emit_json(
            {
                "sealed": [{"name": name, "kind": kind} for name, kind in done.sealed],
                "unchanged": [{"name": name, "kind": kind} for name, kind in done.unchanged],
                "accounts": accounts,
                "failed": done.failed,
            }
        )
    else:
        emit_lines([f"sealed {name} ({kind})" for name, kind in done.sealed])
        emit_lines([f"sealed the account at {directory}" for directory in accounts])
        remark(f"{len(done.sealed)} sealed anew, {len(done.unchanged)} were sealed with this key already")
        for doc_id, words in done.failed.items():
            remark(f"secrets/{doc_id}: {words}")
    return FAILED if done.failed else 0


def _with_certificates(config: str | None, work: "Callable[[Administration], Coroutine[Any, Any, T]]") -> T:
    return _with_store(config, lambda couchdb: work(couchdb.certificates))


def _with_store(config: str | None, work: "Callable[[OwnCouchDB], Coroutine[Any, Any, T]]") -> T:
    try:
        return with_couchdb(config, work)
    except ValueError as error:
        # No key, or none that can be used.
        raise CommandError(str(error)) from None


def _chosen(listed: "list[Listed]", name: str, kind: str | None) -> "Certificate":
    """Give the certificate that is meant: ours before the first system's, ECDSA before RSA."""
    found = [each for each in listed if each.name == name and kind in (None, each.kind)]
    good = sorted((each.first_system, each.kind, number) for number, each in enumerate(found) if each.certificate)
    for _, _, number in good:
        certificate = found[number].certificate
        if certificate is not None:
            return certificate
    for each in found:
        raise CommandError(f"the certificate {name} is refused: {each.refused}")
    raise CommandError(f"there is no certificate {name}; 'couchpages certs list' shows all")
