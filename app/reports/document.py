"""A signed report as a letter in PDF/A, made of what was signed and nothing else."""

import io
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from app.reports import dated, marks, rests, told, words
from app.reports.key_images import Printed
from app.reports.lettering import Run, direction, isolated, lettering, printable, run, runs
from app.reports.words import Gettext

TEMPLATE = Path(__file__).parent / "document.typ"
Source = Mapping[str, Any]
IMPRESSION_PT, RECOMMENDATION_PT, TEXT_PT = 14, 12.5, 10
LONGEST = 16  # characters of a word beside a picture, which is narrow


def render(
    source: Source,
    *,
    sha256: str,
    signed: Mapping[str, Any],
    replaced_by: Mapping[str, Any] | None = None,
    edd_now: date | None = None,
    verify_url: str | None = None,
    gettext: Gettext | None = None,
    pictures: Sequence[Printed] = (),
) -> bytes:
    """PDF/A-2a and PDF/UA-1; the same report gives the same bytes.

    `signed` is {printed_name, meaning, signed_at}; `replaced_by` is {version, signed_at} of the newer version, or
    has the status `entered-in-error`; `edd_now` is another date than was signed; times are datetimes or ISO 8601. The
    fixed words are in the report's language where `words.LANGUAGES` has it, else in English; `gettext` gives others.
    """
    import typst

    letters = lettering()
    content = letter(source, sha256, signed, replaced_by, verify_url, gettext, pictures, edd_now)
    content["fonts"] = letters.families
    pdf, warnings = typst.compile_with_warnings(
        str(TEMPLATE),
        root=str(TEMPLATE.parent),
        font_paths=letters.fonts,
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(content)},
        format="pdf",
        pdf_standards=["a-2a", "ua-1"],
        timestamp=int(words.time_of(signed["signed_at"]).timestamp()),
    )
    if warnings:
        raise RuntimeError(f"The report's template is wrong: {warnings[0]}")
    if not isinstance(pdf, bytes):
        raise TypeError("A PDF is one file.")
    return pdf


def letter(
    source: Source,
    sha256: str,
    signed: Mapping[str, Any],
    replaced_by: Mapping[str, Any] | None,
    verify_url: str | None,
    gettext: Gettext | None = None,
    pictures: Sequence[Printed] = (),
    edd_now: date | None = None,
) -> dict[str, Any]:
    """All texts of the letter, in the order in which they are read."""
    language = words.bare(source["report"]["language"])
    ours = language if gettext or language in words.LANGUAGES else "en"
    _ = gettext or words.in_language(language)
    report, referral = source["report"], source["referral"]
    heading = _("Ultrasound report: {exam}").format(exam=words.exam_type(referral["exam_type"], _))
    content: dict[str, Any] = {
        "lang": ours,
        "dir": direction(heading),
        "code": referral["code"],
        "title": _("Ultrasound report {code}, version {version}").format(**referral, **_version(report)),
        "author": printable(source["reader"]["name"]),
        "keywords": [f"sha256:{sha256}"],
        "marks": _marks(source, replaced_by, edd_now, ours, _),
        "running": _running(source, ours, _),
        "foot": printable(_foot(source, _)),
        "page": _("Page {page} of {pages}"),
        "sender": [run(source["reader"]["organization"], ours)],
        "heading": heading,
        "subheading": _status(report, _),
        "why": _why(source, ours, _),
        "patient": _patient(source, ours, _),
        "exam": _exam(source, ours, _),
        "parts": _parts(source, language, ours, _),
        "pictures_heading": _("Key images"),
        "pictures": [_picture(one, ours, _) for one in pictures],
        **_signature(source, sha256, signed, ours, _),
        **_check(verify_url, _),
    }
    return content | {"unprintable": _unprintable(content, _)}


def _version(report: Mapping[str, Any]) -> dict[str, Any]:
    return {"version": report["version"]}


def _status(report: Mapping[str, Any], _: Gettext) -> str:
    status = {
        "preliminary": _("Preliminary, version {version}"),
        "final": _("Final, version {version}"),
        "amended": _("Amended, version {version}"),
        "corrected": _("Corrected, version {version}"),
        "appended": _("With an addition, version {version}"),
    }
    return status[report["status"]].format(**_version(report))


def _marks(
    source: Source, replaced_by: Mapping[str, Any] | None, edd_now: date | None, language: str, _: Gettext
) -> list[str]:
    """What nobody may overlook stands on every page, whichever of them is left on the desk."""
    found = []
    if source["report"]["status"] == "preliminary":
        found.append(_("PRELIMINARY: not the final report"))
    if replaced_by:
        found.append(marks.said(source, replaced_by, language, _))
    if edd_now:
        found.append(_("EDD changed since: it is {date} now").format(date=words.day(edd_now, language)))
    return found


def _why(source: Source, language: str, _: Gettext) -> list[Run]:
    """A change says what and why; one that was read early says so."""
    early = [run(one, language) for one in rests.early(source, _)]
    reason = source["report"].get("reason")
    if not reason:
        return early
    return early + runs(_("Why this version: {reason}").format(reason=isolated(reason)), language)


def _name(patient: Mapping[str, Any], _: Gettext) -> list[str]:
    """In Latin letters and in the patient's own."""
    if patient.get("name_unknown"):
        return [_("Name unknown")]
    latin = ", ".join(part for part in (patient.get("family_name"), patient.get("given_name")) if part)
    return [name for name in (latin, patient.get("name_local")) if name] or [_("Name unknown")]


