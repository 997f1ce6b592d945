"""Who one is, and the tokens by which scripts act as one; a browser signs in by the pages."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from app.access import profile, tokens, totp
from app.access.actor import person_here, person_of
from app.access.models import ApiToken
from app.db import reading, transaction
from app.http.actor import Acting
from app.http.entry import prove
from app.http.idempotency import Once, once
from app.people.models import Mails, Organization, Person

router = APIRouter(tags=["accounts"])


class MembershipOut(BaseModel):
    organization_id: UUID
    organization: str
    role: str


class Me(BaseModel):
    person_id: UUID
    name: str
    email: str
    language: str
    has_second_factor: bool
    scopes: list[str] = Field(description="Of the token; empty in a browser, which may do all its person may")
    mails: Mails = Field(
        description="instantly, digest (once an hour; what is due within one comes at once) or assigned"
    )
    memberships: list[MembershipOut]


class GivenMe(BaseModel):
    mails: Mails = Field(examples=["digest"], description="Which mails you want")


class GivenToken(BaseModel):
    name: str = Field(max_length=100, examples=["Ultrasound room 2"])
    scopes: list[Literal["read", "write"]] = Field(max_length=2, examples=[["read"]], description="write includes read")
    days: int = Field(tokens.DAYS, ge=1, le=tokens.MOST_DAYS)
    password: str = Field(max_length=1000, examples=["correct horse battery staple"], description="Your own, once more")


class TokenOut(BaseModel):
    id: UUID
    name: str
    hint: str = Field(description="Its first letters, to tell tokens apart")
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    token: str | None = Field(None, description="The secret; shown in the answer that made it, and never again")

    @classmethod
    def of(cls, row: ApiToken, secret: str | None = None) -> Self:
        return cls(**{name: getattr(row, name) for name in cls.model_fields if name != "token"}, token=secret)


class Tokens(BaseModel):
    items: list[TokenOut]


@router.get("/me", summary="Whom this request acts as")
def get_me(who: Acting) -> Me:
    with reading(who) as session:
        person = session.get_one(Person, person_of(who))
        ids = {member.organization_id for member in who.members}
        found = session.execute(sa.select(Organization.id, Organization.name).where(Organization.id.in_(ids)))
        names = {row.id: row.name for row in found}
    memberships = [
        MembershipOut(
            organization_id=member.organization_id, organization=names[member.organization_id], role=member.role
        )
        for member in sorted(who.members, key=lambda member: (names[member.organization_id], member.role))
    ]
    return Me(
        person_id=person.id, name=person.name, email=person.email, language=who.language or "en", scopes=sorted(who.scopes),
        has_second_factor=totp.is_enrolled(person), memberships=memberships, mails=Mails(person.mails),
    )  # fmt: skip


@router.patch("/me", summary="Choose which mails you want")
def change_me(given: GivenMe, who: Acting) -> Me:
    """The list of notifications in the pages holds everything, whatever goes by mail."""
    with transaction(who) as session:
        profile.choose_mails(session, who, given.mails)
    return get_me(who)


@router.get("/tokens", summary="Your tokens that are good now")
def get_tokens(who: Acting) -> Tokens:
    with reading(who) as session:
        rows = tokens.listing(session, who)
    return Tokens(items=[TokenOut.of(row) for row in rows])


@router.post("/tokens", status_code=201, summary="Make a token: signed in by browser, and with the password again")
def make_token(given: GivenToken, who: Acting, request: Request, key: Once) -> TokenOut:
    """A repeated request under the same key gives the token's row again, without its secret."""
    person_here(who)  # before the password is tried, which a stolen token must not guess
    prove(request, who, given.password)
    with transaction(who) as session:
        done = once(session, key)
        if done.before:
            return TokenOut.of(session.get_one(ApiToken, done.resource_id))
        row, secret = tokens.make(session, who, given.name, given.scopes, days=given.days)
        done.keep(201, row.id)
    return TokenOut.of(row, secret)


@router.delete("/tokens/{token_id}", status_code=204, summary="Revoke one: it is good for nothing from now on")
def revoke_token(token_id: UUID, who: Acting) -> None:
    with transaction(who) as session:
        tokens.revoke(session, who, token_id)
