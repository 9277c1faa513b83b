"""The numbers of DNS that the server itself acts on (pure). All others are dnspython's to know.

Sources: IANA's "Domain Name System (DNS) Parameters"; the RFC of each stands beside it.
"""

# Types: RFC 1035 section 3.2.2 unless another RFC is named.
A = 1
NS = 2
CNAME = 5
SOA = 6
PTR = 12
MX = 15
TXT = 16
AAAA = 28  # RFC 3596
SRV = 33  # RFC 2782
DNAME = 39  # RFC 6672
OPT = 41  # RFC 6891
DS = 43  # RFC 4034
RRSIG = 46  # RFC 4034
NSEC = 47  # RFC 4034
SVCB = 64  # RFC 9460
HTTPS = 65  # RFC 9460
TKEY = 249  # RFC 2930
TSIG = 250  # RFC 8945
IXFR = 251  # RFC 1995
AXFR = 252
MAILB = 253
MAILA = 254
ANY = 255

# Classes: RFC 1035 section 3.2.4.
IN = 1
CHAOS = 3

# Response codes: RFC 1035 section 4.1.1, RFC 2136 section 2.2, RFC 6891 section 9.
NOERROR = 0
FORMERR = 1
SERVFAIL = 2
NXDOMAIN = 3
NOTIMP = 4
REFUSED = 5
YXDOMAIN = 6
NOTAUTH = 9
BADVERS = 16

# The second 16 bits of a header: RFC 1035 section 4.1.1, and RFC 4035 section 3 for AD and CD.
QR = 0x8000
OPCODE = 0x7800
AA = 0x0400
TC = 0x0200
RD = 0x0100

# EDNS: RFC 6891 section 6, RFC 3225 for DO.
DO = 0x8000
NSID = 3  # RFC 5001
COOKIE = 10  # RFC 7873
EXTENDED_ERROR = 15  # RFC 8914
#: RFC 8914 section 4.
NOT_READY = 14
PROHIBITED = 18
NOT_AUTHORITATIVE = 20
NOT_SUPPORTED = 21

#: The most that a message may have over UDP without EDNS (RFC 1035 section 4.2.1), and over TCP (section 4.2.2).
PLAIN_UDP = 512
LARGEST_MESSAGE = 65535
HEADER = 12
