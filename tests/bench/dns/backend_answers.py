"""What a program behind PowerDNS answers from a table in memory, as its remote backend asks (pure).

See https://doc.powerdns.com/authoritative/backends/remote.html.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from tests.bench.dns.zone import Zone, record_set


class Table:
    """The record sets of one zone."""

    def __init__(self, zone: Zone) -> None:
        self._found: dict[str, list[dict[str, Any]]] = {}
        self._apex = f"{zone.name}."
        for each in (record_set(self._apex, "SOA", zone.soa), *zone.rrsets()):
            self._add(each)

    def _add(self, rrset: Mapping[str, Any]) -> None:
        name, kind = rrset["name"], rrset["type"]
        rows = [
            {"qtype": kind, "qname": name, "content": content, "ttl": rrset["ttl"], "auth": True, "domain_id": 1}
            for content in rrset["records"]
        ]
        self._found.setdefault(name, []).extend(rows)

    def result(self, method: str, parameters: Mapping[str, Any]) -> Any:
        """Give what stands under ``result`` in the answer to a call."""
        match method:
            case "initialize":
                return True
            case "lookup":
                return self._lookup(parameters["qname"], parameters["qtype"])
            case "getDomainInfo" if parameters["name"] == self._apex:
                return {"id": 1, "zone": self._apex, "kind": "NATIVE", "serial": 1}
            case "getAllDomains":
                return [{"id": 1, "zone": self._apex, "kind": "NATIVE", "serial": 1}]
            case _:
                return False

    def result_at(self, path: str) -> Any:
        """Give the same for a call that came as the path of an address: the method, then its arguments."""
        method, *arguments = map(unquote, path.lower().strip("/").split("/"))
        return self.result(_METHODS.get(method, method), dict(zip(_NAMES.get(method, ()), arguments, strict=False)))

    def _lookup(self, name: str, kind: str) -> Any:
        rows: Iterable[dict[str, Any]] = self._found.get(name.lower(), ())
        return [row for row in rows if kind.upper() in ("ANY", row["qtype"])] or False


#: By the path's first part, in small letters: a method's name, and those of the arguments that follow.
_METHODS = {"getdomaininfo": "getDomainInfo", "getalldomains": "getAllDomains"}
_NAMES = {"lookup": ("qname", "qtype"), "getdomaininfo": ("name",)}
