"""``couchpages certs issue``, ``renew``, ``revoke`` and ``delete-account`` (I/O).

The first two ask whichever node issues, and wait for what it writes down.
"""

import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import click

from couchpages.cli.certificate_names import canonical_name, names_to_issue
from couchpages.cli.errors import FAILED, CommandError, WrongCallError
from couchpages.cli.output import emit_json, emit_lines, remark
from couchpages.cli.with_couchdb import node_options, node_settings, with_couchdb

if TYPE_CHECKING:
    from couchpages.certs.certificates import Certificate
    from couchpages.certs.issuing.orders.order import Order
    from couchpages.cli.outcome import Asked, Outcome
    from couchpages.cli.own_couchdb import OwnCouchDB

    #: How an order stands when it is no longer waited for, and what that means for whoever asked.
    Ended: TypeAlias = tuple[Order, Outcome]

T = TypeVar("T")
#: Seconds between two looks at what the issuer wrote down.
LOOK = 0.5
#: RFC 5280 section 5.3.1, those that a subscriber may give (RFC 8555 section 7.6).
REASONS = {
    "unspecified": 0,
    "keycompromise": 1,
    "affiliationchanged": 3,
    "superseded": 4,
    "cessationofoperation": 5,
}
#: RFC 8555 section 6.7.
REVOKED_BEFORE = "alreadyRevoked"
WAIT = click.option(
    "--wait",
    "patience",
    type=click.FloatRange(min=0),
    default=300,
    metavar="SECONDS",
    show_default=True,
    help="How long to wait for the outcome; 0 asks, and does not wait.",
)


@click.command("issue", short_help="Have a certificate issued.")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option(
    "--replace-imported", is_flag=True, help="Replace an imported certificate of that name, which stays until then."
)
@WAIT
@node_options
def issue(config: str | None, names: tuple[str, ...], patience: float, *, replace_imported: bool, as_json: bool) -> int:
    """Have one certificate issued for all these names, and renewed from then on. It is called by the first; *.NAME is a wildcard.

    Sites, and what the configuration names, need no command. Tried again after a failure, until it is deleted.
    """
    from couchpages.cli.outcome import Asked

    wanted = names_to_issue(names)
    _check_acme(config)

    async def work(couchdb: "OwnCouchDB") -> "list[Ended]":
        if replace_imported:
            await couchdb.certificates.hand_over(wanted[0])
        await _require_not_imported(couchdb, wanted[0])
        now = _milliseconds()

        def ask(order: "Order") -> "Order":
            from couchpages.certs.issuing.orders.order import asked

            return replace(asked(order, wanted, now), by_hand=True)

        order = await couchdb.orders.change(wanted[0], ask)
        return await _ended(couchdb, {Asked(order.name, order.requested, wanted): order}, patience)

    return _tell(_with_couchdb(config, work), patience, as_json=as_json)


