"""Signing: the page shows exactly what is signed, and asks for password or passkey."""

import json
from collections import Counter
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from pydantic import BeforeValidator, Field

from app.access import passkeys
from app.access.actor import Actor, person_of
from app.access.tries import TooManyTries
from app.db import reading, transaction
from app.errors import Conflict, Invalid, Refusal
from app.http.actor import Acting
from app.http.entry import prove, prove_by_passkey, takes_passkeys
from app.http.idempotency import Once, once
from app.referrals.given import clean
from app.reports import claims, countersign, draft, filled, key_images, teaching
from app.reports.draft import GivenText
from app.reports.models import ReportVersion, VersionStatus
from app.reports.seal import asked_for, shown_sha256
from app.reports.send_back import send_back
from app.reports.sign import sign
from app.reports.teaching import GivenFeedback
from app.reviews import seen, step
from app.studies.images import image_list
from app.web import room
from app.web.ahead import following_of
from app.web.forms import status_of
from app.web.pages import render, see_other
from app.web.room import Room
from app.web.sheet import Sheets, sheets_for
from app.web.words import speech_of

router = APIRouter(include_in_schema=False)
RemarkText = Annotated[str, BeforeValidator(clean), Form(max_length=20_000)]
PARTS = ("impression", "recommendation", "findings")


class Shown(GivenText, GivenFeedback):
    """The signing page's form: what it showed comes back with it, so that a difference can be told."""

    password: str = Field("", max_length=1000)
    code: str = ""
    passkey: str = Field("", max_length=20_000)  # the answer of a device, as JSON
    tag: str = ""
    images_sha256: str = ""
    subject: str = ""  # the digest of all that was shown, as a passkey is asked for it
    image_ids: str = ""
    preliminary: str = ""
    meant: list[str] = Field([], max_length=20)  # what the text says, and nothing ticked bears out
    then: str = ""

    @property
    def feedback(self) -> GivenFeedback:
        return GivenFeedback(**{name: getattr(self, name) for name in GivenFeedback.model_fields})


@router.get("/reviews/{review_id}/sign")
def show_signing(review_id: UUID, who: Acting, request: Request, images: str = "") -> Response:
    """`images` is the digest of those that the reading room showed: later ones are to be looked at first."""
    here = room.entered(who, review_id)
    if not (here.may.sign or here.may.countersign):
        return see_other(f"/reviews/{review_id}")
    shown = countersign.to_sign(who, here.review, here.case.report)
    if shown is None or not shown.impression:
        return see_other(f"/reviews/{review_id}?missing={room.IMPRESSION}#{room.IMPRESSION}")
    sheets = _sheets(request, who, here)
    if (sheet := sheets.sheet) is not None and sheet.filled.is_begun and sheet.lacks:
        return see_other(f"/reviews/{review_id}?missing={room.FORM}#write")
    return _page(request, who, here, sheets, unseen=bool(images) and images != here.images_sha256)


@router.post("/reviews/{review_id}/sign")
def sign_review(review_id: UUID, who: Acting, request: Request, key: Once, shown: Annotated[Shown, Form()]) -> Response:
    try:
        version = _signed(request, who, review_id, key, shown)
    except (Conflict, Invalid, TooManyTries) as refusal:
        here = room.entered(who, review_id)
        return _page(request, who, here, _sheets(request, who, here), refusal, shown)
    if shown.then == "next" and (following := following_of(who)) is not None:
        return see_other(f"/reviews/{following}")
    return see_other(f"/reports/{version.report_id}")


@router.post("/reviews/{review_id}/send-back")
def send_review_back(
    review_id: UUID, who: Acting, request: Request, key: Once, remark: RemarkText = "",
    version: Annotated[int | None, Form()] = None,
) -> Response:  # fmt: skip
    """Not counter-signed: back to its reader, who is told why."""
    try:
        with transaction(who) as session:
            done = once(session, key)
            review = step.for_reader(session, who, review_id, "report.countersign")
            if not done.before:
                send_back(session, who, review, remark.strip(), version)
                done.keep(303, review.id)
    except (Conflict, Invalid) as refusal:
        here = room.entered(who, review_id)
        return _page(request, who, here, _sheets(request, who, here), refusal, remark=remark)
    return see_other(f"/reviews/{review_id}#report")


