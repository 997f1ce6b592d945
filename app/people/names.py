"""Names that people and organizations give themselves, as they are printed, signed and compared."""

import unicodedata


def one_line(name: str, most_chars: int = 200) -> str:
    """In NFC and with single spaces; empty where it is none, too long, or would break a line or a header."""
    name = unicodedata.normalize("NFC", " ".join(name.split()))
    return name if len(name) <= most_chars and name.isprintable() else ""
