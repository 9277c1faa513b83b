"""Shows plain tallies to Prometheus when it asks: collectors for a registry of prometheus-client. Used in the reactor's thread."""

from itertools import accumulate
from math import nan

import dns.rcode
import dns.rdatatype
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from couchpages.tallies import BOUNDS, UNNAMED, Durations, PlainCounter, QueryTally, Tallies

RESPONSES = (
    "couchpages_site_responses",
    "Responses sent, by site (empty: a host that is no site), status, and where the content came from (memory, disk, couchdb, none).",
)
SIZES = (
    "couchpages_site_response_bytes",
    "Bytes of the bodies of responses, by site (empty: a host that is no site).",
)
QUERIES = (
    ("queries", "Questions answered, by transport (udp, tcp), type and response code.", ["transport", "type", "rcode"]),
    ("ready_answers", "Answers that were ready, among those.", ["transport"]),
    ("truncated_answers", "Answers that did not fit.", ["transport"]),
    (
        "malformed_messages",
        "Messages that are no questions, by what they got: a response code, or none.",
        ["transport", "answer"],
    ),
    ("unsent_answers", "Answers that the system did not take.", ["transport"]),
)
QUERY_SECONDS = (
    "couchpages_dns_answer_seconds",
    "Seconds from reading some questions until their answers are sent, of a sample.",
)
#: The types that are shown by name.
NAMED = frozenset(map(int, dns.rdatatype.RdataType)) - {UNNAMED}
ENDS = (*(floatToGoString(bound) for bound in BOUNDS), "+Inf")


def plain_counter(name: str, documentation: str, labels: list[str], registry: CollectorRegistry) -> PlainCounter:
    """Give a counter that *registry* shows; arguments as prometheus-client's Counter has them, so *name* is without ``_total``."""
    counter = PlainCounter()
    registry.register(_Counts(counter, name, documentation, labels))
    return counter


class Counters(Collector):
    """A family of :class:`PlainCounter`, one for each value of the first label, each counting by the second."""

    def __init__(self, name: str, documentation: str, labels: tuple[str, str], registry: CollectorRegistry) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = labels
        self._counters: dict[str, PlainCounter] = {}
        registry.register(self)

    def labels(self, value: str) -> PlainCounter:
        """Give the counter of a *value*; whoever counts often keeps it."""
        return self._counters.setdefault(value, PlainCounter())

    def describe(self) -> list[Metric]:
        """Give the family without figures."""
        return [self._family()]

    def collect(self) -> list[Metric]:
        """Give the family."""
        family = self._family()
        for value, counter in self._counters.items():
            for label, count in counter.counts.items():
                family.add_metric([value, str(label)], count)
        return [family]

    def _family(self) -> CounterMetricFamily:
        return CounterMetricFamily(self._name, self._documentation, labels=self._labels)


class Histograms(Collector):
    """A family of :class:`Durations`, one for each value of *label*."""

    def __init__(self, name: str, documentation: str, label: str, registry: CollectorRegistry) -> None:
        self._name = name
        self._documentation = documentation
        self._label = label
        self._durations: dict[str, Durations] = {}
        registry.register(self)

    def labels(self, value: str) -> Durations:
        """Give the durations of a *value*; whoever observes often keeps them."""
        return self._durations.setdefault(value, Durations())

    def describe(self) -> list[Metric]:
        """Give the family without figures."""
        return [self._family()]

    def collect(self) -> list[Metric]:
        """Give the family."""
        family = self._family()
        for value, durations in self._durations.items():
            buckets = list(zip(ENDS, map(float, accumulate(durations.counts)), strict=True))
            family.add_metric([value], buckets, durations.sum)
        return [family]

    def _family(self) -> HistogramMetricFamily:
        return HistogramMetricFamily(self._name, self._documentation, labels=[self._label])


class HandshakeFamilies:
    """TLS handshakes, and what they need.

    :ivar handshakes: by port, version (empty where none was agreed on) and outcome, one of :data:`couchpages.web.handshakes.OUTCOMES`.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.handshakes = plain_counter(
            "couchpages_tls_handshakes",
            "TLS handshakes that ended, by port, version (empty: none was agreed on) and outcome "
            "(full, resumed, timed_out, closed, unknown_name, nothing_shared, refused, plain_http, garbage, crowded_out, failed).",
            ["port", "version", "outcome"],
            registry=registry,
        )
        self.pending = Gauge(
            "couchpages_tls_handshakes_pending", "TLS handshakes under way, by port.", ["port"], registry=registry
        )
        self.contexts_refused = Counter(
            "couchpages_tls_contexts_refused",
            "Times that OpenSSL did not take a good certificate, and the last one went on.",
            registry=registry,
        )


class CertificateFamilies:
    """What is known of certificates."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.refused = Counter(
            "couchpages_certificates_refused",
            "Sealed certificates that were not taken, by cause "
            "(malformed, version, renamed, no_key, tampered, unreadable, replayed).",
            ["cause"],
            registry=registry,
        )
        self.expiry = Gauge(
            "couchpages_certificate_expiry_seconds",
            "When a certificate expires, in seconds since 1970, by name and kind.",
            ["name", "kind"],
            registry=registry,
        )
        self.exports = Counter(
            "couchpages_certificate_exports",
            "Times that changed certificates were written to files and the command was run, by outcome (done, failed).",
            ["outcome"],
            registry=registry,
        )


