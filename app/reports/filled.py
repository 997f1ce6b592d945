"""A draft with a template: what is ticked is kept with it, said in its text when it is signed, and ticked again for a change."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.errors import Invalid
from app.reports import drawn, kept_template
from app.reports.answers import Answers, GivenForm, KeyImage, Known, kept, of
from app.reports.compose import Written, compose, frozen
from app.reports.kept_template import ReportTemplate
from app.reports.lacking import Lack, lacks
from app.reports.linked import nearly
from app.reports.models import ReportVersion, VersionStatus
from app.reports.template import Template
from app.reviews.models import Review
from app.studies.images import images_of, instances_of
from app.studies.measurement import Measurement


@dataclass(frozen=True)
class Filled:
    """A template and what is ticked in it, with what that comes to and lacks."""

    template: Template
    version: int
    is_own: bool
    answers: Answers
    known: Known
    language: str  # of the report
    measured: dict[UUID, Measurement]
    is_begun: bool = True  # else it is offered

    @property
    def written(self) -> Written:
        return compose(self.template, self.answers, self.known, self.language, self.measured)

    def lacks(self, language: str = "en") -> list[Lack]:
        """In the words of whoever reads."""
        return lacks(self.template, self.answers, self.known, language)


def columns(
    session: Session, review: Review, draft: ReportVersion | None, given: GivenForm | None,
    key_images: list[KeyImage] | None, names: set[str],
) -> dict[str, Any]:  # fmt: skip
    """Of a draft that is saved; what was not sent (is not in `names`) stays as it is."""
    values: dict[str, Any] = {}
    if "form" in names:
        values |= {"template_id": None, "answers": {}}
        if given is not None:
            values = {"template_id": _template_of(session, review, draft, given).id, "answers": kept(given.answers)}
    if "key_images" in names and key_images is not None:
        noted = {(one["image"], one["frame"]): one.get("note", "") for one in (draft.key_images if draft else ())}
        values["key_images"] = [_noted(one, noted) for one in key_images]
    _refuse_strange_images(session, review, given if "form" in names else None, key_images)
    return values


def _noted(given: KeyImage, before: Mapping[tuple[str, int], str]) -> dict[str, Any]:
    """The form of the pages says no notes: what a client wrote beside a frame stays with it."""
    said = given.model_dump(mode="json")
    return said if "note" in given.model_fields_set else said | {"note": before.get((said["image"], said["frame"]), "")}


def filled(session: Session, review: Review, version: ReportVersion | None) -> Filled | None:
    """As the draft stands; None where it is a free report."""
    if version is None or version.template_id is None:
        return None
    row = session.get_one(ReportTemplate, version.template_id)
    return _filled(session, review, row.template, row.version, of(version.answers), version.language, is_own=row.is_own)


def offer(session: Session, review: Review, version: ReportVersion | None, code: str = "") -> Filled | None:
    """What the draft was begun with, else the template for this exam; with `code` that one, ticked as far as it fits.

    None where no template fits, and where text without one was begun."""
    here = filled(session, review, version)
    if here is not None and code in ("", here.template.code):
        return here
    if not code and version is not None and (version.findings or version.impression):
        return None
    reader = review.reading_organization_id
    found = (kept_template.current(session, reader, code) if code
             else kept_template.fitting(session, reader, review.exam_type))  # fmt: skip
    if found is None:
        return None
    answers = of(version.answers) if version is not None else {}
    language = version.language if version is not None else review.referral.language
    number = found.own.version if found.own else found.template.version
    return _filled(
        session, review, found.template, number, answers, language, is_own=found.own is not None, is_begun=False
    )


def known_of(session: Session, review: Review) -> Known:
    test = str((review.referral.obstetric or {}).get("pregnancy_test") or "").strip().lower()
    result = "positive" if test.startswith(("pos", "+")) else "negative" if test.startswith(("neg", "nég", "-")) else ""
    images = {one.id: (n, one.is_clip) for n, one in enumerate(images_of(session, review.referral_id), 1)}
    return Known(facts={"pregnancy-test": result}, images=images)


def refuse_incomplete(here: Filled | None) -> None:
    missing = [one.facts for one in here.lacks()] if here is not None else []
    if missing:
        raise Invalid("This report is not complete. What is missing is listed.", field="form", missing=missing)


def settle(session: Session, review: Review, draft: ReportVersion, here: Filled | None) -> None:
    """The text says what is ticked, and key images have what is drawn on them; page, PDF and JSON are made of that and
    of nothing else."""
    for name, value in _settled(session, review, draft, here).items():
        setattr(draft, name, value)


def settled(session: Session, review: Review, version: ReportVersion) -> ReportVersion:
    """As it would be signed now: what is shown for that, and what a passkey is asked for. Nothing of it is kept."""
    is_draft = version.status == VersionStatus.DRAFT
    changed = _settled(session, review, version, filled(session, review, version)) if is_draft else {}
    names = [column.key for column in sa.inspect(ReportVersion).column_attrs]
    return ReportVersion(**{name: getattr(version, name) for name in names} | changed) if changed else version


def _settled(session: Session, review: Review, version: ReportVersion, here: Filled | None) -> dict[str, Any]:
    keys = drawn.signed_with(session, review, version.key_images) if version.key_images else []
    marked = {"key_images": keys} if keys else {}
    if here is None:
        return marked
    typed, written = {"findings": version.findings, "recommendation": version.recommendation}, here.written
    form = frozen(here.template, here.answers, written, version.language, typed)
    return {"form": form, **texts(written, typed), **marked}


def texts(written: Written | None, typed: Mapping[str, str]) -> dict[str, str]:
    """Findings and recommendation as they are signed: what is ticked, then what is typed; advice that was not left out."""
    findings, recommendation = typed["findings"], typed["recommendation"]
    if written is not None:
        findings = "\n\n".join(part for part in (written.findings, findings) if part)
        advice = [one for one in written.advice if one not in recommendation]
        recommendation = "\n".join(part for part in (recommendation, *advice) if part)
    return {"findings": _nfc(findings), "recommendation": _nfc(recommendation)}


def reopened(signed: ReportVersion) -> dict[str, Any]:
    """What the draft of another version begins with: the ticks as ticks, and the text as it was typed."""
    typed = (signed.form or {}).get("typed") or {"findings": signed.findings, "recommendation": signed.recommendation}
    keys = drawn.bare(signed.key_images)
    return {**typed, "template_id": signed.template_id, "answers": signed.answers, "key_images": keys}


def _template_of(session: Session, review: Review, draft: ReportVersion | None, given: GivenForm) -> ReportTemplate:
    """The one that the draft was begun with, whatever came since; else the organization's own, or ours."""
    if draft is not None and draft.template_id is not None:
        before = session.get_one(ReportTemplate, draft.template_id)
        if before.code == given.template:
            return before
    found = kept_template.current(session, review.reading_organization_id, given.template)
    if found is None:
        raise Invalid("There is no template of this name.", field="form.template")
    return kept_template.pin(session, review.reading_organization_id, found)


