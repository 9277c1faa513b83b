"""Text of strangers, quoted for messages to people (pure)."""

import json

SHOWN = 80
"""Characters of a text that a message repeats; the rest tells a person nothing more."""


def quoted(text: str) -> str:
    """Give *text* in double quotes, cut to ``SHOWN`` characters, on one line and always encodable as UTF-8.

    Letters of every script stay readable; a text with control characters or lone surrogates is escaped as in JSON.
    """
    cut = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return json.dumps(cut, ensure_ascii=not cut.isprintable())
