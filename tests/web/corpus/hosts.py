"""Hosts: in the field, in the target, and when the two differ (RFC 9112 section 3.2)."""

from tests.web.corpus.case import GET, answered, closed, head, refused

ABSOLUTE = b"GET http://site.example/ HTTP/1.1"


def host(value: bytes, *more: bytes, line: bytes = b"GET / HTTP/1.1") -> bytes:
    """Give a request whose Host field says *value*."""
    return head(line, b"Host: " + value, *more)


#: What is no uri-host with a port: the connection's framing is sound, so the application says so, and the connection stays.
NO_HOST = {
    "path": b"site.example/",
    "scheme": b"http://site.example",
    "user": b"user@site.example",
    "user and password": b"user:word@site.example",
    "two ports": b"site.example:80:80",
    "port of letters": b"site.example:http",
    "negative port": b"site.example:-1",
    "query": b"site.example?x",
    "fragment": b"site.example#x",
    "backslash": b"site.example\\evil.example",
    "quotes": b'"site.example"',
    "high byte": b"site.ex\xe4mple",
    "colon alone": b":80",
    "open bracket": b"[::1",
    "brackets around a name": b"[site.example]",
    "bad escape": b"site%2.example",
    "angle brackets": b"<site.example>",
    "pipe": b"site.example|evil",
}

WITH_SPACE = {
    "two with a space": b"site.example evil.example",
    "two with a comma and a space": b"site.example, evil.example",
    "space before the port": b"site.example :80",
    "space behind the colon": b"site.example: 80",
    "tab": b"site.example\tevil.example",
    "NUL": b"site.example\x00.evil.example",
    "CR": b"site.example\revil.example",
    "LF": b"site.example\nevil.example",
    "vertical tab": b"site.example\x0bevil.example",
    "DEL": b"site.example\x7f",
}

CASES = (
    *(answered(f"host: {name}", host(value) + GET, 400, 200) for name, value in NO_HOST.items()),
    *(refused(f"host: {name}", host(value)) for name, value in WITH_SPACE.items()),
    answered("host: with a port", host(b"site.example:8080") + GET, 200, 200),
    answered("host: with an empty port", host(b"site.example:") + GET, 200, 200),
    answered("host: with a dot behind", host(b"site.example.") + GET, 200, 200),
    answered("host: two with a comma are one unknown", host(b"site.example,evil.example") + GET, 404, 200),
    answered("host: unknown", host(b"evil.example") + GET, 404, 200),
    answered("host: empty", host(b"") + GET, 404, 200),
    answered("host: address", host(b"192.0.2.1") + GET, 404, 200),
    answered("host: address of IPv6", host(b"[2001:db8::1]:80") + GET, 404, 200),
    answered("host: the API's", host(b"api.example", line=b"GET /api/v2/sites HTTP/1.1") + GET, 401, 200),
    refused("host: none", head(b"GET / HTTP/1.1")),
    refused("host: none, other fields", head(b"GET / HTTP/1.1", b"X-Host: site.example", b"Hosts: site.example")),
    refused("host: twice", host(b"site.example", b"Host: evil.example")),
    refused("host: twice the same", host(b"site.example", b"Host: site.example")),
    refused("host: twice, one empty", host(b"site.example", b"Host:")),
    refused("host: twice, other case", host(b"site.example", b"hOST: evil.example")),
    refused("host: three times", host(b"a", b"Host: b", b"Host: c")),
    refused("host: twice in HTTP/1.0", host(b"a", b"Host: b", line=b"GET / HTTP/1.0")),
    refused("host: space before the colon", head(b"GET / HTTP/1.1", b"Host : site.example")),
    refused("host: a second, space before its colon", host(b"site.example", b"Host : evil.example")),
    refused("host: a second, folded", host(b"site.example", b" Host: evil.example")),
    refused("host: a second behind a NUL", host(b"site.example", b"\x00Host: evil.example")),
    answered("absolute: the same host", host(b"site.example", line=ABSOLUTE) + GET, 200, 200),
    answered("absolute: its host counts", host(b"evil.example", line=ABSOLUTE) + GET, 200, 200),
    answered("absolute: its host counts, an empty Host", host(b"", line=ABSOLUTE) + GET, 200, 200),
    answered("absolute: its host counts, whatever Host says", host(b"a/b", line=ABSOLUTE) + GET, 200, 200),
    refused("absolute: no Host", head(ABSOLUTE)),
    refused("absolute: two Hosts", host(b"site.example", b"Host: site.example", line=ABSOLUTE)),
    answered(
        "absolute: unknown host", host(b"site.example", line=b"GET http://evil.example/ HTTP/1.1") + GET, 404, 200
    ),
    answered("absolute: https", host(b"a", line=b"GET https://site.example/ HTTP/1.1") + GET, 200, 200),
    answered("absolute: scheme in upper case", host(b"a", line=b"GET HTTP://site.example/ HTTP/1.1") + GET, 200, 200),
    answered("absolute: with a port", host(b"a", line=b"GET http://site.example:81/ HTTP/1.1") + GET, 200, 200),
    answered("absolute: without a path", host(b"a", line=b"GET http://site.example HTTP/1.1") + GET, 200, 200),
    answered("absolute: query without a path", host(b"a", line=b"GET http://site.example?x HTTP/1.1") + GET, 200, 200),
    answered("absolute: another page", host(b"a", line=b"GET http://site.example/x HTTP/1.1") + GET, 404, 200),
    answered("absolute: user", host(b"site.example", line=b"GET http://u@site.example/ HTTP/1.1") + GET, 400, 200),
    answered("absolute: bad port", host(b"site.example", line=b"GET http://site.example:x/ HTTP/1.1") + GET, 400, 200),
    answered("absolute: comma", host(b"a", line=b"GET http://site.example,b.example/ HTTP/1.1") + GET, 404, 200),
    answered("absolute: backslash", host(b"a", line=b"GET http://site.example\\b/ HTTP/1.1") + GET, 400, 200),
    answered("absolute: other scheme", host(b"site.example", line=b"GET ftp://site.example/ HTTP/1.1") + GET, 400, 200),
    answered("absolute: one slash", host(b"site.example", line=b"GET http:/site.example/ HTTP/1.1") + GET, 400, 200),
    answered(
        "absolute: the API's host, another Host",
        host(b"site.example", line=b"GET http://api.example/api/v2/sites HTTP/1.1") + GET,
        401,
        200,
    ),
    answered(
        "absolute: a site's host, the API's Host",
        host(b"api.example", line=b"GET http://site.example/api/v2/sites HTTP/1.1") + GET,
        404,
        200,
    ),
    answered(
        "absolute: the API's host for a user",
        host(b"site.example", line=b"GET http://api.example@site.example/api/v2/sites HTTP/1.1") + GET,
        400,
        200,
    ),
    closed("absolute: HTTP/1.0 without Host", head(b"GET http://site.example/ HTTP/1.0") + GET, 200),
    answered("host: forwarded ones are not it", host(b"site.example", b"X-Forwarded-Host: evil.example"), 200),
    answered(
        "host: path fields are not the target", host(b"site.example", b"X-Original-URL: /x", b"X-Rewrite-URL: /y"), 200
    ),
)
