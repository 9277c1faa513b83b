"""JSON as CouchDB takes and gives it: UTF-8, no NaN, no lone surrogates, no spaces between tokens, decided (pure)."""

import json
from math import isfinite
from typing import NoReturn

from couchpages.couch.embedded.errors import bad_json


def _no_constant(_name: str) -> NoReturn:
    raise bad_json()


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise bad_json()
    return number


def read_json(text: bytes) -> object:
    """Parse one JSON value; NaN, infinities, lone surrogates, broken UTF-8 and endless nesting are refused (400)."""
    try:
        value: object = json.loads(text.decode(), parse_constant=_no_constant, parse_float=_finite)
        if b"\\u" in text:
            write_json(value)  # only an escape can bring a lone surrogate
    except (ValueError, RecursionError):
        raise bad_json() from None
    return value


def write_json(value: object) -> bytes:
    """Write a value without spaces, in UTF-8; raise ValueError for what JSON cannot say."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
