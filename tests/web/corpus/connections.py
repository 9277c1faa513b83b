"""What becomes of the connection: Connection, Upgrade, Expect, HTTP/1.0, pipelining (RFC 9112 section 9)."""

from tests.web.corpus.case import GET, HIDDEN, HOST, TE, answered, closed, get, head, post, refused, waiting

CONTINUE = b"Expect: 100-continue"

CLOSING = {
    "close": (b"Connection: close",),
    "upper case": (b"CONNECTION: CLOSE",),
    "no space": (b"Connection:close",),
    "first of a list": (b"Connection: close, x",),
    "last of a list": (b"Connection: x, close",),
    "list without spaces": (b"Connection: x,close,y",),
    "list with empty elements": (b"Connection: , close,,",),
    "list with tabs": (b"Connection: x\t,\tclose",),
    "beside keep-alive": (b"Connection: keep-alive, close",),
    "before keep-alive": (b"Connection: close, keep-alive",),
    "second field": (b"Connection: keep-alive", b"Connection: close"),
    "first field": (b"Connection: close", b"Connection: keep-alive"),
    "twice": (b"Connection: close", b"Connection: close"),
    "with an upgrade": (b"Connection: Upgrade, close", b"Upgrade: websocket"),
}

GOING_ON = {
    "keep-alive": (b"Connection: keep-alive",),
    "empty": (b"Connection:",),
    "unknown": (b"Connection: cow",),
    "word that begins with close": (b"Connection: closed",),
    "word that ends with close": (b"Connection: foreclose",),
    "words with a space": (b"Connection: not close",),
    "quotes": (b'Connection: "close"',),
    "semicolon": (b"Connection: close;q=0",),
    "names of other fields": (b"Connection: Host, Content-Length, Transfer-Encoding",),
    "Proxy-Connection": (b"Proxy-Connection: close",),
    "Keep-Alive": (b"Connection: keep-alive", b"Keep-Alive: timeout=0, max=0"),
    "TE": (b"Connection: TE", b"TE: trailers"),
}