def _identifier(patient: Mapping[str, Any]) -> str:
    issuer = patient.get("issuer")
    return f"{patient['identifier']} ({isolated(issuer)})" if issuer else str(patient["identifier"])


def _born(source: Source, language: str, _: Gettext) -> str:
    """With the age on the day of the exam; where that is not known, on the day of signing."""
    try:
        on = date.fromisoformat(source["exam"].get("date") or "")
    except ValueError:
        on = words.time_of(source["signature"]["signed_at"]).date()
    return words.born(source["patient"], on, language, _)


def _patient(source: Source, language: str, _: Gettext) -> list[tuple[str, list[Run]]]:
    patient = source["patient"]
    return [
        (_("Patient"), [run(name, language) for name in _name(patient, _)]),
        (_("Identifier"), [run(_identifier(patient), language)]),
        (_("Born"), [run(_born(source, language, _), language)]),
        (_("Sex"), [run(words.sex(patient["sex"], _), language)]),
    ]


def _exam(source: Source, language: str, _: Gettext) -> list[tuple[str, list[Run]]]:
    on = rests.exam_moment(source, language)
    facts = [
        (
            _("Examined"),
            on.split(" · ") if on else [_("Not known"), *filter(None, [rests.doubted(source, language, _)])],
        ),
        (_("At"), [source["site"]["name"]]),
        (_("Asked by"), [source["referrer"]["name"]]),
        (_("Read by"), [rests.readers(source, _)]),
        (_("Accession"), [source["referral"].get("accession_number") or ""]),
        (_("Expected delivery"), [dated.signed_line(source, language, _)]),
    ]
    return [(label, [run(line, language) for line in lines]) for label, lines in facts if lines != [""]]


def _parts(source: Source, language: str, ours: str, _: Gettext) -> list[dict[str, Any]]:
    """The answer first and large, then what it comes from."""
    referral = source["referral"]
    boxes = [[run(line, ours) for line in (one.finding, *one.lines)] for one in told.told(source, ours, _)]
    parts: list[tuple[str, float, list[Run], list[list[Run]]]] = [
        (_("Impression"), IMPRESSION_PT, runs(source["impression"], language), []),
        (_("Recommendation"), RECOMMENDATION_PT, runs(source["recommendation"], language), []),
        (_("Critical finding"), TEXT_PT, [], boxes),
        (_("Findings"), TEXT_PT, runs(source["findings"], language), []),
        (_("Question"), TEXT_PT, runs(referral["question"], language), []),
        (_("History"), TEXT_PT, runs(referral.get("clinical_notes") or "", language), []),
        (_("What this report rests on"), TEXT_PT, [run(one, ours) for one in rests.sentences(source, ours, _)], []),
    ]
    return [
        {"heading": heading, "size": size, "runs": lines, "boxes": boxed}
        for heading, size, lines, boxed in parts if lines or boxed
    ]  # fmt: skip


def _picture(one: Printed, language: str, _: Gettext) -> dict[str, Any]:
    """With what its reader wrote beside it, which stands there without the picture, too."""
    return {
        "label": one.key.label(_), "lines": [run(line, language, LONGEST) for line in one.key.lines(language, _)],
        "body": list(one.body) if one.body is not None else None,
    }  # fmt: skip


def _signature(source: Source, sha256: str, signed: Mapping[str, Any], language: str, _: Gettext) -> dict[str, Any]:
    """Printed name, time and meaning stand in every readable form (21 CFR 11.50)."""
    at = words.moment(words.time_of(signed["signed_at"]), words.zones(source), language)
    return {
        "signed_label": _("Signed electronically by"),
        "signer": [run(signed["printed_name"], language)],
        "signature": [run(line, language) for line in (_(signed["meaning"]), source["reader"]["organization"], at)],
        "digest_label": _("The signature is bound to these SHA-256 digests:"),
        "digests": [(_("Text and image list"), sha256), (_("Image list alone"), source["images_sha256"])],
    }


def _check(verify_url: str | None, _: Gettext) -> dict[str, Any]:
    if not verify_url:
        return {"verify": None, "verify_label": "", "qr": None}
    return {
        "verify": {"url": verify_url, "shown": printable(verify_url)},
        "verify_label": _("Check that this is the report as signed:"),
        "qr": _qr(verify_url),
    }


def _qr(url: str) -> str:
    import segno

    drawing = io.BytesIO()
    segno.make(url, micro=False, error="m").save(drawing, kind="svg", xmldecl=False, border=2)
    return drawing.getvalue().decode()


def _running(source: Source, language: str, _: Gettext) -> str:
    """Who this is about, on every page after the first."""
    names = " · ".join(isolated(name) for name in _name(source["patient"], _))
    return printable(f"{names} · {_identifier(source['patient'])} · {_born(source, language, _)}")


def _foot(source: Source, _: Gettext) -> str:
    return f"{isolated(source['reader']['organization'])} · {_status(source['report'], _)}"


def _unprintable(content: Mapping[str, Any], _: Gettext) -> str | None:
    if "[U+" not in json.dumps(content, ensure_ascii=False):
        return None
    return _("Signs written as [U+…] cannot be printed here; the report's page shows them.")
