"""What the JSON says, built from rows; the names are the outside contract."""

from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.cases.case import Case
from app.cases.lists import Line, Numbers
from app.people.models import Organization, Patient
from app.referrals.dating import age_of
from app.referrals.manifest import Counts
from app.referrals.models import ManifestItem, Referral
from app.reports.drawn import SignedKeyImage
from app.reports.models import Report, ReportVersion
from app.reports.words import today
from app.reviews.models import Enclosure, Message, Review


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Age(Out):
    value: int
    unit: str


class PatientOut(Out):
    id: UUID
    identifier: str
    identifier_is_temporary: bool
    issuer: str
    family_name: str
    given_name: str
    name_local: str
    name_unknown: bool
    birth_date: str | None
    age: Age | None
    sex: str
    mother_patient_id: UUID | None
    birth_order: int | None
    merged_into_id: UUID | None = Field(description="The record that stands for this one")

    @classmethod
    def of(cls, patient: Patient) -> Self:
        age = Age(value=patient.age_value, unit=patient.age_unit or "years") if patient.age_value is not None else None
        plain = {name: getattr(patient, name) for name in cls.model_fields if name != "age"}
        return cls(**plain, age=age)


class FileOut(Out):
    id: UUID
    name: str
    size_bytes: int | None
    sha256: str | None
    kind: str | None
    status: str
    reason: str
    identity: dict[str, Any] | None
    instance_id: UUID | None
    document_id: UUID | None
    archive_id: UUID | None
    is_archive: bool
    arrived_at: datetime | None
    priority: int | None
    preview: str | None = Field(description="image or film: something small to look at until the file is here")
    files: list["FileOut"] | None = Field(None, description="What an archive held, or what moved along")

    @classmethod
    def of(cls, item: ManifestItem, entries: list[ManifestItem] | None = None, *, sends: bool = True) -> Self:
        """For who does not send, without the patient that a file itself names: it may be another one."""
        plain = {name: getattr(item, name) for name in cls.model_fields if name != "files"}
        if item.identity and not sends:
            plain["identity"] = {"verdict": item.identity.get("verdict")}
        return cls(**plain, files=[cls.of(one) for one in entries] if entries is not None else None)


class NamedOut(Out):
    id: UUID
    name: str


class SiteOut(NamedOut):
    time_zone: str

    @classmethod
    def of(cls, organization: Organization) -> Self:
        return cls(id=organization.id, name=organization.name, time_zone=organization.time_zone)


class ReviewOut(Out):
    id: UUID
    referral_id: UUID
    status: str
    owner: NamedOut | None
    owned_at: datetime | None
    due_at: datetime = Field(description="Moves on by the pause, while the clinic is asked")
    reply_due_at: datetime | None = Field(description="While the clinic is asked: its own deadline")
    returned_at: datetime | None = Field(description="Declined, and left to the clinic by the coordinator")
    sent_on_at: datetime | None = Field(
        description="Declined, and given to another organization that reads for the clinic"
    )
    reason: str
    advice: str

    @classmethod
    def of(cls, review: Review) -> Self:
        owner = NamedOut(id=review.owner.id, name=review.owner.name) if review.owner else None
        plain = {
            name: getattr(review, name)
            for name in (
                "id",
                "referral_id",
                "status",
                "owned_at",
                "due_at",
                "reply_due_at",
                "returned_at",
                "sent_on_at",
                "advice",
            )
        }
        return cls(**plain, owner=owner, reason=review.ended_reason)


class DeclinedOut(Out):
    """An organization that had the case before, and why it was sent on."""

    organization: NamedOut
    reason: str
    advice: str
    sent_on_at: datetime

    @classmethod
    def of(cls, review: Review) -> Self:
        organization = NamedOut.model_validate(review.reading_organization)
        return cls(
            organization=organization, reason=review.ended_reason, advice=review.advice, sent_on_at=review.sent_on_at
        )


class ReportBrief(Out):
    id: UUID
    referral_id: UUID
    status: str
    version: int
    signed_at: datetime | None
    acknowledged_at: datetime | None


class EnclosureOut(Out):
    """A file of the reader's own that went with a message: none of the referral's `files`."""

    id: UUID
    name: str
    kind: Literal["jpeg", "png", "mp4", "pdf"]
    size_bytes: int
    sha256: str
    original: str = Field(description="Where its bytes are")

    @classmethod
    def of(cls, enclosure: Enclosure) -> Self:
        plain = {name: getattr(enclosure, name) for name in cls.model_fields if name != "original"}
        return cls(**plain, original=f"/api/v1/enclosures/{enclosure.id}/original")


class MessageOut(Out):
    id: UUID
    kind: Literal["question", "reply", "note"]
    text: str
    file_ids: list[UUID]
    at: datetime
    from_reader: bool
    person: str
    enclosures: list[EnclosureOut]

    @classmethod
    def of(cls, message: Message, name: str = "") -> Self:
        plain = {name: getattr(message, name) for name in cls.model_fields if name not in ("person", "enclosures")}
        enclosed = [EnclosureOut.of(one) for one in message.enclosures]
        return cls(**plain, person=name or message.person.name, enclosures=enclosed)


class ReferralBrief(Out):
    id: UUID
    code: str
    status: str
    patient: PatientOut
    exam_type: str
    question: str
    priority: str
    due_at: datetime | None
    updated_at: datetime
    declared_count: int
    arrived_count: int
    held_count: int = Field(description="Of those that arrived: somebody has to say whose they are")
    refused_count: int = Field(description="Of those declared: they came and were refused, so they have not arrived")
    review: ReviewOut | None
    report: ReportBrief | None

    @classmethod
    def of_line(cls, line: Line) -> Self:
        return cls(**brief(line.referral, line.counts, line.review, line.report))


