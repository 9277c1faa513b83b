"""Text of strangers, quoted for messages to people (pure)."""

import json

SHOWN = 80
"""Characters of a text that a message repeats; the rest tells a person nothing more."""
#: Characters of a document's name that is logged whole: host names have up to 253.
LONGEST_NAME = 300


def quoted(text: str) -> str:
    """Give *text* in double quotes, cut to ``SHOWN`` characters, on one line and always encodable as UTF-8.

    Letters of every script stay readable; a text with control characters or lone surrogates is escaped as in JSON.
    """
    cut = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return json.dumps(cut, ensure_ascii=not cut.isprintable())


def named(doc_id: str) -> str:
    """Give a document's name for the log: as it is, unless it would break the line, or fill it."""
    return doc_id if doc_id.isprintable() and len(doc_id) <= LONGEST_NAME else quoted(doc_id)