def _refuse_strange_images(
    session: Session, review: Review, given: GivenForm | None, key_images: list[KeyImage] | None
) -> None:
    spots = [*(key_images or []), *(spot for one in (given.answers.values() if given else ()) for spot in one.seen_on)]
    if not spots:
        return
    images = images_of(session, review.referral_id)
    # How many a film has is in the film alone.
    frames = {one.id: one.number_of_frames if one.number_of_frames > 1 or not one.is_clip else None for one in images}
    if any(spot.frame > (frames.get(spot.image) or spot.frame) for spot in spots):
        raise Invalid("The clip has no such frame.", field="frame")
    if key_images and any(spot.image not in frames for spot in key_images):
        raise Invalid("This is no image of the case.", field="key_images")


def _filled(
    session: Session, review: Review, template: Template, number: int, answers: Answers, language: str, **how: bool
) -> Filled:  # fmt: skip
    known = known_of(session, review)
    made = _made(session, review) if any(one.numbers for one in answers.values()) else []
    ids = {each for one in answers.values() for each in one.measurement_ids}
    return Filled(
        template=template, version=number, answers=answers, language=language,
        known=known.model_copy(update={"nearly": nearly(template, answers, made)}),
        measured={one.id: one for one in made if one.id in ids and one.removed_at is None}, **how,
    )  # fmt: skip


def _made(session: Session, review: Review) -> list[Measurement]:
    """Of the reading organization, on images of the case or accepted from a machine's report; what was removed since,
    too."""
    ids = [one.id for one in instances_of(session, review.referral_id)]
    query = sa.select(Measurement).where(
        Measurement.instance_id.in_(ids), Measurement.organization_id == review.reading_organization_id
    )
    return list(session.scalars(query))


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
