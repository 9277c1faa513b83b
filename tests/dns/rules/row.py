"""A row of the table of rules, and the words in which rows are written (pure)."""

from dataclasses import dataclass, replace

#: An RR as zone-file text: owner, TTL, type, data.
Record = str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: *name* and *type* as a zone file writes them.

    *edns* is the payload size of the query's OPT, None for no OPT; *version* is the OPT's. *flags* are some of rd, ad, cd, z, tc and aa.
    """

    name: str
    type: str
    rdclass: str = "IN"
    transport: str = "udp"
    edns: int | None = None
    version: int = 0
    do: bool = False
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Row:
    """What must come of *question*, by *rule*, which *source* has (RFC and section).

    *answer* is the whole answer section, RRset by RRset in the order in which they follow from each other; with *alternatives* one of
    these is it; None is any that is not empty. *aa* None is either. *authority* is that whole section. *glue* must be in the additional
    section unless TC is set; *offered* may be.
    """

    rule: str
    source: str
    question: Question
    rcode: str = "NOERROR"
    aa: bool | None = True
    tc: bool = False
    answer: tuple[Record, ...] | None = ()
    alternatives: tuple[tuple[Record, ...], ...] = ()
    authority: tuple[Record, ...] = ()
    glue: tuple[Record, ...] = ()
    offered: tuple[Record, ...] = ()

    @property
    def name(self) -> str:
        """A name that no other row has: what is asked, as dig would be told."""
        asked = self.question
        words = [asked.name if len(asked.name) < 80 else f"{asked.name[:40]}({len(asked.name)})…", asked.type]
        words += [asked.rdclass] if asked.rdclass != "IN" else []
        words += ["+tcp"] if asked.transport == "tcp" else []
        words += [f"+bufsize={asked.edns}"] if asked.edns is not None else []
        words += [f"+edns={asked.version}"] if asked.version else []
        words += ["+do"] if asked.do else []
        return " ".join([*words, *(f"+{flag}" for flag in sorted(asked.flags))])


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: the table's rows of it are made by its methods, which name the verdict."""

    name: str
    source: str

    def found(self, question: str, *answer: Record, offered: tuple[Record, ...] = ()) -> Row:
        """Make a row that ends in data."""
        return Row(self.name, self.source, asks(question), answer=answer, offered=offered)

    def one_of(self, question: str, *rrsets: tuple[Record, ...]) -> Row:
        """Make a row that is answered with one of *rrsets*."""
        return Row(self.name, self.source, asks(question), alternatives=rrsets)

    def nodata(self, question: str, soa: Record, *chain: Record) -> Row:
        """Make a row that ends at a name without such data; *chain* is what led there."""
        return Row(self.name, self.source, asks(question), answer=chain, authority=(soa,))

    def nxdomain(self, question: str, soa: Record, *chain: Record) -> Row:
        """Make a row that ends at a name that does not exist."""
        return replace(self.nodata(question, soa, *chain), rcode="NXDOMAIN")

    def referral(self, question: str, *authority: Record, glue: tuple[Record, ...] = (), chain: tuple[Record, ...] = (),
                 offered: tuple[Record, ...] = ()) -> Row:  # fmt: skip
        """Make a row that ends at a cut; only after a *chain* is that authoritative."""
        return Row(
            self.name, self.source, asks(question), aa=bool(chain), answer=chain, authority=authority, glue=glue, offered=offered
        )  # fmt: skip

    def open_end(self, question: str, *chain: Record) -> Row:
        """Make a row whose *chain* leads to where this server has nothing to say."""
        return Row(self.name, self.source, asks(question), answer=chain)

    def failed(self, question: str, rcode: str, *chain: Record) -> Row:
        """Make a row that ends with *rcode*, authoritative only after a *chain*."""
        return Row(self.name, self.source, asks(question), rcode=rcode, aa=bool(chain), answer=chain)

    def truncated(self, question: str, *answer: Record, aa: bool = True, authority: tuple[Record, ...] = ()) -> Row:
        """Make a row whose *answer* or *authority* comes in parts, or not at all."""
        return Row(self.name, self.source, asks(question), aa=aa, tc=True, answer=answer, authority=authority)


def asks(text: str) -> Question:
    """Read a question: ``NAME TYPE``, then words as dig has them: +tcp +bufsize=1232 +do +rd +ad +cd +z +class=CH +edns=1."""
    name, rdtype, *words = text.split(" ")
    question = Question(name, rdtype)
    for word in words:
        key, _, value = word.removeprefix("+").partition("=")
        question = _with(question, key, value)
    return question


def _with(question: Question, key: str, value: str) -> Question:
    match key:
        case "tcp":
            return replace(question, transport="tcp")
        case "class":
            return replace(question, rdclass=value)
        case "bufsize":
            return replace(question, edns=int(value))
        case "edns":
            return replace(question, version=int(value))
        case "do":
            return replace(question, do=True)
        case _:
            return replace(question, flags=question.flags | {key})


def soa(zone: str, ttl: int = 300, minimum: int = 300) -> Record:
    """Give the SOA of a zone of the table, as it stands in a negative answer with *ttl*."""
    return f"{zone}. {ttl} SOA ns.{zone}. hostmaster.{zone}. 1 7200 3600 1209600 {minimum}"
