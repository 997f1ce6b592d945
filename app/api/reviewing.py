"""The reader's acts: the worklist, claiming, asking, declining, writing and signing."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session, selectinload

from app.access.actor import Actor
from app.access.login import Proof
from app.api.drafts import DraftOut, spoken_to
from app.api.schemas import MessageOut, ReviewOut, SignedOut, WorklistItem, WorklistPage
from app.audit import events
from app.cases import lists
from app.db import reading, transaction
from app.errors import Conflict, Invalid
from app.http.actor import Acting
from app.http.entry import prove, prove_by_passkey
from app.http.etag import IfMatch, etag, names
from app.http.idempotency import Once, once
from app.http.problems import DoorRefusal
from app.languages import Speech
from app.referrals.given import Moment, Text
from app.reports import countersign, draft, teaching
from app.reports.draft import GivenDraft
from app.reports.models import ReportVersion
from app.reports.seal import asked_for
from app.reports.send_on import send_on
from app.reports.sign import sign
from app.reports.teaching import GivenFeedback
from app.reviews import claim, decline, hold, seen, step
from app.reviews.models import Message, Review
from app.reviews.say import say
from app.reviews.seen import GivenSeen
from app.reviews.worklist import Asked, worklist

router = APIRouter(tags=["reviewing"])


class Person(BaseModel):
    person_id: UUID = Field(examples=["0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f71"], description="One of your readers")
    owned_at: Moment | None = Field(
        None, description="As the review said it, null included: 409 where somebody was given it, or took it, since"
    )


class Question(BaseModel):
    text: Text = Field(min_length=1, examples=["Please add a long axis of the gallbladder."])
    file_ids: list[UUID] = Field([], max_length=1000, description="Files of the referral that this is about")


class Reply(BaseModel):
    text: Text = Field("", examples=["Here it is."])
    file_ids: list[UUID] = Field([], max_length=1000)


class Note(BaseModel):
    text: Text = Field(min_length=1, examples=["The probe was a linear one."])
    file_ids: list[UUID] = Field([], max_length=1000, description="Files of the referral that this is about")
    as_reader: bool | None = Field(None, description="Which side speaks, for who belongs to both")


class Declined(BaseModel):
    reason: Text = Field(min_length=1, examples=["The images cannot answer the question."])
    advice: Text = Field(min_length=1, examples=["Repeat the scan with a full bladder."])


class Elsewhere(BaseModel):
    reading_organization_id: UUID | None = Field(
        None, description="Another one that reads for the clinic; 422 with the choices where there are several"
    )


class ByPasskey(BaseModel):
    """What a passkey answered to `sign-options`."""

    challenge_id: UUID
    credential: dict[str, Any] = Field(examples=[{"id": "q83v…", "type": "public-key", "response": {}}])


class Presence(BaseModel):
    """The password again, or a passkey, and what was shown when it was given."""

    password: str = Field("", max_length=1000, examples=["correct horse battery staple"])
    passkey: ByPasskey | None = Field(None, description="In place of the password", examples=[None])
    code: str | None = Field(
        None, max_length=10, examples=["287082"], description="Of the second factor, where one is asked for"
    )
    images_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    preliminary: bool = False
    meant: list[str] = Field(
        [], max_length=20, examples=[[]], description="Codes of `asks`, by which signing was refused: it is meant so"
    )
    feedback: GivenFeedback | None = Field(None, description="To who scanned; it is no part of the report")


@router.get("/worklist")
def get_worklist(
    who: Acting, *, status: str = "open", site: UUID | None = None, exam_type: str | None = None,
    language: Annotated[str | None, Query(max_length=10)] = None, owner: str | None = None, overdue: bool = False,
    q: Annotated[str, Query(max_length=200)] = "", cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> WorklistPage:  # fmt: skip
    """Over all memberships of the person, the earliest deadline first."""
    asked = Asked(status=status, site=site, exam_type=exam_type, language=language, owner=owner, overdue=overdue, q=q,
                  cursor=cursor, limit=limit)  # fmt: skip
    with reading(who) as session:
        page = worklist(session, who, asked)
        numbers = lists.numbers(session, who, [review.referral for review in page.reviews])
        items = [WorklistItem.of(review, numbers[review.referral_id]) for review in page.reviews]
    return WorklistPage(items=items, next_cursor=page.next_cursor)


@router.get("/reviews/{review_id}")
def get_review(review_id: UUID, who: Acting) -> ReviewOut:
    with reading(who) as session:
        return ReviewOut.of(step.loaded(session, who, review_id))


@router.post("/reviews/{review_id}/claim")
def claim_review(review_id: UUID, who: Acting, key: Once) -> ReviewOut:
    """Of two claims at once one wins; the other is a 409 that says who and when."""
    with transaction(who) as session:
        done = once(session, key)
        review = step.for_reader(session, who, review_id)
        if not done.before:
            claim.claim(session, who, review)
            done.keep(200, review.id)
        return ReviewOut.of(review)


@router.post("/reviews/{review_id}/release")
def release_review(review_id: UUID, who: Acting, key: Once) -> ReviewOut:
    """Give it back to the queue; what was typed stays in the draft."""
    with transaction(who) as session:
        done = once(session, key)
        review = step.for_reader(session, who, review_id)
        if not done.before:
            claim.release(session, who, review)
            done.keep(200, review.id)
        return ReviewOut.of(review)


@router.post("/reviews/{review_id}/assign")
def assign_review(review_id: UUID, given: Person, who: Acting, key: Once) -> ReviewOut:
    """A coordinator or supervisor gives it to one of their readers."""
    with transaction(who) as session:
        done = once(session, key)
        review = step.for_reader(session, who, review_id, "review.assign")
        if not done.before:
            seen = claim.Seen(given.owned_at) if "owned_at" in given.model_fields_set else None
            claim.assign(session, who, review, given.person_id, seen)
            done.keep(200, review.id)
        return ReviewOut.of(review)


@router.post("/reviews/{review_id}/hold")
def hold_review(review_id: UUID, given: Question, who: Acting, key: Once) -> ReviewOut:
    """Ask the referrer for more; it comes back to the same reader."""
    with transaction(who) as session:
        done = once(session, key)
        review = step.for_reader(session, who, review_id)
        if not done.before:
            hold.hold(session, who, review, given.text, given.file_ids)
            done.keep(200, review.id)
        return ReviewOut.of(review)


@router.post("/reviews/{review_id}/reply")
def reply_to_review(review_id: UUID, given: Reply, who: Acting, key: Once) -> ReviewOut:
    with transaction(who) as session:
        done = once(session, key)
        review = step.loaded(session, who, review_id)
        if not done.before:
            hold.reply(session, who, review, given.text, given.file_ids)
            done.keep(200, review.id)
        return ReviewOut.of(review)


@router.post("/reviews/{review_id}/say", status_code=201)
def say_in_review(review_id: UUID, given: Note, who: Acting, key: Once) -> MessageOut:
    """Either side writes to the other; nobody's clock stops by it."""
    with transaction(who) as session:
        done = once(session, key)
        review = step.loaded(session, who, review_id)
        if done.before and done.resource_id is not None:
            said = session.get_one(Message, done.resource_id, options=[selectinload(Message.enclosures)])
        else:
            sends = who.may("referral.send", review.organization_id)
            as_reader = given.as_reader if given.as_reader is not None else not sends
            said = say(session, who, review, given.text, given.file_ids, as_reader=as_reader)
            session.flush()
            done.keep(201, said.id)
        return MessageOut.of(said, who.name)


