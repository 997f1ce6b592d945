"""'Unmatched studies': what a machine or an archive sent without a referral, and how it finds one."""

from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Form, Query, Request, Response

from app.access.actor import Actor
from app.access.scope import visible
from app.cases import unmatched
from app.cases.candidates import of_code
from app.db import reading, transaction
from app.errors import Conflict, Forbidden, Invalid, Refusal
from app.http.actor import Acting
from app.referrals.models import Referral
from app.reports import regroup
from app.studies.models import Study
from app.web.forms import status_of
from app.web.pages import render, see_other
from app.web.words import speech_of

router = APIRouter(prefix="/studies", include_in_schema=False)
PAGE = 10
Id = Annotated[UUID | None, Query()]


@router.get("/unmatched")
def show_unmatched(
    request: Request, who: Acting, cursor: Id = None, study: Id = None, attached: Id = None, detached: Id = None
) -> Response:
    """`study` is what was attached to, or detached from, a referral just now, and can be undone."""
    return _page(request, who, cursor, done=(study, attached, detached))


@router.post("/{study_id}/attach")
def attach(
    request: Request, who: Acting, study_id: UUID, referral_id: Annotated[UUID | None, Form()] = None,
    code: Annotated[str, Form(max_length=20)] = "", same_patient: Annotated[bool, Form()] = False,
) -> Response:  # fmt: skip
    """To one of the candidates, or to the referral of a code."""
    try:
        chosen = referral_id or of_code(who, code)
        with transaction(who) as session:
            regroup.attach(session, who, study_id, chosen, same_patient=same_patient)
    except (Conflict, Invalid) as refusal:
        return _page(request, who, None, refused=(study_id, refusal, code), status=status_of(refusal))
    return see_other(f"/studies/unmatched?study={study_id}&attached={chosen}")


@router.post("/{study_id}/detach")
def detach(who: Acting, study_id: UUID, referral_id: Annotated[UUID, Form()]) -> Response:
    with transaction(who) as session:
        regroup.detach(session, who, study_id, referral_id)
    return see_other(f"/studies/unmatched?study={study_id}&detached={referral_id}")


def _page(
    request: Request, who: Actor, cursor: UUID | None, *, status: int = 200,
    done: tuple[UUID | None, UUID | None, UUID | None] = (None, None, None),
    refused: tuple[UUID, Refusal, str] | None = None,
) -> Response:  # fmt: skip
    if not who.organizations_for("referral.send"):
        raise Forbidden("Only those who send referrals match studies to them.")
    study_id, attached, detached = done
    with reading(who) as session:
        page = unmatched.page(session, who, cursor=cursor, limit=PAGE)
        mine = sa.select(Referral).where(Referral.id == (attached or detached), visible(Referral, who))
        referral = session.scalars(mine).one_or_none() if attached or detached else None
        here = session.get(Study, study_id) if study_id else None
    undoes = referral if here is not None and (here.matched_at is not None) == bool(attached) else None
    sentence = speech_of(request, who).gettext(refused[1].sentence) if refused else ""
    return render(
        request, who, "unmatched.html", status, page=page, undoes=undoes, study_id=study_id, was_attached=bool(attached),
        refused=refused, sentence=sentence, differs=bool(refused and refused[1].field == "same_patient"),
    )  # fmt: skip
