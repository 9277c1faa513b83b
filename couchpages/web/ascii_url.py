"""Addresses for treq that are in ASCII already (pure)."""

from hyperlink import EncodedURL


class AsciiURL(EncodedURL):
    """A URL that treq sends as it is. hyperlink would encode it once more, and fails at IPv6 addresses then."""

    def to_uri(self) -> "AsciiURL":
        """Give it as it is."""
        return self
