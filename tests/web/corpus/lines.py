"""Line endings: CRLF, and what is taken for one (RFC 9112 section 2.2)."""

from tests.web.corpus.case import GET, HIDDEN, HOST, chunked, closed, post, refused

MALFORMED = {
    "LF alone": b"GET / HTTP/1.1\nHost: site.example\n\n",
    "CR alone": b"GET / HTTP/1.1\rHost: site.example\r\r",
    "LF behind the request line": b"GET / HTTP/1.1\nHost: site.example\r\n\r\n",
    "LF behind a field": b"GET / HTTP/1.1\r\nHost: site.example\nX: y\r\n\r\n",
    "LF for the empty line": b"GET / HTTP/1.1\r\nHost: site.example\r\n\n",
    "LF behind the last field and for the empty line": b"GET / HTTP/1.1\r\nHost: site.example\n\n",
    "LF behind the last field": b"GET / HTTP/1.1\r\nHost: site.example\n\r\n",
    "CR behind the request line": b"GET / HTTP/1.1\rHost: site.example\r\n\r\n",
    "CR behind a field": b"GET / HTTP/1.1\r\nHost: site.example\rX: y\r\n\r\n",
    "CR for the empty line": b"GET / HTTP/1.1\r\nHost: site.example\r\n\rX",
    "CRCRLF behind the request line": b"GET / HTTP/1.1\r\r\nHost: site.example\r\n\r\n",
    "CRCRLF behind a field": b"GET / HTTP/1.1\r\nHost: site.example\r\r\n\r\n",
    "CRCRLF for the empty line": b"GET / HTTP/1.1\r\nHost: site.example\r\n\r\r\n",
    "LFCR": b"GET / HTTP/1.1\n\rHost: site.example\n\r\n\r",
    "LFCRLF for the empty line": b"GET / HTTP/1.1\r\nHost: site.example\r\n\n\r\n",
    "LF in a value": b"GET / HTTP/1.1\r\nHost: site.example\r\nX: a\nTransfer-Encoding: chunked\r\n\r\n",
    "CR in a value": b"GET / HTTP/1.1\r\nHost: site.example\r\nX: a\rTransfer-Encoding: chunked\r\n\r\n",
    "CR before a value": b"GET / HTTP/1.1\r\nHost: site.example\r\nX:\ra\r\n\r\n",
    "LF before a value": b"GET / HTTP/1.1\r\nHost: site.example\r\nX:\na\r\n\r\n",
    "LF before a name": b"GET / HTTP/1.1\r\n\nHost: site.example\r\n\r\n",
    "CR before a name": b"GET / HTTP/1.1\r\n\rHost: site.example\r\n\r\n",
    "CR before the colon": b"GET / HTTP/1.1\r\nHost\r: site.example\r\n\r\n",
    "LF before the colon": b"GET / HTTP/1.1\r\nHost\n: site.example\r\n\r\n",
    "CR within a coding": b"POST / HTTP/1.1\r\nHost: site.example\r\nTransfer-Encoding: chun\rked\r\n\r\n",
    "NEL for a line's end": b"GET / HTTP/1.1\x85Host: site.example\x85\x85\r\n\r\n",
    "LF before the request": b"\nGET / HTTP/1.1\r\nHost: site.example\r\n\r\n",
    "CR before the request": b"\rGET / HTTP/1.1\r\nHost: site.example\r\n\r\n",
    "CRCRLF before the request": b"\r\r\nGET / HTTP/1.1\r\nHost: site.example\r\n\r\n",
    "too many empty lines": b"\r\n" * 101 + GET,
    "empty lines without end": b"\r\n" * 1000,
    "space before the request": b" \r\n" + GET,
    "space in an empty line": b"GET / HTTP/1.1\r\nHost: site.example\r\n \r\n",
}

CASES = (
    *(refused(f"line: {name}", data) for name, data in MALFORMED.items()),
    closed("line: LF behind an answered request", GET + b"\n" + HIDDEN, 200, 400),
    closed("line: CR behind an answered request", GET + b"\r" + HIDDEN, 200, 400),
    closed("line: too many empty lines behind an answered request", GET + b"\r\n" * 101 + HIDDEN, 200, 400),
    closed("line: LF behind a body", post(b"Content-Length: 2", body=b"ab") + b"\n" + HIDDEN, 405, 400),
    closed("line: LF behind chunks", chunked(b"0\r\n\r\n") + b"\n" + HIDDEN, 405, 400),
    closed("line: LF alone in the second", GET + b"GET / HTTP/1.1\n" + HOST + b"\n\n" + HIDDEN, 200, 400),
)
