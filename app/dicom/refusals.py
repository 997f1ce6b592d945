"""Why a file is quarantined: sentences for the clinician who sent it, each with a code for logs."""

from app.errors import Invalid, Sentence, as_sentence


def refused(reason_code: str, sentence: str) -> Invalid:
    return Invalid(sentence, reason_code=reason_code)


def unknown() -> Invalid:
    return refused(
        "unknown", "Sonopost does not know this kind of file. Send DICOM, JPEG, PNG, MP4, PDF or a ZIP of these."
    )


def heic_or_avif() -> Invalid:
    return refused("unknown", "This is a HEIC or AVIF photograph, which is not taken here. Send it as JPEG.")


def damaged(what: str) -> Invalid:
    return refused("damaged", Sentence("This file is damaged: {what}.", what=as_sentence(what)))


def beyond(what: str, limit: int) -> Invalid:
    sentence = Sentence(
        "This file is not accepted: {what}; the limit is {limit}.", what=as_sentence(what), limit=f"{limit:,}"
    )
    return refused("limit", sentence)


def sized(words: str, columns: int, rows: int) -> Sentence:
    return Sentence(words, columns=f"{columns:,}", rows=f"{rows:,}")


def bad_uid() -> Invalid:
    sentence = "This file is not accepted: one of its identifiers (UID) has characters that none may have."
    return refused("uid", sentence)


def cut_off(here_bytes: int, whole_bytes: int | None = None) -> Invalid:
    if whole_bytes is None or whole_bytes <= here_bytes:
        sentence = Sentence("This file was cut off: it ends after {here}, in the middle.", here=_size(here_bytes))
        return refused("truncated", sentence)
    amount, unit = _size(whole_bytes).split(" ")
    here = _in_unit(here_bytes, unit)
    if here == "0.0":
        here = _size(here_bytes)
    if here == amount:
        missing = f"{whole_bytes - here_bytes:,}"
        return refused("truncated", Sentence("This file was cut off: the last {n} bytes are missing.", n=missing))
    sentence = Sentence("This file was cut off: {here} of {whole} are here.", here=here, whole=f"{amount} {unit}")
    return refused("truncated", sentence)


_UNITS = {"bytes": 1, "kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}


def _size(size_bytes: int) -> str:
    unit = next(unit for unit in ("GB", "MB", "kB", "bytes") if size_bytes >= _UNITS[unit] or unit == "bytes")
    return f"{_in_unit(size_bytes, unit)} {unit}"


def _in_unit(size_bytes: int, unit: str) -> str:
    return str(size_bytes) if unit == "bytes" else f"{size_bytes / _UNITS[unit]:,.1f}"