@click.command("renew", short_help="Have certificates renewed now.")
@click.argument("names", metavar="[NAME...]", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All certificates that were issued.")
@WAIT
@node_options
def renew(config: str | None, names: tuple[str, ...], patience: float, *, every: bool, as_json: bool) -> int:
    """Have certificates renewed now, whenever they end; or have what failed tried again at once."""
    if every == bool(names):
        raise WrongCallError("certs renew: name certificates, or say --all; 'couchpages certs list' shows them")
    wanted = tuple(dict.fromkeys(canonical_name(name) for name in names))
    _check_acme(config)

    async def work(couchdb: "OwnCouchDB") -> "list[Ended]":
        from couchpages.certs.issuing.orders.order import asked
        from couchpages.cli.outcome import Asked

        known = await _renewable(couchdb)
        missing = [name for name in wanted if name not in known]
        if missing:
            raise CommandError(
                f"no certificate {missing[0]} was issued or ordered here; 'couchpages certs list' shows all, "
                "'couchpages certs issue' asks for one"
            )
        now = _milliseconds()
        chosen = wanted or sorted(known)
        orders = [await couchdb.orders.change(name, lambda order: asked(order, (), now)) for name in chosen]
        return await _ended(couchdb, {Asked(order.name, order.requested): order for order in orders}, patience)

    return _tell(_with_couchdb(config, work), patience, as_json=as_json)


@click.command("revoke", short_help="Revoke a certificate.")
@click.argument("name", metavar="NAME")
@click.option(
    "--kind", type=click.Choice(["ecdsa", "rsa"]), help="Which one, where the name has one of each kind of key."
)
@click.option(
    "--reason",
    type=click.Choice(list(REASONS)),
    default="unspecified",
    show_default=True,
    help="What the authority is told.",
)
@click.option("--replace/--no-replace", "replaced", default=True, help="Whether a new one is asked for at once.")
@node_options
def revoke(config: str | None, name: str, kind: str | None, reason: str, *, replaced: bool, as_json: bool) -> int:
    """Revoke the certificate NAME at the authority that issued it, and have a new one issued with a new key.

    Ends with 1 when one of its kinds could not be revoked; a new one is asked for as soon as one was.

    One that was imported is revoked at the authority of [acme], with its own key, and nothing is put in its place.
    """
    wanted = canonical_name(name)
    settings = node_settings(config)

    async def work(couchdb: "OwnCouchDB") -> _Revoked:
        certificates = [each for each in await _certificates(couchdb, wanted) if kind in (None, each.kind)]
        if not certificates:
            raise CommandError(f"there is no certificate {wanted} here; 'couchpages certs list' shows all")
        directories = [_directory_of(each, settings.acme.directory) for each in certificates]
        done = _Revoked()
        for each, directory in zip(certificates, directories, strict=True):
            why = await _refusal(couchdb.revoke(each, directory, REASONS[reason]))
            if why:
                done.failed.append((each, why))
                continue
            done.gone.append(each)
            # At once: what is revoked must not stay in service because the next one cannot be.
            if replaced and each.issued_by:
                why = await _refusal(couchdb.orders.change(wanted, partial(_to_replace, each.fingerprint)))
                done.is_replaced, done.trouble = done.is_replaced or not why, why or done.trouble
        return done

    done = _with_couchdb(config, work)
    if as_json:
        emit_json(
            {
                "revoked": wanted,
                "certificates": [_named(each) for each in done.gone],
                "failed": [{**_named(each), "reason": why} for each, why in done.failed],
                "replacement": done.is_replaced,
            }
        )
    else:
        emit_lines([f"revoked {wanted} ({each.kind})" for each in done.gone])
    for each, why in done.failed:
        remark(f"{wanted} ({each.kind}) was not revoked: {why}")
    _tell_what_is_served(wanted, done)
    return FAILED if done.failed or (done.trouble and not done.is_replaced) else 0


def _to_replace(fingerprint: str, order: "Order") -> "Order":
    from couchpages.certs.issuing.orders.order import revoked

    return revoked(order, fingerprint, _milliseconds())


@dataclass
class _Revoked:
    """What is *gone*, what *failed* and why; whether a new one was asked for, and what kept that from being done."""

    gone: "list[Certificate]" = field(default_factory=list)
    failed: "list[tuple[Certificate, str]]" = field(default_factory=list)
    is_replaced: bool = False
    trouble: str = ""


def _tell_what_is_served(name: str, done: _Revoked) -> None:
    if done.is_replaced:
        remark("a new one is asked for; 'couchpages certs list' shows how that goes")
    elif done.trouble:
        remark(f"a new one could not be asked for: {done.trouble}; 'couchpages certs renew {name}' does that")
    if not done.is_replaced and done.gone:
        kind = f" --kind {done.gone[0].kind}" if len(done.gone) == 1 else ""
        remark(
            f"what was revoked of {name} goes on being served until it is deleted: 'couchpages certs delete {name}{kind}'"
        )


def _directory_of(certificate: "Certificate", configured: str | None) -> str:
    """Give the directory of the authority that a certificate is revoked at."""
    from couchpages.certs.administration import HANDED_OVER

    directory = certificate.issued_by if certificate.issued_by not in ("", HANDED_OVER) else configured
    if not directory:
        raise CommandError(f"{certificate.name} was imported, and [acme] names no directory where it could be revoked")
    return directory


async def _refusal(work: Awaitable[object]) -> str:
    """Say why *work* could not be done, nothing where it was; one that was revoked before is revoked."""
    from couchpages.certs.acme.errors import AcmeError
    from couchpages.ports import StoreError

    try:
        await work
    except StoreError as error:
        return f"CouchDB: {error}"
    except AcmeError as error:
        return "" if error.type == REVOKED_BEFORE else str(error)
    except (OSError, ValueError) as error:
        # There is no key that opens what is needed, or a file of the configuration cannot be read.
        return str(error)
    return ""


def _named(certificate: "Certificate") -> dict[str, str]:
    return {"kind": str(certificate.kind), "serial": f"{certificate.serial:x}"}


@click.command("delete-account", short_help="Forget our account at an authority.")
@click.argument("directory", metavar="[DIRECTORY]", required=False)
@node_options
def delete_account(config: str | None, directory: str | None, *, as_json: bool) -> None:
    """Forget our account at the authority of [acme], or of DIRECTORY, the address of one. Another one is made with the next order.

    For an account whose key others may have, or that nobody can open any more, because the key file is lost.
    """
    address = directory or node_settings(config).acme.directory
    if not address:
        raise WrongCallError("certs delete-account: [acme] names no directory; name one")
    if not with_couchdb(config, lambda couchdb: couchdb.accounts.delete(address)):
        raise CommandError(f"there is no account at {address}")
    if as_json:
        emit_json({"deleted": address})
        return
    emit_lines([f"forgot our account at {address}"])
    remark("nodes that run use it for an hour more, unless they are restarted; CAA records may name it")


def _with_couchdb(config: str | None, work: "Callable[[OwnCouchDB], Coroutine[Any, Any, T]]") -> T:
    from couchpages.certs.acme.errors import AcmeError

    try:
        return with_couchdb(config, work)
    except (AcmeError, ValueError) as error:
        # The authority refused, or there is no key that opens what is needed.
        raise CommandError(str(error)) from None


async def _ended(couchdb: "OwnCouchDB", asked: "Mapping[Asked, Order]", patience: float) -> "list[Ended]":
    """Wait until all that was asked for is dealt with, or patience is over; tell meanwhile what happens. Give what became of each."""
    from twisted.internet.task import deferLater

    from couchpages.cli.outcome import is_over, outcome

    now = dict(asked)
    until = couchdb.reactor.seconds() + patience
    while couchdb.reactor.seconds() < until and not all(is_over(each, order) for each, order in now.items()):
        await deferLater(couchdb.reactor, LOOK, lambda: None)
        for each, before in list(now.items()):
            newer = await couchdb.orders.get(each.name) or before
            if newer.state != before.state and not is_over(each, newer):
                remark(f"{each.name}: {newer.state} ({newer.by})")
            now[each] = newer
    certificates = await _all_issued(couchdb) if any(is_over(each, order) for each, order in now.items()) else []
    return [
        (order, outcome(each, order, [found for found in certificates if found.name == each.name]))
        for each, order in now.items()
    ]


def _tell(ended: "list[Ended]", patience: float, *, as_json: bool) -> int:
    from couchpages.cli.order_shown import order_json, without_words
    from couchpages.cli.outcome import Failed, Issued, Waiting

    if as_json:
        emit_json(
            {
                "orders": [
                    {
                        "name": order.name,
                        **order_json(order, time.time()),
                        "done": isinstance(became, Issued),
                        "missing": list(became.missing) if isinstance(became, Failed) else [],
                    }
                    for order, became in ended
                ]
            }
        )
    else:
        emit_lines([f"issued {order.name}" for order, became in ended if isinstance(became, Issued)])
    code = 0
    for order, became in ended:
        match became:
            case Issued() if order.left_out:
                remark(f"{order.name}: {without_words(order)}")
            case Failed(reason):
                remark(reason)
                code = FAILED
            case Waiting(by) if patience:
                who = (
                    f"{by} is still at it"
                    if by
                    else "no issuer has taken it up (is a daemon with [acme] running, and what has its /readyz?)"
                )
                remark(
                    f"{order.name}: not done in {patience:g} seconds: {who}; 'couchpages certs list' shows how it goes"
                )
                code = FAILED
    return code


async def _all_issued(couchdb: "OwnCouchDB") -> "list[Certificate]":
    listed = [each.certificate for each in await couchdb.certificates.all()]
    return [each for each in listed if each is not None and each.issued_by]


async def _renewable(couchdb: "OwnCouchDB") -> set[str]:
    """Give the names of what was issued or ordered."""
    return {each.name for each in await _all_issued(couchdb)} | set(await couchdb.orders.all())


async def _certificates(couchdb: "OwnCouchDB", name: str) -> "list[Certificate]":
    listed = await couchdb.certificates.all()
    return [each.certificate for each in listed if each.certificate and each.name == name and not each.first_system]


async def _require_not_imported(couchdb: "OwnCouchDB", name: str) -> None:
    if any(not each.issued_by for each in await _certificates(couchdb, name)):
        raise CommandError(f"{name} was imported, and what is imported is not replaced without --replace-imported")


def _check_acme(config: str | None) -> None:
    if node_settings(config).acme.directory is None:
        remark("this node has no [acme] directory; another node has to issue")


def _milliseconds() -> int:
    return int(time.time() * 1000)


COMMANDS: tuple[Any, ...] = (issue, renew, revoke, delete_account)
