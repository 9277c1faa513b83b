"""Which media types a client takes, decided (pure).

RFC 9110 section 12.5.1, as far as CouchDB goes: who says nothing takes anything, also multipart.
"""


def accepts(header: str | None, media_type: str) -> bool:
    """Tell whether an Accept header allows a type like `multipart/mixed`; what names it more closely counts first."""
    if header is None or not header.strip():
        return True
    weights = dict(_weight(each) for each in header.split(",") if each.strip())
    for pattern in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        if pattern in weights:
            return weights[pattern] > 0
    return False


def _weight(text: str) -> tuple[str, float]:
    name, *parameters = (each.strip().lower() for each in text.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key == "q":
            try:
                return name, float(value)
            except ValueError:
                return name, 0.0
    return name, 1.0
