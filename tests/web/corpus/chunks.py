"""Bodies in chunks: sizes, extensions, ends and trailers (RFC 9112 section 7.1)."""

from tests.web.corpus.case import GET, HIDDEN, Case, answered, chunked, closed, refused

END = b"0\r\n\r\n"


def sized(line: bytes) -> bytes:
    """Give a request whose first chunk has 5 bytes and the size line *line*."""
    return chunked(line + b"\r\nhello\r\n" + END)


def trailed(line: bytes) -> bytes:
    """Give a request whose trailers are *line*."""
    return chunked(b"5\r\nhello\r\n0\r\n" + line + b"\r\n\r\n")


SIZES = {
    "prefix": b"0x5",
    "prefix in upper case": b"0X5",
    "suffix": b"5h",
    "sign": b"+5",
    "negative": b"-5",
    "space before": b" 5",
    "tab before": b"\t5",
    "space behind": b"5 ",
    "tab behind": b"5\t",
    "space within": b"0 5",
    "empty": b"",
    "white space": b" ",
    "letters": b"five",
    "underscore": b"0_5",
    "dot": b"5.0",
    "comma": b"5,5",
    "quotes": b'"5"',
    "NUL before": b"\x005",
    "NUL behind": b"5\x00",
    "vertical tab": b"5\x0b",
    "no-break space": b"5\xa0",
    "digit of another script": b"\xd9\xa5",
    "CR behind": b"5\r",
    "CR and another size": b"5\r6",
    "LF before": b"\n5",
    "CRLF before": b"\r\n5",
    "huge": b"f" * 16,
    "one that wraps 32 bits": b"100000005" + b"0" * 8,
    "one that wraps 64 bits": b"10000000000000005",
    "one of many zeros": b"0" * 200 + b"5",
    "hundreds of digits": b"f" * 900,
    "longer than a line may be": b"5;" + b"x" * 2000,
}

EXTENSIONS = {
    "name": b"5;a",
    "name and value": b"5;a=b",
    "several": b"5;a=b;c;d=e",
    "quoted value": b'5;a="b c"',
    "quoted semicolon": b'5;a="b;c"',
    "quoted quote": b'5;a="b\\"c"',
    "quoted backslash": b'5;a="\\\\"',
    "empty quotes": b'5;a=""',
    "high byte in quotes": b'5;a="\xe9"',
    "bad white space": b"5 ; a = b",
    "tabs": b"5\t;\ta\t=\tb",
    "digits": b"5;5=5",
    "every tchar": b"5;!#$%&'*+-.^_`|~=x",
    "long": b"5;" + b"x" * 1000,
}

BAD_EXTENSIONS = {
    "empty": b"5;",
    "two semicolons": b"5;;a",
    "semicolon behind": b"5;a;",
    "no name": b"5;=b",
    "no value": b"5;a=",
    "two values": b"5;a=b=c",
    "two words": b"5;a b",
    "space behind": b"5;a ",
    "open quotes": b'5;a="b',
    "quotes that end in a backslash": b'5;a="b\\"',
    "words behind quotes": b'5;a="b"c',
    "quoted name": b'5;"a"=b',
    "comma": b"5;a,b",
    "colon": b"5;a:b",
    "slash": b"5;a=b/c",
    "NUL": b"5;a\x00",
    "NUL in quotes": b'5;a="\x00"',
    "LF": b"5;a\nb",
    "LF and a chunk": b"5;a\n0",
    "LF in quotes": b'5;a="\n"',
    "CR": b"5;a\rb",
    "CR behind": b"5;a\r",
    "high byte": b"5;\xe9",
    "vertical tab": b"5;\x0ba",
    "not behind a semicolon": b"5 a",
    "equals sign alone": b"5=a",
}

TRAILERS = {
    "no colon": b"X",
    "empty name": b": y",
    "space before the colon": b"X : y",
    "folded": b"X: y\r\n z",
    "folded before anything": b" X: y",
    "space in the name": b"X Y: z",
    "high byte in the name": b"\xe9: y",
    "NUL": b"X: \x00",
    "LF": b"X: y\nZ: a",
    "CR": b"X: y\rZ: a",
    "CR behind": b"X: y\r",
    "DEL": b"X: \x7f",
    "request": b"GET /hidden HTTP/1.1",
}

