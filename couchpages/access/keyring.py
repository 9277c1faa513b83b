"""The API keys that this node knows, in memory, kept by a follower of ``secrets`` (does no I/O of its own)."""

from twisted.logger import Logger

from couchpages.access.keys import (
    KeyRecord,
    digest_of,
    from_document,
    id_of,
    is_first_system,
    is_key,
    key_id_of,
)
from couchpages.ports import Change
from couchpages.web.problem import Problem, unavailable

CHALLENGE = ((b"www-authenticate", b'Bearer realm="couchpages"'),)
#: Compared with when there is no such key, so that guessing an id takes as long as missing a secret.
NOBODY = KeyRecord("", digest_of(""), "", ())


class Keyring:
    """An :class:`~couchpages.ports.Authority` that is a :class:`~couchpages.ports.ChangesSink` of the database ``secrets``."""

    log = Logger()

    def __init__(self) -> None:
        self._keys: dict[str, KeyRecord] = {}
        self._loaded = False

    def apply(self, change: Change) -> None:
        """Take a key, or let go of it. Raises ValueError for a document that should be a key and is none; it opens nothing then."""
        if not is_key(change.doc_id):
            return
        # A key whose document became unreadable must not go on opening: for keys the safe state is none.
        key_id = key_id_of(change.doc_id)
        self._keys.pop(key_id, None)
        if change.doc is None:
            return
        record = from_document(change.doc_id, change.doc)
        self._keys[key_id] = record
        if record.clear:
            self.log.warn(
                "secrets/{doc_id} holds an API key in clear text, which every node and every backup can read; "
                "'couchpages keys seal' replaces it with its hash",
                doc_id=change.doc_id,
            )

    def knows(self, doc_id: str) -> bool:
        """Whether a document's key is known."""
        return key_id_of(doc_id) in self._keys

    def loaded(self) -> None:
        """Every key is known now."""
        self._loaded = True

    def identify(self, key: str | None) -> KeyRecord:
        """See :meth:`couchpages.ports.Authority.identify`."""
        if not self._loaded:
            raise unavailable("this node has not read its API keys from CouchDB yet")
        if not key:
            raise Problem(
                401,
                "an API key is needed: send it as 'Authorization: Bearer KEY'",
                field="Authorization",
                headers=CHALLENGE,
            )
        key_id = id_of(key)
        for record in self._candidates(key_id):
            if record.opens(key):
                return record
        raise Problem(401, "this API key is not known here, or was revoked", field="Authorization", headers=CHALLENGE)

    def _candidates(self, key_id: str | None) -> list[KeyRecord]:
        if key_id is None:
            return [NOBODY, *(record for each, record in self._keys.items() if is_first_system(each))]
        return [self._keys.get(key_id, NOBODY)]
