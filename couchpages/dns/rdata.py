"""The data of records: read and checked by dnspython, kept in wire form (pure; for loading and writing, never for a query).

Content is text as in a zone file, without owner, TTL, class and type. As in the first system's documents, and PowerDNS's, a name in it is
absolute with or without the dot at its end.
"""

import re
from functools import lru_cache

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer

from couchpages.dns import codes
from couchpages.dns.names import Name, canonical

#: What the content of the commonest types needs, for whom dnspython's words would not help.
NEEDS = {
    "A": "an IPv4 address",
    "AAAA": "an IPv6 address",
    "AFSDB": "a subtype and a host name",
    "CAA": 'flags, a tag and a quoted value, as in: 0 issue "letsencrypt.org"',
    "CNAME": "a host name",
    "DNAME": "a domain name",
    "DNSKEY": "flags, a protocol, an algorithm and a key in base64",
    "DS": "a key tag, an algorithm, a digest type and a digest in hexadecimal",
    "HINFO": "two texts, a machine and an operating system",
    "HTTPS": "a priority, a target name, and parameters such as alpn=h2",
    "LOC": "a position, as in: 52 22 23.000 N 4 53 32.000 E -2.00m",
    "MX": "a priority and a host name",
    "NAPTR": "an order, a preference, flags, a service, a regular expression and a replacement",
    "NS": "a host name",
    "PTR": "a host name",
    "RP": "a mailbox as a name, and a name that has a text",
    "SOA": "a primary server, a mailbox, a serial, and refresh, retry, expire and minimum in seconds",
    "SRV": "a priority, a weight, a port and a host name",
    "SSHFP": "an algorithm, a fingerprint type and a fingerprint in hexadecimal",
    "SVCB": "a priority, a target name, and parameters such as alpn=h2",
    "TLSA": "a usage, a selector, a matching type and data in hexadecimal",
    "TXT": 'one or more texts, each of at most 255 octets, in quotes where there is a space: "v=spf1 -all"',
    "URI": "a priority, a weight and a quoted address",
}
#: Types of RFC 1035 whose data is one name. Not those that nobody uses (MB, MD, MF, MG, MINFO, MR): dnspython reads any octets as data of
#: those, so they are sent as they are, which is always right.
ONE_NAME = (codes.NS, codes.CNAME, codes.PTR)
_META = range(128, 256)
#: Characters of a content, and of one that is not ASCII, whose names take IDNA: what takes dnspython longer would keep questions waiting.
LONGEST_CONTENT = 2**15
LONGEST_UNICODE = 2**11
#: Words and quoted texts of a content, each of which takes dnspython up to 100 µs.
MOST_WORDS = 512
#: Types that have a bit for each of up to 65,536 types or ports, of which each set bit is written as a word.
_BITMAPS = frozenset({"WKS", "NSEC", "NSEC3", "CSYNC"})
_MOST_BITS = 4096
#: Types with parameters that are lists.
_LISTING = (codes.SVCB, codes.HTTPS)
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"?|[();]|[^\s();"]+', re.DOTALL)


@lru_cache(maxsize=1024)
def type_from_text(text: str) -> int:
    """Read a type's mnemonic, or ``TYPE65280`` (RFC 3597 section 5). Raises ValueError for what no record can have."""
    try:
        number = int(dns.rdatatype.from_text(text))
    except (dns.exception.DNSException, ValueError):
        raise ValueError(f"{text[:20]!r} is no type of record") from None
    if number in _META or number in (0, codes.OPT):
        raise ValueError(f"{text.upper()} is not a type that records have: it exists in messages only")
    return number


def type_to_text(number: int) -> str:
    """Write a type."""
    return dns.rdatatype.to_text(dns.rdatatype.RdataType(number))


