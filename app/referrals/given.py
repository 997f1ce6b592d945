"""What a referrer gives, checked field by field; pages and JSON read the same models."""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from app.referrals.models import EXAM_TYPES, LAST_PRIORITY, Priority

UNPRINTABLE = {"Cc", "Cf", "Cs"}  # controls, bidi overrides, lone surrogates
NAME_CHARS = 1_000  # of a file's name
JOINERS = {"\u200c", "\u200d"}  # some scripts spell with them
KEPT = {"\n", "\t"} | JOINERS


def clean(text: object) -> object:
    """NFC, without what no reader can see; anything but text is left for the type to refuse."""
    if not isinstance(text, str):
        return text
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    return _seen(text, KEPT).strip()


def _seen(text: str, kept: set[str]) -> str:
    return "".join(c for c in text if c in kept or unicodedata.category(c) not in UNPRINTABLE)


def name_within(sent: str) -> str:
    """A sender's name for a file, with the folders it lies in (CT/2/IM1): data only, never a path of ours.

    Of a name that leads out of its folder, or tells of the sender's disk, only the last part is kept."""
    sent = _seen(sent, JOINERS)
    parts = [part for part in sent.replace("\\", "/").split("/") if part not in ("", ".")]
    leads_out = sent.startswith(("/", "\\")) or ".." in parts or re.match("[A-Za-z]:", sent) is not None
    kept = [part for part in parts if part != ".."]
    name = "/".join(kept[-1:] if leads_out else kept)
    cut = name[-NAME_CHARS:]
    return cut if cut == name else cut.partition("/")[2] or cut  # of a folder cut in two the rest may be ".."


Line = Annotated[str, BeforeValidator(clean), Field(max_length=200, pattern=r"^[^\n]*$")]
Text = Annotated[str, BeforeValidator(clean), Field(max_length=20_000)]
Language = Annotated[str, BeforeValidator(clean), Field(max_length=10, pattern=r"^[A-Za-z0-9-]*$")]  # BCP 47
Code = Annotated[str, BeforeValidator(clean), Field(max_length=64, pattern=r"^[^\n\\]*$")]


def _a_known_moment(at: datetime) -> datetime:
    """Without its zone it could be any of two days; beside the ends of the calendar it is none in UTC."""
    if at.tzinfo is None:
        raise ValueError("Say which time zone: 2026-04-03T15:00:00Z")
    if not 1900 < at.year < 9999:
        raise ValueError("is no time that can be meant")
    return at


Moment = Annotated[datetime, AfterValidator(_a_known_moment)]


def _known_exam_type(code: str) -> str:
    if code not in EXAM_TYPES:
        raise ValueError("is no exam type; GET /api/v1/exam-types lists them")
    return code


ExamType = Annotated[str, Field(json_schema_extra={"enum": list(EXAM_TYPES)}), BeforeValidator(_known_exam_type)]


class Given(BaseModel):
    model_config = ConfigDict(extra="ignore", str_max_length=20_000)


class Sex(StrEnum):
    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNKNOWN = "unknown"


class Age(Given):
    value: int = Field(ge=0, le=130)
    unit: Literal["years", "months", "weeks", "days"] = "years"


class GivenPatient(Given):
    """People arrive without an id, with one name, with an age and no birth date, or unknown."""

    id: UUID | None = Field(
        None, description="Somebody known here; what else is given is compared, and never stored over"
    )
    same_as: UUID | None = Field(
        None,
        description="The `patient_id` of a refusal that asked: it is that patient, whatever differs, and what is known "
        "stays. What is known wrongly is put right by `/patients/{id}/name`",
    )
    identifier: Code = ""
    issuer: Code = ""
    family_name: Line = ""
    given_name: Line = ""
    name_local: Line = Field("", description="The name in its own script")
    name_unknown: bool = False
    birth_date: str | None = Field(None, description="YYYY, YYYY-MM or YYYY-MM-DD")
    age: Age | None = None
    sex: Sex = Sex.UNKNOWN
    mother_patient_id: UUID | None = None
    birth_order: int | None = Field(None, ge=1, le=9)

    @field_validator("age", mode="before")
    @classmethod
    def _a_number_and_its_unit(cls, given: object) -> object:
        if given is None or isinstance(given, (dict, Age)):
            return given
        raise ValueError('is written {"value": 36, "unit": "years"}')

    @field_validator("birth_date", mode="before")
    @classmethod
    def _a_date_in_the_past(cls, given: object) -> object:
        if given in (None, ""):
            return None
        if not isinstance(given, str) or not re.fullmatch(r"\d{4}(-\d{2}(-\d{2})?)?", given):
            raise ValueError("is written YYYY, YYYY-MM or YYYY-MM-DD")
        try:
            earliest = date.fromisoformat((given + "-01-01")[:10])
        except ValueError:
            raise ValueError("is no date of the calendar") from None
        today = datetime.now(UTC).date()
        if earliest > today + timedelta(days=1):  # tomorrow may have begun at the clinic
            raise ValueError("lies in the future")
        if earliest.year < today.year - 130:
            raise ValueError("is more than 130 years ago")
        return given

    @model_validator(mode="after")
    def _a_name_or_unknown(self) -> Self:
        if not (self.id or self.name_unknown or self.family_name or self.given_name or self.name_local):
            raise ValueError("Give a name, or say that it is unknown")
        return self


