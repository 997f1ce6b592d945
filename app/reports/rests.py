"""What a signed report rests on, in sentences: for the page and the PDF alike, from what was signed."""

from collections.abc import Mapping
from typing import Any

from babel.lists import format_list

from app.reports import words
from app.reports.lettering import isolated
from app.reports.words import Gettext


def sentences(source: Mapping[str, Any], language: str, _: Gettext) -> list[str]:
    """From what, how it was seen, and what had not come; a report signed before these were kept says less."""
    return [_files(source, language, _), *_seen(source.get("seen") or {}, _), *early(source, _), *_meant(source, _)]


def early(source: Mapping[str, Any], _: Gettext) -> list[str]:
    """That files were on their way stands where nobody overlooks it."""
    missing = source["exam"].get("missing") or 0
    if not missing:
        return []
    if _ahead(source):
        one = _("Read on previews; 1 original was on the way.")
        return [_counted(missing, one, _("Read on previews; {n} originals were on the way."))]
    one = _("Read on what had arrived; 1 original was on the way.")
    return [_counted(missing, one, _("Read on what had arrived; {n} originals were on the way."))]


def _ahead(source: Mapping[str, Any]) -> int:
    """On how many previews it was read whose originals had not come."""
    return int((source.get("seen") or {}).get("ahead", 0))


def exam_moment(source: Mapping[str, Any], language: str) -> str:
    """When the patient was examined, by both sides' clocks; empty where nobody said."""
    exam = source["exam"]
    return words.exam_moment(exam.get("date"), exam.get("time"), words.zones(source), language)


def doubted(source: Mapping[str, Any], language: str, _: Gettext) -> str:
    """The day that the files name and nobody believes; empty where there is none."""
    if not (day := source["exam"].get("images_say")):
        return ""
    return _("The images say {day}, which is in doubt.").format(day=words.day(day, language))


def readers(source: Mapping[str, Any], _: Gettext) -> str:
    """Who read it, and who counter-signed that."""
    reader = source["reader"]
    if not (first := reader.get("first")):
        return str(reader["name"])
    return _("{first}, counter-signed by {name}").format(first=isolated(first), name=isolated(reader["name"]))


def _files(source: Mapping[str, Any], language: str, _: Gettext) -> str:
    exam = source["exam"]
    counted = [
        (exam["images"], _("1 image"), _("{n} images")),
        (exam["clips"], _("1 clip"), _("{n} clips")),
        (exam["documents"], _("1 document"), _("{n} documents")),
        (_ahead(source), _("1 preview"), _("{n} previews")),
    ]
    files = [_counted(n, one, many) for n, one, many in counted if n]
    if not files:
        return _("Written without images; the reader has not examined the patient.")
    sentence = _("Interpreted from {files} acquired by {site}; the reader has not examined the patient.")
    listed = format_list(files, locale=words.locale_of(language))
    return sentence.format(files=listed, site=isolated(source["site"]["name"]))


def _seen(seen: Mapping[str, int], _: Gettext) -> list[str]:
    """What was not seen frame by frame as it came is said."""
    total, ahead = seen.get("total", 0), seen.get("ahead", 0)
    if not total and not ahead:
        return []
    if seen["exact"] == total and not ahead:
        return [_("The reader opened all of them, exactly.")]
    said = [(seen["not_opened"], _("{n} of {m} not opened")), (seen["preview"] + ahead, _("{n} seen as preview only"))]
    return [", ".join(sentence.format(n=n, m=total) for n, sentence in said if n)]


def _meant(source: Mapping[str, Any], _: Gettext) -> list[str]:
    """What nothing ticked bears out."""
    sentence = _("The reader was asked about “{words}”, and has said that it is meant so.")
    return [sentence.format(words=isolated(one["words"])) for one in source.get("meant", [])]


def _counted(n: int, one: str, many: str) -> str:
    return one if n == 1 else many.format(n=n)