UPGRADES = {
    "h2c": (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"),
    "websocket": (
        b"Connection: Upgrade",
        b"Upgrade: websocket",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        b"Sec-WebSocket-Version: 13",
    ),
    "TLS": (b"Connection: Upgrade", b"Upgrade: TLS/1.0"),
    "unknown": (b"Connection: Upgrade", b"Upgrade: cow/1"),
    "without Connection": (b"Upgrade: h2c",),
    "empty": (b"Connection: Upgrade", b"Upgrade:"),
    "Connection alone": (b"Connection: Upgrade",),
}

CASES = (
    *(closed(f"connection: {name}", get(*fields) + HIDDEN, 200) for name, fields in CLOSING.items()),
    *(answered(f"connection goes on: {name}", get(*fields) + GET, 200, 200) for name, fields in GOING_ON.items()),
    *(answered(f"upgrade: {name}", get(*fields) + GET, 200, 200) for name, fields in UPGRADES.items()),
    closed("upgrade: HTTP/2 behind it", get(*UPGRADES["h2c"]) + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 200, 505),
    closed("upgrade: frames behind it", get(*UPGRADES["websocket"]) + b"\x81\x05hello", 200, 400),
    answered("upgrade: with a body", post(*UPGRADES["h2c"], b"Content-Length: 5", body=b"hello") + GET, 405, 200),
    closed("connection: close with a body", post(b"Connection: close", b"Content-Length: 2", body=b"ab") + HIDDEN, 405),
    closed("connection: close with chunks", post(b"Connection: close", TE, body=b"0\r\n\r\n") + HIDDEN, 405),
    closed("connection: the second closes", GET + get(b"Connection: close") + HIDDEN, 200, 200),
    closed("connection: close, and nonsense behind", get(b"Connection: close") + b"nonsense\r\n\r\n", 200),
    closed("HTTP/1.0: ends", get(version=b"HTTP/1.0") + HIDDEN, 200),
    closed(
        "HTTP/1.0: ends, whatever keep-alive says", get(b"Connection: keep-alive", version=b"HTTP/1.0") + HIDDEN, 200
    ),
    closed("HTTP/1.0: with a length", post(b"Content-Length: 2", body=b"ab", version=b"HTTP/1.0") + HIDDEN, 405),
    closed("HTTP/1.0: HEAD", head(b"HEAD / HTTP/1.0", HOST) + HIDDEN, 200, methods=(b"HEAD",)),
    closed("HTTP/1.0: behind HTTP/1.1", GET + get(version=b"HTTP/1.0") + HIDDEN, 200, 200),
    refused("HTTP/1.0: bare LF", b"GET / HTTP/1.0\n\n"),
    answered("expect: with a body", post(CONTINUE, b"Content-Length: 5", body=b"hello") + GET, 100, 405, 200),
    answered("expect: with chunks", post(CONTINUE, TE, body=b"1\r\nx\r\n0\r\n\r\n") + GET, 100, 405, 200),
    answered("expect: upper case", post(b"EXPECT: 100-CONTINUE", b"Content-Length: 1", body=b"x") + GET, 100, 405, 200),
    answered("expect: without a body", post(CONTINUE) + GET, 405, 200),
    answered("expect: of GET", get(CONTINUE) + GET, 200, 200),
    answered("expect: of GET with a body", get(CONTINUE, b"Content-Length: 1") + b"x" + GET, 100, 200, 200),
    answered("expect: unknown", post(b"Expect: cow", b"Content-Length: 1", body=b"x") + GET, 405, 200),
    answered("expect: empty", post(b"Expect:", b"Content-Length: 1", body=b"x") + GET, 405, 200),
    waiting("waiting: body that was asked for", post(CONTINUE, b"Content-Length: 5"), 100),
    closed("expect: malformed chunks", post(CONTINUE, TE, body=b"x\r\n") + HIDDEN, 100, 400),
    closed("expect: HTTP/1.0", post(CONTINUE, b"Content-Length: 1", body=b"x", version=b"HTTP/1.0") + HIDDEN, 405),
    refused("expect: conflicting lengths", post(CONTINUE, b"Content-Length: 1", TE, body=b"x")),
    closed("pipelined: malformed second", GET + b"nonsense\r\n\r\n" + HIDDEN, 200, 400),
    closed("pipelined: malformed third", GET + HIDDEN + get(b"bad name: x") + HIDDEN, 200, 404, 400),
    closed("pipelined: third without Host", GET + GET + head(b"GET / HTTP/1.1") + HIDDEN, 200, 200, 400),
    closed("pipelined: second of another version", GET + get(version=b"HTTP/3.0") + HIDDEN, 200, 505),
    closed("pipelined: second too long", GET + get(target=b"/" + b"x" * 40000) + HIDDEN, 200, 414),
    closed("pipelined: second with too many fields", GET + get(*[b"X: y"] * 200) + HIDDEN, 200, 431),
    closed(
        "pipelined: response for a request", GET + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + HIDDEN, 200, 400
    ),
    closed(
        "pipelined: HEAD, then malformed",
        head(b"HEAD / HTTP/1.1", HOST) + b"x\r\n\r\n",
        200,
        400,
        methods=(b"HEAD", b"GET"),
    ),
    closed(
        "pipelined: malformed HEAD",
        GET + head(b"HEAD / HTTP/1.1", HOST, b"bad name: x") + HIDDEN,
        200,
        400,
        methods=(b"GET", b"HEAD"),
    ),
    closed("pipelined: NUL between", GET + b"\x00" + HIDDEN, 200, 400),
    closed("pipelined: space between", GET + b" " + HIDDEN, 200, 400),
    answered("pipelined: body, then requests", post(b"Content-Length: 3", body=b"abc") + GET * 3, 405, 200, 200, 200),
)
