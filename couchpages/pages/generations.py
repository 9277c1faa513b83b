"""How many edits a revision of CouchDB's stands for (pure).

Source: CouchDB documentation, "Replication and conflict model": a revision is called ``generation-digest``.
"""


def generation(rev: str) -> int:
    """Give the number of edits; 0 for what is no revision."""
    number = rev.partition("-")[0]
    return int(number) if number.isdigit() else 0
