"""What authorities send, as the RFCs have it."""

from typing import Any

from couchpages.certs.acme.directory import Directory

DIRECTORY = Directory("https://ca.test/d", "https://ca.test/n", "https://ca.test/a", "https://ca.test/o")
TOKEN = "DGyRejmCefe7v4NfDGDKfA"
#: RFC 8555 section 7.1.3, shortened.
ORDER: dict[str, Any] = {
    "status": "valid",
    "expires": "2016-01-20T14:09:07.99Z",
    "identifiers": [{"type": "dns", "value": "www.example.org"}, {"type": "dns", "value": "example.org"}],
    "notBefore": "2016-01-01T00:00:00Z",
    "authorizations": ["https://example.com/acme/authz/PAniVnsZcis", "https://example.com/acme/authz/r4HqLzrSrpI"],
    "finalize": "https://example.com/acme/order/TOlocE8rfgo/finalize",
    "certificate": "https://example.com/acme/cert/jWCdfHVGY2M",
}
#: RFC 8555 section 7.1.4.
AUTHORIZATION: dict[str, Any] = {
    "status": "valid",
    "expires": "2015-03-01T14:09:07.99Z",
    "identifier": {"type": "dns", "value": "www.example.org"},
    "challenges": [
        {
            "url": "https://example.com/acme/chall/prV_B7yEyA4",
            "type": "http-01",
            "status": "valid",
            "token": TOKEN,
            "validated": "2014-12-01T12:05:13.72Z",
        },
        {"type": "future-01", "url": 7},
    ],
    "wildcard": False,
}
META = {
    "termsOfService": "t",
    "website": "w",
    "caaIdentities": ["c"],
    "externalAccountRequired": False,
    "profiles": {"p": "q"},
}
DIRECTORY_JSON: dict[str, Any] = {
    **{name: f"https://ca.test/{name}" for name in ("newNonce", "newAccount", "newOrder", "revokeCert", "renewalInfo")},
    "meta": META,
}
INFO: dict[str, Any] = {
    "suggestedWindow": {"start": "2025-01-02T04:00:00Z", "end": "2025-01-03T04:00:00Z"},
    "explanationURL": "https://x",
}
PROBLEM: dict[str, Any] = {
    "type": "urn:ietf:params:acme:error:malformed",
    "detail": "Some of the identifiers requested were rejected",
    "subproblems": [
        {
            "type": "urn:ietf:params:acme:error:malformed",
            "detail": 'Invalid underscore in DNS name "_example.org"',
            "identifier": {"type": "dns", "value": "_example.org"},
        },
        {
            "type": "urn:ietf:params:acme:error:rejectedIdentifier",
            "detail": 'This CA will not issue for "example.net"',
            "identifier": {"type": "dns", "value": "example.net"},
        },
    ],
}
