"""Paths and query strings as CouchDB reads them, decided (pure).

CouchDB takes a plus sign for a space in paths as well as in queries (`decode_plus_to_space`), so that a client has to
write `%2B`.
"""

import re
from collections.abc import Mapping
from json import dumps
from urllib.parse import unquote_to_bytes

from couchpages.couch.embedded.errors import bad_parameter, bad_request
from couchpages.couch.embedded.json_text import read_json

_BROKEN = re.compile(rb"%(?![0-9a-fA-F]{2})")
_INTEGER = re.compile(r"-?[0-9]{1,15}", re.ASCII)

Parameters = Mapping[str, str]


def decode(text: bytes) -> str:
    """Undo percent-encoding; what is not UTF-8 comes back as lone surrogates (see `is_text`)."""
    if _BROKEN.search(text):
        raise bad_request("invalid_url_encoding")
    return unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8", "surrogateescape")


def is_text(text: str) -> bool:
    """Tell whether a decoded text was UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def parse_query(text: bytes) -> Parameters:
    """Read a query string; of a name given twice the last counts, and a name without a value is empty."""
    pairs = (pair.partition(b"=") for pair in text.split(b"&") if pair)
    return {decode(name): decode(value) for name, _, value in pairs}


def flag(parameters: Parameters, name: str) -> bool:
    """Read a boolean the lenient way: only `true` is true."""
    return parameters.get(name) == "true"


def strict_flag(parameters: Parameters, name: str, *, default: bool = False) -> bool:
    """Read a boolean the way of `_all_docs`: neither true nor false is an error."""
    text = parameters.get(name, "true" if default else "false").lower()
    if text not in ("true", "false"):
        raise bad_parameter(f"Invalid boolean parameter: {dumps(parameters[name], ensure_ascii=False)}")
    return text == "true"


def count(parameters: Parameters, name: str) -> int | None:
    """Read an integer of 0 or more, None when it is not given, in the words of `_all_docs`."""
    text = parameters.get(name)
    if text is None:
        return None
    shown = dumps(text, ensure_ascii=False)
    if not _INTEGER.fullmatch(text):
        raise bad_parameter(f"Invalid value for integer: {shown}")
    if int(text) < 0:
        raise bad_parameter(f"Invalid value for positive integer: {shown}")
    return int(text)


def json_value(parameters: Parameters, *names: str) -> tuple[bool, object]:
    """Read the first of these parameters that is given, as JSON: whether one was, and its value."""
    for name in names:
        if name in parameters:
            return True, read_json(parameters[name].encode("utf-8", "surrogateescape"))
    return False, None
