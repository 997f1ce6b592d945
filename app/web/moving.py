"""What lies with the wrong referral goes to the right one: a file by itself, or the whole question to its patient."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.cases import case
from app.cases.candidates import Clues, candidates, of_code, of_study
from app.cases.case import Case
from app.db import reading, transaction
from app.dicom.facts import Facts
from app.errors import Conflict, Invalid, NotFound, Refusal
from app.http.actor import Acting
from app.http.idempotency import Once, once
from app.referrals.given import GivenPatient
from app.referrals.models import FileStatus, ManifestItem
from app.reports import regroup, right_patient
from app.reviews import submit
from app.studies.models import Instance, Study
from app.web.forms import Fields, status_of
from app.web.forms import Form as Filled
from app.web.pages import render, see_other
from app.web.referring import BESIDE, checked, patient_of, put_right
from app.web.similar import mother_of, similar_to
from app.web.words import speech_of

router = APIRouter(prefix="/referrals/{referral_id}", include_in_schema=False)


@router.get("/files/{file_id}/move")
def show_move(request: Request, who: Acting, referral_id: UUID, file_id: UUID) -> Response:
    return _moving(request, who, referral_id, file_id)


@router.post("/files/{file_id}/move")
def move(
    request: Request, who: Acting, referral_id: UUID, file_id: UUID, target_id: Annotated[UUID | None, Form()] = None,
    code: Annotated[str, Form(max_length=20)] = "", same_patient: Annotated[bool, Form()] = False,
) -> Response:  # fmt: skip
    """To one of the candidates, or to the referral of a code."""
    try:
        chosen = target_id or of_code(who, code)
        with transaction(who) as session:
            regroup.move(session, who, referral_id, file_id, chosen, same_patient=same_patient)
    except (Conflict, Invalid) as refusal:
        return _moving(request, who, referral_id, file_id, refusal, code)
    return see_other(f"/referrals/{chosen}#files")


@router.get("/right-patient")
def show_right_patient(request: Request, who: Acting, referral_id: UUID) -> Response:
    return _asking(request, who, referral_id, Filled({"sex": "unknown", "age_unit": "years"}))


@router.post("/right-patient")
def send_for_right_patient(request: Request, who: Acting, referral_id: UUID, form: Fields, key: Once) -> Response:
    """The same question and its files, as a new referral that waits to be read."""
    say = speech_of(request, who)
    try:
        organization_id = _mine(who, referral_id).referral.organization_id
        patient = patient_of(form) | {"mother_patient_id": mother_of(who, organization_id, form)}
        given = checked(GivenPatient, patient, form, say)
        if given is None:
            return _asking(request, who, referral_id, form, 422)
        with transaction(who) as session:
            done = once(session, key)
            made_id = done.resource_id
            if not done.before:
                before = submit.for_change(session, who, referral_id)
                same = bool(form.value("same_patient"))
                made = right_patient.send_again(session, who, before, given, same_patient=same)
                put_right(session, who, made.patient_id, form)
                made_id = made.id
                done.keep(303, made_id)
    except (Conflict, Invalid) as refusal:
        return _asking(request, who, referral_id, form.refused(refusal, say, BESIDE), status_of(refusal))
    return see_other(f"/referrals/{made_id}")


def _moving(
    request: Request, who: Actor, referral_id: UUID, file_id: UUID, refusal: Refusal | None = None, code: str = ""
) -> Response:
    found = _mine(who, referral_id)
    item = next((one for one in found.files if one.id == file_id), None)
    if item is None or item.status not in (FileStatus.STORED, FileStatus.HELD, FileStatus.CONFLICT):
        raise NotFound
    with reading(who) as session:
        offered = candidates(session, _clues(session, item), besides=referral_id)
        along = _along(session, found, item)
    return render(
        request, who, "move_file.html", status_of(refusal) if refusal else 200, found=found, item=item, along=along,
        candidates=offered, refusal=refusal, code=code, differs=bool(refusal and refusal.field == "same_patient"),
    )  # fmt: skip


def _asking(request: Request, who: Actor, referral_id: UUID, form: Filled, status: int = 200) -> Response:
    found = _mine(who, referral_id)
    here = Filled({**form.given, "organization_id": str(found.referral.organization_id)}, form.errors)
    similar = similar_to(who, here)
    return render(request, who, "right_patient.html", status, found=found, form=here, looks=True, similar=similar)


def _mine(who: Actor, referral_id: UUID) -> Case:
    with reading(who) as session:
        found = case.whole(session, who, referral_id)
    if not who.may("referral.send", found.referral.organization_id):
        raise NotFound
    case.note_opened(who, found.referral)
    return found


def _clues(session: Session, item: ManifestItem) -> Clues:
    """What the file says of its patient, or at least when it came."""
    if item.facts is not None:
        facts = Facts.from_json(item.facts)
        return Clues(item.organization_id, item.created_at, vars(facts.patient), facts.accession_number)
    own = item.instance_id if item.status == FileStatus.STORED else None  # a conflict's is that of the first bytes
    instance = session.get(Instance, own) if own else None
    if instance is not None and instance.kind == "dicom":
        return of_study(session, session.get_one(Study, instance.study_id))
    return Clues(item.organization_id, item.created_at)


def _along(session: Session, found: Case, item: ManifestItem) -> int:
    """How many other files are of the same examination."""
    instance = session.get(Instance, item.instance_id) if item.instance_id else None
    if item.status != FileStatus.STORED or instance is None or instance.kind != "dicom":
        return 0
    together = {one.id for one in found.instances if one.study_id == instance.study_id}
    return sum(one.instance_id in together and one.id != item.id for one in found.files)
