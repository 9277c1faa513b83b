"""Certificates sealed for CouchDB, and opened again (pure; nonces come in as arguments).

A sealed certificate is a document of the database ``secrets`` with the id ``certificate-KIND-NAME``. Its ``box`` is the chain and the
private key, as JSON, with the ACME directory that it was issued by, if it was, encrypted under a key that only the nodes have
(:mod:`couchpages.certs.boxes`). What the document is called and what it says of itself is bound to the box, so that nobody without
the key can alter it, pass one certificate off for another, or bring an old one back as a new one. ``names``, ``not_after`` and
``fingerprint`` stand there for people, and are not believed.
"""

import json
from collections.abc import Iterable
from dataclasses import replace

from couchpages.certs.boxes import LATEST, Bound, Cause, Refused, SealingKey, bind, decrypt, encrypt
from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.names import canonical
from couchpages.certs.pem import read_certificate
from couchpages.ports import Json
from couchpages.quoting import quoted

DOCUMENT_PREFIX = "certificate-"
TYPE = "certificate"
VERSION = 1
PURPOSE = "couchpages certificate"


def document_id(name: str, kind: Kind) -> str:
    """Name the document of a certificate."""
    return f"{DOCUMENT_PREFIX}{kind}-{name}"


def is_sealed(doc_id: str) -> bool:
    """Whether a document of ``secrets`` is a certificate of ours."""
    return doc_id.startswith(DOCUMENT_PREFIX)


def named_by(doc_id: str) -> tuple[str, Kind] | None:
    """Give the certificate that a document is called after; None for an id that names none."""
    kind, _, name = doc_id.removeprefix(DOCUMENT_PREFIX).partition("-")
    if not is_sealed(doc_id) or kind not in set(Kind):
        return None
    try:
        return (name, Kind(kind)) if canonical(name) == name else None
    except ValueError:
        return None


def seal(certificate: Certificate, key: SealingKey, nonce: bytes) -> Json:
    """Give the document of a certificate. *nonce* is 24 bytes of the system's random source, never used before."""
    inside = {"chain": certificate.chain.decode(), "key": certificate.key.decode()}
    if certificate.issued_by:
        inside["issued_by"] = certificate.issued_by
    bound = _bound(certificate.name, certificate.kind, certificate.made)
    return {
        "type": TYPE,
        "version": VERSION,
        "name": certificate.name,
        "kind": str(certificate.kind),
        "made": certificate.made,
        **encrypt(json.dumps(inside).encode(), bound, key, nonce),
        "names": list(certificate.names),
        "not_after": int(certificate.not_after),
        "fingerprint": certificate.fingerprint,
    }


def open_sealed(doc_id: str, doc: Json, keys: Iterable[SealingKey]) -> Certificate:
    """Open a document with whichever of *keys* sealed it. Raises :class:`Refused`, and nothing else (law 4)."""
    name, kind, made = _checked(doc_id, doc)
    return _read(decrypt(doc, _bound(name, kind, made), keys), name, kind, made)


def _checked(doc_id: str, doc: Json) -> tuple[str, Kind, int]:
    """Give what the document says of itself, which must fit to what it is called."""
    if not isinstance(doc, dict):
        raise Refused(Cause.MALFORMED, "it is not an object")
    version = doc.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or doc.get("type") != TYPE:
        raise Refused(Cause.MALFORMED, f'it does not say type "{TYPE}" and a version')
    if version != VERSION:
        raise Refused(
            Cause.VERSION,
            f"it has version {str(version)[:20]}, and this node knows {VERSION}: a newer couchpages wrote it",
        )
    said = doc.get("name"), doc.get("kind")
    named = named_by(doc_id)
    if named is None:
        raise Refused(Cause.MALFORMED, "its id is that of no certificate: certificate-KIND-NAME")
    if said != named:
        raise Refused(
            Cause.RENAMED, f"it is the document of another certificate: {_shown(said[1])} of {_shown(said[0])}"
        )
    made = doc.get("made")
    if not isinstance(made, int) or isinstance(made, bool) or not 0 <= made <= LATEST:
        raise Refused(Cause.MALFORMED, "made is no number of milliseconds")
    return *named, made


def _read(content: bytes, name: str, kind: Kind, made: int) -> Certificate:
    try:
        inside = json.loads(content)
        chain, key = inside["chain"].encode(), inside["key"].encode()
        issued_by = str(inside.get("issued_by", ""))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise Refused(Cause.UNREADABLE, "what is sealed in it is no chain and key") from None
    try:
        certificate = read_certificate(chain, key, made=made, name=name, from_box=True)
    except ValueError as error:
        raise Refused(Cause.UNREADABLE, f"what is sealed in it cannot be served: {error}") from None
    if certificate.kind != kind:
        raise Refused(Cause.UNREADABLE, f"what is sealed in it is a certificate of the kind {certificate.kind}")
    return replace(certificate, issued_by=issued_by)


def _bound(name: str, kind: Kind, made: int) -> Bound:
    return lambda key_id: bind(PURPOSE, VERSION, document_id(name, kind), name, str(kind), made, key_id)


def _shown(value: object) -> str:
    return quoted(value) if isinstance(value, str) else "nothing"
