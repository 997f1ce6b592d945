"""Studies for other systems: what there is, what came without a referral, and one whole to take away."""

from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from starlette.responses import StreamingResponse

from app.api.schemas import Out, PatientOut
from app.api.viewable import DocumentOut, InstanceOut
from app.audit import events
from app.cases.candidates import Candidate, candidates, of_study
from app.db import reading, transaction
from app.http.actor import Acting
from app.http.description import answered
from app.http.idempotency import Once, once
from app.reports import regroup
from app.studies import attach, read
from app.studies.archive import archive_for, written
from app.studies.models import Series
from app.studies.read import Line, Whole

router = APIRouter(tags=["studies"])


class StudyPatient(Out):
    """What the files themselves call the patient; whose they are says `patient_id`."""

    name: str = Field(examples=["Otieno^Jane"], description="PN, component groups separated by =")
    identifier: str = Field(examples=["MRN-1234"])
    issuer: str = Field(examples=["Lodwar"])
    birth_date: str = Field(examples=["19900403"], description="DA as sent")
    sex: str = Field(examples=["F"])


class StudyBrief(Out):
    id: UUID
    organization_id: UUID = Field(description="Whose study it is")
    study_instance_uid: str = Field(examples=["2.25.198310928730958712"])
    accession_number: str = Field(examples=["K7M2QX"])
    study_date: str = Field(examples=["20261126"], description="DA as sent")
    study_time: str = Field(examples=["0930"], description="TM as sent")
    study_description: str = Field(examples=["Abdomen"])
    patient: StudyPatient
    patient_id: UUID | None
    modalities: list[str] = Field(examples=[["US"]])
    instance_count: int = Field(examples=[19])
    clip_count: int = Field(examples=[4])
    referral_ids: list[UUID] = Field(description="The referrals that ask about it, as far as you see them")

    @classmethod
    def of(cls, line: Line) -> Self:
        return cls(**_brief(line))


class SeriesOut(Out):
    id: UUID
    series_instance_uid: str
    modality: str = Field(examples=["US"])
    series_number: int | None
    series_description: str
    instances: list[InstanceOut]

    @classmethod
    def of(cls, series: Series, found: Whole) -> Self:
        plain = {name: getattr(series, name) for name in cls.model_fields if name != "instances"}
        return cls(**plain, instances=[InstanceOut.of(one) for one in found.instances if one.series_id == series.id])


class StudyOut(StudyBrief):
    series: list[SeriesOut]
    documents: list[DocumentOut] = Field(description="Of the referrals that ask about it")
    archive: str = Field(description="All of it as one ZIP")

    @classmethod
    def of_whole(cls, found: Whole) -> Self:
        return cls(
            **_brief(found.line), series=[SeriesOut.of(one, found) for one in found.series],
            documents=[DocumentOut.of(one) for one in found.documents],
            archive=f"/api/v1/studies/{found.line.study.id}/archive",
        )  # fmt: skip


class Attached(BaseModel):
    referral_id: UUID = Field(description="Of the organization whose study it is")
    same_patient: bool = Field(False, description="Whatever the files say, it is the referral's patient")


class CandidateOut(Out):
    referral_id: UUID
    code: str = Field(examples=["K7M-2QX"])
    patient: PatientOut
    why: list[str] = Field(
        examples=[["name", "day"]], description="accession, name, birth_date, identifier, name_part, day, device"
    )
    differs: list[str] = Field(examples=[[]], description="In which the files name another patient")

    @classmethod
    def of(cls, one: Candidate) -> Self:
        referral = one.referral
        return cls(referral_id=referral.id, code=referral.code, patient=PatientOut.of(referral.patient),
                   why=list(one.why), differs=one.differs)  # fmt: skip


class Candidates(Out):
    items: list[CandidateOut]


class StudyPage(Out):
    items: list[StudyBrief]
    next_cursor: UUID | None


@router.get("/studies", summary="Studies, the newest first")
def list_studies(
    who: Acting, unmatched: Annotated[bool, Query(description="Only your own that came without a referral")] = False,
    cursor: Annotated[UUID | None, Query(description="next_cursor of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> StudyPage:  # fmt: skip
    with reading(who) as session:
        page = read.page(session, who, unmatched=unmatched, cursor=cursor, limit=limit)
    return StudyPage(items=[StudyBrief.of(line) for line in page.lines], next_cursor=page.next_cursor)


@router.get("/studies/{study_id}", summary="One study with its series, instances and documents")
def get_study(study_id: UUID, who: Acting) -> StudyOut:
    """What its referrer has taken back is no longer part of it."""
    with reading(who) as session:
        found = read.whole(session, who, study_id)
    study = found.line.study
    events.note_opening(who, "study.viewed", organization_id=study.organization_id, entity_id=study.id)
    return StudyOut.of_whole(found)


@router.get("/studies/{study_id}/candidates", summary="Referrals that it may belong to, the likeliest first")
def get_candidates(study_id: UUID, who: Acting) -> Candidates:
    with reading(who) as session:
        study = attach.own(session, who, study_id)
        found = candidates(session, of_study(session, study))
    return Candidates(items=[CandidateOut.of(one) for one in found])


@router.post("/studies/{study_id}/attach", summary="A referral asks about this study from now on")
def attach_study(study_id: UUID, given: Attached, who: Acting, key: Once) -> StudyBrief:
    """Where the files name another patient it is a 409 with the fields in `differs`, until `same_patient` says otherwise."""
    with transaction(who) as session:
        done = once(session, key)
        if not done.before:
            regroup.attach(session, who, study_id, given.referral_id, same_patient=given.same_patient)
            done.keep(200, study_id)
        session.flush()
        return StudyBrief.of(read.whole(session, who, study_id).line)


@router.post("/studies/{study_id}/detach", summary="The referral asks about this study no longer")
def detach_study(
    study_id: UUID, who: Acting, key: Once,
    referral_id: Annotated[UUID | None, Query(description="Which, where several ask about it")] = None,
) -> StudyBrief:  # fmt: skip
    """What was sent with the referral is withdrawn or moved there; what a signed report rests on stays."""
    with transaction(who) as session:
        done = once(session, key)
        if not done.before:
            regroup.detach(session, who, study_id, referral_id)
            done.keep(200, study_id)
        session.flush()
        return StudyBrief.of(read.whole(session, who, study_id).line)


@router.get(
    "/studies/{study_id}/archive", summary="The whole study as one ZIP", response_class=Response,
    responses=answered("application/zip"),
)  # fmt: skip
def get_archive(study_id: UUID, who: Acting) -> Response:
    """Every file as it came, numbered in the order of acquisition, with documents, and SHA256SUMS of them all."""
    archive = archive_for(who, study_id)
    headers = {"Content-Disposition": f"attachment; filename={archive.name}"}
    return StreamingResponse(written(archive), headers=headers, media_type="application/zip")


def _brief(line: Line) -> dict[str, Any]:
    study = line.study
    names = ("id organization_id study_instance_uid accession_number study_date study_time study_description "
             "patient_id").split()  # fmt: skip
    counted = ("modalities", "instance_count", "clip_count", "referral_ids")
    return {
        **{name: getattr(study, name) for name in names},
        **{name: getattr(line, name) for name in counted},
        "patient": StudyPatient(
            name=study.patient_name, identifier=study.patient_identifier, issuer=study.patient_issuer,
            birth_date=study.patient_birth_date, sex=study.patient_sex,
        ),
    }  # fmt: skip
