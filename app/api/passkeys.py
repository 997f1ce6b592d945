"""Passkeys by JSON: registered by the person, and asked to sign exactly what was shown."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field

from app.access import passkeys
from app.access.actor import person_here, person_of
from app.access.models import Passkey
from app.api.reviewing import tag
from app.api.schemas import Out
from app.db import reading, transaction
from app.errors import Conflict
from app.http.actor import Acting
from app.http.entry import party, prove
from app.http.etag import IfMatch, names
from app.http.idempotency import Once, once
from app.http.problems import DoorRefusal
from app.referrals.given import Given, Line
from app.reports import countersign, draft
from app.reports.seal import asked_for
from app.reviews import step

router = APIRouter(tags=["passkeys"])


class Again(Given):
    password: str = Field(max_length=1000, examples=["correct horse battery staple"], description="Your own, once more")


class Shown(Given):
    images_sha256: str = Field(pattern="^[0-9a-f]{64}$", description="Of the images that were shown")


class Options(Out):
    """For `navigator.credentials`, and the challenge's id, which comes back with its answer."""

    challenge_id: UUID
    public_key: dict[str, Any] = Field(examples=[{"challenge": "q83v…", "rpId": "sonopost.example"}])


class GivenPasskey(Given):
    challenge_id: UUID
    credential: dict[str, Any] = Field(examples=[{"id": "q83v…", "type": "public-key", "response": {}}])
    name: Line = Field("", max_length=100, examples=["My telephone"])


class PasskeyOut(Out):
    id: UUID
    name: str
    created_at: datetime
    used_at: datetime | None

    @classmethod
    def of(cls, passkey: Passkey) -> Self:
        return cls.model_validate(passkey)


class PasskeyList(Out):
    items: list[PasskeyOut]


@router.get("/passkeys")
def list_passkeys(who: Acting) -> PasskeyList:
    """Your own."""
    with reading(who) as session:
        return PasskeyList(items=[PasskeyOut.of(one) for one in passkeys.listing(session, person_of(who))])


@router.post("/passkeys/options")
def offer_passkey(given: Again, who: Acting, request: Request) -> Options:
    """To register one; not by a token."""
    person_here(who)
    prove(request, who, given.password)
    with transaction(who) as session:
        return Options(**passkeys.offer(session, who, party(request)))


@router.post("/passkeys", status_code=201)
def add_passkey(given: GivenPasskey, who: Acting, request: Request, key: Once) -> PasskeyOut:
    with transaction(who) as session:
        done = once(session, key)
        if done.before and done.resource_id is not None:
            return PasskeyOut.of(session.get_one(Passkey, done.resource_id))
        made = passkeys.add(session, who, party(request), given.challenge_id, given.credential, given.name)
        done.keep(201, made.id)
        return PasskeyOut.of(made)


@router.delete("/passkeys/{passkey_id}", status_code=204)
def remove_passkey(passkey_id: UUID, who: Acting) -> None:
    with transaction(who) as session:
        passkeys.remove(session, who, passkey_id)


@router.post("/reviews/{review_id}/sign-options")
def ask_to_sign(
    review_id: UUID, given: Shown, who: Acting, request: Request, if_match: IfMatch = None
) -> Options:  # fmt: skip
    """What your passkey is asked, over the draft that If-Match names and these images: its answer signs nothing else."""
    with transaction(who) as session:
        review = step.for_reader(session, who, review_id, "report.sign")
        here = countersign.to_sign(who, review, draft.report_of(session, review))
        if here is None:
            raise Conflict("There is no draft to sign.", status=review.status)
        if if_match is None or not names(if_match, tag(here)):
            status = 412 if if_match is not None else 428
            raise DoorRefusal(status, "Say with If-Match which draft you saw.", etag=tag(here))
        subject = asked_for(session, review, here, given.images_sha256)
        return Options(**passkeys.ask(session, who, party(request), subject))
