"""How soon the second node serves a certificate that was written on the first."""

import hashlib
import os
import signal
import time

from couchpages.certs.boxes import NONCE_BYTES, SealingKey
from couchpages.certs.certificates import Certificate
from couchpages.certs.pem import read_certificate
from couchpages.certs.sealing import document_id, seal
from couchpages.testing.authority import Authority
from tests.bench import machine
from tests.bench.deploying import Rows
from tests.integration.https_case import Secured, trusting_all
from tests.integration.two_nodes import Side, TwoNodes

CERTIFICATES = 50
HOST = "lag.example"
#: Seconds between two handshakes with the second node.
LOOK = 0.005
#: Seconds after which it is given up.
PATIENCE = 60.0


def measured(pair: TwoNodes) -> Rows:
    """Replace a certificate again and again, and shake hands with the second node until it serves the new one."""
    first, second = pair.sides
    key = SealingKey(os.urandom(32))
    for side in pair.sides:
        (side.node.data / "certs.key").touch(0o600)
        (side.node.data / "certs.key").write_bytes(key.secret)
        side.node.send(signal.SIGHUP)
    authority = Authority()
    lags, rev = [], ""
    for number in range(CERTIFICATES + 1):
        certificate = read_certificate(*authority.issue(HOST), made=number)
        written = time.perf_counter()
        rev = _written(first, certificate, key, rev)
        while not _serves(second, certificate):
            assert time.perf_counter() - written < PATIENCE, "the second node does not serve it"
        lags.append(time.perf_counter() - written)
    # CouchDB begins to replicate some seconds after it was asked to: the first is not counted.
    figures = ", ".join(f"{machine.quantile(lags[1:], part):.2f} s" for part in (0.5, 0.99))
    return [
        (
            f"from a certificate's write on the first node until the second serves it, p50 and p99 of {CERTIFICATES}",
            f"{figures}; the slowest {max(lags[1:]):.2f} s",
            "under 1 s",
        )
    ]


def _written(side: Side, certificate: Certificate, key: SealingKey, rev: str) -> str:
    """Write it to the node's CouchDB in place of revision *rev*; give the new one."""
    document = {
        "_id": document_id(certificate.name, certificate.kind),
        **seal(certificate, key, os.urandom(NONCE_BYTES)),
    }
    answer = side.access.call(
        "PUT",
        f"{side.node.store.databases['secrets']}/{document['_id']}",
        {**document, "_rev": rev} if rev else document,
    )
    return str(answer["rev"])


def _serves(side: Side, certificate: Certificate) -> bool:
    time.sleep(LOOK)
    try:
        with Secured(side.node.https, HOST, trusting_all()) as visitor:
            leaf = visitor.socket.getpeercert(binary_form=True) or b""
    except OSError:
        return False
    return hashlib.sha256(leaf).hexdigest() == certificate.fingerprint
