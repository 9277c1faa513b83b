"""Questions whose aliases do not end, or far away: no RFC says where a server stops, only that an answer comes (pure)."""

import dns.rcode

from tests.dns.rules.asking import Ask, query, read, read_rrs
from tests.dns.rules.row import asks

#: Questions, and the owner with which the answer must begin.
QUESTIONS = (
    ("x.grow.endless.test A", "grow.endless.test."),
    ("x.grow.endless.test A +tcp", "grow.endless.test."),
    ("x.wide.endless.test A", "x.wide.endless.test."),
    ("x.ping.endless.test A", "x.ping.endless.test."),
    ("c1.endless.test A", "c1.endless.test."),
    ("c1.endless.test A +tcp", "c1.endless.test."),
)


def faults(ask: Ask) -> list[str]:
    """Ask all of them: each answer is readable, and begins with the first alias, or is SERVFAIL."""
    found = []
    for text, owner in QUESTIONS:
        question = asks(text)
        wire = ask(query(question), question.transport)
        if wire is None:
            found.append(f"{text}: no answer")
            continue
        answer = read(wire)
        rcode = dns.rcode.to_text(answer.rcode())
        if rcode not in {"NOERROR", "YXDOMAIN", "SERVFAIL"}:
            found.append(f"{text}: {rcode}")
        if rcode != "SERVFAIL" and [rr[0] for rr in read_rrs(answer.answer[:1])] != [owner]:
            found.append(f"{text}: does not begin with {owner}")
    return found
