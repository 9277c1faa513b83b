"""A case of the corpus, and the words that cases are written in."""

from dataclasses import dataclass

HOST = b"Host: site.example"
TE = b"Transfer-Encoding: chunked"


@dataclass(frozen=True, slots=True)
class Case:
    """*data* is all that a client sends on one connection to a site that has ``/``, and nothing else.

    *statuses* are those of the responses that come, in their order; *closed* tells whether the server closes after them. *methods* are
    those of the requests answered, the last one for all that follow: a response to HEAD has no body.
    """

    name: str
    data: bytes
    statuses: tuple[int, ...]
    closed: bool
    methods: tuple[bytes, ...] = (b"GET",)


def answered(name: str, data: bytes, *statuses: int, methods: tuple[bytes, ...] = (b"GET",)) -> Case:
    """Give a case whose requests are answered, and the connection stays."""
    return Case(name, data, statuses, False, methods)


def closed(name: str, data: bytes, *statuses: int, methods: tuple[bytes, ...] = (b"GET",)) -> Case:
    """Give a case after whose answers the server closes."""
    return Case(name, data, statuses, True, methods)


def refused(name: str, data: bytes, status: int = 400) -> Case:
    """Give a case with a first request that is no HTTP; what follows it must not be taken for another, so it is put there."""
    return Case(name, data + HIDDEN, (status,), True)


def waiting(name: str, data: bytes, *statuses: int) -> Case:
    """Give a case whose last request is not whole yet."""
    return Case(name, data, statuses, False)


def head(*lines: bytes) -> bytes:
    """Give a head of *lines*."""
    return b"".join(line + b"\r\n" for line in (*lines, b""))


def get(*fields: bytes, target: bytes = b"/", version: bytes = b"HTTP/1.1") -> bytes:
    """Give a GET with a Host and *fields*."""
    return head(b"GET " + target + b" " + version, HOST, *fields)


def post(*fields: bytes, body: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    """Give a POST, which every site answers with 405 once its *body* is whole."""
    return head(b"POST / " + version, HOST, *fields) + body


def chunked(body: bytes) -> bytes:
    """Give a POST in chunks, *body* being their bytes as they are sent."""
    return post(TE, body=body)


GET = get()
#: A request that an attacker hides: 404 tells that it was found.
HIDDEN = get(target=b"/hidden")
