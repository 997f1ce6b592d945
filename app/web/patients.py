"""The page of a patient: who they are and were called, their cases, and records that are one person's."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi import Form as Sent

from app.access.actor import Actor
from app.audit import events
from app.cases import patient
from app.cases.patient import Known
from app.db import reading, transaction
from app.errors import Conflict, Invalid, Refusal
from app.http.actor import Acting
from app.http.idempotency import Once, once
from app.people.models import Organization, Patient
from app.referrals.given import GivenPatient
from app.reviews import identify, merge
from app.web.forms import Fields, Form, status_of
from app.web.pages import render, see_other
from app.web.referring import BESIDE, checked, patient_of
from app.web.similar import similar_to
from app.web.words import speech_of

router = APIRouter(include_in_schema=False)


@router.post("/patients/similar")
def show_similar(request: Request, who: Acting, form: Fields) -> Response:
    """While a name is typed; in the body, for it has no place in an address."""
    return render(request, who, "similar.html", form=form, similar=similar_to(who, form))


@router.post("/referrals/new/echo")
def show_echo(request: Request, who: Acting, form: Fields) -> Response:
    """What an entered date comes to."""
    return render(request, who, "echo.html", form=form, name=form.value("echo"))


@router.get("/patients/{patient_id}")
def show_patient(request: Request, who: Acting, patient_id: UUID) -> Response:
    known = _known(who, patient_id)
    return _page(request, who, known, _filled(known.patient))


@router.post("/patients/{patient_id}/name")
def name_patient(request: Request, who: Acting, patient_id: UUID, form: Fields, key: Once) -> Response:
    """Who it is, now that it is known; both names find the patient from then on."""
    say = speech_of(request, who)
    given = checked(GivenPatient, _changed(who, patient_id, form), form, say)
    if given is None:
        return _page(request, who, _known(who, patient_id), form, 422)
    try:
        with transaction(who) as session:
            done = once(session, key)
            if not done.before:
                identify.identify(session, who, patient_id, given)
                done.keep(303, patient_id)
    except (Conflict, Invalid) as refusal:
        return _page(
            request, who, _known(who, patient_id), form.refused(refusal, say, BESIDE), status_of(refusal), refusal
        )
    return see_other(f"/patients/{patient_id}")


@router.get("/patients/{patient_id}/merge/{into_id}")
def show_merge(request: Request, who: Acting, patient_id: UUID, into_id: UUID) -> Response:
    return _merging(request, who, patient_id, into_id)


@router.post("/patients/{patient_id}/merge/{into_id}")
def merge_them(
    request: Request, who: Acting, patient_id: UUID, into_id: UUID, key: Once, act: Annotated[str, Sent()] = "merge"
) -> Response:
    """Where two people read them, both are told first, and only then the two can become one."""
    try:
        with transaction(who) as session:
            done = once(session, key)
            if not done.before:
                verb = merge.announce if act == "announce" else merge.merge
                done.keep(303, verb(session, who, patient_id, into_id).id)
    except (Conflict, Invalid) as refusal:
        return _merging(request, who, patient_id, into_id, refusal)
    return see_other(f"/patients/{patient_id}/merge/{into_id}" if act == "announce" else f"/patients/{into_id}")


@router.post("/merges/{merge_id}/undo")
def undo_merge(who: Acting, merge_id: UUID) -> Response:
    with transaction(who) as session:
        row = merge.undo(session, who, merge_id)
    return see_other(f"/patients/{row.into_patient_id}")


def _known(who: Actor, patient_id: UUID) -> Known:
    with reading(who) as session:
        known = patient.known(session, who, patient_id)
    events.note_opening(who, "patient.opened", organization_id=known.patient.organization_id, entity_id=patient_id)
    return known


def _page(
    request: Request, who: Actor, known: Known, form: Form, status: int = 200, refusal: Refusal | None = None
) -> Response:
    with reading(who) as session:
        home = session.get_one(Organization, known.patient.organization_id)
        standing = session.get(Patient, known.patient.merged_into_id) if known.patient.merged_into_id else None
        gone = {one.id: session.get_one(Patient, one.from_patient_id) for one in known.merges}
    other = refusal.facts.get("patient_id") if refusal else None
    return render(
        request, who, "patient.html", status, known=known, form=form, home=home, standing=standing, gone=gone, other=other,
        looks=False,
    )  # fmt: skip


def _merging(request: Request, who: Actor, patient_id: UUID, into_id: UUID, refusal: Refusal | None = None) -> Response:
    with reading(who) as session:
        seen = merge.preview(session, who, patient_id, into_id)
    for one in (seen.gone, seen.kept):
        events.note_opening(who, "patient.opened", organization_id=one.organization_id, entity_id=one.id)
    return render(request, who, "merge.html", status_of(refusal) if refusal else 200, seen=seen, refusal=refusal)


def _filled(known: Patient) -> Form:
    """What is known, in the fields of the form; a temporary number is none to keep."""
    year, month, day = ((known.birth_date or "") + "--").split("-")[:3]
    return Form({
        "family_name": known.family_name, "given_name": known.given_name, "name_local": known.name_local,
        "identifier": "" if known.identifier_is_temporary else known.identifier, "sex": known.sex,
        "birth_year": year, "birth_month": month, "birth_day": day, "age_unit": "years",
    })  # fmt: skip


def _changed(who: Actor, patient_id: UUID, form: Form) -> dict[str, Any]:
    """Only what the form says otherwise: an empty field takes nothing away."""
    given = patient_of(form)
    said = {name: value for name, value in given.items() if value not in ("", None, False)}
    return {"name_unknown": _known(who, patient_id).patient.name_unknown, **said}