ENDS = {
    "nothing behind the content": b"5\r\nhello" + END,
    "LF behind the content": b"5\r\nhello\n" + END,
    "CR behind the content": b"5\r\nhello\r" + END,
    "two other bytes behind the content": b"5\r\nhelloXX" + END,
    "more content than announced": b"5\r\nhello world\r\n" + END,
    "less content than announced": b"6\r\nhello\r\n" + END,
    "empty line behind the content": b"5\r\nhello\r\n\r\n" + END,
    "LF behind the size": b"5\nhello\r\n" + END,
    "CR behind the size": b"5\rhello\r\n" + END,
    "LF alone everywhere": b"5\nhello\n0\n\n",
    "LF behind the last size": b"5\r\nhello\r\n0\n\r\n",
    "LF at the end": b"5\r\nhello\r\n0\r\n\n",
    "CR at the end": b"5\r\nhello\r\n0\r\n\rX",
    "two other bytes at the end": b"5\r\nhello\r\n0\r\nXX",
    "no size but the end": b"5\r\nhello\r\n\r\n",
    "no chunks but a request": HIDDEN,
}

CASES: tuple[Case, ...] = (
    *(refused(f"chunk size: {name}", sized(line)) for name, line in SIZES.items()),
    *(
        refused(f"last chunk: {name}", chunked(line.replace(b"5", b"0") + b"\r\n\r\n"))
        for name, line in list(SIZES.items())[:12]
    ),
    *(answered(f"chunk extension: {name}", sized(line) + GET, 405, 200) for name, line in EXTENSIONS.items()),
    *(
        answered(f"last chunk's extension: {name}", chunked(b"0" + line[1:] + b"\r\n\r\n") + GET, 405, 200)
        for name, line in EXTENSIONS.items()
    ),
    *(refused(f"chunk extension: {name}", sized(line)) for name, line in BAD_EXTENSIONS.items()),
    *(
        refused(f"last chunk's extension: {name}", chunked(b"0" + line[1:] + b"\r\n\r\n"))
        for name, line in BAD_EXTENSIONS.items()
    ),
    refused("chunk extension: too many bytes of them", chunked(b"1;%b\r\nx\r\n" % (b"x" * 1000) * 17 + END)),
    answered(
        "chunk extension: many bytes of them", chunked(b"1;%b\r\nx\r\n" % (b"x" * 1000) * 16 + END) + GET, 405, 200
    ),
    *(refused(f"trailer: {name}", trailed(line)) for name, line in TRAILERS.items()),
    refused("trailer: too many", trailed(b"\r\n".join([b"X: y"] * 101)), 431),
    refused("trailer: too long", trailed(b"X: " + b"y" * 40000), 431),
    refused("trailer: one that never ends", chunked(b"0\r\nX: " + b"y" * 40000), 431),
    answered("trailer: hundred", trailed(b"\r\n".join([b"X: y"] * 100)) + GET, 405, 200),
    answered(
        "trailer: fields of framing are not heeded",
        trailed(b"Content-Length: 99\r\nTransfer-Encoding: x") + GET,
        405,
        200,
    ),
    answered("trailer: Host is not heeded", trailed(b"Host: evil.example\r\nConnection: close") + GET, 405, 200),
    *(refused(f"chunk: {name}", chunked(body)) for name, body in ENDS.items()),
    answered("chunk: request within", chunked(b"%x\r\n%b\r\n" % (len(HIDDEN), HIDDEN) + END) + GET, 405, 200),
    answered("chunk: thousand small ones", chunked(b"1\r\nx\r\n" * 1000 + END) + GET, 405, 200),
    answered("chunk: two bodies", chunked(b"1\r\nx\r\n" + END) * 2 + GET, 405, 405, 200),
    closed("chunk: bytes behind the last", chunked(END + b"hello\r\n\r\n") + HIDDEN, 405, 400),
    closed("chunk: two last ones", chunked(END + END) + HIDDEN, 405, 400),
    closed("chunk: malformed in the second request", GET + chunked(b"x\r\n") + HIDDEN, 200, 400),
)