@router.post("/reviews/{review_id}/decline")
def decline_review(review_id: UUID, given: Declined, who: Acting, key: Once) -> ReviewOut:
    with transaction(who) as session:
        done = once(session, key)
        review = step.for_reader(session, who, review_id)
        if not done.before:
            decline.decline(session, who, review, given.reason, given.advice)
            done.keep(200, review.id)
        return ReviewOut.of(review)


@router.post("/reviews/{review_id}/return")
def return_review(review_id: UUID, who: Acting, key: Once) -> ReviewOut:
    """Declined, and nobody else here reads it: it is left to the clinic, which sends it elsewhere or cancels it."""
    with transaction(who) as session:
        done = once(session, key)
        review = step.for_reader(session, who, review_id, "review.assign")
        if not done.before:
            decline.give_back(session, who, review)
            done.keep(200, review.id)
        return ReviewOut.of(review)


@router.post("/reviews/{review_id}/send-on")
def send_review_on(review_id: UUID, given: Elsewhere, who: Acting, key: Once) -> ReviewOut:
    """Declined, it goes to another organization that reads for the clinic, with reason and advice; its deadline runs on.

    By the coordinator of who declined it, or by the clinic. The answer is the review that ended by it."""
    with transaction(who) as session:
        done = once(session, key)
        if done.before and done.resource_id is not None:
            return ReviewOut.of(session.get_one(Review, done.resource_id, options=step.WHOLE))
        review = step.loaded(session, who, review_id)
        send_on(session, who, review, given.reading_organization_id)
        done.keep(200, review.id)
        return ReviewOut.of(review)


@router.get("/reviews/{review_id}/seen", summary="How you saw each image")
def get_seen(review_id: UUID, who: Acting) -> GivenSeen:
    """What is not in it was not opened."""
    with reading(who) as session:
        review = step.for_reader(session, who, review_id)
        return GivenSeen.model_validate({"seen": seen.seen(session, who, review.id)})


