"""Rows: flags, classes, EDNS versions, transfers (pure)."""

from dataclasses import replace

from tests.dns.rules.row import Row, Rule

WWW = ("www.rules.test. 600 A 192.0.2.10", "www.rules.test. 600 A 192.0.2.11")

flags = Rule("flags", "RFC 1035 4.1.1, RFC 4035 3.1.6 on CD and AD")
edns = Rule("edns", "RFC 6891 6.1.3 and 7, RFC 3225 3 on DO")
classes = Rule("classes", "RFC 1035 3.2.4: zones of class IN alone are served")
chaos = Rule("chaos", "RFC 4892 2")
transfers = Rule("transfers", "RFC 5936 2.2.1, RFC 1995 2: not allowed to anybody")
outside = Rule("transfers of what is no zone", "RFC 5936 2.2.1: NOTAUTH")


ROWS: tuple[Row, ...] = (
    flags.found("www.rules.test A +rd", *WWW),
    flags.found("www.rules.test A +cd", *WWW),
    flags.found("www.rules.test A +ad", *WWW),
    flags.found("www.rules.test A +z", *WWW),
    flags.found("www.rules.test A +rd +cd +ad", *WWW),
    flags.found("www.rules.test A +aa", *WWW),
    flags.found("www.rules.test A +rd +tcp", *WWW),
    flags.failed("www.outside.invalid A +rd", "REFUSED"),
    flags.failed("www.outside.invalid A +cd", "REFUSED"),
    edns.found("www.rules.test A +bufsize=512", *WWW),
    edns.found("www.rules.test A +bufsize=65535 +do", *WWW),
    edns.found("www.rules.test A +bufsize=1232 +do +cd +rd", *WWW),
    edns.failed("www.rules.test A +bufsize=1232 +edns=1", "BADVERS"),
    edns.failed("www.rules.test A +bufsize=1232 +edns=255 +do", "BADVERS"),
    edns.failed("www.outside.invalid A +bufsize=1232 +edns=1", "BADVERS"),
    classes.failed("www.rules.test A +class=CH", "REFUSED"),
    classes.failed("www.rules.test A +class=HS", "REFUSED"),
    classes.failed("www.rules.test A +class=ANY", "REFUSED"),
    classes.failed("www.rules.test A +class=NONE", "REFUSED"),
    classes.failed("www.rules.test A +class=CLASS65280", "REFUSED"),
    classes.failed("www.rules.test ANY +class=ANY", "REFUSED"),
    classes.failed("absent.rules.test A +class=HS +bufsize=1232", "REFUSED"),
    *(
        replace(chaos.found(f"{name} TXT +class=CH"), answer=None, aa=None)
        for name in ("version.bind", "version.server", "hostname.bind", "id.server")
    ),
    chaos.failed("absent.bind TXT +class=CH", "REFUSED"),
    transfers.failed("rules.test AXFR +tcp", "REFUSED"),
    outside.failed("www.rules.test AXFR +tcp", "NOTAUTH"),
    outside.failed("outside.invalid AXFR +tcp", "NOTAUTH"),
    transfers.failed("rules.test IXFR", "REFUSED"),
    transfers.failed("rules.test IXFR +tcp", "REFUSED"),
    outside.failed("outside.invalid IXFR", "NOTAUTH"),
)  # fmt: skip
