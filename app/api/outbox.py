"""What a browser needs so that its outbox goes on sending when its person is gone: a token that only sends, and a lock."""

import base64
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from app.access import tokens
from app.access.actor import Actor, person_here, person_of
from app.access.models import ApiToken
from app.access.secrets import keyed
from app.db import transaction
from app.http.actor import Acting, browser_name
from app.http.idempotency import Once, once
from app.people.reading import readers_for
from app.referrals import discarded
from app.referrals.given import Moment
from app.referrals.ours import own

router = APIRouter(prefix="/outbox", tags=["outbox"])
A_BROWSER = "A browser"


class Replaced(BaseModel):
    replaces: UUID | None = Field(None, description="This device's token so far, which is revoked")


class Choice(BaseModel):
    id: UUID
    name: str


class LockOut(BaseModel):
    lock: str = Field(
        description="32 bytes in base64, the same for a person each time: what is sealed on a device is locked with "
        "it, and opens only while the server gives it out"
    )


class Site(Choice):
    night: dict[str, str] = Field(
        description="Between which hours clips leave that were put off, by its clock",
        examples=[{"from": "20:00", "until": "06:00", "zone": "Africa/Nairobi"}],
    )


class DeviceOut(LockOut):
    person_id: UUID
    name: str
    token_id: UUID
    token: str | None = Field(description="It sends and reads nothing; shown in this answer alone")
    expires_at: datetime
    organizations: list[Site] = Field(description="For which the person refers")
    readers: list[Choice] = Field(description="Who may be asked to read")


class GivenDiscard(BaseModel):
    key: str = Field(
        min_length=1,
        max_length=100,
        examples=["5f1c7d0e6f5b4f0e9a550d6f2f7f3c11"],
        description="The device's own: told twice is once",
    )
    files: int = Field(ge=0, le=1_000_000, examples=[3])
    size_bytes: int = Field(ge=0, le=1 << 50)
    written_at: Moment
    discarded_at: Moment
    referral_id: UUID | None = Field(None, examples=[None], description="Whose files it were, where the text was sent")
    organization_id: UUID | None = Field(None, examples=[None])


class DiscardOut(BaseModel):
    id: UUID


@router.post("/key", status_code=201, summary="A token that only sends, for the browser one is signed in with")
def make_key(given: Replaced, who: Acting, request: Request, key: Once) -> DeviceOut:
    """It places referrals, sends files and reports what was discarded, as its person, and is shown nothing.

    It outlasts the sign-in; the person revokes it in the account like any other token."""
    person_here(who)
    browser = browser_name(request) or A_BROWSER
    with transaction(who) as session:
        done = once(session, key)
        if done.before:
            row, secret = session.get_one(ApiToken, done.resource_id), None
        else:
            row, secret = tokens.make_for_device(session, who, browser[:100], given.replaces)
            done.keep(201, row.id)
        organizations, readers = _choices(session, who)
    return DeviceOut(
        person_id=person_of(who), name=who.name, token_id=row.id, token=secret, expires_at=row.expires_at,
        lock=_lock(who), organizations=organizations, readers=readers,
    )  # fmt: skip


@router.get("/lock", summary="What opens the outbox of one's own that is locked on a device")
def get_lock(who: Acting) -> LockOut:
    """Refused once the device's token is revoked: what is sealed there stays so until its person signs in."""
    return LockOut(lock=_lock(who))


@router.post("/discards", status_code=201, summary="Tell that something was discarded before it was sent")
def report_discard(given: GivenDiscard, who: Acting, key: Once) -> DiscardOut:
    """The coordinator finds it in what needs attention: a patient may wait for what never came."""
    with transaction(who) as session:
        done = once(session, key)
        row = discarded.report(session, who, **given.model_dump())
        if not done.before:
            done.keep(201, row.id)
        return DiscardOut(id=row.id)


@router.post("/discards/{discard_id}/note", status_code=204, summary="Know of one: it needs attention no more")
def note_discard(discard_id: UUID, who: Acting) -> None:
    with transaction(who) as session:
        discarded.note(session, who, discard_id)


def _lock(who: Actor) -> str:
    return base64.b64encode(keyed("outbox", person_of(who).bytes)).decode()


def _choices(session: Session, who: Actor) -> tuple[list[Site], list[Choice]]:
    mine = own(session, who)
    readers = {one.id: one for each in mine for one in readers_for(session, each.id)}
    return (
        [Site(id=one.id, name=one.name, night=one.night) for one in mine],
        [Choice(id=one.id, name=one.name) for one in readers.values()],
    )