class ReferralOut(ReferralBrief):
    organization: SiteOut
    reading_organization: SiteOut
    accession_number: str
    clinical_notes: str
    patient_leaves_at: datetime | None
    callback: dict[str, str]
    obstetric: dict[str, Any] | None
    provisional_reading: str = Field(description="Empty for a reader until the impression is written")
    language: str
    external_identifiers: list[dict[str, str]]
    version: int
    created_at: datetime
    submitted_at: datetime | None
    ended_reason: str
    author: str
    files: list[FileOut]
    study_ids: list[UUID]
    instance_ids: list[UUID]
    messages: list[MessageOut]
    declined: list[DeclinedOut] = Field(description="By whom it was declined before it was sent on, and why")
    revisions: list[dict[str, Any]]

    @classmethod
    def of(cls, case: Case, *, sends: bool) -> Self:
        referral = case.referral
        plain = ("accession_number clinical_notes patient_leaves_at obstetric language version created_at "
                 " submitted_at ended_reason").split()  # fmt: skip
        return cls(
            **brief(referral, case.counts, case.review, case.signed_report),
            **{name: getattr(referral, name) for name in plain},
            provisional_reading=referral.provisional_reading if case.shows_own_reading(sends=sends) else "",
            organization=SiteOut.of(referral.organization),
            reading_organization=SiteOut.of(referral.reading_organization),
            callback={"name": referral.callback_name, "phone": referral.callback_phone},
            external_identifiers=[{"system": one.system, "value": one.value} for one in referral.external_identifiers],
            author=referral.author.name,
            files=[FileOut.of(item, sends=sends) for item in case.files],
            study_ids=case.study_ids,
            instance_ids=[one.id for one in case.instances],
            messages=[MessageOut.of(one) for one in case.messages],
            declined=[DeclinedOut.of(one) for one in case.former],
            revisions=[
                {"version": one.version, "at": one.at, "changes": case.changes(one, sends=sends)}
                for one in case.revisions
            ],
        )


def brief(referral: Referral, counts: Counts, review: Review | None, report: Report | None) -> dict[str, Any]:
    plain = ("id", "code", "status", "exam_type", "question", "priority", "due_at", "updated_at")
    return {
        **{name: getattr(referral, name) for name in plain},
        "patient": PatientOut.of(referral.patient),
        "declared_count": counts.declared,
        "arrived_count": counts.arrived,
        "held_count": counts.held,
        "refused_count": counts.refused,
        "review": ReviewOut.of(review) if review else None,
        "report": ReportBrief.model_validate(report) if report and report.signed_at else None,
    }


class ReferralPage(Out):
    items: list[ReferralBrief]
    next_cursor: str | None


class WorklistItem(Out):
    review_id: UUID
    referral_id: UUID
    code: str
    status: str
    priority: str
    due_at: datetime
    exam_type: str
    patient: PatientOut
    question: str
    site: SiteOut
    language: str
    arrived_count: int
    declared_count: int
    held_count: int
    refused_count: int
    clip_count: int
    prior_count: int
    owner: NamedOut | None
    owned_at: datetime | None
    patient_leaves_at: datetime | None
    mend_by: datetime | None = Field(description="Sent back by a supervisor: to be signed anew by then")
    gestational_age: str | None = Field(description="On this day at the site, as 11w3d")
    has_unread_message: bool = Field(description="Somebody wrote what you have not opened yet")
    revised_at: datetime | None = Field(description="When the clinic last changed what it had sent")

    @classmethod
    def of(cls, review: Review, numbers: Numbers) -> Self:
        referral = review.referral
        dated = age_of(referral, today(referral.organization.time_zone))
        plain = ("code", "priority", "exam_type", "question", "language", "patient_leaves_at")
        return cls(
            review_id=review.id, referral_id=referral.id, status=review.status, due_at=review.due_at,
            **{name: getattr(referral, name) for name in plain},
            patient=PatientOut.of(referral.patient), site=SiteOut.of(referral.organization),
            arrived_count=numbers.counts.arrived, declared_count=numbers.counts.declared,
            held_count=numbers.counts.held, refused_count=numbers.counts.refused,
            clip_count=numbers.clip_count, prior_count=numbers.prior_count,
            owner=NamedOut(id=review.owner.id, name=review.owner.name) if review.owner else None, owned_at=review.owned_at,
            mend_by=review.mend_by, gestational_age=dated.code if dated else None,
            has_unread_message=numbers.unread_since is not None, revised_at=numbers.revised_at,
        )  # fmt: skip


class WorklistPage(Out):
    items: list[WorklistItem]
    next_cursor: str | None


class SignedOut(Out):
    report_id: UUID
    version: int
    status: str
    sha256: str
    signed_at: datetime
    signed_by: str

    @classmethod
    def of(cls, version: ReportVersion) -> Self:
        if version.signature is None:
            raise ValueError("a version without a signature")
        return cls(
            report_id=version.report_id, version=version.version, status=version.status, sha256=version.signature.sha256,
            signed_at=version.signature.signed_at, signed_by=version.signature.printed_name,
        )  # fmt: skip


class VersionOut(SignedOut):
    findings: str
    impression: str
    recommendation: str
    language: str
    kind: str
    reason: str
    form: dict[str, Any] | None = Field(description="What was ticked, by code; the text says the same")
    key_images: list[SignedKeyImage]
    images: list[dict[str, str]]
    images_sha256: str

    @classmethod
    def of(cls, version: ReportVersion) -> Self:
        plain = "findings impression recommendation language kind reason form key_images images images_sha256".split()
        return cls(**SignedOut.of(version).model_dump(), **{name: getattr(version, name) for name in plain})


class ReportPage(Out):
    items: list[ReportBrief]
    next_cursor: str | None
