"""Writes of local documents, which are not replicated and have no tree, as jobs for the writer (does)."""

import re

from couchpages.couch.embedded.databases import find_database
from couchpages.couch.embedded.documents import Draft
from couchpages.couch.embedded.errors import bad_revision, missing
from couchpages.couch.embedded.revisions import Revision
from couchpages.couch.embedded.writer import Transaction

_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


def save_local(transaction: Transaction, database: str, name: str, draft: Draft) -> Revision:
    """Store or delete a local document: no tree, no conflicts; the revision only counts on from what is given."""
    row = find_database(transaction.connection, database)
    execute = transaction.connection.execute
    key = (row.key, name.encode())
    if draft.deleted:
        execute("DELETE FROM local_documents WHERE database = ? AND name = ?", key)
        return Revision(0, "0")
    claimed = draft.revision.digest if draft.revision else "0"
    if not _NUMBER.fullmatch(claimed):
        raise bad_revision()
    number = int(claimed) + 1
    execute("INSERT OR REPLACE INTO local_documents VALUES (?, ?, ?, ?)", (*key, number, draft.body))
    return Revision(0, str(number))


def delete_local(transaction: Transaction, database: str, name: str) -> Revision:
    """Delete a local document that is there, or raise 404."""
    row = find_database(transaction.connection, database)
    query = "DELETE FROM local_documents WHERE database = ? AND name = ?"
    if transaction.connection.execute(query, (row.key, name.encode())).rowcount == 0:
        raise missing()
    return Revision(0, "0")