class AcmeFamilies:
    """What is known of issuing certificates."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.issued = Counter(
            "couchpages_acme_certificates_issued", "Certificates that this node had issued.", registry=registry
        )
        self.failures = Counter(
            "couchpages_acme_failures",
            "Tries to have a certificate issued that failed, by cause (docs/certificates.md has them).",
            ["cause"],
            registry=registry,
        )
        self.failing = Gauge(
            "couchpages_acme_failing", "Certificates whose last try failed, on whichever node.", registry=registry
        )
        self.lease = Gauge("couchpages_acme_lease", "1 while this node is the one that issues.", registry=registry)
        self.next_renewal = Gauge(
            "couchpages_acme_next_renewal_seconds",
            "When the next certificate is to be renewed, in seconds since 1970, on the node that issues; NaN where none is.",
            registry=registry,
        )
        self.next_renewal.set(nan)
        self.refused = Counter(
            "couchpages_acme_challenges_refused",
            "Challenge documents that are not answered, by cause (malformed, version, no_key, tampered).",
            ["cause"],
            registry=registry,
        )


class QueryFamilies(Collector):
    """What the name server was asked, and what it answered: a :class:`~couchpages.tallies.QueryTally` for each transport."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._tallies: dict[str, QueryTally] = {}
        registry.register(self)

    def labels(self, transport: str) -> QueryTally:
        """Give the tally of a *transport*."""
        return self._tallies.setdefault(transport, QueryTally(NAMED))

    def describe(self) -> list[Metric]:
        """Give the families without figures."""
        return self.collect()

    def collect(self) -> list[Metric]:
        """Give the families."""
        queries, ready, truncated, malformed, unsent = (
            CounterMetricFamily(f"couchpages_dns_{name}", documentation, labels=labels)
            for name, documentation, labels in QUERIES
        )
        seconds = HistogramMetricFamily(*QUERY_SECONDS, labels=["transport"])
        for transport, tally in self._tallies.items():
            for (type_, rcode), count in _by_name(tally).items():
                queries.add_metric([transport, type_, rcode], count)
            ready.add_metric([transport], tally.ready)
            truncated.add_metric([transport], tally.truncated)
            malformed.add_metric([transport, "none"], tally.dropped)
            for number, count in tally.malformed.items():
                malformed.add_metric([transport, _rcode(number)], count)
            unsent.add_metric([transport], tally.unsent)
            buckets = list(zip(ENDS, map(float, accumulate(tally.seconds.counts)), strict=True))
            seconds.add_metric([transport], buckets, tally.seconds.sum)
        return [queries, ready, truncated, malformed, unsent, seconds]


def _by_name(tally: QueryTally) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    for (type_, rcode), (count,) in tally.cells.items():
        names = _type(type_), _rcode(rcode)
        counts[names] = counts.get(names, 0) + count
    return counts


def _type(number: int) -> str:
    name = dns.rdatatype.to_text(dns.rdatatype.RdataType.make(number))
    return "other" if name.startswith("TYPE") else name


def _rcode(number: int) -> str:
    return dns.rcode.to_text(dns.rcode.Rcode.make(number))


def site_families(tallies: Tallies, *, openmetrics: bool) -> str:
    """Write what the sites answered, in Prometheus' text format or in OpenMetrics'. Makes *tallies* forget the sites that went.

    Written here and not by prometheus-client, which takes a quarter of a second for ten thousand sites, in the reactor's thread.
    """
    responses, sizes = [], []
    for site, tally in tallies.every():
        label = f'site="{_escaped(site)}"'
        answers = tally.answers
        for (status, cache), count in answers.items():
            responses.append(
                f'couchpages_site_responses_total{{{label},status="{status}",cache="{cache}"}} {count}.0\n'
            )
        if answers:
            sizes.append(f"couchpages_site_response_bytes_total{{{label}}} {tally.bytes}.0\n")
    return "".join((*_head(*RESPONSES, openmetrics), *responses, *_head(*SIZES, openmetrics), *sizes))


def _head(name: str, documentation: str, openmetrics: bool) -> tuple[str, str]:
    # OpenMetrics names the family, the text format the samples.
    named = name if openmetrics else f"{name}_total"
    return f"# HELP {named} {documentation}\n", f"# TYPE {named} counter\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


class _Counts(Collector):
    def __init__(self, counter: PlainCounter, name: str, documentation: str, labels: list[str]) -> None:
        self._counter = counter
        self._name = name
        self._documentation = documentation
        self._labels = labels

    def describe(self) -> list[Metric]:
        return [CounterMetricFamily(self._name, self._documentation, labels=self._labels)]

    def collect(self) -> list[Metric]:
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labels)
        for label, count in self._counter.counts.items():
            values = label if isinstance(label, tuple) else (label,)
            family.add_metric([str(value) for value in values], count)
        return [family]
