"""What is good enough of what is there, and of what can be had (pure). Times are seconds since 1970."""

from couchpages.certs.acme.ari import RenewalInfo
from couchpages.certs.certificates import Certificate
from couchpages.certs.issuing.orders.order import Order
from couchpages.certs.issuing.renewal import RESERVE
from couchpages.certs.issuing.wanted import Wanted, without_previews

#: A window that ends in this part of a certificate's life, its first half, is none of a usual renewal.
EARLY = 2


def good_enough(each: Wanted, order: Order) -> Wanted | None:
    """Give what is good enough where nothing can be issued for a site's previews; None where nothing less than all is.

    So it is where somebody asked for the wildcard by its very name.
    """
    less = without_previews(each)
    if less is None or not set(each.names).isdisjoint(set(order.asked) - set(less.names)):
        return None
    return less


def suffices(there: Certificate, each: Wanted, order: Order, directory: str) -> bool:
    """Whether what is there, for more than is wanted perhaps, is good until it is renewed.

    So is one that was issued without the previews, because it could not be issued for them.
    """
    less = good_enough(each, order)
    missed = set(order.left_out) - set(less.names) if less is not None else set()
    return _is_trusted(there, order, directory) and set(each.names) - missed <= set(there.names)


def is_worth_keeping(
    there: Certificate, each: Wanted, order: Order, directory: str, window: RenewalInfo | None, now: float
) -> bool:
    """Whether what is there, which is for all that is wanted, is better than one for less, while all cannot be had.

    It is not where the authority recalls it, nor in the part of its life that is kept for tries.
    """
    life = there.not_after - there.not_before
    # RFC 9773 section 4.2: what an authority is about to revoke has a window that is over. Others' are over as well, once they were missed.
    is_recalled = window is not None and window.end <= now and window.end < there.not_before + life / EARLY
    ends_soon = now >= there.not_after - life / RESERVE
    is_whole = set(each.names) <= set(there.names)
    return is_whole and _is_trusted(there, order, directory) and not is_recalled and not ends_soon


def _is_trusted(there: Certificate, order: Order, directory: str) -> bool:
    """Whether it is of the authority of *directory*, others being perhaps for tests, and not revoked."""
    return there.issued_by == directory and there.fingerprint not in order.revoked