def parse(type_: int, content: str) -> bytes:
    """Read content into uncompressed wire form. Raises ValueError with what a zone file's author would want to be told."""
    kind = type_to_text(type_)
    require_short(type_, content)
    try:
        found = dns.rdata.from_text(
            dns.rdataclass.IN,
            dns.rdatatype.RdataType(type_),
            content,
            origin=dns.name.root,
            relativize=False,
            idna_codec=dns.name.IDNA_2008_Practical,
        )
        wire = bytes(found.to_wire() or b"")
    except (dns.exception.DNSException, ValueError, OverflowError, TypeError, IndexError) as error:
        raise ValueError(
            f"{kind} content needs {_needs(kind)}; {_shown(content)} does not have that ({_why(error)})"
        ) from None
    if len(wire) > codes.LARGEST_MESSAGE:
        raise ValueError(f"{kind} content is longer than a record can be: {len(wire)} octets")
    if kind in _BITMAPS and int.from_bytes(wire, "big").bit_count() > _MOST_BITS:
        raise ValueError(f"{kind} content names more than {MOST_WORDS:,} types or ports")
    return wire


def require_short(type_: int, content: str) -> None:
    """Refuse content that would take too long to be read. Raises ValueError."""
    length = len(content)
    if length <= MOST_WORDS:
        return
    kind = type_to_text(type_)
    if length > LONGEST_CONTENT:
        raise ValueError(f"{kind} content has {length:,} characters; at most {LONGEST_CONTENT:,} are read")
    if length > LONGEST_UNICODE and not content.isascii():
        raise ValueError(
            f"{kind} content has {length:,} characters, some of which are not ASCII; of more than {LONGEST_UNICODE:,}, "
            "write those as \\DDD"
        )
    words = sum(1 for _ in _WORD.finditer(content)) + (content.count(",") if type_ in _LISTING else 0)
    if words > MOST_WORDS:
        raise ValueError(f"{kind} content has {words:,} words; at most {MOST_WORDS:,} are read")


def complaint(type_: int, error: Exception) -> str:
    """Say what the content of a type needs, and what dnspython says is wrong."""
    kind = type_to_text(type_)
    return f"{kind} content needs {_needs(kind)} ({_why(error)})"


def _needs(kind: str) -> str:
    return NEEDS.get(kind, "what its RFC asks for, or the form of RFC 3597: \\# LENGTH HEXADECIMAL")


def _shown(content: str) -> str:
    return repr(content if len(content) <= 80 else content[:77] + "…")  # noqa: PLR2004 -- as much as fits into a line


def _why(error: Exception) -> str:
    return (str(error) or type(error).__name__).rstrip(".").lower()


def to_text(type_: int, wire: bytes) -> str:
    """Write data as a zone file has it, names with the dot at their ends."""
    found = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.RdataType(type_), wire, 0, len(wire), None)
    return found.to_text()


def compressible(type_: int, wire: bytes) -> tuple[tuple[int, int], ...]:
    """Give where the names stand in *wire* that may be compressed: those of RFC 1035's types only (RFC 3597 section 4)."""
    if type_ in ONE_NAME:
        return ((0, len(wire)),)
    if type_ == codes.MX:
        return ((2, len(wire)),)
    if type_ == codes.SOA:
        middle = name_end(wire, 0)
        return ((0, middle), (middle, name_end(wire, middle)))
    return ()


def additional_name(type_: int, wire: bytes) -> Name | None:
    """Give the canonical name whose addresses go with a record (RFC 1035 sections 3.3.9 and 3.3.11, RFC 2782, RFC 9460 section 4.1)."""
    if type_ == codes.NS:
        return canonical(wire)
    if type_ == codes.MX:
        return canonical(wire[2:])
    if type_ == codes.SRV:
        return canonical(wire[6:])
    if type_ in (codes.SVCB, codes.HTTPS):
        return canonical(wire[2 : name_end(wire, 2)])
    return None


def name_end(wire: bytes, at: int) -> int:
    """Give where the uncompressed name that begins at *at* ends."""
    while wire[at]:
        at += 1 + wire[at]
    return at + 1
