"""What the JSON says of a draft: its text, and what is ticked in its template with what that comes to and lacks."""

from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from fastapi import Request
from pydantic import Field
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.api.schemas import Out
from app.languages import Speech, first_known
from app.reports import filled, offers
from app.reports.answers import Answer, KeyImage
from app.reports.drawn import bare
from app.reports.filled import Filled
from app.reports.lacking import Lack, Why
from app.reports.models import ReportVersion
from app.reports.offers import Offer
from app.reviews.models import Review


def spoken_to(request: Request, who: Actor) -> Speech:
    """The person's language, else the browser's first that there is."""
    accepted = [part.partition(";")[0].strip() for part in request.headers.get("accept-language", "")[:500].split(",")]
    return first_known(*([who.language] if who.language else accepted))


class LackOut(Out):
    """Without this it is not signed."""

    key: str = Field(examples=["cbd"])
    section: str = Field(examples=["Gallbladder and ducts"])
    label: str = Field(examples=["Common bile duct"])
    why: Why
    detail: str = Field(examples=["Not assessed yet. Say what was seen, or that it could not be assessed."])

    @classmethod
    def of(cls, lack: Lack, spoken: Speech) -> Self:
        return cls.model_validate(lack.facts | {"detail": spoken.gettext(lack.sentence)})


class OfferOut(Out):
    """What the pregnancy or the sizes measured here say of an item; nothing is put there by itself."""

    key: str = Field(examples=["ga"])
    answer: Answer = Field(examples=[{"text": "31w4d on 10 Sep 2026, by the due date 7 Nov 2026"}])
    value: str = Field(examples=["31w4d on 10 Sep 2026, by the due date 7 Nov 2026"])
    source: str = Field(examples=["from the pregnancy"])
    state: Literal["open", "taken", "differs"] = Field(
        description="`differs` from what is typed; that is signed as it is"
    )

    @classmethod
    def of(cls, offer: Offer) -> Self:
        return cls(**vars(offer))


class FormOut(Out):
    """A template, what is ticked in it, and what will stand in the report by that."""

    template: str = Field(examples=["abdomen"])
    version: int
    is_own: bool = Field(description="The organization's own version of it")
    answers: dict[str, Answer] = Field(examples=[{"gallbladder": {"choices": ["stones"]}, "cbd": {"numbers": [4]}}])
    findings: str = Field(description="As they will be signed: what is ticked, then what is typed")
    recommendation: str = Field(description="As it will be signed: what is typed, then what has to be said")
    advice: list[str] = Field(examples=[[]], description="What has to be said by what is ticked")
    lacks: list[LackOut] = Field(description="In the order of the form; with any of them signing is refused")
    offers: list[OfferOut] = Field(examples=[[]], description="Due date, age and weight, where they are known")

    @classmethod
    def of(cls, here: Filled, version: ReportVersion, spoken: Speech, known: list[Offer]) -> Self:
        typed = {"findings": version.findings, "recommendation": version.recommendation}
        written = here.written
        lacks = [LackOut.of(one, spoken) for one in here.lacks(spoken.language)]
        return cls(template=here.template.code, version=here.version, is_own=here.is_own, answers=here.answers,
                   advice=written.advice, lacks=lacks, offers=[OfferOut.of(one) for one in known],
                   **filled.texts(written, typed))  # fmt: skip


class DraftOut(Out):
    """The draft and the digest of the image list that it rests on."""

    report_id: UUID
    version: int
    status: str
    revision: int
    findings: str
    impression: str
    recommendation: str
    language: str
    form: FormOut | None = Field(description="Null: a free report")
    key_images: list[KeyImage]
    kind: str
    reason: str
    images_sha256: str
    updated_at: datetime

    @classmethod
    def of(cls, session: Session, who: Actor, review: Review, version: ReportVersion, spoken: Speech) -> Self:
        """What it lacks is said in the language of whoever asks."""
        here = filled.filled(session, review, version)
        known = offers.offers(session, who, review, here, spoken) if here else []
        plain: dict[str, Any] = {name: getattr(version, name) for name in cls.model_fields if name != "form"}
        plain["key_images"] = bare(version.key_images)
        return cls(**plain, form=FormOut.of(here, version, spoken, known) if here else None)
