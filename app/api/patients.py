"""Patients: found while their name is typed, named later, and two records made one."""

from collections.abc import Callable
from datetime import datetime
from typing import Self
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from app.access.actor import Actor, require
from app.api.pregnancies import PregnancyOut
from app.api.schemas import Out, PatientOut, ReferralOut
from app.audit import events
from app.cases import case, patient
from app.cases.patient import Known
from app.db import reading, transaction
from app.errors import Invalid
from app.http.actor import Acting
from app.http.etag import etag
from app.http.idempotency import Once, RequestKey, once
from app.people.models import PatientAlias, PatientMerge
from app.referrals.given import GivenPatient, Line
from app.referrals.similar import Seen, similar
from app.reports import right_patient
from app.reviews import identify, merge, submit
from app.reviews.merge import Preview

router = APIRouter(tags=["patients"])
Joining = Callable[[Session, Actor, UUID, UUID], PatientMerge]


class Sought(BaseModel):
    """In the body, for a name has no place in an address."""

    name: Line = Field("", examples=["otieno ja"], description="Beginnings of words, in any order, case and accent")
    birth_date: str | None = Field(None, examples=["1990"], pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")
    identifier: Line = Field("", examples=["MRN-1234"])
    organization_id: UUID | None = Field(None, description="Yours, if you refer for more than one")


class FoundPatient(Out):
    patient: PatientOut
    seen_at: datetime | None = Field(description="When they were last referred")
    is_likely: bool = Field(description="Name and birth date agree")

    @classmethod
    def of(cls, seen: Seen) -> Self:
        return cls(patient=PatientOut.of(seen.patient), seen_at=seen.seen_at, is_likely=seen.is_likely)


class FoundPatients(Out):
    items: list[FoundPatient]


class AliasOut(Out):
    """How the patient was known before: until they were named, or in a record that was merged into this one."""

    issuer: str
    identifier: str
    family_name: str
    given_name: str
    name_local: str
    birth_date: str | None
    until: datetime

    @classmethod
    def of(cls, alias: PatientAlias) -> Self:
        return cls.model_validate(alias)


class MergeOut(Out):
    id: UUID
    from_patient_id: UUID
    into_patient_id: UUID
    announced_at: datetime | None
    merged_at: datetime | None
    undone_at: datetime | None

    @classmethod
    def of(cls, row: PatientMerge) -> Self:
        return cls.model_validate(row)


class KnownPatient(Out):
    patient: PatientOut
    aliases: list[AliasOut]
    referral_ids: list[UUID] = Field(description="That you may see, the latest first")
    similar: list[FoundPatient]
    pregnancies: list[PregnancyOut] = Field(description="The newest first")
    merges: list[MergeOut] = Field(description="Made into this record, and not undone")

    @classmethod
    def of(cls, known: Known) -> Self:
        return cls(
            patient=PatientOut.of(known.patient), aliases=[AliasOut.of(one) for one in known.aliases],
            referral_ids=[one.id for one in known.referrals], similar=[FoundPatient.of(one) for one in known.similar],
            pregnancies=[PregnancyOut.of(one) for one in known.pregnancies],
            merges=[MergeOut.of(one) for one in known.merges],
        )  # fmt: skip


class Into(BaseModel):
    into_patient_id: UUID = Field(description="The record that stands for both")


class MergePreview(Out):
    gone: PatientOut
    kept: PatientOut
    moving_referral_ids: list[UUID]
    staying_referral_ids: list[UUID]
    study_count: int
    differs: list[str] = Field(examples=[["birth_date"]], description="In which the two say otherwise")
    readers: list[str] = Field(
        examples=[["Dr Amina Yusuf"]], description="Who read the two now, where they are several"
    )
    must_announce: bool = Field(description="The readers have to be told before")

    @classmethod
    def of(cls, seen: Preview) -> Self:
        return cls(
            gone=PatientOut.of(seen.gone), kept=PatientOut.of(seen.kept),
            moving_referral_ids=[one.id for one in seen.moving], staying_referral_ids=[one.id for one in seen.staying],
            study_count=seen.study_count, differs=seen.differs, must_announce=seen.must_announce,
            readers=sorted({one.owner.name for one in seen.reading if one.owner}),
        )  # fmt: skip


class RightPatient(BaseModel):
    patient: GivenPatient
    same_patient: bool = Field(False, description="Whatever the files say, they are this patient's")


@router.post("/patients/search")
def search_patients(given: Sought, who: Acting) -> FoundPatients:
    """Who of your organization it may be, the likeliest first; nothing until two letters are there."""
    mine = who.organizations_for("referral.place")
    organization_id = given.organization_id or (mine[0] if len(mine) == 1 else None)
    if organization_id is None:
        raise Invalid("Say for which organization.", field="organization_id")
    require(who, "referral.place", organization_id)
    with reading(who) as session:
        found = similar(
            session, organization_id, given.name, birth_date=given.birth_date, identifier=given.identifier
        )  # fmt: skip
    return FoundPatients(items=[FoundPatient.of(one) for one in found])


@router.get("/patients/{patient_id}")
def get_patient(patient_id: UUID, who: Acting) -> KnownPatient:
    with reading(who) as session:
        known = patient.known(session, who, patient_id)
    events.note_opening(who, "patient.opened", organization_id=known.patient.organization_id, entity_id=patient_id)
    return KnownPatient.of(known)


@router.post("/patients/{patient_id}/name")
def name_patient(patient_id: UUID, given: GivenPatient, who: Acting, key: Once) -> KnownPatient:
    """Somebody who came unknown, or under another number. Both names find them from now on; what was signed stays."""
    with transaction(who) as session:
        done = once(session, key)
        if not done.before:
            identify.identify(session, who, patient_id, given)
            done.keep(200, patient_id)
        session.flush()
        return KnownPatient.of(patient.known(session, who, patient_id))


@router.get("/patients/{patient_id}/merge/{into_patient_id}")
def preview_merge(patient_id: UUID, into_patient_id: UUID, who: Acting) -> MergePreview:
    """What would move, what differs, and who has to be told before."""
    with reading(who) as session:
        return MergePreview.of(merge.preview(session, who, patient_id, into_patient_id))


@router.post("/patients/{patient_id}/announce-merge")
def announce_merge(patient_id: UUID, given: Into, who: Acting, key: Once) -> MergeOut:
    """Where two people read the two now, both are told before the records become one."""
    return _joined(merge.announce, who, patient_id, given, key)


@router.post("/patients/{patient_id}/merge")
def merge_patients(patient_id: UUID, given: Into, who: Acting, key: Once) -> MergeOut:
    """The coordinator's: this record becomes part of the other. Signed reports and DICOM files stay as they are."""
    return _joined(merge.merge, who, patient_id, given, key)


def _joined(verb: Joining, who: Actor, patient_id: UUID, given: Into, key: RequestKey | None) -> MergeOut:
    with transaction(who) as session:
        done = once(session, key)
        if done.before and done.resource_id is not None:
            return MergeOut.of(session.get_one(PatientMerge, done.resource_id))
        row = verb(session, who, patient_id, given.into_patient_id)
        done.keep(200, row.id)
        return MergeOut.of(row)


@router.post("/merges/{merge_id}/undo")
def undo_merge(merge_id: UUID, who: Acting, key: Once) -> MergeOut:
    """What moved goes back, and only that."""
    with transaction(who) as session:
        done = once(session, key)
        row = merge.undo(session, who, merge_id)
        if not done.before:
            done.keep(200, row.id)
        return MergeOut.of(row)


@router.post("/referrals/{referral_id}/right-patient", status_code=201)
def send_for_right_patient(
    referral_id: UUID, given: RightPatient, who: Acting, key: Once, response: Response
) -> ReferralOut:
    """It was placed for a wrong patient: the same question and its files, as a new referral that waits to be read."""
    with transaction(who) as session:
        done = once(session, key)
        if done.before and done.resource_id is not None:
            made_id = done.resource_id
        else:
            before = submit.for_change(session, who, referral_id)
            made_id = right_patient.send_again(
                session, who, before, given.patient, same_patient=given.same_patient
            ).id  # fmt: skip
            done.keep(201, made_id)
        session.flush()
        found = case.whole(session, who, made_id)
        response.headers["ETag"] = etag(found.referral.id, found.referral.version)
        response.headers["Location"] = f"/api/v1/referrals/{made_id}"
        return ReferralOut.of(found, sends=True)