class Callback(Given):
    name: Line = ""
    phone: Annotated[str, BeforeValidator(clean), Field(max_length=50, pattern=r"^[0-9+()./ \-]*$")] = ""


class Obstetric(Given):
    lmp: date | None = None
    lmp_certain: bool | None = None
    edd: date | None = None
    edd_basis: Line = ""
    gravida: int | None = Field(None, ge=0, le=30)
    para: int | None = Field(None, ge=0, le=30)
    pregnancy_test: Line = ""
    examined_on: date | None = Field(None, description="The day of the examination, by the clinic's own calendar")
    dates_confirmed: bool = Field(False, description="However unlikely they look, they are right")


class ExternalIdentifierGiven(Given):
    system: Line = Field(min_length=1)
    value: Line = Field(min_length=1)


class GivenFile(Given):
    """A file that is going to come: every screen can say '17 of 19 arrived'."""

    name: Annotated[str, BeforeValidator(clean), Field(min_length=1, max_length=1000)]
    size_bytes: int | None = Field(None, ge=0, lt=1 << 53)
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")
    priority: int | None = Field(
        None, ge=0, le=LAST_PRIORITY, description="0 is wanted first, 9 last; 5 where it is not said"
    )


class ReferralText(Given):
    """What can be revised later."""

    exam_type: ExamType
    question: Annotated[str, BeforeValidator(clean), Field(min_length=1, max_length=20_000)]
    clinical_notes: Text = ""
    priority: Priority = Priority.ROUTINE
    patient_leaves_at: Moment | None = None
    callback: Callback = Callback()
    obstetric: Obstetric | None = None
    provisional_reading: Text = ""


class GivenReferral(ReferralText):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "patient": {
                    "family_name": "Otieno",
                    "given_name": "Jane",
                    "birth_date": "1990",
                    "sex": "female",
                },
                "exam_type": "abdomen",
                "question": "Right upper quadrant pain for two days. Gallstones?",
                "clinical_notes": "Fever 38.4 °C, Murphy positive.",
                "priority": "asap",
                "callback": {"name": "Sr Achieng", "phone": "+254 700 000000"},
                "files": [{"name": "ruq-1.dcm", "size_bytes": 231710}],
            }
        }
    )

    patient: GivenPatient
    organization_id: UUID | None = Field(None, description="Yours, if you refer for more than one")
    reading_organization_id: UUID | None = Field(None, description="Else the one that reads for yours")
    language: Language = ""
    accession_number: Annotated[str, BeforeValidator(clean), Field(max_length=16, pattern=r"^[^\\\n]*$")] = ""
    external_identifiers: list[ExternalIdentifierGiven] = Field([], max_length=20)
    files: list[GivenFile] = Field([], max_length=5_000)


ExamTypeOrNone = Annotated[str, BeforeValidator(lambda code: _known_exam_type(code) if code else "")]


class DraftReferral(GivenReferral):
    """Kept until it can be sent: what was examined and what is asked may still be missing."""

    exam_type: ExamTypeOrNone = ""
    question: Text = ""


class RevisedReferral(Given):
    """Only what is given changes."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"priority": "stat", "clinical_notes": "Fever 39.1 °C since noon.", "question": "Perforation?"}
        }
    )

    exam_type: ExamType | None = None
    question: Annotated[str, BeforeValidator(clean), Field(min_length=1, max_length=20_000)] | None = None
    clinical_notes: Text | None = None
    priority: Priority | None = None
    patient_leaves_at: Moment | None = None
    callback: Callback | None = None
    obstetric: Obstetric | None = None
    provisional_reading: Text | None = None

    @field_validator(
        "exam_type", "question", "clinical_notes", "priority", "callback", "provisional_reading", mode="before"
    )
    @classmethod
    def _not_taken_away(cls, given: object) -> object:
        if given is None:
            raise ValueError("can be changed, but not taken away")
        return given


class RevisedDraft(RevisedReferral):
    """As a draft: what was examined and what is asked may be missing still, or again."""

    exam_type: ExamTypeOrNone | None = None
    question: Text | None = None