@router.put("/reviews/{review_id}/seen", summary="Note how you saw images")
def note_seen(review_id: UUID, given: GivenSeen, who: Acting) -> GivenSeen:
    """It only grows: `exact` is never `preview` again. What is no image of the case is left out."""
    with transaction(who) as session:
        review = step.for_reader(session, who, review_id)
        seen.note(session, who, review, given)
        return GivenSeen.model_validate({"seen": seen.seen(session, who, review.id)})


@router.get("/reviews/{review_id}/report")
def get_draft(review_id: UUID, who: Acting, request: Request, response: Response) -> DraftOut:
    """The draft that is being written; its ETag is what PUT and sign want in If-Match."""
    with reading(who) as session:
        review = step.for_reader(session, who, review_id)
        report = draft.report_of(session, review)
        found = draft.open_draft(report)
        if found is None:
            raise Conflict("There is no draft yet.", status=review.status)
        answer = draft_shown(session, who, review, found, response, spoken_to(request, who))
    events.note_opening(who, "report.opened", organization_id=found.organization_id, entity_id=found.report_id,
                        referral_id=review.referral_id)  # fmt: skip
    return answer


@router.put("/reviews/{review_id}/report")
def put_draft(
    review_id: UUID, given: GivenDraft, who: Acting, request: Request, response: Response, if_match: IfMatch = None
) -> DraftOut:
    """Save the draft. If-Match names the one it was typed into, but for the first."""
    with transaction(who) as session:
        review = step.for_reader(session, who, review_id)
        here = draft.open_draft(draft.report_of(session, review))
        if here is not None and if_match is None:
            raise DoorRefusal(428, "Say with If-Match which draft this changes.", etag=tag(here))
        try:
            saved = draft.save(session, who, review, given, _revision(here, if_match))
        except Conflict as refusal:
            raise _stale(refusal, here) from refusal
        return draft_shown(session, who, review, saved, response, spoken_to(request, who))


@router.post("/reviews/{review_id}/sign")
def sign_report(
    review_id: UUID, given: Presence, who: Acting, request: Request, key: Once, if_match: IfMatch = None
) -> SignedOut:
    """Freeze the text and the image list that were shown, under one digest; one proof of presence signs one report."""
    with transaction(who) as session:
        done = once(session, key)
        review = step.for_reader(session, who, review_id, "report.sign")
    proof = None
    if not done.before and given.passkey is None:
        proof = prove(request, who, given.password, given.code)
    with transaction(who) as session:
        done = once(session, key)
        review = step.for_reader(session, who, review_id, "report.sign")
        if done.before and done.resource_id is not None:
            return SignedOut.of(session.get_one(ReportVersion, done.resource_id, options=draft.SIGNED_BY))
        here = countersign.to_sign(who, review, draft.report_of(session, review))
        if here is not None and if_match is None:
            raise DoorRefusal(428, "Say with If-Match which draft you saw.", etag=tag(here))
        try:
            proof = proof or _by_passkey(session, request, who, review, here, given)
            version = sign(session, who, review, proof=proof, revision=_revision(here, if_match),
                           images_sha256=given.images_sha256, preliminary=given.preliminary, meant=given.meant)  # fmt: skip
            teaching.give(session, who, review, version, given.feedback or GivenFeedback())
        except Conflict as refusal:
            raise _stale(refusal, here) from refusal
        done.keep(200, version.id)
        return SignedOut.of(version)


def _by_passkey(
    session: Session, request: Request, who: Actor, review: Review, here: ReportVersion | None, given: Presence
) -> Proof:  # fmt: skip
    """Its device signed what was shown: this draft, over these images."""
    if given.passkey is None or here is None:
        raise Invalid("Show once more that it is you.", field="password")
    subject = asked_for(session, review, here, given.images_sha256)
    return prove_by_passkey(session, request, who, subject, given.passkey.model_dump())


def tag(version: ReportVersion) -> str:
    return etag(version.id, version.revision)


def _revision(here: ReportVersion | None, if_match: str | None) -> int | None:
    """The revision that If-Match names, if it is the current one; -1 is no draft's."""
    if here is None:
        return None
    return here.revision if if_match is not None and names(if_match, tag(here)) else -1


def _stale(refusal: Conflict, here: ReportVersion | None) -> Exception:
    """412 with what differs, where text or images are not those that were shown; else the refusal itself."""
    if not refusal.facts.get("stale"):
        return refusal
    headers = {"ETag": tag(here)} if here is not None else {}
    return DoorRefusal(412, refusal.sentence, headers=headers, **refusal.facts)


def draft_shown(
    session: Session, who: Actor, review: Review, version: ReportVersion, response: Response, spoken: Speech
) -> DraftOut:
    """With its ETag, by which it is saved and signed."""
    response.headers["ETag"] = tag(version)
    return DraftOut.of(session, who, review, version, spoken)
