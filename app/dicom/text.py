"""Text of a data set as Unicode (PS3.5 6.1, PS3.3 C.12.1.1.2): one table of the standard's character sets."""

import re
import unicodedata

from app.dicom import limits

# Defined terms of Specific Character Set and the codecs for them.
_CODECS = {
    "": "ascii", "ISO_IR 6": "ascii", "ISO_IR 13": "shift_jis", "ISO_IR 58": "gb2312",
    "ISO_IR 87": "iso2022_jp",
    "ISO_IR 100": "latin-1", "ISO_IR 101": "iso8859-2", "ISO_IR 109": "iso8859-3",
    "ISO_IR 110": "iso8859-4", "ISO_IR 126": "iso8859-7", "ISO_IR 127": "iso8859-6",
    "ISO_IR 138": "iso8859-8", "ISO_IR 144": "iso8859-5", "ISO_IR 148": "iso8859-9",
    "ISO_IR 149": "euc_kr", "ISO_IR 159": "iso2022_jp_2", "ISO_IR 166": "tis-620",
    "ISO_IR 192": "utf-8", "ISO_IR 203": "iso8859-15", "GB18030": "gb18030", "GBK": "gbk",
}  # fmt: skip
# Escape sequences (PS3.3 tables C.12-3, C.12-4) and what decodes the bytes after each.
_ESCAPES = {
    b"\x1b(B": "ascii", b"\x1b(J": "shift_jis", b"\x1b)I": "shift_jis", b"\x1b$B": "iso2022_jp",
    b"\x1b$(D": "iso2022_jp_2", b"\x1b$)C": "euc_kr", b"\x1b$)A": "gb2312", b"\x1b-A": "latin-1",
    b"\x1b-B": "iso8859-2", b"\x1b-C": "iso8859-3", b"\x1b-D": "iso8859-4", b"\x1b-F": "iso8859-7",
    b"\x1b-G": "iso8859-6", b"\x1b-H": "iso8859-8", b"\x1b-L": "iso8859-5", b"\x1b-M": "iso8859-9",
    b"\x1b-T": "tis-620", b"\x1b-b": "iso8859-15",
}  # fmt: skip
_ESCAPE = re.compile(b"(" + b"|".join(re.escape(code) for code in _ESCAPES) + b")")
# After each of these the first character set is in force again (PS3.5 6.1.2.5.3)
_DELIMITER = re.compile(rb"([\\^=\r\n\t\f])")
# Control characters and those that turn the direction of writing: they falsify what is shown beside them.
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


class CharacterSet:
    """The character sets that a data set declares; `doubt` says what was not certain in reading with them."""

    def __init__(self, declared: bytes = b"") -> None:
        self.doubt: str | None = None
        terms = [term.strip(" \0").replace("ISO 2022 IR", "ISO_IR") for term in declared.decode("latin-1").split("\\")]
        self._has_escapes = len(terms) > 1 or b"2022" in declared
        self._codec = _CODECS.get(terms[0])
        if self._codec is None or any(term not in _CODECS for term in terms):
            self.doubt = "The file names a character set that does not exist; letters in names may be wrong."
        # ISO 2022 IR 87, 149, 58, 159 are written after an escape; before it stands ASCII.
        if self._codec in ("iso2022_jp", "iso2022_jp_2", "euc_kr", "gb2312") and self._has_escapes:
            self._codec = "ascii"

    def decode(self, value: bytes) -> str:
        """Unicode in NFC, without padding, control and direction characters, at most `TEXT_CHARS` long."""
        value = value[: 4 * limits.TEXT_CHARS]
        text = self._with_escapes(value) if b"\x1b" in value and self._has_escapes else self._plain(value)
        return unicodedata.normalize("NFC", _UNSHOWN.sub("", text)).strip()[: limits.TEXT_CHARS]

    def _plain(self, value: bytes) -> str:
        if value.isascii() and self._codec != "shift_jis":
            return value.decode("ascii")
        try:
            return value.decode("utf-8" if self._codec in (None, "ascii") else self._codec)
        except UnicodeDecodeError:
            self._doubt_letters()
            return value.decode(self._codec or "ascii", "replace")
        finally:
            if self._codec in (None, "ascii") and not value.isascii():
                self._doubt_letters()

    def _doubt_letters(self) -> None:
        self.doubt = self.doubt or "Letters in names are not as the file's character set has them; they may be wrong."

    def _with_escapes(self, value: bytes) -> str:
        first, *escaped = _ESCAPE.split(value)
        runs = zip(escaped[::2], escaped[1::2], strict=True)
        return self._plain(first) + "".join(self._run(escape, run) for escape, run in runs)

    def _run(self, escape: bytes, run: bytes) -> str:
        """What follows one escape. Two-byte sets in G0 may hold a delimiter's code; the others end at one."""
        codec = _ESCAPES[escape]
        if codec == "ascii":
            return self._plain(run)
        rest = b""
        if not codec.startswith("iso2022"):
            run, delimiter, rest = (*_DELIMITER.split(run, maxsplit=1), b"", b"")[:3]
            rest = delimiter + rest
        else:
            run = escape + run
        try:
            return run.decode(codec) + self._plain(rest)
        except UnicodeDecodeError:
            self._doubt_letters()
            return run.decode(codec, "replace") + self._plain(rest)