def _signed(request: Request, who: Actor, review_id: UUID, key: Once, shown: Shown) -> ReportVersion:
    with transaction(who) as session:
        done = once(session, key)
        step.for_reader(session, who, review_id, "report.sign")
    proof = None
    if not done.before and not shown.passkey:
        proof = prove(request, who, shown.password, shown.code or None)
    with transaction(who) as session:
        done = once(session, key)
        review = step.for_reader(session, who, review_id, "report.sign")
        if done.before and done.resource_id is not None:
            return session.get_one(ReportVersion, done.resource_id)
        here = countersign.to_sign(who, review, draft.report_of(session, review))
        revision = here.revision if here is not None and shown.tag == room.tag(here) else -1
        if proof is None:
            subject = asked_for(session, review, here, shown.images_sha256) if here is not None else ""
            proof = prove_by_passkey(session, request, who, subject, _answer(shown.passkey))
        version = sign(session, who, review, proof=proof, revision=revision, images_sha256=shown.images_sha256,
                       preliminary=bool(shown.preliminary), meant=shown.meant, subject=shown.subject)  # fmt: skip
        teaching.give(session, who, review, version, shown.feedback)
        done.keep(303, version.id)
        return version


def _answer(passkey: str) -> dict[str, Any]:
    try:
        answer = json.loads(passkey)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _page(
    request: Request, who: Actor, here: Room, sheets: Sheets, refusal: Refusal | None = None, shown: Shown | None = None, *,
    unseen: bool = False, remark: str = "",
) -> Response:  # fmt: skip
    """The page, or the page again with what differs from what had been shown on it."""
    with reading(who) as session:
        looked = seen.looked(session, who, here.review)
        review = step.for_reader(session, who, here.review.id, "report.sign")
        signed = countersign.to_sign(who, here.review, here.case.report)
        final = filled.settled(session, review, signed) if signed is not None else None
        subject = shown_sha256(final, images_sha256=here.images_sha256) if final is not None else ""
        source = {"images": image_list(session, review.referral_id), "key_images": final.key_images if final else []}
        keys = key_images.listed(session, source)
        is_draft = signed is not None and signed.status == VersionStatus.DRAFT
        form = sheets.sheet.filled if sheets.sheet is not None and sheets.sheet.filled.is_begun else None
        asks = claims.claimed(session, review, signed, form) if signed is not None and is_draft else []
        has_passkey = takes_passkeys(request) and bool(passkeys.listing(session, person_of(who)))
    stale = refusal is not None and bool(refusal.facts.get("stale"))
    ids = dict.fromkeys(str(one.source_id) for one in here.sights)
    before = set(shown.image_ids.split()) if stale and shown else set(ids)
    return render(
        request, who, "reading_sign.html", 412 if stale else status_of(refusal) if refusal else 200, room=here,
        review=here.review, referral=here.case.referral, patient=here.case.referral.patient, case=here.case,
        draft=signed, refusal=refusal, stale=stale, unseen=unseen, seen=shown, parts=PARTS,
        differs=[name for name in PARTS if stale and getattr(shown, name) != getattr(signed, name, "")],
        new=[one for one in here.sights if str(one.source_id) not in before], gone=len(before - set(ids)),
        forms=_forms(here), tag=room.tag(signed), image_ids=" ".join(ids), left=room.left(request, who, here),
        changed=room.UNCHANGED, looked=looked, has_passkey=has_passkey, final=final,
        subject=subject, keys=keys, asks=asks, contradicted=sheets.sheet.contradicted() if sheets.sheet else [],
        remark=remark,
    )  # fmt: skip


def _sheets(request: Request, who: Actor, here: Room) -> Sheets:
    return sheets_for(who, here.review.id, here.draft, "", None, speech_of(request, who), here.growth)


def _forms(here: Room) -> Counter[str]:
    """How many images, clips and documents the report rests on."""
    counted = {str(one.source_id): "clip" if one.form == "film" else one.form for one in here.sights}
    return Counter(counted.values())
