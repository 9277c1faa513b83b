"""``$GENERATE`` of BIND's zone files (pure).

Source: BIND 9 Administrator Reference Manual, "BIND Primary File Extension: the $GENERATE Directive".
"""

import re

#: Lines that one $GENERATE makes: all addresses of an IPv4 network of 16 bits.
MOST_GENERATED = 65536
#: As in BIND, whose buffer for a number has 128 octets.
LONGEST_NUMBER = 127
_RANGE = re.compile(r"(\d{1,10})-(\d{1,10})(?:/(\d{1,10}))?", re.ASCII)
_PLACE = re.compile(r"\\.|\$\$|\$(?:\{([^}]*)\})?", re.DOTALL)
_MODIFIER = re.compile(r"([+-]?\d{1,10})(?:,(\d{1,3})(?:,([doxXnN]))?)?", re.ASCII)


def read_range(text: str) -> range:
    """Read ``START-STOP[/STEP]``, both included. Raises ValueError."""
    found = _RANGE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is no range; write for instance 1-10, or 0-20/2")
    start, stop, step = int(found[1]), int(found[2]), int(found[3] or 1)
    if stop < start or step < 1 or stop >= 2**31:
        raise ValueError(f"{text[:40]!r} is a range of nothing; its start comes first, and its step is at least 1")
    numbers = range(start, stop + 1, step)
    if len(numbers) > MOST_GENERATED:
        raise ValueError(f"{text[:40]!r} makes {len(numbers):,} records, and a $GENERATE may make {MOST_GENERATED:,}")
    return numbers


def generated(template: str, number: int) -> str:
    r"""Put a number in the places of ``$`` and ``${OFFSET[,WIDTH[,BASE]]}``; ``$$`` and ``\$`` are a dollar. Raises ValueError."""
    return _PLACE.sub(lambda place: _filled(place, number), template)


def _filled(place: "re.Match[str]", number: int) -> str:
    if place[0] == "$$":
        return "\\$"
    if place[0].startswith("\\"):
        return place[0]
    if place[1] is None:
        return str(number)
    modifier = _MODIFIER.fullmatch(place[1])
    if modifier is None or int(modifier[2] or 0) > LONGEST_NUMBER:
        raise ValueError(f"{place[0][:40]!r} is no place for a number; write for instance ${{0,3,d}}")
    return _written(number + int(modifier[1]), int(modifier[2] or 0), modifier[3] or "d")


def _written(number: int, width: int, base: str) -> str:
    if base not in "nN":
        return format(number, base).zfill(width)
    if number < 0:
        raise ValueError("a number below zero cannot be written in nibbles")
    # The width counts the dots between the nibbles too.
    digits = format(number, "X" if base == "N" else "x").zfill((width + 1) // 2)
    return ".".join(reversed(digits))
