"""An organization's own pages: members, invitations and who reads for whom."""

from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query, Request, Response

from app.access import administer, invite, links, relate
from app.access.actor import Actor
from app.config import settings
from app.db import reading, transaction
from app.errors import Conflict, Forbidden, Invalid
from app.http.actor import Acting
from app.http.idempotency import Once, once
from app.people.models import Organization, Role
from app.web import mailing
from app.web.forms import Fields, Form, status_of
from app.web.pages import render, see_other
from app.web.words import speech_of

router = APIRouter(prefix="/organization", include_in_schema=False)


def chosen(who: Acting, org: Annotated[UUID | None, Query()] = None) -> UUID:
    """The organization of this page: the one in the address, else the first that the person may look after."""
    mine = who.organizations_for("organization.administer")
    if not mine or (org is not None and org not in mine):
        raise Forbidden("Only an administrator of the organization can open this page.")
    return org or mine[0]


Chosen = Annotated[UUID, Depends(chosen)]


@router.get("")
def show_members(request: Request, who: Acting, org: Chosen) -> Response:
    return _members(request, who, org)


@router.post("/invite")
def send_invitation(request: Request, who: Acting, org: Chosen, form: Fields, key: Once) -> Response:
    """The link is in this answer once; it goes by mail too where a mail server is set."""
    say = speech_of(request, who)
    try:
        with transaction(who) as session:
            done = once(session, key)
            if done.before:
                return _members(request, who, org, again=True)
            link, secret = invite.invite(session, who, org, form.value("email"), _role(form.value("role")))
            done.keep(201, link.id)
            name = session.get_one(Organization, org).name
    except Invalid as refusal:
        return _members(request, who, org, status_of(refusal), form=form.refused(refusal, say))
    path = settings().public_url + links.path("invitation", secret)
    subject = say.gettext("Invitation to {organization} on Sonopost").format(organization=name)
    return _members(
        request, who, org, link=path, link_for=link.email, mailed=mailing.send(link.email or "", subject, path)
    )


@router.post("/invitations/{invitation_id}/withdraw")
def withdraw_invitation(request: Request, who: Acting, org: Chosen, invitation_id: UUID) -> Response:
    """Somebody who has joined by it meanwhile stays a member."""
    try:
        with transaction(who) as session:
            link = invite.withdraw(session, who, invitation_id)
    except Conflict as refusal:
        form = Form().refused(refusal, speech_of(request, who))
        return _members(request, who, org, status_of(refusal), form=form)
    return _members(request, who, org, withdrawn=link.email)


@router.post("/members/{person_id}/roles")
def change_roles(request: Request, who: Acting, org: Chosen, person_id: UUID, form: Fields) -> Response:
    try:
        with transaction(who) as session:
            roles = [_role(each) for each in form.values("role")]
            administer.set_roles(session, who, org, person_id, roles)
            if roles:
                supervised = bool(form.value("supervised"))
                administer.set_supervised(session, who, org, person_id, is_supervised=supervised)
    except (Invalid, Conflict) as refusal:
        return _members(request, who, org, status_of(refusal), form=form.refused(refusal, speech_of(request, who)))
    return see_other(f"/organization?org={org}")


@router.post("/members/{person_id}/{act}")
def change_account(request: Request, who: Acting, org: Chosen, person_id: UUID, act: str) -> Response:
    """Close or open the account, forget the second factor, end the membership, or a link to a new password."""
    acts = {"close": administer.disable, "open": administer.enable, "forget-factor": administer.forget_second_factor}
    shown: dict[str, Any] = {}
    try:
        with transaction(who) as session:
            if act in acts:
                acts[act](session, who, person_id)
            elif act == "leave":
                administer.end_membership(session, who, org, person_id)
            elif act == "new-password":
                _link, secret = invite.new_password_link(session, who, person_id)
                shown = {"link": settings().public_url + links.path("password", secret)}
            else:
                _no_such_act()
    except (Conflict, Forbidden) as refusal:
        form = Form().refused(refusal, speech_of(request, who))
        return _members(request, who, org, status_of(refusal), form=form)
    return _members(request, who, org, **shown) if shown else see_other(f"/organization?org={org}")


@router.get("/reading")
def show_reading(request: Request, who: Acting, org: Chosen) -> Response:
    return _reading(request, who, org)


@router.post("/reading/offer")
def offer_reading(request: Request, who: Acting, org: Chosen, key: Once) -> Response:
    with transaction(who) as session:
        done = once(session, key)
        if not done.before:
            secret = relate.offer_reading(session, who, org)
            done.keep(201)
    if done.before:
        return _reading(request, who, org, again=True)
    return _reading(request, who, org, link=settings().public_url + links.path("reading", secret))


@router.post("/reading/end")
def end_reading(who: Acting, org: Chosen, form: Fields) -> Response:
    reader, sender = (_uuid(form.value(name)) for name in ("reader", "sender"))
    with transaction(who) as session:
        relate.end_reading(session, who, reader, sender)
    return see_other(f"/organization/reading?org={org}")


@router.get("/first-steps")
def first_steps(request: Request, who: Acting, org: Chosen) -> Response:
    return render(request, who, "first_steps.html", **frame_of(who, org), sent=None)


@router.post("/first-steps/mail")
def try_mail(request: Request, who: Acting, org: Chosen) -> Response:
    """A message to oneself: whether it comes, only the person can tell."""
    with reading(who) as session:
        mine = next(one for one in administer.members(session, who, org) if one.person_id == who.person_id)
    subject = speech_of(request, who).gettext("Sonopost can send mail")
    sent = mailing.send(mine.email, subject, settings().public_url)
    return render(
        request, who, "first_steps.html", **frame_of(who, org), sent=sent, email=mine.email
    )  # fmt: skip


def _members(request: Request, who: Actor, org: UUID, status: int = 200, **shown: Any) -> Response:
    frame = frame_of(who, org)
    with reading(who) as session:
        rows, waiting = administer.members(session, who, org), invite.open_invitations(session, who, org)
    given = {"form": Form(), "link": "", "link_for": "", "mailed": None, "withdrawn": "", "again": False, **shown}
    return render(
        request, who, "members.html", status, **frame, members=rows, invitations=waiting, all_roles=list(Role), **given
    )


def _reading(request: Request, who: Actor, org: UUID, link: str = "", *, again: bool = False) -> Response:
    frame = frame_of(who, org)
    with reading(who) as session:
        readers, senders = relate.reading_relations(session, who, org)
    return render(
        request, who, "reading_relations.html", **frame, readers=readers, senders=senders, link=link, again=again
    )


def frame_of(who: Actor, org: UUID) -> dict[str, Any]:
    """What the head of these pages needs: this organization, and the others to change to."""
    mine = sa.select(Organization).where(Organization.id.in_(who.organizations_for("audit.read")))
    with reading(who) as session:
        own = list(session.scalars(mine.order_by(Organization.name)))
    return {"own": own, "here": next(one for one in own if one.id == org)}


def _role(text: str) -> Role:
    if text not in set(Role):
        raise Invalid("There is no such role.", field="role")
    return Role(text)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("This is no organization.") from None


def _no_such_act() -> None:
    raise Invalid("There is no such act.")
