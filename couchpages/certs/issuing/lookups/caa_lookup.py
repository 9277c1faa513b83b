"""Looks up the CAA records that count for a name (does I/O)."""

import dns.rdtypes.ANY.CAA

from couchpages.certs.issuing.lookups.caa import CaaRecord, climbed
from couchpages.certs.issuing.lookups.resolving import Resolving


async def caa_records(resolving: Resolving, name: str) -> dict[str, list[CaaRecord]]:
    """Give what :func:`couchpages.certs.issuing.lookups.caa.permitted` judges: the records at the first name that has any.

    Raises :class:`~couchpages.certs.issuing.obstacles.LookupFailed`: where it cannot be told whether there are any, nobody may issue.
    """
    for owner in climbed(name):
        if found := await resolving.records(owner, "CAA"):
            return {owner: [_record(rdata) for rdata in found if isinstance(rdata, dns.rdtypes.ANY.CAA.CAA)]}
    return {}


def _record(rdata: dns.rdtypes.ANY.CAA.CAA) -> CaaRecord:
    # A tag is letters and digits of ASCII, or dnspython had not read it.
    return CaaRecord(rdata.flags, rdata.tag.decode("latin-1").lower(), rdata.value)
